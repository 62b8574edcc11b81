package policies

import (
	"context"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/predicate"
)

// resultVar is the variable that a question's answer is bound to.
const resultVar = ast.Var("answer")

// fillFactor is how many timeouts of one evaluation a template may take.
const fillFactor = 5

// ask evaluates a question as far as the frame allows. It runs beside the
// request, so that a panic of the evaluator must end here.
func (t *tree) ask(ctx context.Context, q *query, f *frame) (r residual, err error) {
	defer recovered(&err)
	known, err := ast.InterfaceToValue(f.known)
	if err != nil {
		return residual{}, fmt.Errorf("input: %w", err)
	}
	return q.partial(ctx, known, f.unknowns(t.mentioned), fillFactor*t.timeout)
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
