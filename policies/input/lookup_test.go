package input_test

import (
	"reflect"
	"testing"
	"time"

	"resellerd/policies/input"
	"resellerd/policies/predicate"
)

// A filter binds what a full evaluation reads, for every fact.
func TestLookupFindsEveryLeafOfTheDocument(t *testing.T) {
	facts := input.Facts{User: map[string]any{"login": "eva", "external_id": "x"}}
	account := reflect.ValueOf(&facts.Account).Elem()
	for i := range account.NumField() {
		switch field := account.Field(i); field.Kind() {
		case reflect.String:
			field.SetString("value")
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Int:
			field.SetInt(2)
		default:
			t.Fatalf("a field of another kind: %s", account.Type().Field(i).Name)
		}
	}
	in := &input.Input{
		Subject:  input.Subject{Type: "user", ID: "usr_1", Properties: map[string]any{"a": "b"}, Facts: input.NewFacts(facts)},
		Action:   input.Action{Name: "read", Form: input.FormPage},
		Resource: input.Resource{Type: "card", ID: "crd_1", Row: map[string]any{"name": "x"}},
		Context:  input.Context{ClientIP: "192.0.2.1", Panel: "p", Time: time.Unix(1, 0), Properties: map[string]any{"c": "d"}},
	}
	leaves := 0
	var walk func(at predicate.Ref, v any)
	walk = func(at predicate.Ref, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				walk(append(at[:len(at):len(at)], key), inner)
			}
		case []any: // sets are bound in another way
		default:
			leaves++
			got, ok := in.Lookup(at)
			if n, isInt := got.(int64); isInt {
				got = int(n)
			}
			if !ok || got != v {
				t.Errorf("%s is %v, %v in a filter, want %v", at, got, ok, v)
			}
		}
	}
	walk(nil, in.Document())
	if leaves < 18 {
		t.Errorf("only %d leaves", leaves)
	}
}
