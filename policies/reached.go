package policies

import (
	"context"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// Reached returns the name of a rule of wanted that the decision about an input reaches, or
// "" if there is none. It evaluates the whole decision.
func (e *Engine) Reached(ctx context.Context, in *input.Input, wanted map[string]bool) string {
	document, err := e.value(in)
	if err != nil {
		return ""
	}
	watch := &ruleTracer{wanted: wanted}
	_ = e.decision.Limited(ctx, traceFactor*e.options.Timeout, func(q *topdown.Query) error {
		_, err := q.WithInput(ast.NewTerm(document)).WithQueryTracer(watch).WithIndexing(false).Run(ctx)
		return err
	})
	return watch.found
}

// ruleTracer looks for a rule.
type ruleTracer struct {
	wanted map[string]bool
	found  string
}

// Enabled implements topdown.QueryTracer.
func (t *ruleTracer) Enabled() bool { return t.found == "" }

// Config implements topdown.QueryTracer.
func (*ruleTracer) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer.
func (t *ruleTracer) TraceEvent(event topdown.Event) {
	if rule, ok := event.Node.(*ast.Rule); ok && event.Op == topdown.EnterOp {
		if name := rego.RulePath(rule); t.wanted[name] {
			t.found = name
		}
	}
}
