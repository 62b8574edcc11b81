package policies

import (
	"context"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/policies/rego"
)

var numberVar = ast.Var("number")

// accessQuery asks for allow for each of many inputs.
func accessQuery() ast.Body {
	return ast.MustParseBodyWithOpts("data.reseller.main.allow = allow with input as input[number]", rego.ParserOptions())
}

// questionsPerTimeout is the number of questions that one timeout of the engine is
// meant for, if an evaluation answers many questions.
const questionsPerTimeout = 200

// Access decides actions on areas in one evaluation. It returns the allowed actions
// by area, in the order of actions. From in it uses the subject and the context. It
// returns an error if the decision about any area fails.
func (e *Engine) Access(ctx context.Context, in *input.Input, areas, actions []string) (map[string][]string, error) {
	access, questions := make(map[string][]string, len(areas)), []*ast.Term{}
	asked := make([][2]string, 0, len(areas)*len(actions))
	for _, area := range areas {
		access[area] = []string{}
		one := *in
		one.Resource = input.Resource{Type: input.AreaType, ID: area}
		if one.Misnamed() {
			continue
		}
		more, err := e.questions(questions, &one, actions)
		if err != nil {
			return nil, err
		}
		questions = more
		for _, action := range actions {
			asked = append(asked, [2]string{area, action})
		}
	}
	limit := e.options.Timeout * time.Duration(1+len(questions)/questionsPerTimeout)
	results, err := e.access.Run(ctx, ast.NewArray(questions...), limit)
	if err != nil {
		return nil, fmt.Errorf("policy evaluation: %w", err)
	}
	allowed := make([]bool, len(asked))
	for _, r := range results {
		n, ok := r[numberVar].Value.(ast.Number)
		i, whole := n.Int()
		if !ok || !whole || i < 0 || i >= len(asked) {
			return nil, errUndefined
		}
		yes, ok := r[allowVar].Value.(ast.Boolean)
		if !ok {
			return nil, shapef("allow is no boolean")
		}
		allowed[i] = bool(yes)
	}
	for i, q := range asked {
		if allowed[i] {
			access[q[0]] = append(access[q[0]], q[1])
		}
	}
	return access, nil
}

// AccessReadsTime reports whether Access may depend on the time of the request.
func (e *Engine) AccessReadsTime() bool {
	return e.queries.allow != nil && e.queries.allow.Reads().Overlaps(predicate.Ref{"context", "time"})
}

// questions appends the input documents for several actions on one resource. They
// share everything but the action.
func (e *Engine) questions(dst []*ast.Term, in *input.Input, actions []string) ([]*ast.Term, error) {
	value, err := e.value(in)
	if err != nil {
		return nil, err
	}
	object, ok := value.(ast.Object)
	if !ok {
		return nil, errUndefined
	}
	for _, action := range actions {
		one := ast.NewObject()
		object.Foreach(func(key, part *ast.Term) {
			if key.Value.Compare(actionKey) != 0 {
				one.Insert(key, part)
			}
		})
		one.Insert(ast.NewTerm(actionKey), ast.ObjectTerm([2]*ast.Term{ast.InternedTerm("name"), ast.StringTerm(action)}))
		dst = append(dst, ast.NewTerm(one))
	}
	return dst, nil
}

const actionKey = ast.String("action")
