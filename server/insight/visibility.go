package insight

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/policies/parameter"
	"resellerd/policies/predicate"
	"resellerd/server/resource"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/query"
)

// maxCompared is the most rows of an area that are compared by id. For more rows,
// only their number is compared.
const maxCompared = 5000

// maxBrief is the most rows of an area whose columns a dry run compares.
const maxBrief = 500

// visibility is what one user may do and sees at one moment.
type visibility struct {
	access map[string][]string
	rest   []string             // the access to every area that access does not name
	rows   map[string]*seenRows // by area, for the areas that have rows
}

// seenRows are the rows of an area that a user sees.
type seenRows struct {
	total int
	ids   map[string]*shownAs // nil if there are more than maxCompared
	first []ShownRow
	// plan is everything but the data that decides what is seen: a text that is equal for
	// equal plans. It is "" if all rows are compared.
	plan string
}

// shownAs is how a row is shown: its view and its columns. Rows that are shown alike share
// one.
type shownAs struct {
	view    string
	columns []string
}

// ShownRow is a row as a user sees it.
type ShownRow struct {
	View string          `json:"view" required:"true"`
	Row  json.RawMessage `json:"row" required:"true"`
}

// rowArea is an area whose rows the store keeps. Each kind of card, as seen, has its
// own.
type rowArea struct{ area, typ, kind string }

// rowAreas are sorted by area.
var rowAreas = func() (all []rowArea) {
	for _, t := range resource.Types {
		names := t.AreaNames()
		for _, area := range names {
			row := rowArea{area: area, typ: t.Name}
			if len(names) > 1 {
				row.kind = strings.TrimPrefix(area, t.Name+"/")
			}
			if t.Parent == "" {
				all = append(all, row)
			}
		}
	}
	return all
}()

// observer determines what a user sees.
type observer struct {
	r     *Reader
	m     *store.Moment
	first int  // how many rows of each area to show
	ids   bool // collect ids for a comparison
	// quiet records nothing. The data may exist only in a transaction that is rolled
	// back.
	quiet bool
	// brief reads how rows are shown only for areas with at most maxBrief rows. Other
	// writes wait meanwhile.
	brief bool
}

// of returns what the acting user of the session may do and sees.
func (o observer) of() (*visibility, error) {
	out := &visibility{rows: map[string]*seenRows{}}
	var err error
	if out.access, err = o.access(); err != nil {
		return nil, err
	}
	out.rest = o.r.effective(areas.Any)
	plans := map[string]*session.ReadPlan{}
	for _, a := range rowAreas {
		p, asked := plans[a.typ]
		if !asked {
			if p, err = o.plan(a.typ); err != nil {
				return nil, err
			}
			plans[a.typ] = p
		}
		if out.rows[a.area], err = o.rows(a, p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (o observer) access() (map[string][]string, error) {
	if !o.quiet {
		access, _, err := o.r.AccessByArea()
		return access, err
	}
	return o.r.AccessUnrecorded()
}

func (o observer) plan(typ string) (*session.ReadPlan, error) {
	if !o.quiet {
		return o.r.MayList(typ)
	}
	in := o.r.Input("read", typ, "")
	plan := o.r.Engine.Plan(o.r.Ctx, in)
	switch plan.Outcome {
	case policies.OutcomeError:
		return nil, &session.DeniedError{Decision: policies.Decision{Outcome: plan.Outcome, Err: plan.Err}}
	case policies.OutcomeDeny:
		return nil, nil
	}
	return &session.ReadPlan{Type: typ, Plan: o.r.HideCosts(typ, plan), Env: plan.Bind(o.r.Ctx, in), Leaf: o.r.Facts.Leaf}, nil
}

// rows returns the rows of an area. It does not count cards whose kind is hidden.
func (o observer) rows(a rowArea, p *session.ReadPlan) (*seenRows, error) {
	seen := &seenRows{}
	if o.ids {
		seen.ids = map[string]*shownAs{}
	}
	if p == nil || a.kind != "" && !p.Sees("kind") {
		return seen, nil
	}
	q := p.Query()
	if a.kind != "" {
		q.Where = []query.Condition{{Column: "kind", Op: query.Eq, Value: a.kind}}
	}
	var err error
	if seen.total, err = o.m.Count(o.r.Ctx, q); err != nil {
		return nil, err
	}
	if seen.first, err = o.firstRows(q, p); err != nil {
		return nil, err
	}
	if o.ids {
		seen.ids, err = o.idsOf(q, seen.total)
		if seen.total > maxBrief {
			seen.plan = planKey(p)
		}
	}
	return seen, err
}

// planKey returns the text of a plan, with its values.
func planKey(p *session.ReadPlan) string {
	values := parameter.New()
	collect := func(f predicate.Filter) {
		if f.Kind == predicate.Where && f.Where != nil {
			values.Collect(f.Where)
		}
	}
	collect(p.Plan.Filter)
	for _, v := range p.Plan.Views {
		collect(v.When)
	}
	for _, c := range p.Plan.Columns {
		collect(c.When)
	}
	classes, bound := values.Values(p.Env, nil)
	return fmt.Sprintf("%q %q %#v", textOf(p.Plan), classes, bound)
}

// firstRows returns the first rows of a list, in the list's order and format.
func (o observer) firstRows(q query.Query, p *session.ReadPlan) ([]ShownRow, error) {
	if o.first == 0 {
		return nil, nil
	}
	q.Limit = o.first
	write := query.Row.AppendJSON
	if q.Type == "audit" {
		q, write = p.NewestFirst(q), o.r.AppendEntry
	}
	page, err := o.m.List(o.r.Ctx, q)
	if err != nil {
		return nil, err
	}
	rows := make([]ShownRow, len(page.Rows))
	for i, row := range page.Rows {
		rows[i] = ShownRow{View: row.View, Row: write(row, nil)}
	}
	return rows, nil
}

// idsOf returns the ids of a list's rows, or nil if there are more than maxCompared.
func (o observer) idsOf(q query.Query, total int) (map[string]*shownAs, error) {
	if total > maxCompared {
		return nil, nil
	}
	ids, known := make(map[string]*shownAs, total), map[string]*shownAs{}
	if o.brief && total > maxBrief {
		return o.idsAlone(q, ids)
	}
	err := o.m.Stream(o.r.Ctx, q, func(row query.Row) error {
		names := row.Names()
		key := row.View + "\x00" + strings.Join(names, "\x00")
		if known[key] == nil {
			known[key] = &shownAs{row.View, names}
		}
		ids[row.ID()] = known[key]
		return nil
	})
	return ids, err
}

// idsAlone reads the ids of rows, and not how they are shown.
func (o observer) idsAlone(q query.Query, ids map[string]*shownAs) (map[string]*shownAs, error) {
	columns := q.Columns
	q.Columns = nil
	for _, c := range columns {
		if len(q.Where) > 0 && slices.Contains(c.Names, "kind") {
			q.Columns = append(q.Columns, query.Columns{Names: []string{"kind"}, When: c.When})
		}
	}
	err := o.m.Stream(o.r.Ctx, q, func(row query.Row) error {
		ids[row.ID()] = unread
		return nil
	})
	return ids, err
}

// unread stands for a row of which only the id was read.
var unread = &shownAs{}

// AreaDifference describes what differs in one area.
type AreaDifference struct {
	Area      string         `json:"area" required:"true" description:"* for every area that is not named"`
	Access    *AccessChange  `json:"access,omitempty"`
	Visible   *VisibleChange `json:"visible,omitempty" description:"number of rows that the user sees"`
	Appear    []string       `json:"appear,omitempty" description:"rows that the user sees after the change and not before; at most 100"`
	Disappear []string       `json:"disappear,omitempty" description:"rows that the user sees before the change and not after; at most 100"`
	Appearing int            `json:"appearing,omitempty" description:"number of rows that appear, if appear does not list all"`
	Vanishing int            `json:"vanishing,omitempty" description:"number of rows that disappear, if disappear does not list all"`
	Shown     []RowsChange   `json:"shown,omitempty" description:"views and columns of rows that the user sees before and after"`
	Counted   bool           `json:"counted,omitempty" description:"true: there are too many rows to compare them. Only their number was compared, and other rows may be shown, or in another way"`
	Unread    bool           `json:"columns_not_compared,omitempty" description:"true: there are too many rows to compare how each is shown. Only their ids were compared"`
}

// AccessChange is the access to an area before and after.
type AccessChange struct {
	Before []string `json:"before" required:"true"`
	After  []string `json:"after" required:"true"`
}

// VisibleChange is the number of rows seen before and after.
type VisibleChange struct {
	Before int `json:"before" required:"true"`
	After  int `json:"after" required:"true"`
}

// RowsChange counts the rows on which a user sees or may do something more, or less.
type RowsChange struct {
	What    string `json:"what" required:"true" description:"a view, a column or an action, such as column notes"`
	More    int    `json:"more" required:"true" description:"rows that have it only after the change"`
	Less    int    `json:"less" required:"true" description:"rows that have it only before the change"`
	Example string `json:"example" required:"true" description:"one of these rows"`
}

// maxNamed is the most row ids that a difference lists.
const maxNamed = 100

// written holds the areas whose rows differ, or may differ, between two visibilities.
type written func(area string) bool

// nothing was written between two visibilities, or anything may have been.
func nothing(string) bool  { return false }
func anything(string) bool { return true }

// differences compares two visibilities by area, sorted by area name. The zero
// visibility belongs to a user that does not exist. If there are too many rows of an area
// to compare, it says so, unless the same plan shows rows of which none was written.
func differences(before, after *visibility, touched written) []AreaDifference {
	named := map[string]bool{areas.Any: true}
	for _, o := range []*visibility{before, after} {
		for area := range o.access {
			named[area] = true
		}
		for area := range o.rows {
			named[area] = true
		}
	}
	found := []AreaDifference{}
	for _, area := range slices.Sorted(maps.Keys(named)) {
		if d := difference(area, before, after, touched); d.Access != nil || d.Visible != nil || d.Appear != nil || d.Disappear != nil || d.Shown != nil ||
			d.Counted || d.Unread {
			found = append(found, d)
		}
	}
	return found
}

func difference(area string, before, after *visibility, touched written) AreaDifference {
	d := AreaDifference{Area: area}
	if one, two := before.at(area), after.at(area); !slices.Equal(one, two) {
		d.Access = &AccessChange{Before: one, After: two}
	}
	one, two := before.rowsAt(area), after.rowsAt(area)
	if one.total != two.total {
		d.Visible = &VisibleChange{Before: one.total, After: two.total}
	}
	same := one.plan == two.plan && one.total == two.total && !touched(area)
	if one.ids == nil || two.ids == nil {
		d.Counted = !same
		return d
	}
	d.Unread = !same && anyUnread(one.ids, two.ids)
	d.Appear, d.Appearing = atMost(missing(two.ids, one.ids))
	d.Disappear, d.Vanishing = atMost(missing(one.ids, two.ids))
	d.Shown = shownChanges(one.ids, two.ids)
	return d
}

// anyUnread reports whether a row that both sides have was not read on one of them.
func anyUnread(before, after map[string]*shownAs) bool {
	for id, was := range before {
		if is := after[id]; is != nil && (was == unread || is == unread) {
			return true
		}
	}
	return false
}

// shownChanges compares how rows are shown that both sides have.
func shownChanges(before, after map[string]*shownAs) []RowsChange {
	t := tally{}
	for _, id := range slices.Sorted(maps.Keys(before)) {
		was, is := before[id], after[id]
		if is == nil || was == unread || is == unread || was.view == is.view && slices.Equal(was.columns, is.columns) {
			continue
		}
		if was.view != is.view {
			t.of("view " + is.view).more(id)
			t.of("view " + was.view).less(id)
		}
		for _, column := range is.columns {
			if !slices.Contains(was.columns, column) {
				t.of("column " + column).more(id)
			}
		}
		for _, column := range was.columns {
			if !slices.Contains(is.columns, column) {
				t.of("column " + column).less(id)
			}
		}
	}
	return t.sorted()
}

// tally counts rows by what differs on them.
type tally map[string]*RowsChange

func (t tally) of(what string) *RowsChange {
	if t[what] == nil {
		t[what] = &RowsChange{What: what}
	}
	return t[what]
}

func (c *RowsChange) more(id string) {
	c.More++
	c.Example = cmp.Or(c.Example, id)
}

func (c *RowsChange) less(id string) {
	c.Less++
	c.Example = cmp.Or(c.Example, id)
}

func (t tally) sorted() []RowsChange {
	var out []RowsChange
	for _, what := range slices.Sorted(maps.Keys(t)) {
		out = append(out, *t[what])
	}
	return out
}

// at returns the access to an area, taken from the nearest area that is listed.
func (o *visibility) at(area string) []string {
	if access, ok := o.access[area]; ok {
		return access
	}
	if access := session.Inherited(o.access, area); access != nil {
		return access
	}
	return append([]string{}, o.rest...)
}

func (o *visibility) rowsAt(area string) *seenRows {
	if rows := o.rows[area]; rows != nil {
		return rows
	}
	return &seenRows{ids: map[string]*shownAs{}}
}

// atMost cuts a list to maxNamed ids. It returns the whole number if it cuts.
func atMost(ids []string) (first []string, all int) {
	if len(ids) <= maxNamed {
		return ids, 0
	}
	return slices.Clone(ids[:maxNamed]), len(ids)
}

// missing returns the ids that others lacks, sorted.
func missing(ids, others map[string]*shownAs) []string {
	var found []string
	for id := range ids {
		if others[id] == nil {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	return found
}

// tenantFilter returns a filter that passes the rows of a tenant.
func tenantFilter(tenant string) predicate.Filter {
	return predicate.Of(predicate.ColumnIs("tenant_id", predicate.Operand{Const: tenant}))
}
