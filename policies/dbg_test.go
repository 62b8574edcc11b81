package policies

import (
	"context"
	"fmt"
	"github.com/open-policy-agent/opa/v1/ast"
	"testing"
)

func TestDbg(t *testing.T) {
	for _, src := range []string{`allow if not startswith(input.resource.name,input.subject.properties.label)`, `allow if startswith(input.resource.name,input.subject.properties.label)`, `allow if lower(input.subject.properties.label) == input.resource.name`, `allow if not lower(input.subject.properties.label) == input.resource.name`} {
		m, err := ast.ParseModuleWithOpts("m.rego", "package reseller.main\n"+src, parserOptions())
		if err != nil {
			t.Fatal(err)
		}
		c, f := compileModules(map[string]*ast.Module{"m": m}, map[string]any{})
		fmt.Println("=====", src, f)
		for _, r := range c.GetRulesExact(allowRef) {
			fmt.Println("  compiled:", r.Body)
		}
		q, _ := newQuery(ast.MustParseBody("data.reseller.main.allow = true"), c, dataStore(map[string]any{}))
		r, err := q.partial(context.Background(), ast.MustParseTerm(`{"subject":{"properties":{"label":true}}}`).Value, []*ast.Term{ast.MustParseTerm("input.resource.name")}, 1e9)
		for _, b := range r.queries {
			fmt.Println("  partial:", b)
		}
		fmt.Println(r, err)
	}
}
