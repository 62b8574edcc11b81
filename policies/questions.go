package policies

import (
	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/rego"
)

// partialQueries holds the compiled questions of a plan. A question is nil if
// the tree has no rule for it.
type partialQueries struct{ allow, reasons, view, columns *rego.Query }

func (e *Engine) newPartialQueries() (partialQueries, error) {
	var p partialQueries
	for text, into := range map[string]**rego.Query{
		"data.reseller.main.allow = true":    &p.allow,
		"data.reseller.main.reasons[answer]": &p.reasons,
		"data.reseller.main.view = answer":   &p.view,
		"data.reseller.main.columns[answer]": &p.columns,
	} {
		body := ast.MustParseBodyWithOpts(text, rego.ParserOptions())
		if len(e.asked.Rules.Callees(body)) == 0 {
			continue
		}
		q, err := rego.NewQuery(body, e.asked.Compiler, e.asked.Store)
		if err != nil {
			return p, err
		}
		*into = q
	}
	return p, nil
}
