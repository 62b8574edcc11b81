package policies

import (
	"context"
	"fmt"
	"slices"
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
	ask := &areaQuestions{e: e}
	for _, action := range actions {
		ask.actions = append(ask.actions, ast.ObjectTerm([2]*ast.Term{ast.InternedTerm("name"), ast.StringTerm(action)}))
	}
	for _, area := range areas {
		access[area] = []string{}
		one := *in
		one.Resource = input.Resource{Type: input.AreaType, ID: area}
		if one.Misnamed() {
			continue
		}
		row, err := ask.about(&one)
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

// areaQuestions makes the input documents for several actions on areas. They share
// everything that is equal.
type areaQuestions struct {
	e       *Engine
	actions []*ast.Term
	subject *ast.Term // of the last document
	context *ast.Term
	below   []string // the accounts in subject
}

// The parts of an input document.
var (
	subjectKey, actionKey   = ast.StringTerm("subject"), ast.StringTerm("action")
	resourceKey, contextKey = ast.StringTerm("resource"), ast.StringTerm("context")
)

// about returns the documents for one resource.
func (q *areaQuestions) about(in *input.Input) ([]ast.Value, error) {
	resource, err := q.resource(in)
	if err != nil {
		return nil, err
	}
	documents := make([]ast.Value, len(q.actions))
	for i, action := range q.actions {
		documents[i] = ast.NewObject([2]*ast.Term{subjectKey, q.subject}, [2]*ast.Term{actionKey, action},
			[2]*ast.Term{resourceKey, resource}, [2]*ast.Term{contextKey, q.context})
	}
	return documents, nil
}

// resource returns the resource as a value, and sets the subject and the context that
// belong to it.
func (q *areaQuestions) resource(in *input.Input) (*ast.Term, error) {
	var below []string
	if in.Subject.Facts != nil {
		below = q.e.AppendBelow(nil, in)
	}
	if q.subject != nil && slices.Equal(below, q.below) {
		value, err := in.ResourceValue(q.e.options.Schema)
		return ast.NewTerm(value), err
	}
	value, err := q.e.value(in)
	if err != nil {
		return nil, err
	}
	object, ok := value.(ast.Object)
	if !ok {
		return nil, errUndefined
	}
	q.below, q.subject, q.context = below, object.Get(subjectKey), object.Get(contextKey)
	return object.Get(resourceKey), nil
}
