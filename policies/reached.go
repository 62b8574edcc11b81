package policies

import (
	"context"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// Reached returns the name of a rule of wanted that the decision about an input reaches, or
// "" if there is none. It evaluates the whole decision. The columns of a list's rows are
// unknown, so it reaches what the decision about any row may reach.
func (e *Engine) Reached(ctx context.Context, in *input.Input, wanted map[string]bool) string {
	document, err := e.value(in)
	if err != nil {
		return ""
	}
	watch := &ruleTracer{wanted: wanted}
	_ = e.decision.Limited(ctx, traceFactor*e.options.Timeout, func(q *topdown.Query) error {
		q = q.WithInput(ast.NewTerm(document)).WithQueryTracer(watch).WithIndexing(false)
		if unknown := e.unknownRow(in); unknown != nil {
			_, _, err := q.WithUnknowns(unknown).PartialRun(ctx)
			return err
		}
		_, err := q.Run(ctx)
		return err
	})
	return watch.found
}

// unknownRow returns what the question of a list leaves open, or nil for any other question.
func (e *Engine) unknownRow(in *input.Input) []*ast.Term {
	proposed := in.Action.Name == "create" && len(in.Resource.Row) > 0
	if proposed || in.Resource.ID != "" || in.Resource.Type == input.AreaType || e.rowless {
		return nil
	}
	names := []string{"id", "properties"}
	if kinds, stored := e.options.Schema[in.Resource.Type]; stored {
		names = slices.Sorted(maps.Keys(kinds.Columns))
	}
	terms := make([]*ast.Term, len(names))
	for i, name := range names {
		terms[i] = ast.NewTerm(ast.InputRootRef.Append(ast.StringTerm("resource")).Append(ast.StringTerm(name)))
	}
	return terms
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
