package policies

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"resellerd/policies/filter"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
)

// template is a compiled plan that is not yet bound to a request. It is
// immutable except for its caches, and all requests with the same key share
// it.
type template struct {
	engine  *Engine
	allow   predicate.Filter
	reasons []answerFilter
	views   []ViewCase
	columns []ColumnGroup
	guards  []filter.Guard
	strict  []int // guards that allow asked for; an error in one denies, even if it is not needed
	needs   []filter.Need
	pins    []predicate.Ref // request values that were compiled in

	lost []*filter.Refusal // rules that no filter can express for this subject; they allow nothing

	allowErr   error // if set, there is no filter
	reasonsErr error // if set, only a full evaluation gives the reasons
	shownErr   error // if set, only a full evaluation gives the view and the columns
	rowErr     error // if set, a part that no filter can express reads the panel's own row

	lists sync.Map // guard outcomes -> *Plan
	kept  atomic.Int64
	sets  sync.Map // set of cases that hold -> sorted texts
}

// answerFilter is a reason and the condition on which it is given.
type answerFilter struct {
	value string
	when  predicate.Filter
}

// fits reports whether the request's values have the types that the template
// was compiled for.
func (t *template) fits(in *input.Input) bool {
	for _, n := range t.needs {
		if v, ok := in.Lookup(n.Ref); ok && !ofKind(v, n.Kind) {
			return false
		}
	}
	return true
}

func ofKind(v any, kind input.ColumnKind) bool {
	switch v.(type) {
	case string:
		return kind == input.Text
	case bool:
		return kind == input.Boolean
	case int, int64:
		return kind == input.Integer
	default:
		return false
	}
}

// needed returns the paths to pin when a value does not fit: the first two
// parts of each needed path, or the whole context.
func (t *template) needed() []predicate.Ref {
	var pins []predicate.Ref
	for _, n := range t.needs {
		root := n.Ref[:min(2, len(n.Ref))]
		if root[0] == "context" {
			root = root[:1]
		}
		if !input.Pinned(root, pins) {
			pins = append(pins, root)
		}
	}
	return pins
}

// maxGuards limits the guards of a plan for lists, because their outcomes are
// the bits of a key.
const maxGuards = 64

var errGuards = errors.New("policy filter: too many conditions on the request")

// plan returns the list's plan for one request. It decides the guards, and
// with them all conditions that do not read the row.
func (t *template) plan(b *binding, warm bool) *Plan {
	if err := errors.Join(t.allowErr, t.shownErr, t.rowErr); err != nil {
		return failedPlan(fmt.Errorf("%w: %w", ErrNoFilter, err))
	}
	if len(t.guards) > maxGuards {
		return failedPlan(errGuards)
	}
	key := listKey{warm: warm}
	for id := range t.guards {
		if t.inLists(id) && b.Guard(id) {
			key.held |= 1 << id
		}
		if b.err != nil {
			return failedPlan(b.err)
		}
	}
	return t.list(key)
}

// maxLists limits the plans that a template keeps. Requests choose the outcomes of guards.
const maxLists = 256

// list returns the plan for the outcomes of the guards.
func (t *template) list(key listKey) *Plan {
	if p, ok := t.lists.Load(key); ok {
		return p.(*Plan)
	}
	p := t.resolve(key)
	if t.kept.Load() < maxLists {
		if _, was := t.lists.LoadOrStore(key, p); !was {
			t.kept.Add(1)
		}
	}
	return p
}

type listKey struct {
	held uint64
	warm bool
}

// inLists reports whether a guard affects a list. Some guards only explain
// denials.
func (t *template) inLists(id int) bool {
	if slices.Contains(t.strict, id) || mentions(t.allow.Where, id) {
		return true
	}
	for _, v := range t.views {
		if mentions(v.When.Where, id) {
			return true
		}
	}
	for _, c := range t.columns {
		if mentions(c.When.Where, id) {
			return true
		}
	}
	return false
}

func mentions(e predicate.Expr, id int) bool {
	switch e := e.(type) {
	case predicate.And:
		return slices.ContainsFunc(e, func(x predicate.Expr) bool { return mentions(x, id) })
	case predicate.Or:
		return slices.ContainsFunc(e, func(x predicate.Expr) bool { return mentions(x, id) })
	case predicate.Not:
		return mentions(e.X, id)
	case predicate.Guard:
		return e.ID == id
	default:
		return false
	}
}

// resolve replaces the guards in the conditions with their outcomes.
func (t *template) resolve(key listKey) *Plan {
	p := &Plan{Filter: settle(t.allow, key.held), Outcome: OutcomeAllow, Warm: key.warm, needs: t.needs}
	if p.Filter.Kind == predicate.None {
		p.Outcome = OutcomeDeny
	}
	for _, v := range t.views {
		if when := settle(v.When, key.held); when.Kind != predicate.None {
			p.Views = append(p.Views, ViewCase{v.Name, when})
		}
	}
	groups := newColumnGroups()
	for _, c := range t.columns {
		groups.add(settle(c.When, key.held), c.Columns...)
	}
	p.Columns = groups.list()
	p.text = p.Text()
	return p
}

func settle(f predicate.Filter, held uint64) predicate.Filter {
	if f.Kind != predicate.Where {
		return f
	}
	return predicate.Of(decided(f.Where, held))
}

func decided(e predicate.Expr, held uint64) predicate.Expr {
	switch e := e.(type) {
	case predicate.And:
		out := predicate.And{}
		for _, x := range e {
			out = append(out, decided(x, held))
		}
		return out
	case predicate.Or:
		out := predicate.Or{}
		for _, x := range e {
			out = append(out, decided(x, held))
		}
		return out
	case predicate.Not:
		return predicate.Not{X: decided(e.X, held)}
	case predicate.Guard:
		if held&(1<<e.ID) != 0 {
			return predicate.True{}
		}
		return predicate.False{}
	default:
		return e
	}
}

// columnGroups groups columns that are shown on the same condition.
type columnGroups struct {
	texts  []string
	groups map[string]*ColumnGroup
}

func newColumnGroups() *columnGroups { return &columnGroups{groups: map[string]*ColumnGroup{}} }

func (g *columnGroups) add(when predicate.Filter, columns ...string) {
	if when.Kind == predicate.None {
		return
	}
	text := when.String()
	group, ok := g.groups[text]
	if !ok {
		group = &ColumnGroup{When: when}
		g.groups[text] = group
		g.texts = append(g.texts, text)
	}
	group.Columns = append(group.Columns, columns...)
}

func (g *columnGroups) list() []ColumnGroup {
	var out []ColumnGroup
	for _, text := range g.texts {
		group := g.groups[text]
		slices.Sort(group.Columns)
		out = append(out, *group)
	}
	slices.SortStableFunc(out, func(a, b ColumnGroup) int { return strings.Compare(a.Columns[0], b.Columns[0]) })
	return out
}
