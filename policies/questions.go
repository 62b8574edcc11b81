package policies

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// partialQueries are the questions that a plan asks, each compiled once.
type partialQueries struct{ allow, reasons, view, columns *query }

func (e *Engine) newPartialQueries() (partialQueries, error) {
	var p partialQueries
	for text, into := range map[string]**query{
		"data.reseller.main.allow = true":    &p.allow,
		"data.reseller.main.reasons[answer]": &p.reasons,
		"data.reseller.main.view = answer":   &p.view,
		"data.reseller.main.columns[answer]": &p.columns,
	} {
		body := ast.MustParseBodyWithOpts(text, parserOptions())
		if len(e.tree.rules.callees(body)) == 0 {
			continue
		}
		q, err := newQuery(body, e.tree.compiler, e.tree.store)
		if err != nil {
			return p, err
		}
		*into = q
	}
	return p, nil
}
