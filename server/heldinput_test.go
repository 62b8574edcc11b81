package server

import (
	"encoding/json"
	"fmt"
	"testing"

	"resellerd/policies/input"
)

// An input that waits on disk is read as it was: the policy sees no difference.
func TestAHeldInputIsReadAsItWas(t *testing.T) {
	t.Parallel()
	e := engineOf(t, 1)
	var held heldInputs
	defer held.file.Close()
	type waiting struct {
		want string
		load func() (*input.Input, error)
	}
	var all []waiting
	access := []map[string][]string{nil, {}, {"cdr": nil}, {"cdr": {}}, {"cdr": {"read"}, "*": {"create", "delete"}}}
	rows := []map[string]any{nil, {}, {"name": "x", "open": true, "n": int64(7), "set": []string{"a"}, "none": []string{}, "list": []any{"a", json.Number("1.50")}, "rows": map[string]any{"cdr": []any{"read"}}},
		{"absent": nil, "name": "x"}}
	kept := 0
	for i, before := range access {
		for j, after := range access {
			for k, row := range rows {
				in := &input.Input{Subject: input.Subject{Type: "user", ID: fmt.Sprint(i, j, k)}, Resource: input.Resource{Type: "group", ID: "grp_1", Row: row},
					Action: input.Action{Name: "update", Change: &input.Change{Fields: []string{"rows"}, Before: before, After: after, Held: access[(i+j)%len(access)]}}}
				want, err := e.Fingerprint(in)
				must(t, err)
				if load := held.keep(in); load != nil {
					kept++
					all = append(all, waiting{want, load})
				}
			}
		}
	}
	for i, one := range all {
		in, err := one.load()
		must(t, err)
		if got, err := e.Fingerprint(in); err != nil || got != one.want {
			t.Errorf("input %d: %v: %+v", i, err, in)
		}
	}
	if kept < len(access)*len(access)*(len(rows)-1) {
		t.Errorf("%d inputs are kept", kept)
	}
}
