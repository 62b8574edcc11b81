package filter

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// maxRowKeys is how many entries of the data a rule may look up by a column. The query
// binds each of them.
const maxRowKeys = 1000

// lintLookups refuses look-ups by a column in more data than a query can bind, in the
// rules that refs depend on.
func (t *Tree) lintLookups(refs []ast.Ref) []rego.Finding {
	var findings []rego.Finding
	for _, rule := range t.Rules.Reachable(refs...) {
		ast.WalkTerms(rule, func(term *ast.Term) bool {
			ref, ok := term.Value.(ast.Ref)
			if !ok || !ref.HasPrefix(ast.DefaultRootRef) {
				return false
			}
			prefix := ref.ConstantPrefix()
			if len(prefix) == len(ref) || len(t.Rules.Lookup(prefix)) > 0 || !t.Touch.carries(rule, ref[len(prefix)]) {
				return false
			}
			path, _ := refPathOf(prefix)
			if n := entries(t.Data, path); n > maxRowKeys {
				findings = append(findings, rego.FindingAt(place(term, rule), "lookup", fmt.Sprintf(
					"rule %s looks up %s by a column: it has %d entries, and a filter can bind %d", rego.RulePath(rule), prefix, n, maxRowKeys)))
			}
			return false
		})
	}
	return findings
}

// entries returns the number of entries of a collection of the data.
func entries(data map[string]any, path []string) int {
	v, _ := input.Walk(data, path)
	switch v := v.(type) {
	case map[string]any:
		return len(v)
	case []any:
		return len(v)
	default:
		return 0
	}
}
