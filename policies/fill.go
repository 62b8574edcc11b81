package policies

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/filter"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/policies/rego"
)

var errConflict = errors.New("it depends on a rule with several definitions whose values may conflict")

// compileTemplate asks the tree all questions of a plan and translates the
// answers. It also returns the request values that must be pinned before the
// untranslated parts can translate. It returns an error only if an evaluation
// was cut off. Such a template must not be cached.
func (e *Engine) compileTemplate(ctx context.Context, in *input.Input, pins []predicate.Ref) (*template, []predicate.Ref, error) {
	ctx, cancel := context.WithTimeout(ctx, filter.FillFactor*e.options.Timeout)
	defer cancel()
	defer func(began time.Time) {
		e.compiled.plans.Add(1)
		e.compiled.nanos.Add(int64(time.Since(began)))
	}(time.Now())
	c := e.newCompilation(ctx, in, pins)
	c.askAll()
	for _, step := range []func() error{c.allow, c.reasons, c.views, c.columns} {
		if err := step(); err != nil {
			return nil, nil, err
		}
	}
	if len(c.template.lost) > 0 && len(c.late) == 0 {
		e.compiled.partial.Add(1)
	}
	c.template.needs = c.needs.List
	if c.guards.Own = c.frame.Columns == nil; !c.guards.Own || in.Resource.Type != input.AreaType {
		c.hoist()
	}
	c.template.guards = c.guards.List
	if c.frame.Columns == nil {
		c.late = nil // do not pin one request's values: such a request gets a full evaluation
		c.template.rowErr = c.openRow(in.Resource.Type, pins)
	}
	return c.template, c.late, nil
}

func (e *Engine) newCompilation(ctx context.Context, in *input.Input, pins []predicate.Ref) *compilation {
	return &compilation{
		Engine: e, ctx: ctx, frame: e.asked.NewFrame(in, pins), guards: filter.NewGuards(), needs: &filter.Needs{},
		template: &template{engine: e},
	}
}

// tryFilter compiles only the filter. It returns why the filter cannot be made
// even with all needed values of the request pinned.
func (e *Engine) tryFilter(ctx context.Context, in *input.Input) error {
	var pins []predicate.Ref
	for range maxPins {
		c := e.newCompilation(ctx, in, pins)
		if err := c.allow(); err != nil {
			return err
		}
		more := union(pins, c.late)
		if len(more) == len(pins) {
			for _, r := range c.template.lost {
				return r
			}
			return c.template.allowErr
		}
		pins = more
	}
	return nil
}

// compilation is a template under construction.
type compilation struct {
	*Engine
	ctx      context.Context
	frame    *filter.Frame
	guards   *filter.Guards
	needs    *filter.Needs
	template *template
	late     []predicate.Ref
	asked    map[*rego.Query]func() (rego.Residual, error)
}

// askAll starts all questions concurrently; question waits for each answer.
func (c *compilation) askAll() {
	c.asked = map[*rego.Query]func() (rego.Residual, error){}
	for _, q := range []*rego.Query{c.queries.allow, c.queries.reasons, c.queries.view, c.queries.columns} {
		if q == nil {
			continue
		}
		wait := sync.OnceValues(func() (rego.Residual, error) { return c.Engine.asked.Ask(c.ctx, q, c.frame) })
		c.asked[q] = wait
		go func() {
			defer func() { _ = recover() }() // question receives the panic from wait
			_, _ = wait()
		}()
	}
}

// question evaluates a query partially. An evaluation that was cut off ends
// the compilation; any other error affects only this question.
func (c *compilation) question(q *rego.Query) (*filter.Translator, []ast.Body, error) {
	ask := c.asked[q]
	if ask == nil {
		ask = func() (rego.Residual, error) { return c.Engine.asked.Ask(c.ctx, q, c.frame) }
	}
	r, err := ask()
	if err != nil {
		return nil, nil, err
	}
	if limit := 16 * c.options.MaxDisjuncts; len(r.Queries) > limit {
		return nil, nil, &filter.Refusal{Message: fmt.Sprintf("%d alternatives, at most %d can be looked at", len(r.Queries), limit)}
	}
	t := &filter.Translator{
		Frame: c.frame, Tree: c.Engine.asked, Support: r.Rules(), Modules: r.Support, Guards: c.guards, Needs: c.needs,
	}
	return t, r.Queries, nil
}

// note records why a question did not translate. It returns only errors that
// end the compilation.
func (c *compilation) note(into *error, what string, err error) error {
	if errors.Is(err, rego.ErrTimeout) {
		return err
	}
	if err == nil {
		return nil
	}
	var r *filter.Refusal
	if errors.As(err, &r) {
		c.pin(r)
	}
	*into = fmt.Errorf("policy %s: %w", what, err)
	return nil
}

// pin notes the request values that a refused part may translate with.
func (c *compilation) pin(r *filter.Refusal) {
	for _, root := range r.Late {
		if !input.Pinned(root, c.late) {
			c.late = append(c.late, root)
		}
	}
}

func (c *compilation) allow() error {
	err := c.conflicts.check(c.ctx, c.frame, c.options.Timeout)
	if err != nil {
		return c.note(&c.template.allowErr, "filter", err)
	}
	t, queries, err := c.question(c.queries.allow)
	if err == nil {
		t.Lossy = true
		c.template.allow, err = t.Condition(queries)
		for _, r := range t.Lost {
			c.pin(r)
		}
		c.template.lost = t.Lost
	}
	for id := range c.guards.List { // at this point all guards are Rego guards
		c.template.strict = append(c.template.strict, id)
	}
	return c.note(&c.template.allowErr, "filter", err)
}

func (c *compilation) reasons() error {
	if c.queries.reasons == nil {
		return nil
	}
	if c.conflicts.reasons {
		return c.note(&c.template.reasonsErr, "reasons", errConflict)
	}
	found, err := c.answers(c.queries.reasons)
	c.template.reasons = found
	return c.note(&c.template.reasonsErr, "reasons", err)
}

func (c *compilation) views() error {
	if c.conflicts.shown {
		return c.note(&c.template.shownErr, "view", errConflict)
	}
	if c.queries.view == nil {
		return nil
	}
	found, err := c.answers(c.queries.view)
	for _, a := range found {
		c.template.views = append(c.template.views, ViewCase{a.value, a.when})
	}
	return c.note(&c.template.shownErr, "view", err)
}

func (c *compilation) columns() error {
	if c.queries.columns == nil || c.conflicts.shown {
		return nil
	}
	found, err := c.answers(c.queries.columns)
	groups := newColumnGroups()
	for _, a := range found {
		groups.add(a.when, a.value)
	}
	c.template.columns = groups.list()
	var shown error
	err = c.note(&shown, "columns", err)
	c.template.shownErr = errors.Join(c.template.shownErr, shown)
	return err
}

// answers translates a question whose answers are texts. It leaves out answers
// that no row can have.
func (c *compilation) answers(q *rego.Query) ([]answerFilter, error) {
	t, queries, err := c.question(q)
	if err != nil {
		return nil, err
	}
	found, err := t.Answers(queries)
	if err != nil {
		return nil, err
	}
	var out []answerFilter
	for _, a := range found {
		when, err := t.Filter(a.When)
		if err != nil {
			return nil, err
		}
		if when.Kind != predicate.None {
			out = append(out, answerFilter{a.Value, when})
		}
	}
	return out, nil
}

var errReadsRow = errors.New("a condition that no filter can express reads the row")

// errViews: a check of a row with two views is an error, which no filter knows.
var errViews = errors.New("rows of the panel's own have several views")

// openRow reports why a list cannot leave the panel's own row open, or nil.
func (c *compilation) openRow(typ string, pins []predicate.Ref) error {
	if typ == input.AreaType {
		return nil
	}
	row := blanks{paths: []predicate.Ref{{"resource", "id"}, {"resource", "properties"}}}
	if slices.ContainsFunc(pins, row.overlap) {
		return errReadsRow
	}
	if len(c.template.views) > 1 {
		return errViews
	}
	for _, lost := range c.template.lost {
		return lost // single checks allow more than the filter
	}
	for id := range c.guards.List {
		if g := &c.guards.List[id]; c.template.inLists(id) && g.Rego != nil && row.in(g.Rego.Reads()) {
			return errReadsRow
		}
	}
	return nil
}

// hoist turns conditions that read no row into guards.
func (c *compilation) hoist() {
	t := c.template
	t.allow = c.guards.Hoist(t.allow)
	for i := range t.reasons {
		t.reasons[i].when = c.guards.Hoist(t.reasons[i].when)
	}
	for i := range t.views {
		t.views[i].When = c.guards.Hoist(t.views[i].When)
	}
	for i := range t.columns {
		t.columns[i].When = c.guards.Hoist(t.columns[i].When)
	}
}
