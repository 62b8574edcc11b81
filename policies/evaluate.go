package policies

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// errUndefined is returned when the entrypoint gives no result for an input.
var errUndefined = errors.New("policy decision is undefined")

// shapeError describes how a decision differs from the required shape.
type shapeError struct{ detail string }

func (e *shapeError) Error() string { return "policy decision: " + e.detail }

func shapef(format string, args ...any) error {
	return &shapeError{fmt.Sprintf(format, args...)}
}

var (
	decisionVar = ast.Var("decision")
	allowVar    = ast.Var("allow")
)

// decisionQuery asks for the decision and for the rule allow, which must
// agree.
func decisionQuery() ast.Body {
	return ast.MustParseBodyWithOpts(
		"data.reseller.main.decision = decision; data.reseller.main.allow = allow", rego.ParserOptions())
}

// Evaluate answers one input by evaluating all of data.reseller.main.decision.
// An error in a built-in, a timeout or a result of an unexpected shape denies.
func (e *Engine) Evaluate(ctx context.Context, in *input.Input) Decision {
	if in.Misnamed() {
		return deniedMisnamed()
	}
	if err := e.checkRow(in); err != nil {
		return failed(err)
	}
	input, err := e.value(in)
	if err != nil {
		return failed(err)
	}
	return e.evaluate(ctx, input)
}

func (e *Engine) evaluate(ctx context.Context, input ast.Value) Decision {
	results, err := e.decision.Run(ctx, input, e.options.Timeout)
	if err != nil {
		return failed(fmt.Errorf("policy evaluation: %w", err))
	}
	if len(results) != 1 {
		return failed(errUndefined)
	}
	d, err := readDecision(results[0][decisionVar], results[0][allowVar])
	if err != nil {
		return failed(err)
	}
	return d
}

// checkRow refuses a row with a column that the schema lacks. No filter could
// test such a column.
func (e *Engine) checkRow(in *input.Input) error {
	columns := e.options.Schema[in.Resource.Type].Columns
	for column := range in.Resource.Row {
		if _, ok := columns[column]; !ok && column != "id" {
			return fmt.Errorf("resource %s: the row has a column %q that its schema lacks", in.Resource.Type, column)
		}
	}
	return nil
}

// readDecision turns the entrypoint's result into a Decision. It refuses every
// key, type and value that it does not expect.
func readDecision(result, allow *ast.Term) (Decision, error) {
	object, ok := result.Value.(ast.Object)
	if !ok {
		return Decision{}, shapef("is no object but %s", ast.ValueName(result.Value))
	}
	if err := object.Iter(func(key, _ *ast.Term) error { return knownKey(key) }); err != nil {
		return Decision{}, err
	}
	allowed, ok := get(object, "allow").(ast.Boolean)
	if !ok {
		return Decision{}, shapef("allow is missing or no boolean")
	}
	if allow.Value.Compare(allowed) != 0 {
		return Decision{}, shapef("allow is not data.reseller.main.allow")
	}
	reasons, err := texts(object, "reasons", true)
	if err != nil {
		return Decision{}, err
	}
	view, columns, err := readShown(object)
	if err != nil {
		return Decision{}, err
	}
	if !allowed {
		return Decision{Outcome: OutcomeDeny, Reasons: reasons}, nil
	}
	return Decision{Allow: true, Outcome: OutcomeAllow, Reasons: reasons, View: view, Columns: columns}, nil
}

func readShown(object ast.Object) (string, []string, error) {
	columns, err := texts(object, "columns", false)
	if err != nil {
		return "", nil, err
	}
	term := get(object, "view")
	if term == nil {
		return "", columns, nil
	}
	view, ok := term.(ast.String)
	if !ok || view == "" {
		return "", nil, shapef("view is no name")
	}
	return string(view), columns, nil
}

func knownKey(key *ast.Term) error {
	switch key.Value {
	case ast.String("allow"), ast.String("reasons"), ast.String("view"), ast.String("columns"):
		return nil
	default:
		return shapef("unexpected key %s", key)
	}
}

func get(object ast.Object, key string) ast.Value {
	if term := object.Get(ast.InternedTerm(key)); term != nil {
		return term.Value
	}
	return nil
}

// texts reads a set or array of texts, sorted and without duplicates.
func texts(object ast.Object, key string, required bool) ([]string, error) {
	var list []string
	var bad bool
	add := func(t *ast.Term) {
		s, ok := t.Value.(ast.String)
		bad = bad || !ok
		list = append(list, string(s))
	}
	switch v := get(object, key).(type) {
	case nil:
		if required {
			return nil, shapef("%s is missing", key)
		}
	case ast.Set:
		v.Foreach(add)
	case *ast.Array:
		v.Foreach(add)
	default:
		bad = true
	}
	if bad {
		return nil, shapef("%s is no set of texts", key)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}
