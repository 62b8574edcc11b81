package query

import (
	"slices"
	"strconv"
	"strings"

	"resellerd/policies/parameter"
	"resellerd/policies/predicate"
	"resellerd/store/schema"
)

// compiler generates one statement. The method compile fills its fields in order.
type compiler struct {
	q    *Query
	def  *schema.Type
	mode mode
	b    *schema.Builder
	r    *renderer

	filter predicate.Expr
	views  []caseOf
	groups []caseOf
	// one is the condition that exactly one view applies to the row.
	one    string
	always map[string]bool // columns shown in every row
	rest   string          // every condition except the filter
	key    string          // the expression of the sort key, "" for the default order
	err    error           // the first error
}

// caseOf is a view or a group of columns whose condition depends on the row.
type caseOf struct {
	name  string   // of a view
	names []string // of a group
	when  predicate.Expr
	sql   string
	view  int // of a group: the view with the same condition, or -1
}

func (r *Reader) compile(q *Query, def *schema.Type, m mode, sources []*parameter.Set, classes []string) (*statement, error) {
	b := schema.NewBuilder(r.d)
	c := &compiler{q: q, def: def, mode: m, b: b}
	c.r = &renderer{b: b, def: def, alias: "t", leaf: q.Leaf, params: sources[0], classes: classes[0]}
	next := 0
	decide := func(f predicate.Filter) predicate.Expr { return decideFilter(f, sources[0], classes[0], &next) }
	c.filter = decide(q.Filter)
	c.resolveViews(decide)
	c.resolveColumns(decide)
	if len(c.views) == 0 {
		return &statement{empty: true}, c.err
	}
	if _, none := c.filter.(predicate.False); none {
		return &statement{empty: true}, c.err
	}
	c.resolveRest(sources, classes)
	p := c.statement()
	if c.err != nil {
		return nil, c.err
	}
	p.text, p.args = b.Finish(p.text)
	return p, nil
}

func decideFilter(f predicate.Filter, l *parameter.Set, classes string, next *int) predicate.Expr {
	switch {
	case f.Kind == predicate.All:
		return predicate.True{}
	case f.Kind == predicate.Where && f.Where != nil:
		return predicate.Simplify(l.Decide(f.Where, classes, next))
	}
	return predicate.False{}
}

// sql renders a condition and records the first error.
func (c *compiler) sql(e predicate.Expr) string {
	text, err := c.r.expr(e)
	if err != nil && c.err == nil {
		c.err = err
	}
	return text
}

// resolveViews finds the views that can apply. If the filter implies a view's
// condition, the view is unconditional.
func (c *compiler) resolveViews(decide func(predicate.Filter) predicate.Expr) {
	for _, v := range c.q.Views {
		when := decide(v.When)
		if _, never := when.(predicate.False); never {
			continue
		}
		if predicate.Implies(c.filter, when) {
			when = predicate.True{}
		}
		c.views = append(c.views, caseOf{name: v.Name, when: when, sql: c.sql(when)})
	}
	c.one = c.exactlyOne()
}

func (c *compiler) exactlyOne() string {
	if len(c.views) == 1 {
		return c.views[0].sql
	}
	var some predicate.Or
	var sum []string
	apart := true
	for i, v := range c.views {
		some = append(some, v.when)
		sum = append(sum, "CASE WHEN "+v.sql+" THEN 1 ELSE 0 END")
		for _, other := range c.views[:i] {
			apart = apart && disjoint(v.when, other.when)
		}
	}
	switch {
	case !apart:
		return "(" + strings.Join(sum, " + ") + ") = 1"
	case coveredBy(c.filter, some):
		return "TRUE"
	}
	return c.sql(predicate.Simplify(some))
}

// coveredBy reports whether one of the alternatives holds wherever the filter
// holds.
func coveredBy(filter predicate.Expr, alternatives predicate.Or) bool {
	for _, part := range disjuncts(filter) {
		if !predicate.Implies(part, alternatives) {
			return false
		}
	}
	return true
}

func (c *compiler) resolveColumns(decide func(predicate.Filter) predicate.Expr) {
	c.always = map[string]bool{}
	for _, g := range c.q.Columns {
		when := decide(g.When)
		if _, never := when.(predicate.False); never {
			continue
		}
		if predicate.Implies(c.filter, when) || len(c.views) == 1 && predicate.Implies(c.views[0].when, when) {
			for _, name := range g.Names {
				c.always[name] = true
			}
			continue
		}
		text := predicate.Text(when)
		view := slices.IndexFunc(c.views, func(v caseOf) bool { return predicate.Text(v.when) == text })
		c.groups = append(c.groups, caseOf{names: g.Names, when: when, sql: c.sql(when), view: view})
	}
}

// mask returns the groups that show a column, as bits. The mask is 0 if every row
// shows it. shown is false if no row shows it.
func (c *compiler) mask(col *schema.Column) (mask uint64, shown bool) {
	if !col.Show {
		return 0, false
	}
	if c.always[col.Name] {
		return 0, true
	}
	for i, g := range c.groups {
		if slices.Contains(g.names, col.Name) {
			mask |= 1 << i
		}
	}
	return mask, mask != 0
}

// anyGroup returns the condition that one of the groups in mask applies.
func (c *compiler) anyGroup(mask uint64, sql func(i int) string) string {
	var parts []string
	for i := range c.groups {
		if mask&(1<<i) != 0 {
			parts = append(parts, sql(i))
		}
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// value returns the SQL of the value that a row shows in a column. view returns the
// condition of the i-th view, in the scope in which the SQL will be used.
func (c *compiler) value(col *schema.Column, view func(i int) string) string {
	if len(c.views) == 1 {
		if e := col.Views[c.views[0].name]; e != nil {
			return e(c.b, "t")
		}
		return col.Expr(c.b, "t")
	}
	var cases string
	for i, v := range c.views {
		if e := col.Views[v.name]; e != nil {
			cases += " WHEN " + view(i) + " THEN " + e(c.b, "t")
		}
	}
	if cases == "" {
		return col.Expr(c.b, "t")
	}
	return "CASE" + cases + " ELSE " + col.Expr(c.b, "t") + " END"
}

func (c *compiler) viewSQL(i int) string  { return c.views[i].sql }
func (c *compiler) groupSQL(i int) string { return c.groups[i].sql }

// resolveRest collects the conditions other than the filter: scope, views, joined
// types, the id, the viewer's own conditions, and the cursor.
func (c *compiler) resolveRest(sources []*parameter.Set, classes []string) {
	conditions := []string{c.one}
	if c.def.Scope != "" {
		conditions = append(conditions, schema.Aliased(c.def.Scope, "t")+" = "+c.b.Bind(schema.Argument{Kind: schema.ArgParent}))
	}
	if c.def.Kept != "" {
		conditions = append(conditions, schema.Aliased(c.def.Kept, "t"))
	}
	if c.def.Timed {
		conditions = append(conditions, "(t.valid_to IS NULL OR t.valid_to > "+c.b.Integer(schema.Argument{Kind: schema.ArgNow})+")")
	}
	if len(c.views) == 1 && c.def.Only[c.views[0].name] != "" {
		conditions = append(conditions, schema.Aliased(c.def.Only[c.views[0].name], "t"))
	}
	for i, f := range c.q.Also {
		conditions = append(conditions, c.alsoSQL(f, i+1, sources[i+1], classes[i+1]))
	}
	if c.q.ID != "" {
		conditions = append(conditions, schema.Aliased(c.def.Key, "t")+" = "+c.b.Bind(schema.Argument{Kind: schema.ArgID}))
	}
	if c.q.Customer != "" {
		from, where := schema.CustomerCards.Rows(c.b)
		conditions = append(conditions, "t.id IN (SELECT s.card_id FROM "+from+" WHERE "+
			schema.And("s.customer_id = "+c.b.Bind(schema.Argument{Kind: schema.ArgCustomer}), where)+")")
	}
	first := 0
	for _, w := range c.q.Where {
		conditions = append(conditions, c.where(first, w))
		first += len(w.values())
	}
	c.key = c.sortKey()
	if c.mode != modeCount && c.mode != modeHead && c.q.After != nil {
		conditions = append(conditions, c.behind())
	}
	c.rest = schema.And(conditions...)
}

func (c *compiler) alsoSQL(f TypedFilter, source int, l *parameter.Set, classes string) string {
	j, next := c.def.Also[f.Type], 0
	r := &renderer{b: c.b, def: j.Def, alias: j.Alias, leaf: f.Leaf, source: source, params: l, classes: classes}
	text, err := r.expr(decideFilter(f.Filter, l, classes, &next))
	if err != nil && c.err == nil {
		c.err = err
	}
	return text
}

// from returns the table and its joins.
func (c *compiler) from() string {
	text := c.def.Table + " t"
	for _, f := range c.q.Also {
		j := c.def.Also[f.Type]
		text += " " + c.b.Dialect.Each(j.Def.Table, j.Alias, schema.Aliased(j.On, "t"))
	}
	return text
}

// fetched returns how many rows a page of the given size fetches. It rounds the
// limit up to one of a few sizes and adds one, so that a few statements serve all
// limits.
func fetched(limit int) int {
	for _, standard := range [...]int{1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, MaxLimit} {
		if limit <= standard {
			return standard + 1
		}
	}
	return streamed + 1
}

func (c *compiler) limit() string {
	if c.mode != modePage {
		return ""
	}
	return " LIMIT " + strconv.Itoa(fetched(c.q.Limit))
}
