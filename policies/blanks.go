package policies

import (
	"context"
	"errors"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"resellerd/policies/filter"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/policies/rego"
)

// blanks are parts of an input that are not known, and whether anything that a
// decision rests on was read from there.
type blanks struct {
	paths   []predicate.Ref
	touched bool
}

// blanks are the unknown parts that the tree may read at all.
func (e *Engine) blanks(unknown []predicate.Ref) *blanks {
	b := &blanks{}
	for _, path := range unknown {
		if e.tree.Mentioned.Overlaps(path) {
			b.paths = append(b.paths, path)
		}
	}
	return b
}

func (b *blanks) read(ref predicate.Ref) { b.touched = b.touched || b.overlap(ref) }

func (b *blanks) ask(q *rego.Query) { b.touched = b.touched || b.in(q.Reads()) }

// in tells whether a blank may be read.
func (b *blanks) in(m *rego.Mentions) bool { return slices.ContainsFunc(b.paths, m.Overlaps) }

// overlap tells whether a path is a blank, lies in one, or holds one.
func (b *blanks) overlap(ref predicate.Ref) bool {
	return slices.ContainsFunc(b.paths, func(p predicate.Ref) bool {
		n := min(len(p), len(ref))
		return slices.Equal(p[:n], ref[:n])
	})
}

// compiledIn tells whether a blank may be part of what every plan is compiled
// with. All of the user's own values count: which are is a matter of their type.
func (b *blanks) compiledIn() bool {
	return slices.ContainsFunc(b.paths, func(p predicate.Ref) bool {
		user := len(p) > 1 && p[0] == "subject" && p[1] == "user"
		return user || slices.ContainsFunc(filter.KnownRefs, func(known ast.Ref) bool {
			at := rego.WrittenOut(known)
			n := min(len(p), len(at))
			return slices.Equal(p[:n], at[:n])
		})
	})
}

var errBlank = errors.New("policy decision: too little of the input is known")

// asksWhat tells whether it is not known what is asked about: the type of the
// resource, or which area.
func asksWhat(in *input.Input, unknown []predicate.Ref) bool {
	b := &blanks{paths: unknown}
	return b.overlap(predicate.Ref{"resource", "type"}) ||
		in.Resource.Type == input.AreaType && b.overlap(predicate.Ref{"resource", "id"})
}

// fit tells whether a template was made without what is blank.
func (b *blanks) fit(t *template) bool {
	for _, n := range t.needs {
		if b.overlap(n.Ref) && !(n.Ref[0] == "context" && len(n.Ref) == 2 && input.ContextKey(n.Ref[1])) {
			return false // its type is not known either
		}
	}
	return !slices.ContainsFunc(t.pins, b.overlap)
}

// DecideWithout is Decide about an input of which some parts are not known, as
// paths below input ("context", "client_ip"). They are absent from in. sure is
// false when the decision may depend on them; then it says nothing.
func (e *Engine) DecideWithout(ctx context.Context, in *input.Input, unknown []predicate.Ref) (d Decision, sure bool) {
	b := e.blanks(unknown)
	switch {
	case asksWhat(in, unknown):
		return failed(errBlank), false
	case len(b.paths) == 0, in.Misnamed():
		return e.Decide(ctx, in), true
	}
	if b.compiledIn() || in.Action.Change != nil {
		return e.evaluateWithout(ctx, in, b)
	}
	t, _, err := e.plans.template(ctx, in, nil)
	if err != nil {
		return failed(err), true
	}
	if _, stored := e.options.Schema[in.Resource.Type]; stored && t.allowErr != nil {
		return failed(t.allowErr), true
	}
	if !t.checks() || !t.fits(in) || !b.fit(t) {
		return e.evaluateWithout(ctx, in, b)
	}
	d = t.decide(&binding{ctx: ctx, in: in, template: t, blanks: b})
	return d, !b.touched
}

// PlanWithout is Plan about an input of which some parts are not known. What is
// bound late stands in the plan by name, so that it need not be known.
func (e *Engine) PlanWithout(ctx context.Context, in *input.Input, unknown []predicate.Ref) (p *Plan, sure bool) {
	b := e.blanks(unknown)
	switch {
	case asksWhat(in, unknown):
		return failedPlan(errBlank), false
	case len(b.paths) == 0, in.Misnamed():
		return e.Plan(ctx, in), true
	case b.compiledIn():
		return failedPlan(errBlank), false
	}
	t, request, warm, err := e.planTemplate(ctx, in)
	if err != nil {
		return failedPlan(err), true
	}
	if !b.fit(t) {
		return failedPlan(errBlank), false
	}
	p = t.plan(&binding{ctx: ctx, in: request, template: t, blanks: b}, warm)
	return p, !b.touched
}

// evaluateWithout evaluates the decision whole, and watches which expressions
// are looked at: when none of them reads a blank, the decision does not rest on
// it. Rules are not chosen by an index, which would read the input unseen.
func (e *Engine) evaluateWithout(ctx context.Context, in *input.Input, b *blanks) (Decision, bool) {
	d := e.Evaluate(ctx, in)
	input, err := e.value(in)
	if err != nil {
		return failed(err), true
	}
	watch := &blankTracer{blanks: b, seen: map[*ast.Expr]bool{}}
	err = e.decision.Limited(ctx, traceFactor*e.options.Timeout, func(q *topdown.Query) error {
		_, err := q.WithInput(ast.NewTerm(input)).WithQueryTracer(watch).WithIndexing(false).Run(ctx)
		return err
	})
	return d, !b.touched && (err == nil || d.Err != nil)
}

// blankTracer notes when an expression that may read a blank is evaluated.
type blankTracer struct {
	blanks *blanks
	seen   map[*ast.Expr]bool
}

// Enabled is part of topdown.QueryTracer.
func (t *blankTracer) Enabled() bool { return !t.blanks.touched }

// Config is part of topdown.QueryTracer.
func (*blankTracer) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent is part of topdown.QueryTracer.
func (t *blankTracer) TraceEvent(event topdown.Event) {
	switch node := event.Node.(type) {
	case *ast.Expr:
		if event.Op == topdown.EvalOp && !t.seen[node] {
			t.seen[node] = true
			t.blanks.touched = t.blanks.touched || t.blanks.in(rego.NewMentions(ast.Body{node}, nil))
		}
	case *ast.Rule:
		if event.Op == topdown.EnterOp && node.Head != nil && node.Head.Value != nil {
			t.blanks.touched = t.blanks.touched || t.blanks.in(rego.NewMentions(ast.Body{ast.NewExpr(node.Head.Value)}, nil))
		}
	}
}
