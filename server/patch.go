package server

import (
	"reflect"
	"strings"

	"resellerd/store"
)

// patchOf reads the values that a caller sent for the fields of a patch. The
// shape has a field of the same name for each of them. The tags of that field
// give the JSON name of the value and its format. The caller of patchOf reads
// the fields that the shape lacks, and fields of other kinds.
func patchOf[Patch, Shape any](f *fields) (patch Patch) {
	into, shape := reflect.ValueOf(&patch).Elem(), reflect.TypeFor[Shape]()
	for i := range into.NumField() {
		field, there := shape.FieldByName(into.Type().Field(i).Name)
		if !there {
			continue
		}
		name := jsonName(field)
		switch value := into.Field(i).Addr().Interface().(type) {
		case **string:
			*value = f.textOf(name, field)
		case **int:
			*value = f.integer(name)
		case **[]string:
			*value = f.texts(name)
		case **store.Access:
			*value = f.access(name)
		}
	}
	return patch
}

// textOf reads a field that the store keeps as a text. The caller sends it as
// one line, as prose (the field is tagged so), or as a list of actions. Of the
// actions, the store keeps the first letters.
func (f *fields) textOf(name string, field reflect.StructField) *string {
	switch {
	case field.Type.Kind() == reflect.Slice:
		return f.letters(name)
	case field.Tag.Get("text") == "prose":
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
