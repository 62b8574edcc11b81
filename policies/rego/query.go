package rego

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// ErrTimeout is returned for an evaluation that was cut off by its timeout or
// its context.
var ErrTimeout = errors.New("policy evaluation took too long")

// Query is a compiled query on a compiled tree. It is immutable and safe for
// concurrent use.
type Query struct {
	body     ast.Body
	compiled ast.QueryCompiler
	compiler *ast.Compiler
	store    storage.Store
	Reads    func() *Mentions // the paths of the input that the query may read
}

// DataStore returns a store of a tree's data. The data is immutable and read
// as OPA's own values.
func DataStore(data map[string]any) storage.Store {
	return inmem.NewFromObjectWithOpts(data,
		inmem.OptRoundTripOnWrite(false), inmem.OptReturnASTValuesOnRead(true))
}

// NewQuery compiles a query on a compiled tree and its data.
func NewQuery(body ast.Body, compiler *ast.Compiler, store storage.Store) (*Query, error) {
	qc := compiler.QueryCompiler()
	compiled, err := qc.Compile(body)
	if err != nil {
		return nil, fmt.Errorf("policy query: %w", err)
	}
	reads := sync.OnceValue(func() *Mentions { return NewMentions(compiled, NewRules(compiler).reachedBy(compiled)) })
	return &Query{body: compiled, compiled: qc, compiler: compiler, store: store, Reads: reads}, nil
}

// Run evaluates the query on a complete input.
func (q *Query) Run(ctx context.Context, input ast.Value, timeout time.Duration) (topdown.QueryResultSet, error) {
	var results topdown.QueryResultSet
	err := q.Limited(ctx, timeout, func(t *topdown.Query) error {
		var err error
		results, err = t.WithInput(ast.NewTerm(input)).Run(ctx)
		return err
	})
	return results, err
}

// Partial evaluates the query with the unknowns left open.
func (q *Query) Partial(ctx context.Context, known ast.Value, unknowns []*ast.Term, timeout time.Duration) (Residual, error) {
	var r Residual
	err := q.Limited(ctx, timeout, func(t *topdown.Query) error {
		var err error
		r.Queries, r.Support, err = t.WithInput(ast.NewTerm(known)).WithUnknowns(unknowns).PartialRun(ctx)
		return err
	})
	return r, err
}

// Residual is the result of partial evaluation: alternatives, and the support
// rules that they refer to.
type Residual struct {
	Queries []ast.Body
	Support []*ast.Module
}

// Rules returns the support rules of a residual by path.
func (r Residual) Rules() map[string][]*ast.Rule {
	rules := map[string][]*ast.Rule{}
	for _, module := range r.Support {
		for _, rule := range module.Rules {
			key := module.Package.Path.Extend(rule.Head.Ref()).String()
			rules[key] = append(rules[key], rule)
		}
	}
	return rules
}

// Recovered turns a panic into an error. Call it with defer.
func Recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("policy evaluation: panic: %v", p)
	}
}

type patienceKey struct{}

// Patient returns a context that gives each evaluation a multiple of its time. It is
// for the trial of a tree, because a busy machine must not look like a slow tree.
func Patient(ctx context.Context, factor int) context.Context {
	return context.WithValue(ctx, patienceKey{}, factor)
}

// Limited runs one evaluation inside a transaction. It cuts the evaluation off
// after timeout or when ctx ends.
func (q *Query) Limited(ctx context.Context, timeout time.Duration, evaluate func(*topdown.Query) error) error {
	txn, err := q.store.NewTransaction(ctx)
	if err != nil {
		return fmt.Errorf("policy data: %w", err)
	}
	defer q.store.Abort(ctx, txn)
	cancel := topdown.NewCancel()
	if factor, ok := ctx.Value(patienceKey{}).(int); ok {
		timeout *= time.Duration(factor)
	}
	timer := time.AfterFunc(timeout, cancel.Cancel)
	defer timer.Stop()
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, cancel.Cancel)
		defer stop()
	}
	err = evaluate(topdown.NewQuery(q.body).WithQueryCompiler(q.compiled).WithCompiler(q.compiler).
		WithStore(q.store).WithTransaction(txn).WithCancel(cancel).WithStrictBuiltinErrors(true))
	if topdown.IsCancel(err) || err == nil && cancel.Cancelled() {
		return ErrTimeout
	}
	return err
}
