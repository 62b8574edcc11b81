package policies

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"resellerd/policies/input"
	"resellerd/policies/rego"
)

// Explanation describes how a decision was reached. The same input gives the same
// Explanation. Its Decision equals the answer of Evaluate, and so of Decide.
type Explanation struct {
	Decision Decision
	// Rules are the rules that the decision is based on. If it allows, they are
	// the rules that held, from the entrypoint inwards. If it denies, they are the
	// rules that gave its reasons, in the order of the reasons.
	Rules []Rule
	// Failed is set on a denial. It leads from the entrypoint to the first
	// condition that failed, which comes last. If a rule has alternatives, Failed
	// follows the one that got furthest. Failed is empty if the evaluation timed
	// out or failed, and if only the name of an area or type caused the denial.
	Failed []Condition
}

// Rule describes a rule of the tree by its METADATA and its source.
type Rule struct {
	Name               string // "reseller.resource.customer.allow"
	Title, Description string // empty without METADATA
	Code               string // the reason that the rule gives, if any
	File               string // within the tree
	Line               int
	Text               string // as written
	Depth              int    // nesting depth; 0 for the entrypoint
}

// Condition is one condition of a rule's body.
type Condition struct {
	Rule, Title string // the rule that contains the condition
	File        string
	Line        int
	Text        string // as written
	Holds       []Rule // for a negation: the rules that held
}

// Explain decides in and explains the decision.
func (e *Engine) Explain(ctx context.Context, in *input.Input) Explanation {
	d := e.Evaluate(ctx, in)
	value, err := e.value(in)
	if err != nil {
		return Explanation{Decision: d}
	}
	return e.explain(ctx, d, value)
}

// ExplainDocument is Explain for a document from Engine.Document, as the decision
// log records it. Masked values are absent, and the evaluation treats them so.
func (e *Engine) ExplainDocument(ctx context.Context, document map[string]any) Explanation {
	value, err := ast.InterfaceToValue(document)
	if err != nil {
		return Explanation{Decision: failed(fmt.Errorf("input: %w", err))}
	}
	if input.MisnamedDocument(document) {
		return e.explain(ctx, deniedMisnamed(), value)
	}
	return e.explain(ctx, e.evaluate(ctx, value), value)
}

// ExplainNone explains why a list has no row. Its Decision is the one about a row
// without columns. Failed leads to the first condition that holds for no row, if there
// is one. Any value of the request may equal a column here, so a property of a kind that
// no column has is not found.
func (e *Engine) ExplainNone(ctx context.Context, in *input.Input) Explanation {
	asked := *in
	asked.Resource.Row = map[string]any{}
	x := e.Explain(ctx, &asked)
	if value, err := e.value(&asked); err == nil && x.Decision.Outcome == OutcomeDeny {
		if failed := e.failedOf(e.traceRows(ctx, in.Resource.Type, value).find(allowRef)); len(failed) > 0 {
			x.Failed = failed
		}
	}
	return x
}

// traceRows evaluates the allow rule with the row open, so that only conditions fail
// that no row fulfils. It returns an empty frame if it cannot.
func (e *Engine) traceRows(ctx context.Context, typ string, known ast.Value) *frameOf {
	q, err := rego.NewQuery(ast.MustParseBodyWithOpts(allowRef.String()+" = true", rego.ParserOptions()), e.tree.Compiler, e.tree.Store)
	if err != nil {
		return &frameOf{}
	}
	t := newTracer()
	err = q.Limited(ctx, traceFactor*e.options.Timeout, func(query *topdown.Query) error {
		_, _, err := query.WithInput(ast.NewTerm(known)).WithUnknowns(e.tree.RowTerms(typ)).WithQueryTracer(t).WithIndexing(false).
			WithVirtualCache(forgetful{}).PartialRun(ctx)
		return err
	})
	if err != nil || t.root == nil {
		return &frameOf{}
	}
	return t.root
}

// explain traces why d was decided. If the trace fails, the explanation has only
// the decision.
func (e *Engine) explain(ctx context.Context, d Decision, input ast.Value) Explanation {
	x := Explanation{Decision: d}
	if d.Outcome == OutcomeError {
		return x
	}
	root, err := e.trace(ctx, e.decision, input)
	if err != nil {
		return x
	}
	allow := root.find(allowRef)
	switch {
	case d.Allow:
		x.Rules = e.heldBy(allow)
	default:
		x.Rules = e.reasonRules(root, d.Reasons)
		x.Failed = e.failedOf(allow)
	}
	return x
}

// trace evaluates a whole query without rule indexing and without caching rule
// values, so that the trace contains every rule.
func (e *Engine) trace(ctx context.Context, q *rego.Query, input ast.Value) (*frameOf, error) {
	t := newTracer()
	err := q.Limited(ctx, traceFactor*e.options.Timeout, func(query *topdown.Query) error {
		_, err := query.WithInput(ast.NewTerm(input)).WithQueryTracer(t).WithIndexing(false).
			WithVirtualCache(forgetful{}).Run(ctx)
		return err
	})
	if err == nil && t.root == nil {
		err = errUndefined
	}
	return t.root, err
}

// traceFactor is the time limit of a trace, as a multiple of the timeout of one
// evaluation. A trace is slower because it caches nothing.
const traceFactor = 5

// find returns the bodies of the rules at ref, from the first level of the trace
// that entered any.
func (f *frameOf) find(ref ast.Ref) []*frameOf {
	var found []*frameOf
	for _, kid := range f.kids {
		if kid.rule != nil && kid.rule.Ref().GroundPrefix().Equal(ref) {
			found = append(found, kid)
		}
	}
	for _, kid := range f.kids {
		if len(found) == 0 {
			found = kid.find(ref)
		}
	}
	return found
}

// heldBy lists the rules that held. Each rule appears once, at its first place.
func (e *Engine) heldBy(frames []*frameOf) []Rule {
	var rules []Rule
	seen := map[*ast.Rule]bool{}
	var visit func(f *frameOf, depth int)
	visit = func(f *frameOf, depth int) {
		if !f.exited {
			return
		}
		if f.rule != nil && !seen[f.rule] {
			seen[f.rule] = true
			rules = append(rules, e.rule(f.rule, depth))
		}
		if f.rule != nil {
			depth++
		}
		for _, kid := range f.kids {
			if !kid.negation {
				visit(kid, depth)
			}
		}
	}
	for _, f := range frames {
		visit(f, 0)
	}
	return rules
}

// reasonRules lists the rules that held and gave reasons, in the order of the
// reasons. Rules with the same reason follow their order in the source.
func (e *Engine) reasonRules(root *frameOf, reasons []string) []Rule {
	var rules []Rule
	for _, rule := range e.heldBy([]*frameOf{root}) {
		if slices.Contains(reasons, rule.Code) {
			rule.Depth = 0
			rules = append(rules, rule)
		}
	}
	slices.SortFunc(rules, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return slices.Compact(rules)
}

// failedOf returns the path to the condition that failed.
func (e *Engine) failedOf(frames []*frameOf) []Condition {
	var path []Condition
	for f := e.furthest(frames); f != nil && f.failed != nil; {
		c := e.condition(f)
		if f.failed.Negated {
			c.Holds = e.heldBy(f.inside())
			return append(path, c)
		}
		path, f = append(path, c), e.furthest(f.inside())
	}
	return path
}

// furthest returns the highest-ranked body among alternatives that failed. A body
// that failed on the row ranks above one that failed on the subject. Next, a later
// failing condition ranks higher, then a body that got further inside that
// condition. Among equals, the first body wins.
func (e *Engine) furthest(frames []*frameOf) *frameOf {
	var best *frameOf
	for _, f := range frames {
		if f.failed != nil && (best == nil || slices.Compare(e.ranked(f), e.ranked(best)) > 0) {
			best = f
		}
	}
	return best
}

// inside lists the bodies that made the failed condition fail.
func (f *frameOf) inside() []*frameOf {
	var inside []*frameOf
	for _, kid := range f.kids {
		if kid.at == f.failed.Index && kid.exited == f.failed.Negated {
			inside = append(inside, kid)
		}
	}
	return inside
}

// ranked returns the rank of a body that failed.
func (e *Engine) ranked(f *frameOf) []int {
	if f.rank != nil {
		return f.rank
	}
	f.rank = []int{touchesRow(e.written(f.failed)), f.furthest, 0}
	if f.failed.Negated {
		return f.rank
	}
	if next := e.furthest(f.inside()); next != nil {
		inner := e.ranked(next)
		f.rank[0], f.rank[2] = inner[0], inner[1]
	}
	return f.rank
}

// touchesRow returns 1 for a condition that reads a resource value other than its
// type and id, and 0 otherwise.
func touchesRow(expr *ast.Expr) int {
	found := 0
	ast.WalkRefs(expr, func(ref ast.Ref) bool {
		if ref.HasPrefix(resourceRef) && len(ref) > 2 && !ref[2].Equal(typeTerm) && !ref[2].Equal(idTerm) {
			found = 1
		}
		return found == 1
	})
	return found
}

var (
	resourceRef      = ast.MustParseRef("input.resource")
	typeTerm, idTerm = ast.InternedTerm("type"), ast.InternedTerm("id")
)

func (e *Engine) condition(f *frameOf) Condition {
	written := e.written(f.failed)
	c := Condition{Text: sourceOf(written.Location, written)}
	if loc := written.Location; loc != nil {
		c.File, c.Line = loc.File, loc.Row
	}
	if f.rule != nil {
		rule := e.rule(f.rule, 0)
		c.Rule, c.Title = rule.Name, rule.Title
	}
	return c
}

// written returns the source condition that the compiler turned into expr. It
// returns expr itself if there is none.
func (e *Engine) written(expr *ast.Expr) *ast.Expr {
	loc := expr.Location
	if loc == nil || e.tree.Modules[loc.File] == nil {
		return expr
	}
	for _, rule := range e.tree.Modules[loc.File].Rules {
		for ; rule != nil; rule = rule.Else {
			for _, x := range rule.Body {
				if at := x.Location; at != nil && at.Offset <= loc.Offset && loc.Offset < at.Offset+len(at.Text) {
					return x
				}
			}
		}
	}
	return expr
}

// rule describes a rule by its source and the METADATA above it.
func (e *Engine) rule(rule *ast.Rule, depth int) Rule {
	r := Rule{Name: strings.TrimPrefix(rego.RulePath(rule), "data."), Text: sourceOf(rule.Location, rule), Depth: depth}
	if rule.Location != nil {
		r.File, r.Line = rule.Location.File, rule.Location.Row
	}
	for _, a := range e.tree.Compiler.GetAnnotationSet().Chain(rule) {
		if a.Annotations == nil || a.Annotations.Scope != "rule" && a.Annotations.Scope != "document" {
			continue
		}
		r.Title, r.Description = cmp.Or(r.Title, a.Annotations.Title), cmp.Or(r.Description, a.Annotations.Description)
		if code, ok := a.Annotations.Custom["code"].(string); ok && r.Code == "" {
			r.Code = code
		}
	}
	return r
}

// sourceOf returns the source text, or the node as OPA prints it if there is none.
func sourceOf(loc *ast.Location, node fmt.Stringer) string {
	if loc != nil && len(loc.Text) > 0 {
		return strings.TrimSpace(string(loc.Text))
	}
	return node.String()
}
