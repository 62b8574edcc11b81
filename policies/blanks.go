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

// blanks lists the parts of an input that are unknown. touched becomes true when
// the decision reads one of them.
type blanks struct {
	paths   []predicate.Ref
	touched bool
}

// blanks keeps only those unknown parts that some rule of the tree may read.
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

// in reports whether m may read a blank.
func (b *blanks) in(m *rego.Mentions) bool { return slices.ContainsFunc(b.paths, m.Overlaps) }

// overlap reports whether ref is a blank, lies inside one or contains one.
func (b *blanks) overlap(ref predicate.Ref) bool {
	return slices.ContainsFunc(b.paths, func(p predicate.Ref) bool {
		n := min(len(p), len(ref))
		return slices.Equal(p[:n], ref[:n])
	})
}

// compiledIn reports whether a blank may be among the values that every plan is
// compiled with. Every value below subject.user counts, because the value's type
// decides whether it is compiled in.
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

// asksWhat reports whether the object of the question is unknown: the resource
// type or, for an area, the area's name.
func asksWhat(in *input.Input, unknown []predicate.Ref) bool {
	b := &blanks{paths: unknown}
	return b.overlap(predicate.Ref{"resource", "type"}) ||
		in.Resource.Type == input.AreaType && b.overlap(predicate.Ref{"resource", "id"})
}

// fit reports whether t was compiled without any of the blanks.
func (b *blanks) fit(t *template) bool {
	for _, n := range t.needs {
		if b.overlap(n.Ref) && !(n.Ref[0] == "context" && len(n.Ref) == 2 && input.ContextKey(n.Ref[1])) {
			return false // the type of the unknown value is unknown too
		}
	}
	return !slices.ContainsFunc(t.pins, b.overlap)
}

// DecideWithout is Decide for an input with unknown parts. unknown lists their
// paths below input ("context", "client_ip"); in must not contain them. If sure
// is false, the decision may depend on an unknown part and must not be used.
func (e *Engine) DecideWithout(ctx context.Context, in *input.Input, unknown []predicate.Ref) (d Decision, sure bool) {
	b := e.blanks(unknown)
	switch {
	case asksWhat(in, unknown):
		return failed(errBlank), false
	case len(b.paths) == 0, in.Misnamed():
		return e.Decide(ctx, in), true
	}
	if e.rowless || b.compiledIn() || e.asked.Lookups.Read(b.overlap) || in.Action.Change != nil {
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

// PlanWithout is Plan for an input with unknown parts. The plan refers to
// late-bound values by name, so their values may be unknown.
func (e *Engine) PlanWithout(ctx context.Context, in *input.Input, unknown []predicate.Ref) (p *Plan, sure bool) {
	b := e.blanks(unknown)
	switch {
	case asksWhat(in, unknown):
		return failedPlan(errBlank), false
	case len(b.paths) == 0, in.Misnamed(), e.rowless:
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

// evaluateWithout evaluates the whole decision and watches which expressions are
// evaluated. If none of them reads a blank, the decision does not depend on one.
// It turns rule indexing off, because the index reads the input without an
// event.
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

// blankTracer records whether an evaluated expression may read a blank.
type blankTracer struct {
	blanks *blanks
	seen   map[*ast.Expr]bool
}

// Enabled implements topdown.QueryTracer.
func (t *blankTracer) Enabled() bool { return !t.blanks.touched }

// Config implements topdown.QueryTracer.
func (*blankTracer) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer.
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
