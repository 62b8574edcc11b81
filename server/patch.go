package server

import (
	"reflect"
	"strings"

	"resellerd/store"
)

// patchOf reads what was sent for the fields of a patch. A shape names and
// describes them: its field of the same name says what a field is called in
// JSON, and how it is written there. What the shape does not have, or not as one
// of these kinds, is read elsewhere.
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

// textOf reads what is kept as a text: a line, a prose (tagged so), or the
// letters of a list of actions.
func (f *fields) textOf(name string, field reflect.StructField) *string {
	switch {
	case field.Type.Kind() == reflect.Slice:
		return f.letters(name)
	case field.Tag.Get("text") == "prose":
		return f.prose(name)
	}
	return f.line(name)
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}
