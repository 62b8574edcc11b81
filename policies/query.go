package policies

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

// errTimeout is returned for an evaluation that was cut off.
var errTimeout = errors.New("policy evaluation took too long")

// query is a compiled question to a compiled tree. It is immutable and safe
// for concurrent use.
type query struct {
	body     ast.Body
	compiled ast.QueryCompiler
	compiler *ast.Compiler
	store    storage.Store
	reads    func() *mentioned // what of the input it may read
}

// dataStore holds a tree's data, immutable and read as OPA's own values.
func dataStore(data map[string]any) storage.Store {
	return inmem.NewFromObjectWithOpts(data,
		inmem.OptRoundTripOnWrite(false), inmem.OptReturnASTValuesOnRead(true))
}

func newQuery(body ast.Body, compiler *ast.Compiler, store storage.Store) (*query, error) {
	qc := compiler.QueryCompiler()
	compiled, err := qc.Compile(body)
	if err != nil {
		return nil, fmt.Errorf("policy query: %w", err)
	}
	reads := sync.OnceValue(func() *mentioned { return newMentioned(compiled, (&ruleSet{compiler}).reachedBy(compiled)) })
	return &query{body: compiled, compiled: qc, compiler: compiler, store: store, reads: reads}, nil
}

// run evaluates the query over a whole input.
func (q *query) run(ctx context.Context, input ast.Value, timeout time.Duration) (topdown.QueryResultSet, error) {
	var results topdown.QueryResultSet
	err := q.limited(ctx, timeout, func(t *topdown.Query) error {
		var err error
		results, err = t.WithInput(ast.NewTerm(input)).Run(ctx)
		return err
	})
	return results, err
}

// partial evaluates the query as far as the known input allows.
func (q *query) partial(ctx context.Context, known ast.Value, unknowns []*ast.Term, timeout time.Duration) (residual, error) {
	var r residual
	err := q.limited(ctx, timeout, func(t *topdown.Query) error {
		var err error
		r.queries, r.support, err = t.WithInput(ast.NewTerm(known)).WithUnknowns(unknowns).PartialRun(ctx)
		return err
	})
	return r, err
}

// residual is what partial evaluation leaves: alternatives, and the rules that
// they refer to.
type residual struct {
	queries []ast.Body
	support []*ast.Module
}

// rules returns the rules that a residual refers to, by their path.
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

// recovered turns a panic into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("policy evaluation: panic: %v", p)
	}
}

// limited runs one evaluation inside a transaction and cuts it off after
// timeout or when ctx ends.
func (q *query) limited(ctx context.Context, timeout time.Duration, evaluate func(*topdown.Query) error) error {
	txn, err := q.store.NewTransaction(ctx)
	if err != nil {
		return fmt.Errorf("policy data: %w", err)
	}
	defer q.store.Abort(ctx, txn)
	cancel := topdown.NewCancel()
	timer := time.AfterFunc(timeout, cancel.Cancel)
	defer timer.Stop()
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, cancel.Cancel)
		defer stop()
	}
	err = evaluate(topdown.NewQuery(q.body).WithQueryCompiler(q.compiled).WithCompiler(q.compiler).
		WithStore(q.store).WithTransaction(txn).WithCancel(cancel).WithStrictBuiltinErrors(true))
	if topdown.IsCancel(err) || err == nil && cancel.Cancelled() {
		return errTimeout
	}
	return err
}
