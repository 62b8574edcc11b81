package regotest

import (
	"context"
	"maps"
	"runtime"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
	"golang.org/x/sync/errgroup"
)

// Place is where an expression begins in a file, and whether the expression is negated.
type Place struct {
	File    string
	Offset  int
	Negated bool
}

// Fails returns the expressions in policies that do not hold in some test.
func (s *Suite) Fails(ctx context.Context) (map[Place]bool, error) {
	txn, err := s.store.NewTransaction(ctx)
	if err != nil {
		return nil, err
	}
	defer s.store.Abort(ctx, txn)
	var mu sync.Mutex
	all := fails{}
	group, ctx := errgroup.WithContext(ast.WithCompiler(ctx, s.compiled))
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, t := range s.tests {
		group.Go(func() error {
			ctx, stop := context.WithTimeout(ctx, patience)
			defer stop()
			seen := fails{}
			query := rego.New(rego.Compiler(s.compiled), rego.Store(s.store), rego.Transaction(txn), rego.Query(t.path.String()))
			prepared, err := query.PrepareForEval(ctx)
			if err != nil {
				return err
			}
			// The index would leave out whole rules, and no condition of them would fail. A
			// test that ends with an error has failed, and Run reports it.
			_, _ = prepared.Eval(ctx, rego.EvalTransaction(txn), rego.EvalQueryTracer(seen), rego.EvalRuleIndexing(false))
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(all, seen)
			return nil
		})
	}
	return all, group.Wait()
}

// fails is a tracer that collects expressions that do not hold.
type fails map[Place]bool

// Enabled implements topdown.QueryTracer.
func (f fails) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (f fails) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer.
func (f fails) TraceEvent(event topdown.Event) {
	expr, ok := event.Node.(*ast.Expr)
	if at := event.Location; ok && event.Op == topdown.FailOp && at != nil && !isTest(at.File) {
		f[Place{at.File, at.Offset, expr.Negated}] = true
	}
}
