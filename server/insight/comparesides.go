package insight

import (
	"fmt"
	"maps"
	"slices"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/server/resource"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/query"
)

// asks says what two policies are asked beside the usual questions.
type asks struct {
	forms   []string // of requests, if a policy reads the form
	actions []string // of both catalogs
	differ  bool     // the policies differ at all
	changes bool     // a policy reads what a write changes
	whole   bool     // a policy shows no rows, so that no filter tells what it allows
}

func newAsks(before, after *policies.Engine, differ bool) asks {
	a := asks{differ: differ || before.Rowless() != after.Rowless()}
	for _, e := range []*policies.Engine{before, after} {
		a.actions = append(a.actions, e.Catalogued("action")...)
		a.changes = a.changes || e.Reads("action", "change")
		a.whole = a.whole || e.Rowless()
		if e.Reads("action", "properties", "form") {
			a.forms = []string{input.FormOne, input.FormPage, input.FormCount, input.FormExport, input.FormLookup}
		}
	}
	slices.Sort(a.actions)
	a.actions = slices.DeleteFunc(slices.Compact(a.actions), func(name string) bool { return slices.Contains(knownActions, name) })
	return a
}

// knownActions are the actions that policies know on rows of the store.
var knownActions = []string{"read", "create", "update", "delete", "assign", "activate", "build", "preview", "accept_losses", "open"}

// anyView shows any row, in no particular way.
var anyView = []query.View{{Name: "any", When: predicate.Filter{Kind: predicate.All}}}

// sides are one user under two policies.
type sides struct {
	m        *store.Moment
	under    [2]*Reader
	asks     asks
	out      UserChange
	unproved []string
}

// input returns a question to one side.
func (s *sides) input(i int, action, typ, form string) *input.Input {
	in := s.under[i].Input(action, typ, "")
	in.Action.Form = form
	if s.out.Unknown != "" {
		in.Subject = input.Subject{Type: s.out.Unknown, ID: "unknown"}
	}
	return in
}

// compare compares what a user of the store sees and may do.
func (s *sides) compare() error {
	differ := s.differingPlans()
	if err := s.areas(differ); err != nil {
		return err
	}
	for _, p := range differ {
		s.conditions(p)
		if p.action == "read" && p.form == usualForm("read") && slices.ContainsFunc(rowAreas, func(a rowArea) bool { return a.typ == p.typ }) {
			continue // areas has their rows
		}
		if err := s.rowsOf(p); err != nil {
			return err
		}
	}
	if !s.asks.differ {
		return nil
	}
	if err := s.changes(); err != nil {
		return err
	}
	return s.whole()
}

// compareStranger compares what a subject may do that the store does not know. It sees no
// list of the store's rows.
func (s *sides) compareStranger() error {
	named := map[string]bool{areas.Any: true}
	maps.Copy(named, resource.OwnAreas)
	for _, r := range s.under {
		maps.Copy(named, r.Engine.Areas())
	}
	access, err := s.judged(append(s.otherActions(), session.AccessActions...), slices.Sorted(maps.Keys(named)))
	if err != nil {
		return err
	}
	for _, area := range slices.Sorted(maps.Keys(named)) {
		if was, is := access[0][area], access[1][area]; !slices.Equal(was, is) {
			s.out.Areas = append(s.out.Areas, AreaDifference{Area: area, Access: &AccessChange{Before: was, After: is}})
		}
	}
	for _, p := range s.differingPlans() {
		s.conditions(p)
	}
	return nil
}

// otherActions are the actions beside those that access consists of.
func (s *sides) otherActions() []string {
	return append(slices.DeleteFunc(slices.Clone(knownActions), func(name string) bool { return slices.Contains(session.AccessActions, name) }), s.asks.actions...)
}

// judged returns which of the actions both sides allow on areas.
func (s *sides) judged(actions, named []string) (allowed [2]map[string][]string, err error) {
	asked := make([]string, len(named))
	for i, area := range named {
		asked[i] = areas.Asked(area, named)
	}
	for i, r := range s.under {
		answers, err := r.Engine.Access(r.Ctx, s.input(i, "read", input.AreaType, input.FormOne), asked, actions)
		if err != nil {
			return allowed, err
		}
		allowed[i] = map[string][]string{}
		for j, area := range named {
			allowed[i][area] = answers[asked[j]]
		}
	}
	return allowed, nil
}

// plans are the answers of both policies to a question about all rows of a type.
type plans struct {
	typ, action, form string
	side              [2]*policies.Plan
}

// unusual returns the form, unless it is the one that requests for this action have.
func (p plans) unusual() string {
	if p.form == usualForm(p.action) {
		return ""
	}
	return p.form
}

// usualForm returns the form of requests of resellerd's own for an action on rows.
func usualForm(action string) string {
	if action == "read" {
		return input.FormPage
	}
	return input.FormOne
}

// differingPlans returns the questions to which the policies answer differently.
func (s *sides) differingPlans() []plans {
	var out []plans
	types := slices.Sorted(maps.Keys(s.under[0].Engine.Schema()))
	panel := map[string]bool{}
	for _, r := range s.under {
		for area := range r.Engine.Areas() {
			panel[area] = !resource.OwnAreas[area]
		}
	}
	for _, area := range slices.Sorted(maps.Keys(panel)) {
		if panel[area] && !slices.Contains(types, area) {
			types = append(types, area)
		}
	}
	for _, typ := range types {
		for _, action := range append(knownActions[:len(knownActions):len(knownActions)], s.asks.actions...) {
			usual := s.plans(typ, action, usualForm(action))
			if !same(action, usual.side[0], usual.side[1]) {
				out = append(out, usual)
			}
			for _, form := range s.asks.forms {
				p := s.plans(typ, action, form)
				asUsual := same(action, p.side[0], usual.side[0]) && same(action, p.side[1], usual.side[1])
				if !asUsual && !same(action, p.side[0], p.side[1]) {
					out = append(out, p)
				}
			}
		}
	}
	return out
}

func (s *sides) plans(typ, action, form string) plans {
	p := plans{typ: typ, action: action, form: form}
	for i, r := range s.under {
		p.side[i] = r.Engine.Plan(r.Ctx, s.input(i, action, typ, form))
		if s.out.Unknown == "" {
			p.side[i] = r.HideCosts(typ, p.side[i])
		}
	}
	return p
}

// same reports whether two plans show the same rows. An action other than read shows none.
func same(action string, a, b *policies.Plan) bool {
	if a.Outcome == b.Outcome && (a.Outcome == policies.OutcomeDeny || action != "read") {
		return a.Filter.String() == b.Filter.String()
	}
	return a.Outcome == b.Outcome && fmt.Sprint(textOf(a)) == fmt.Sprint(textOf(b))
}

// textOf returns the text of a plan that HideCosts may have changed.
func textOf(p *policies.Plan) []string {
	out := []string{p.Filter.String()}
	for _, v := range p.Views {
		out = append(out, "view "+v.Name+" "+v.When.String())
	}
	for _, c := range p.Columns {
		out = append(out, fmt.Sprint(c.Columns, " ", c.When))
	}
	return out
}

// areas compares the access to areas, and the rows and columns that are read.
func (s *sides) areas(differ []plans) error {
	var looks [2]*visibility
	readDiffers := slices.ContainsFunc(differ, func(p plans) bool { return p.action == "read" && p.unusual() == "" })
	for i, r := range s.under {
		r.Form = usualForm("read")
		o := observer{r: r, m: s.m, ids: true, quiet: true}
		var err error
		if readDiffers {
			looks[i], err = o.of()
		} else {
			looks[i] = &visibility{rows: map[string]*seenRows{}, rest: r.effective(areas.Any)}
			looks[i].access, err = o.access()
		}
		if err != nil {
			return err
		}
	}
	if err := s.addActions(looks); err != nil {
		return err
	}
	s.out.Areas = differences(looks[0], looks[1], nothing)
	return nil
}

// addActions adds to the access of each area the other actions that differ.
func (s *sides) addActions(looks [2]*visibility) error {
	named := map[string]bool{areas.Any: true}
	for _, look := range looks {
		for area := range look.access {
			named[area] = true
		}
	}
	other, err := s.judged(s.otherActions(), slices.Sorted(maps.Keys(named)))
	if err != nil {
		return err
	}
	for i, look := range looks {
		all := map[string][]string{}
		for area := range named {
			if alone := onlyIn(other[i][area], other[1-i][area]); len(alone) > 0 {
				all[area] = slices.Concat(look.at(area), alone)
			}
		}
		if rest, ok := all[areas.Any]; ok {
			look.rest = rest
			delete(all, areas.Any)
		}
		maps.Copy(look.access, all)
	}
	return nil
}

func onlyIn(actions, others []string) []string {
	return slices.DeleteFunc(slices.Clone(actions), func(action string) bool { return slices.Contains(others, action) })
}

// rowsOf counts the rows on which an action is allowed by one policy only. It counts none
// if there are too many to compare: then their condition tells.
func (s *sides) rowsOf(p plans) error {
	t := resource.Named(p.typ)
	if len(t.Areas) == 0 {
		return nil // rows of the panel's own
	}
	var ids [2]map[string]*shownAs
	for i, r := range s.under {
		q := s.query(i, p)
		total, err := s.m.Count(r.Ctx, q)
		if err != nil {
			return err
		}
		if ids[i], err = (observer{r: r, m: s.m}).idsOf(q, total); err != nil || ids[i] == nil {
			return err
		}
	}
	what := p.action + " " + p.typ
	if form := p.unusual(); form != "" {
		what += " as " + form
	}
	s.tell(what, ids)
	return nil
}

// tell adds on how many rows something is allowed by one side only.
func (s *sides) tell(what string, ids [2]map[string]*shownAs) {
	changes := tally{}
	for _, id := range missing(ids[1], ids[0]) {
		changes.of(what).more(id)
	}
	for _, id := range missing(ids[0], ids[1]) {
		changes.of(what).less(id)
	}
	s.out.Actions = append(s.out.Actions, changes.sorted()...)
}

// query returns the query for the rows of a plan.
func (s *sides) query(i int, p plans) query.Query {
	r, plan := s.under[i], p.side[i]
	return query.Query{Type: resource.Named(p.typ).Decided(), Filter: plan.Filter, Env: plan.Bind(r.Ctx, s.input(i, p.action, p.typ, p.form)),
		Leaf: r.Facts.Leaf, Views: anyView}
}

// conditions adds how the conditions of two plans differ.
func (s *sides) conditions(p plans) {
	was, is := p.side[0], p.side[1]
	s.condition(p, "rows", was.Filter, is.Filter)
	if p.action != "read" {
		return
	}
	views := [2]map[string]predicate.Filter{viewsOf(was), viewsOf(is)}
	columns := [2]map[string]predicate.Filter{columnsOf(was), columnsOf(is)}
	for i, part := range []string{"view ", "column "} {
		sides := [][2]map[string]predicate.Filter{views, columns}[i]
		names := maps.Clone(sides[0])
		maps.Copy(names, sides[1])
		for _, name := range slices.Sorted(maps.Keys(names)) {
			s.condition(p, part+name, sides[0][name], sides[1][name])
		}
	}
}

func viewsOf(p *policies.Plan) map[string]predicate.Filter {
	out := map[string]predicate.Filter{}
	for _, v := range p.Views {
		out[v.Name] = v.When
	}
	return out
}

func columnsOf(p *policies.Plan) map[string]predicate.Filter {
	out := map[string]predicate.Filter{}
	for _, c := range p.Columns {
		for _, name := range c.Columns {
			out[name] = c.When
		}
	}
	return out
}

func (s *sides) condition(p plans, part string, was, is predicate.Filter) {
	if was.String() == is.String() {
		return
	}
	c := ConditionChange{Type: p.typ, Action: p.action, Form: p.unusual(), Parts: []string{part}, Wider: !covers(was, is), Narrower: !covers(is, was)}
	c.Added, c.Removed = policies.TermsOnlyIn(is.String(), was.String()), policies.TermsOnlyIn(was.String(), is.String())
	for i := range s.out.Conditions {
		if k := &s.out.Conditions[i]; k.Type == c.Type && k.Action == c.Action && k.Form == c.Form && k.Wider == c.Wider && k.Narrower == c.Narrower &&
			slices.Equal(k.Added, c.Added) && slices.Equal(k.Removed, c.Removed) {
			k.Parts = append(k.Parts, part)
			return
		}
	}
	s.out.Conditions = append(s.out.Conditions, c)
}

// covers reports whether a certainly lets every row pass that b lets pass.
func covers(a, b predicate.Filter) bool {
	switch {
	case b.Kind == predicate.None, a.Kind == predicate.All:
		return true
	case b.Kind == predicate.All:
		return false
	}
	return a.Covers(b.Where)
}

// judge notes whether the user sees or may do more, or less.
func (s *sides) judge() {
	for _, d := range s.out.Areas {
		if d.Access != nil {
			s.out.More = s.out.More || moreLetters(d.Access.Before, d.Access.After)
			s.out.Less = s.out.Less || moreLetters(d.Access.After, d.Access.Before)
		}
		if d.Visible != nil {
			s.out.More = s.out.More || d.Visible.After > d.Visible.Before
			s.out.Less = s.out.Less || d.Visible.After < d.Visible.Before
		}
		s.out.More, s.out.Less = s.out.More || len(d.Appear) > 0, s.out.Less || len(d.Disappear) > 0
		s.count(d.Shown)
	}
	s.count(s.out.Actions)
	for _, c := range s.out.Conditions {
		s.out.More, s.out.Less = s.out.More || c.Wider, s.out.Less || c.Narrower
	}
}

func (s *sides) count(changes []RowsChange) {
	for _, c := range changes {
		s.out.More, s.out.Less = s.out.More || c.More > 0, s.out.Less || c.Less > 0
	}
}

func moreLetters(was, is []string) bool {
	return slices.ContainsFunc(is, func(letter string) bool { return !slices.Contains(was, letter) })
}
