package filter

import (
	"context"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/predicate"
	"resellerd/policies/rego"
)

// ResultVar is the variable that holds a question's answer.
const ResultVar = ast.Var("answer")

// FillFactor is the time limit for compiling a template, as a multiple of the
// timeout of one evaluation.
const FillFactor = 5

// Ask evaluates a question partially, with the open parts of the frame unknown. It
// may run in another goroutine than the request, so it returns a panic of the
// evaluator as an error.
func (t *Tree) Ask(ctx context.Context, q *rego.Query, f *Frame) (r rego.Residual, err error) {
	defer rego.Recovered(&err)
	known, err := ast.InterfaceToValue(f.Known)
	if err != nil {
		return rego.Residual{}, fmt.Errorf("input: %w", err)
	}
	return q.Partial(ctx, known, f.unknowns(t.Mentioned), FillFactor*t.Timeout)
}

// unknowns returns the references that partial evaluation treats as unknown.
func (f *Frame) unknowns(m *rego.Mentions) []*ast.Term {
	var terms []*ast.Term
	for column := range f.Columns {
		if m.Overlaps(predicate.Ref{"resource", column}) {
			terms = append(terms, inputTerm("resource", column))
		}
	}
	for _, ref := range f.late {
		if m.Overlaps(ref) {
			terms = append(terms, inputTerm(ref...))
		}
	}
	return terms
}

// RowTerms returns the references to the row of a type. It includes the membership in
// the subject's subtree, because only the row says whose membership counts.
func (t *Tree) RowTerms(typ string) []*ast.Term {
	terms := []*ast.Term{inputTerm(predicate.Below...)}
	schema, stored := t.Schema[typ]
	if !stored {
		return append(terms, inputTerm("resource", "id"), inputTerm("resource", "properties"))
	}
	for column := range schema.Columns {
		terms = append(terms, inputTerm("resource", column))
	}
	if _, ok := schema.Columns["id"]; !ok {
		terms = append(terms, inputTerm("resource", "id"))
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
// if a part of it is not a constant text.
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
