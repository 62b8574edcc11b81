package query

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"resellerd/policies/predicate"
	"resellerd/store/schema"
)

// rowShape says where each value is in a result row.
type rowShape struct {
	columns []shownColumn // the shown columns, in the order of the type
	views   []string
	view    int // the position of the view's index; -1 if there is one view
	groups  []groupAt
	id      int
	key     int // the position of the sort key; -1 for the default order
	width   int
	always  []string // of a head: the columns that are shown in any case
}

type shownColumn struct {
	*schema.Column
	mask uint64 // the groups that show it; 0 if it is always shown
	at   int
}

// groupAt says how to tell whether a group of columns applies: by the value at the
// position at, or, if at is -1, by the view.
type groupAt struct {
	at, view int
	names    []string // of a head
}

// statement generates the text. If all rows have the same view and columns, and an
// index is likely to give their order, the text is one plain SELECT. Otherwise it
// first finds the ids of the page, with what decides about each row, and then reads
// what these few rows show.
func (c *compiler) statement() *statement {
	branches := []predicate.Expr{c.filter}
	if c.q.ID == "" && c.mode != modeHead {
		branches = indexedParts(c.def, c.filter)
	}
	if c.mode == modeCount {
		return &statement{text: c.count(branches)}
	}
	switch c.mode {
	case modeHead:
		return c.head()
	case modeHeads:
		return c.paged(branches)
	}
	if len(branches) == 1 && len(c.views) == 1 && len(c.groups) == 0 && c.key == "" && c.walkable() {
		return c.flat()
	}
	return c.paged(branches)
}

// walkable reports whether an index is likely to return the rows in their order, so
// that the database reads only the page. Otherwise the ids are sorted first.
func (c *compiler) walkable() bool {
	if _, everything := c.filter.(predicate.True); everything || c.q.ID != "" {
		return true
	}
	if c.mode == modeStream {
		return !c.subtree(c.filter)
	}
	return slices.ContainsFunc(conjuncts(c.filter), func(e predicate.Expr) bool {
		switch e := e.(type) {
		case predicate.Compare:
			return indexable(c.def, e)
		case predicate.Member:
			return e.Set.Ref.IsBelow() && indexable(c.def, e) && (c.q.Leaf || c.r.master())
		}
		return false
	})
}

// subtree reports whether an index finds the rows of a branch only by the accounts of a
// subtree, and so not in the order of the list. Without a fence, the database could read
// all rows in that order instead.
func (c *compiler) subtree(branch predicate.Expr) bool {
	if c.q.ID != "" || c.q.Leaf || c.r.master() {
		return false
	}
	found := false
	for _, e := range conjuncts(branch) {
		switch e := e.(type) {
		case predicate.Compare:
			if indexable(c.def, e) {
				return false
			}
		case predicate.Member:
			found = found || e.Set.Ref.IsBelow() && indexable(c.def, e)
		}
	}
	return found
}

func (c *compiler) condition(branch predicate.Expr) string {
	text := c.sql(branch)
	if c.rest == "TRUE" {
		return text
	}
	if text == "TRUE" {
		return c.rest
	}
	return text + " AND " + c.rest
}

func (c *compiler) count(branches []predicate.Expr) string {
	if len(branches) == 1 {
		return "SELECT count(*) FROM " + c.from() + " WHERE " + c.condition(branches[0])
	}
	parts := make([]string, len(branches))
	for i, branch := range branches {
		parts[i] = "SELECT " + schema.Aliased(c.def.Key, "t") + " FROM " + c.from() + " WHERE " + c.condition(branch)
	}
	return "SELECT count(*) FROM (" + strings.Join(parts, " UNION ") + ") u"
}

// selection collects the select list.
type selection struct {
	texts []string
	shape *rowShape
}

func (s *selection) add(text string) int {
	s.texts = append(s.texts, text)
	return len(s.texts) - 1
}

func (c *compiler) newSelection() *selection {
	shape := &rowShape{view: -1, key: -1}
	for _, v := range c.views {
		shape.views = append(shape.views, v.name)
	}
	return &selection{shape: shape}
}

func (c *compiler) flat() *statement {
	sel := c.newSelection()
	c.addColumns(sel, c.viewSQL, c.groupSQL)
	text := "SELECT " + strings.Join(sel.texts, ", ") + " FROM " + c.from() +
		" WHERE " + c.condition(c.filter) + " ORDER BY " + c.order("", c.id()) + c.limit()
	return &statement{text: text, shape: sel.shape}
}

// addColumns selects the id and every column that some row shows. A column that
// reads other tables is computed only for the rows that show it.
func (c *compiler) addColumns(sel *selection, view, group func(int) string) {
	id := schema.Aliased(c.def.Key, "t")
	sel.shape.id = -1
	for i := range c.def.Columns {
		col := &c.def.Columns[i]
		mask, shown := c.mask(col)
		if !shown {
			continue
		}
		text := c.value(col, view)
		if mask != 0 && col.Costly {
			text = "CASE WHEN " + c.anyGroup(mask, group) + " THEN " + text + " END"
		}
		place := sel.add(text)
		if text == id {
			sel.shape.id = place
		}
		sel.shape.columns = append(sel.shape.columns, shownColumn{Column: col, mask: mask, at: place})
	}
	if sel.shape.id < 0 {
		sel.shape.id = sel.add(id)
	}
	sel.shape.width = len(sel.texts)
}

// paged finds the ids first. Each branch uses its own index and stops at the end of
// the page. Their union is cut to the page again.
func (c *compiler) paged(branches []predicate.Expr) *statement {
	inner := c.innerList()
	order := c.order("k", "id")
	parts := make([]string, len(branches))
	for i, branch := range branches {
		parts[i] = "SELECT " + inner + " FROM " + c.from() + " WHERE " + c.condition(branch)
		switch fence := c.b.Dialect.Fence; {
		case fence != "" && c.subtree(branch):
			parts[i] = "SELECT * FROM (" + parts[i] + fence + ") f"
			if c.mode == modePage {
				parts[i] += " ORDER BY " + order + c.limit()
			}
		case c.mode == modePage:
			parts[i] += " ORDER BY " + c.order(c.key, c.id()) + c.limit()
		}
	}
	ids := parts[0]
	if len(parts) > 1 {
		for i, part := range parts {
			parts[i] = "SELECT * FROM (" + part + ") b" + strconv.Itoa(i)
		}
		ids = "SELECT * FROM (" + strings.Join(parts, " UNION ") + ") u"
		if c.mode == modePage {
			ids += " ORDER BY " + order + c.limit()
		}
	}
	sel := c.outer()
	join := schema.Aliased(c.def.Key, "t") + " = p.id"
	if c.def.Scope != "" {
		join += " AND " + schema.Aliased(c.def.Scope, "t") + " = " + c.b.Bind(schema.Argument{Kind: schema.ArgParent})
	}
	if c.def.Timed {
		join += " AND (t.valid_to IS NULL OR t.valid_to > " + c.b.Integer(schema.Argument{Kind: schema.ArgNow}) + ")"
	}
	text := "SELECT " + strings.Join(sel.texts, ", ") + " FROM (" + ids + ") p " + c.b.Dialect.Each(c.def.Table, "t", join) +
		" ORDER BY " + c.order("p.k", "p.id")
	return &statement{text: text, shape: sel.shape}
}

// innerList returns the select list of the query for the ids: id, sort key, view
// and groups.
func (c *compiler) innerList() string {
	list := schema.Aliased(c.def.Key, "t") + " AS id"
	if c.key != "" {
		list += ", " + c.key + " AS k"
	}
	if len(c.views) > 1 {
		list += ", " + c.viewIndex() + " AS v"
	}
	for i, g := range c.groups {
		if g.view < 0 {
			list += ", COALESCE((" + g.sql + "), FALSE) AS g" + strconv.Itoa(i)
		}
	}
	return list
}

func (c *compiler) viewIndex() string {
	text := "CASE"
	for i, v := range c.views {
		text += " WHEN " + v.sql + " THEN " + strconv.Itoa(i)
	}
	return text + " END"
}

// outer selects the values of the rows whose ids were found.
func (c *compiler) outer() *selection {
	sel := c.newSelection()
	if c.key != "" {
		sel.shape.key = sel.add("p.k")
	}
	if len(c.views) > 1 {
		sel.shape.view = sel.add("p.v")
	}
	view := func(i int) string { return "p.v = " + strconv.Itoa(i) }
	group := func(i int) string {
		if g := c.groups[i]; g.view >= 0 {
			return view(g.view)
		}
		return "p.g" + strconv.Itoa(i)
	}
	for i, g := range c.groups {
		place := groupAt{at: -1, view: g.view, names: g.names}
		if g.view < 0 {
			place.at = sel.add(group(i))
		}
		sel.shape.groups = append(sel.shape.groups, place)
	}
	if c.mode == modeHeads {
		c.addHead(sel)
	} else {
		c.addColumns(sel, view, group)
	}
	return sel
}

// addHead selects a card's active revision and its number of rates.
func (c *compiler) addHead(sel *selection) {
	sel.shape.id = sel.add(schema.Aliased(c.def.Key, "t"))
	for _, column := range []string{"id", "row_count"} {
		sel.add("(SELECT s." + column + " FROM revisions s WHERE s.card_id = t.id AND s.status = 'active')")
	}
	sel.shape.width = len(sel.texts)
	sel.shape.always = slices.Sorted(maps.Keys(c.always))
}

// head reads what a row decides about the rows that belong to it: the view, the
// groups, and the revisions for both views.
func (c *compiler) head() *statement {
	sel := c.newSelection()
	if len(c.views) > 1 {
		sel.shape.view = sel.add(c.viewIndex())
	}
	for _, g := range c.groups {
		place := sel.add("COALESCE((" + g.sql + "), FALSE)")
		sel.shape.groups = append(sel.shape.groups, groupAt{at: place, view: -1, names: g.names})
	}
	sel.shape.id = sel.add(schema.Aliased(c.def.Key, "t"))
	own, translated := c.revision()
	sel.add(own)
	sel.add(translated)
	sel.shape.width = len(sel.texts)
	sel.shape.always = slices.Sorted(maps.Keys(c.always))
	return &statement{text: "SELECT " + strings.Join(sel.texts, ", ") + " FROM " + c.from() + " WHERE " + c.condition(c.filter), shape: sel.shape}
}

// revision returns the SQL of the id of the revision whose rates are requested: own
// for the owner's view, translated for the translated view.
func (c *compiler) revision() (own, translated string) {
	const of = "(SELECT s.id FROM revisions s WHERE s.card_id = t.id AND "
	viewer := func() string { return c.b.Bind(schema.Argument{Kind: schema.ArgViewer}) }
	switch {
	case c.q.At != 0:
		moment := c.b.Integer(schema.Argument{Kind: schema.ArgAt})
		then := "(SELECT s.revision_id FROM revision_periods s WHERE s.card_id = t.id AND s.active_from <= " + moment +
			" AND (s.active_to IS NULL OR s.active_to > " + moment + ")"
		return then + ")", then + " AND EXISTS (SELECT 1 FROM assignments a WHERE a.card_id = t.id AND a.account_id = " + viewer() +
			" AND a.valid_from + 0 <= " + moment + " AND (a.valid_to IS NULL OR a.valid_to + 0 > " + moment + ")))"
	case c.q.Revision != "":
		named := of + "s.id = " + c.b.Bind(schema.Argument{Kind: schema.ArgRevision})
		return named + ")", named + " AND (s.status = 'active' OR EXISTS (SELECT 1 FROM revision_periods p" +
			" JOIN assignments a ON a.card_id = p.card_id WHERE p.revision_id = s.id AND a.account_id = " + viewer() +
			" AND a.valid_from + 0 <= " + c.b.Integer(schema.Argument{Kind: schema.ArgNow}) +
			" AND (p.active_to IS NULL OR a.valid_from < p.active_to AND p.active_from < p.active_to)" +
			" AND (a.valid_to IS NULL OR a.valid_to > p.active_from))))"
	}
	return of + "s.status = 'active')", of + "s.status = 'active')"
}
