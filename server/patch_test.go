package server

import (
	"encoding/json"
	"reflect"
	"testing"

	"resellerd/store"
	"resellerd/store/schema"
)

// jsonFields returns the JSON names of a shape's fields, with the kind of each
// value.
func jsonFields(shape any) map[string]reflect.Kind {
	fields := map[string]reflect.Kind{}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(shape)) {
		kind := f.Type.Kind()
		if kind == reflect.Pointer {
			kind = f.Type.Elem().Kind()
		}
		column, stored := schema.FieldOf(f)
		if stored && column.Kind() == schema.Letters {
			kind = reflect.Slice
		}
		if !f.Anonymous && jsonName(f) != "_" && jsonName(f) != "-" && !(stored && (column.Marked("hidden") ||
			column.Marked("unlisted") || !taken(reflect.TypeOf(shape), f.Name))) {
			fields[jsonName(f)] = kind
		}
	}
	return fields
}

func TestPatchesTakeEveryFieldOfTheirShape(t *testing.T) {
	t.Parallel()
	elsewhere := map[string]bool{"lend_to": true, "template": true, "parents": true, "profit_rules": true}
	some := map[reflect.Kind]any{
		reflect.String: "x", reflect.Int: json.Number("1"), reflect.Slice: []any{}, reflect.Map: map[string]any{},
	}
	for _, c := range []struct {
		shape any
		read  func(*fields) any
	}{
		{accountFields{}, func(f *fields) any { return accountPatch(f) }},
		{groupFields{}, func(f *fields) any { return patchOf[store.GroupPatch, store.Group](f) }},
		{userFields{}, func(f *fields) any { return userPatch(f) }},
		{customerFields{}, func(f *fields) any { return customerPatch(f) }},
		{cardFields{}, func(f *fields) any { return cardPatch(f) }},
		{webhookFields{}, func(f *fields) any { return patchOf[store.WebhookPatch, store.Webhook](f) }},
	} {
		f, sent := emptyFields(), 0
		for name, kind := range jsonFields(c.shape) {
			if !elsewhere[name] {
				f.sent[name], sent = some[kind], sent+1
			}
		}
		patch := reflect.ValueOf(c.read(f))
		taken := 0
		for i := range patch.NumField() {
			if v := patch.Field(i); v.Kind() == reflect.Pointer && !v.IsNil() {
				taken++
			}
		}
		if err := f.err(); err != nil || taken != sent || taken == 0 {
			t.Errorf("%T: %d of %d fields are taken, %v", c.shape, taken, sent, err)
		}
	}
}

func TestShapesHaveTheColumnsOfTheirLists(t *testing.T) {
	t.Parallel()
	shapes := map[string]any{
		"account": accountBody{}, "group": groupBody{}, "user": userBody{}, "customer": customerBody{}, "card": cardBody{},
		"rate": rateBody{}, "revision": revisionBody{}, "assignment": assignmentBody{}, "card_customer": cardCustomerBody{},
		"audit": auditBody{}, "webhook": webhookBody{}, "dead_letter": deadLetterBody{},
	}
	for _, typ := range schema.Types() {
		fields := jsonFields(shapes[typ.Name])
		for _, column := range typ.Columns {
			_, described := fields[column.Name]
			if column.Show && !described {
				t.Errorf("the shape of %s has no %s", typ.Name, column.Name)
			}
			delete(fields, column.Name)
		}
		for name := range fields {
			t.Errorf("a list of type %s has no %s", typ.Name, name)
		}
	}
}
