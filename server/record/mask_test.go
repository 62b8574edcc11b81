package record

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestMaskTakesOutBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	m, err := NewMask([]string{"/input/resource/notes", "/input/resource/properties/a~1b", "/input/list/1"})
	if err != nil {
		t.Fatal(err)
	}
	w := &Writer{}
	w.object(m.At("input"), map[string]any{
		"resource": map[string]any{"notes": "secret-1", "name": "x", "properties": map[string]any{"a/b": "secret-2", "c": true}},
		"list":     []any{"kept", "secret-3"},
	})
	var got any
	if err := json.Unmarshal(w.Dst, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"resource": map[string]any{"name": "x", "properties": map[string]any{"c": true}},
		"list":     []any{"kept", nil},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("wrote %s", w.Dst)
	}
	if want := []string{"/input/list/1", "/input/resource/notes", "/input/resource/properties/a~1b"}; !reflect.DeepEqual(w.erased, want) {
		t.Errorf("erased %v", w.erased)
	}
}

func TestMaskOutsideInputAndResultIsRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/", "input/x", "/labels/id", "/decision_id"} {
		if _, err := NewMask([]string{path}); err == nil {
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
	w := &Writer{}
	w.object(nil, value)
	var got, want any
	if err := json.Unmarshal(w.Dst, &got); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("wrote %s, want %s", w.Dst, text)
	}
}
