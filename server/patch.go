package server

import (
	"reflect"
	"strings"

	"resellerd/store"
	"resellerd/store/schema"
)

// patchOf reads the values that a caller sent for the fields of a patch. The tags
// of the row's field of the same name give the JSON name of the value and its
// format. The caller of patchOf reads the fields that the row lacks, fields
// without a JSON name, and fields of other kinds.
func patchOf[Patch, Row any](f *fields) (patch Patch) {
	into, row := reflect.ValueOf(&patch).Elem(), reflect.TypeFor[Row]()
	for i := range into.NumField() {
		field, there := row.FieldByName(into.Type().Field(i).Name)
		name := jsonName(field)
		if !there || name == "-" {
			continue
		}
		switch value := into.Field(i).Addr().Interface().(type) {
		case **string:
			*value = f.textOf(name, field)
		case **int:
			*value = f.integer(name)
		case **[]string:
			*value = f.texts(name)
		case **store.Access:
			*value = f.access(name)
		case **schema.Ends:
			*value = f.ends(name)
		}
	}
	return patch
}

// textOf reads a field that the store keeps as a text. The caller sends it as
// one line, or as the tag text says: as prose, or as a list of actions. Of the
// actions, the store keeps the first letters.
func (f *fields) textOf(name string, field reflect.StructField) *string {
	switch field.Tag.Get("text") {
	case "letters":
		return f.letters(name)
	case "prose":
		return f.prose(name)
	}
	return f.line(name)
}

// jsonName returns the JSON name of a shape's field. For a column of a row, that
// is its name in the table.
func jsonName(field reflect.StructField) string {
	tag, tagged := field.Tag.Lookup("json")
	if !tagged {
		tag = field.Tag.Get("db")
	}
	name, _, _ := strings.Cut(tag, ",")
	return name
}
