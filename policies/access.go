package policies

import (
	"context"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/policies/rego"
)

// accessQuery asks for allow.
func accessQuery() ast.Body {
	return ast.MustParseBodyWithOpts("data.reseller.main.allow = allow", rego.ParserOptions())
}

// newAccessGrid returns the question of Access. A row has the questions about one
// area, and a column those about one action.
func (e *Engine) newAccessGrid() (*rego.Grid, error) {
	query, err := rego.NewQuery(accessQuery(), e.tree.Compiler, e.tree.Store)
	if err != nil {
		return nil, err
	}
	return rego.NewGrid(query, e.tree.Rules,
		[]predicate.Ref{{"resource", "id"}, predicate.Below}, []predicate.Ref{{"action", "name"}}), nil
}

// questionsPerTimeout is the number of questions that one timeout of the engine is
// meant for, if an evaluation answers many questions.
const questionsPerTimeout = 200

// Access decides actions on areas in one evaluation. It returns the allowed actions
// by area, in the order of actions. From in it uses the subject and the context. It
// returns an error if the decision about any area fails.
func (e *Engine) Access(ctx context.Context, in *input.Input, areas, actions []string) (map[string][]string, error) {
	access, asked := make(map[string][]string, len(areas)), []string{}
	var questions [][]ast.Value
	for _, area := range areas {
		access[area] = []string{}
		one := *in
		one.Resource = input.Resource{Type: input.AreaType, ID: area}
		if one.Misnamed() {
			continue
		}
		row, err := e.questions(&one, actions)
		if err != nil {
			return nil, err
		}
		questions, asked = append(questions, row), append(asked, area)
	}
	limit := e.options.Timeout * time.Duration(1+len(questions)*len(actions)/questionsPerTimeout)
	err := e.access.Run(ctx, questions, limit, func(i, j int, results topdown.QueryResultSet) error {
		if len(results) != 1 {
			return errUndefined
		}
		allowed, ok := results[0][allowVar].Value.(ast.Boolean)
		if !ok {
			return shapef("allow is no boolean")
		}
		if allowed {
			access[asked[i]] = append(access[asked[i]], actions[j])
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("policy evaluation: %w", err)
	}
	return access, nil
}

// AccessReadsTime reports whether Access may depend on the time of the request.
func (e *Engine) AccessReadsTime() bool {
	return e.queries.allow != nil && e.queries.allow.Reads().Overlaps(predicate.Ref{"context", "time"})
}

// questions returns the input documents for several actions on one resource. They
// share everything but the action.
func (e *Engine) questions(in *input.Input, actions []string) ([]ast.Value, error) {
	value, err := e.value(in)
	if err != nil {
		return nil, err
	}
	object, ok := value.(ast.Object)
	if !ok {
		return nil, errUndefined
	}
	documents := make([]ast.Value, 0, len(actions))
	for _, action := range actions {
		one := ast.NewObject()
		object.Foreach(func(key, part *ast.Term) {
			if key.Value.Compare(actionKey) != 0 {
				one.Insert(key, part)
			}
		})
		one.Insert(ast.NewTerm(actionKey), ast.ObjectTerm([2]*ast.Term{ast.InternedTerm("name"), ast.StringTerm(action)}))
		documents = append(documents, one)
	}
	return documents, nil
}

const actionKey = ast.String("action")
