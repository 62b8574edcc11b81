package rego

import (
	"context"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// A rule without its calls of object.get holds for the same inputs as the rule with them.
func TestARuleWithoutGetsMeansTheSame(t *testing.T) {
	t.Parallel()
	inputs := []map[string]any{}
	for _, resource := range []map[string]any{
		{}, {"visibility": "public"}, {"visibility": false}, {"visibility": nil}, {"visibility": "private"}, {"name": "text"},
		{"properties": map[string]any{}}, {"properties": map[string]any{"visibility": "public"}},
		{"properties": map[string]any{"visibility": "private"}}, {"properties": "text"}, {"properties": []any{"public"}},
	} {
		inputs = append(inputs, map[string]any{"resource": resource, "action": map[string]any{}, "context": map[string]any{}},
			map[string]any{"resource": map[string]any{}, "action": resource, "context": resource})
	}
	split := 0
	for _, call := range []string{
		`object.get(input.resource, "visibility", "public") == "public"`,
		`object.get(input.resource, ["properties", "visibility"], "public") == "public"`,
		`object.get(input.resource.properties, "visibility", "public") == "public"`,
		`object.get(input.resource.name, "x", "public") == "public"`,
		`object.get(input.action, ["properties", "visibility"], "public") != "private"`,
		`object.get(input.action.properties, "visibility", "public") == "public"`,
		`not object.get(input.context, "visibility", false)`,
		`object.get(input.context, "visibility", true)`,
	} {
		module := ast.MustParseModule("package p\n\nallow if {\n\t" + call + "\n}\n")
		without := withoutGets(map[string]*ast.Module{"p": module})["p"]
		split += len(without.Rules) - 1
		for _, in := range inputs {
			if was, is := holds(t, module, in), holds(t, without, in); was != is {
				t.Errorf("%s holds: %v, without the call: %v, for %v", call, was, is, in)
			}
		}
	}
	if split == 0 {
		t.Error("no rule was split")
	}
}

func holds(t *testing.T, module *ast.Module, in map[string]any) bool {
	t.Helper()
	got, err := rego.New(rego.ParsedModule(module.Copy()), rego.Query("data.p.allow"), rego.Input(in)).Eval(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return len(got) == 1 && got[0].Expressions[0].Value == true
}
