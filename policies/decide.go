package policies

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"resellerd/policies/input"
	"resellerd/policies/predicate"
)

var errChange = errors.New("policy filter: a change of access is decided for one row at a time")

// maxLazyGuards is the largest number of Rego guards in a check's template.
// With more of them, a full evaluation is cheaper.
const maxLazyGuards = 2

// Decide answers one input from a cached plan if the policy can be turned into
// one, and by a full evaluation otherwise. Both give the same answer. For types
// in the Schema, a policy that cannot be turned into a filter is an error.
func (e *Engine) Decide(ctx context.Context, in *input.Input) Decision {
	if in.Action.Change != nil || in.Misnamed() || e.rowless {
		return e.Evaluate(ctx, in)
	}
	t, warm, err := e.plans.template(ctx, in, nil)
	if err != nil {
		return failed(err)
	}
	if _, stored := e.options.Schema[in.Resource.Type]; stored && t.allowErr != nil {
		return failed(t.allowErr)
	}
	if !t.checks() || !t.fits(in) {
		return t.confirm(ctx, in, e.Evaluate(ctx, in))
	}
	d := t.decide(&binding{ctx: ctx, in: in, template: t})
	d.Warm = warm
	return d
}

// EvaluateWhole answers one input by a full evaluation. Like Decide, it ignores the
// rules that no filter can express for the subject, so that it agrees with lists.
func (e *Engine) EvaluateWhole(ctx context.Context, in *input.Input) Decision {
	d := e.Evaluate(ctx, in)
	if _, stored := e.options.Schema[in.Resource.Type]; !d.Allow || !stored || e.rowless || in.Action.Change != nil {
		return d
	}
	t, _, err := e.plans.template(ctx, in, nil)
	if err != nil {
		return failed(err)
	}
	return t.confirm(ctx, in, d)
}

// confirm denies what only the lost rules of a template allow.
func (t *template) confirm(ctx context.Context, in *input.Input, d Decision) Decision {
	if d.Allow && len(t.lost) > 0 && !t.allow.Eval(&binding{ctx: ctx, in: in, template: t}) {
		return Decision{Outcome: OutcomeDeny}
	}
	return d
}

// checks reports whether the template can answer single checks.
func (t *template) checks() bool {
	if t.allowErr != nil || t.regoGuards() > maxLazyGuards {
		return false
	}
	p := t.engine.parts
	return usable(p.reasons, t.reasonsErr) && usable(p.view, t.shownErr) && usable(p.columns, t.shownErr)
}

func usable(part standing, err error) bool {
	return part == partAbsent || part == partEmpty || (part == partRule || part == partDenied) && err == nil
}

func (t *template) regoGuards() int {
	n := 0
	for i := range t.guards {
		if t.guards[i].Rego != nil {
			n++
		}
	}
	return n
}

// decide answers the binding's input from the compiled conditions.
func (t *template) decide(b *binding) Decision {
	d := Decision{Outcome: OutcomeDeny}
	if t.allow.Eval(b) {
		d.Allow, d.Outcome = true, OutcomeAllow
		for _, id := range t.strict {
			b.Guard(id) // an error of this guard would have ended a full evaluation
		}
	}
	p := t.engine.parts
	if p.reasons == partRule || p.reasons == partDenied && !d.Allow {
		d.Reasons = t.holding(b)
	}
	if d.Allow && p.view == partRule {
		var err error
		if d.View, err = t.view(b); err != nil {
			return failed(err)
		}
	}
	if d.Allow && p.columns == partRule {
		d.Columns = t.shown(b)
	}
	if b.err != nil {
		return failed(b.err)
	}
	return d
}

// view returns the one view that holds, or "" if none holds.
func (t *template) view(b predicate.Env) (string, error) {
	view := ""
	for i := range t.views {
		if !t.views[i].When.Eval(b) {
			continue
		}
		if view != "" {
			return "", fmt.Errorf("policy decision: views %s and %s for one row", view, t.views[i].Name)
		}
		view = t.views[i].Name
	}
	return view, nil
}

// setKey identifies a set of reasons or column groups by the ones that hold.
type setKey struct {
	columns bool
	held    uint64
}

// holding returns the reasons that hold, sorted.
func (t *template) holding(b predicate.Env) []string {
	var held uint64
	var texts []string
	for i := range t.reasons {
		if t.reasons[i].when.Eval(b) {
			held |= 1 << (i % 64)
			if len(t.reasons) > 64 {
				texts = append(texts, t.reasons[i].value)
			}
		}
	}
	if held == 0 || len(t.reasons) > 64 {
		return texts
	}
	return t.set(setKey{held: held}, func(i int) []string { return []string{t.reasons[i].value} })
}

// shown returns the visible columns, sorted.
func (t *template) shown(b predicate.Env) []string {
	var held uint64
	var texts []string
	for i := range t.columns {
		if t.columns[i].When.Eval(b) {
			held |= 1 << (i % 64)
			if len(t.columns) > 64 {
				texts = append(texts, t.columns[i].Columns...)
			}
		}
	}
	if held == 0 || len(t.columns) > 64 {
		slices.Sort(texts)
		return texts
	}
	return t.set(setKey{columns: true, held: held}, func(i int) []string { return t.columns[i].Columns })
}

// set returns the sorted union of the parts that hold. It caches the result.
func (t *template) set(key setKey, part func(i int) []string) []string {
	if v, ok := t.sets.Load(key); ok {
		return v.([]string)
	}
	var texts []string
	for i := range 64 {
		if key.held&(1<<i) != 0 {
			texts = append(texts, part(i)...)
		}
	}
	slices.Sort(texts)
	v, _ := t.sets.LoadOrStore(key, slices.Clip(texts))
	return v.([]string)
}
