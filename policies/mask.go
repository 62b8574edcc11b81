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

var maskRef = ast.MustParseRef("data.system.log.mask")

const maskVar = ast.Var("mask")

// masks is the compiled data.system.log.mask: either paths that hold for every
// entry, or a query to evaluate for each entry.
type masks struct {
	paths []string
	query *rego.Query // nil if the paths hold for every entry
}

// Masks returns the paths that data.system.log.mask erases from a decision log
// entry, sorted and in OPA's format ("/input/resource/notes"). static reports
// whether they are the same for every entry. If it is false, call Mask for
// each entry.
func (e *Engine) Masks() (paths []string, static bool) {
	return slices.Clone(e.masks.paths), e.masks.query == nil
}

// Mask returns the paths to erase from one decision log entry. If it fails, do
// not write the entry.
func (e *Engine) Mask(ctx context.Context, entry map[string]any) (erased []string, err error) {
	if e.masks.query == nil {
		return slices.Clone(e.masks.paths), nil
	}
	input, err := ast.InterfaceToValue(input.PlainValue(entry))
	if err != nil {
		return nil, fmt.Errorf("log entry: %w", err)
	}
	return e.runMask(ctx, e.masks.query, input)
}

func (e *Engine) runMask(ctx context.Context, q *rego.Query, input ast.Value) ([]string, error) {
	results, err := q.Run(ctx, input, e.options.Timeout)
	if err != nil {
		return nil, fmt.Errorf("log mask: %w", err)
	}
	if len(results) == 0 {
		return nil, nil
	}
	return maskPaths(results[0][maskVar])
}

func maskPaths(t *ast.Term) ([]string, error) {
	var paths []string
	var err error
	add := func(t *ast.Term) {
		path, bad := maskPath(t)
		err = errors.Join(err, bad)
		paths = append(paths, path)
	}
	switch v := t.Value.(type) {
	case ast.Set:
		v.Foreach(add)
	case *ast.Array:
		v.Foreach(add)
	default:
		err = fmt.Errorf("log mask: is no set but %s", ast.ValueName(t.Value))
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

// maskPath reads a path, or an object {"op": "remove", "path": …}. It refuses
// OPA's other operations, which change an entry instead of erasing from it.
func maskPath(t *ast.Term) (string, error) {
	path := t.Value
	if object, ok := path.(ast.Object); ok {
		if op := get(object, "op"); op != nil && op.Compare(ast.String("remove")) != 0 {
			return "", fmt.Errorf("log mask: operation %s is not supported, only remove is", op)
		}
		path = get(object, "path")
	}
	text, ok := path.(ast.String)
	if !ok || len(text) < 2 || text[0] != '/' {
		return "", fmt.Errorf("log mask: %s is no path", t)
	}
	return string(text), nil
}

// loadMasks prepares the mask. It evaluates the mask once if it does not read
// the entry.
func (e *Engine) loadMasks(ctx context.Context) error {
	rules := e.tree.Rules
	if len(rules.At(maskRef)) == 0 {
		return nil
	}
	body := ast.NewBody(ast.Equality.Expr(ast.NewTerm(maskRef), ast.NewTerm(maskVar)))
	q, err := rego.NewQuery(body, e.tree.Compiler, e.tree.Store)
	if err != nil {
		return err
	}
	if rules.ReadInput(rules.Reachable(maskRef)) {
		e.masks.query = q
		return nil
	}
	e.masks.paths, err = e.runMask(ctx, q, ast.NewObject())
	return err
}
