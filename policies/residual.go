package policies

import (
	"context"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/predicate"
)

// partialQueries are the questions that a plan asks, each compiled once.
type partialQueries struct{ allow, reasons, view, columns *query }

// resultVar is the variable that a question's answer is bound to.
const resultVar = ast.Var("answer")

func (e *Engine) newPartialQueries(rules *ruleSet) (partialQueries, error) {
	var p partialQueries
	for text, into := range map[string]**query{
		"data.reseller.main.allow = true":    &p.allow,
		"data.reseller.main.reasons[answer]": &p.reasons,
		"data.reseller.main.view = answer":   &p.view,
		"data.reseller.main.columns[answer]": &p.columns,
	} {
		body := ast.MustParseBodyWithOpts(text, parserOptions())
		if len(rules.callees(body)) == 0 {
			continue
		}
		q, err := newQuery(body, e.compiler, e.store)
		if err != nil {
			return p, err
		}
		*into = q
	}
	return p, nil
}

// ask evaluates a question as far as the frame allows. It runs beside the
// request, so that a panic of the evaluator must end here.
func (e *Engine) ask(ctx context.Context, q *query, f *frame) (r residual, err error) {
	defer recovered(&err)
	known, err := ast.InterfaceToValue(f.known)
	if err != nil {
		return residual{}, fmt.Errorf("input: %w", err)
	}
	return q.partial(ctx, known, f.unknowns(e.mentioned), fillFactor*e.options.Timeout)
}

// recovered turns a panic into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("policy evaluation: panic: %v", p)
	}
}

// unknowns returns the references that partial evaluation leaves open.
func (f *frame) unknowns(m *mentioned) []*ast.Term {
	var terms []*ast.Term
	for column := range f.columns {
		if m.overlaps(predicate.Ref{"resource", column}) {
			terms = append(terms, inputTerm("resource", column))
		}
	}
	for _, ref := range f.late {
		if m.overlaps(ref) {
			terms = append(terms, inputTerm(ref...))
		}
	}
	return terms
}

func inputTerm(path ...string) *ast.Term {
	ref := ast.InputRootRef.Copy()
	for _, part := range path {
		ref = append(ref, ast.StringTerm(part))
	}
	return ast.NewTerm(ref)
}

// support returns the rules that a residual refers to, by their path.
func (r residual) rules() map[string][]*ast.Rule {
	rules := map[string][]*ast.Rule{}
	for _, module := range r.support {
		for _, rule := range module.Rules {
			key := module.Package.Path.Extend(rule.Head.Ref()).String()
			rules[key] = append(rules[key], rule)
		}
	}
	return rules
}

// refPathOf returns a reference below input as a predicate's path. It returns false
// when a part of it is no plain text.
func refPathOf(ref ast.Ref) (predicate.Ref, bool) {
	out := make(predicate.Ref, 0, len(ref)-1)
	for _, part := range ref[1:] {
		s, ok := part.Value.(ast.String)
		if !ok {
			return nil, false
		}
		out = append(out, string(s))
	}
	return out, true
}
