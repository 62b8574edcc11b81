package server

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestMaskTakesOutBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	m, err := newMask([]string{"/input/resource/notes", "/input/resource/properties/a~1b", "/input/list/1"})
	must(t, err)
	w := &fieldWriter{}
	w.object(m.at("input"), map[string]any{
		"resource": map[string]any{"notes": "secret-1", "name": "x", "properties": map[string]any{"a/b": "secret-2", "c": true}},
		"list":     []any{"kept", "secret-3"},
	})
	var got any
	must(t, json.Unmarshal(w.dst, &got))
	want := map[string]any{
		"resource": map[string]any{"name": "x", "properties": map[string]any{"c": true}},
		"list":     []any{"kept", nil},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("wrote %s", w.dst)
	}
	if want := []string{"/input/list/1", "/input/resource/notes", "/input/resource/properties/a~1b"}; !reflect.DeepEqual(w.erased, want) {
		t.Errorf("erased %v", w.erased)
	}
}

func TestMaskOutsideInputAndResultIsRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/", "input/x", "/labels/id", "/decision_id"} {
		if _, err := newMask([]string{path}); err == nil {
			t.Errorf("%q was accepted", path)
		}
	}
}

func TestValuesAreWrittenAsJSON(t *testing.T) {
	t.Parallel()
	value := map[string]any{
		"text": "a\"b\\c\nd\u2028\x01é", "yes": true, "int": 3, "int64": int64(-9), "number": json.Number("1.50"),
		"set": []string{"b", "a"}, "list": []any{"x", json.Number("1"), map[string]any{"y": false}}, "float": 1.5,
		"empty": map[string]any{}, "none": []any{},
	}
	w := &fieldWriter{}
	w.object(nil, value)
	var got, want any
	must(t, json.Unmarshal(w.dst, &got))
	text, err := json.Marshal(value)
	must(t, err)
	must(t, json.Unmarshal(text, &want))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("wrote %s, want %s", w.dst, text)
	}
}
