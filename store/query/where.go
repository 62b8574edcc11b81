package query

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"resellerd/policies/parameter"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

var shownOps = map[Op]string{Lt: "<", Le: "<=", Gt: ">", Ge: ">="}

// shownColumn returns the column of that name if some row can show it and usable
// accepts it. A hidden column and a column that does not exist give the same error.
func (c *compiler) shownColumn(name, field, purpose string, usable func(*schema.Column) bool) (*schema.Column, uint64, bool) {
	col := c.def.Column(name)
	if col != nil && usable(col) {
		if mask, ok := c.mask(col); ok {
			return col, mask, true
		}
	}
	if c.err == nil {
		c.err = fault.Invalid(field, "cannot be used to "+purpose+" by")
	}
	return nil, 0, false
}

// where renders one of the viewer's conditions, on the value that the row shows. first
// is the index of the condition's first value.
func (c *compiler) where(first int, w Condition) string {
	if w.Op == Contains {
		return c.contains(first, w)
	}
	col, mask, ok := c.shownColumn(w.Column, w.Column, "select", func(col *schema.Column) bool { return col.Search })
	if !ok {
		return "FALSE"
	}
	var marks []string
	for i := range w.values() {
		marks = append(marks, c.b.Typed(schema.Argument{Kind: schema.ArgWhere, Index: first + i}, col.Kind))
	}
	text := c.compareShown(w, col, marks)
	if mask != 0 {
		text = schema.And(c.anyGroup(mask, c.groupSQL), text)
	}
	return text
}

func (c *compiler) compareShown(w Condition, col *schema.Column, marks []string) string {
	if col.Kind == schema.Set {
		return c.compareSet(w, col, marks)
	}
	value := c.value(col, c.viewSQL)
	texts := map[Op]func(text, part string) string{Prefix: c.b.Dialect.StartsWith, Suffix: c.b.Dialect.EndsWith}
	if write := texts[w.Op]; write != nil && col.Kind == schema.Text && len(marks) == 1 {
		return write(value, marks[0])
	}
	same := " = " + strings.Join(marks, ", ")
	if len(marks) > 1 {
		same = " IN (" + strings.Join(marks, ", ") + ")"
	}
	op := shownOps[w.Op]
	switch {
	case w.Op == Null:
		return value + " IS NULL"
	case w.Op == NotNull:
		return value + " IS NOT NULL"
	case w.Op == Eq:
		return value + same
	case w.Op == Ne && col.NotNull:
		return "NOT " + value + same
	case w.Op == Ne:
		return "(NOT " + value + same + " OR " + value + " IS NULL)"
	case op == "" || col.Kind == schema.Boolean || len(marks) > 1:
		return c.incomparable(w)
	}
	return c.b.Collated(value, col.Kind) + " " + op + " " + marks[0]
}

// contains searches the folded texts that the row shows in one or several columns.
func (c *compiler) contains(first int, w Condition) string {
	var found []string
	for _, name := range append([]string{w.Column}, w.Also...) {
		col, mask, ok := c.shownColumn(name, name, "select", func(col *schema.Column) bool { return col.Search })
		if !ok {
			return "FALSE"
		}
		if col.Kind != schema.Text || len(w.Or) > 0 {
			return c.incomparable(w)
		}
		text := c.searched(first, col)
		if mask != 0 {
			text = schema.And(c.anyGroup(mask, c.groupSQL), text)
		}
		found = append(found, text)
	}
	return "(" + strings.Join(found, " OR ") + ")"
}

// searched returns the SQL of whether the text that a row shows in a column contains
// the value. A text that is kept folded is compared with the folded value, and any other
// with the value in lower case.
func (c *compiler) searched(first int, col *schema.Column) string {
	in := func(view string) string {
		value := schema.Argument{Kind: schema.ArgWhere, Index: first}
		if !col.FoldsIn(view) {
			value.Index++
		}
		return c.b.Dialect.Contains(col.Folded(c.b, "t", view), c.b.Bind(value))
	}
	if len(c.views) == 1 {
		return in(c.views[0].name)
	}
	text := "CASE"
	for i, v := range c.views {
		text += " WHEN " + c.viewSQL(i) + " THEN " + in(v.name)
	}
	return text + " END"
}

func (c *compiler) incomparable(w Condition) string {
	if c.err == nil {
		c.err = fault.Invalid(w.Column, "cannot be compared like this")
	}
	return "FALSE"
}

// compareSet renders a condition on a set. A condition that names values starts from
// them, so that an index finds the rows.
func (c *compiler) compareSet(w Condition, col *schema.Column, marks []string) string {
	from, where := col.Set.Rows(c.b)
	only := ""
	if col.Set.Only != "" {
		only = schema.Aliased(col.Set.Only, "t")
	}
	of := "s." + col.Set.Owner + " = t.id"
	some := schema.And(only, "EXISTS (SELECT 1 FROM "+from+" WHERE "+schema.And(of, where)+")")
	held := "s." + col.Set.Value + " IN (" + strings.Join(marks, ", ") + ")"
	switch w.Op {
	case Null:
		return "NOT (" + some + ")"
	case NotNull:
		return some
	case Eq:
		return schema.And(only, "t.id IN (SELECT s."+col.Set.Owner+" FROM "+from+" WHERE "+schema.And(held, where)+")")
	case Ne:
		return "NOT (" + schema.And(only, "EXISTS (SELECT 1 FROM "+from+" WHERE "+schema.And(of, held, where)+")") + ")"
	}
	return c.incomparable(w)
}

// conditionValues parses the values that the viewer's conditions compare with.
func conditionValues(def *schema.Type, conditions []Condition) (values []any, err error) {
	for _, w := range conditions {
		col := def.Column(w.Column)
		for _, text := range w.values() {
			value := any(text)
			if col != nil { // where refuses a column that does not exist
				if value, err = parseShown(col.Kind, text); err != nil {
					return nil, fault.Invalid(w.Column, err.Error())
				}
			}
			values = append(values, value)
		}
	}
	return values, nil
}

func parseShown(kind schema.Kind, text string) (any, error) {
	switch kind {
	case schema.Integer:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fault.Invalid("value", "must be a whole number")
		}
		return n, nil
	case schema.Money:
		return schema.ParseMoney(text)
	case schema.Time:
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, fault.Invalid("value", "must be a time in the format of RFC 3339")
		}
		return t.UnixMicro(), nil
	case schema.Boolean:
		if text != "true" && text != "false" {
			return nil, fault.Invalid("value", "must be true or false")
		}
		return text == "true", nil
	}
	return text, nil
}

// sortKey returns the expression that orders rows before their id: the value that a
// row shows in the sort column, or NULL if it shows none.
func (c *compiler) sortKey() string {
	if c.q.Sort == "" {
		return ""
	}
	if col := c.def.Column(c.q.Sort); col != nil && col.Order {
		return col.Expr(c.b, "t")
	}
	col, mask, ok := c.shownColumn(c.q.Sort, "sort", "sort", func(col *schema.Column) bool { return col.Sort })
	if !ok || mask == 0 && c.def.IsKey(col) {
		return ""
	}
	text := c.value(col, c.viewSQL)
	if mask != 0 {
		text = "CASE WHEN " + c.anyGroup(mask, c.groupSQL) + " THEN " + text + " END"
	}
	if c.plain(col, mask) {
		return text
	}
	return c.b.Collated("("+text+")", col.Kind)
}

// plain reports whether the sort key is the stored column, so that an index on it
// gives the order.
func (c *compiler) plain(col *schema.Column, mask uint64) bool {
	if mask != 0 {
		return false
	}
	for _, v := range c.views {
		if col.Views[v.name] != nil {
			return false
		}
	}
	return true
}

// sortColumn returns the sort column, and whether the sort key is never NULL.
func (c *compiler) sortColumn() (col *schema.Column, sure bool) {
	col = c.def.Column(c.q.Sort)
	mask, _ := c.mask(col)
	return col, col.NotNull && c.plain(col, mask)
}

// order returns the terms of ORDER BY for the given key and id expressions.
func (c *compiler) order(key, id string) string {
	way, absent := "", " NULLS LAST, "
	if c.descends() {
		way = " DESC"
	}
	if c.backwards() {
		absent = " NULLS FIRST, "
	}
	if c.key == "" {
		return id + way
	}
	if _, sure := c.sortColumn(); !sure {
		return key + way + absent + id + way
	}
	return key + way + ", " + id + way
}

// backwards reports whether the statement reads the rows before a cursor, the last
// one first.
func (c *compiler) backwards() bool { return c.q.After != nil && c.q.After.Back }

func (c *compiler) descends() bool { return c.q.Desc != c.backwards() }

// id returns the expression of the id for orders and ranges. A search below a master
// reads the rows of the viewer's own accounts and sorts them. With an index on all
// ids, its duration would tell how many rows others have.
func (c *compiler) id() string {
	id := schema.Aliased(c.def.Key, "t")
	searches := slices.ContainsFunc(c.q.Where, func(w Condition) bool { return w.Op == Contains })
	if c.def.Scope != "" || !searches || c.r.master() {
		return id
	}
	return c.b.Dialect.Unordered(id)
}

// behind returns the condition that a row comes after Query.After, or before it.
func (c *compiler) behind() string {
	way := " > "
	if c.descends() {
		way = " < "
	}
	id, after := c.id(), c.b.Bind(schema.Argument{Kind: schema.ArgAfter})
	if c.key == "" {
		return id + way + after
	}
	switch {
	case c.q.After.KeyAbsent && c.backwards():
		return "(" + c.key + " IS NOT NULL OR " + id + way + after + ")"
	case c.q.After.KeyAbsent:
		return c.key + " IS NULL AND " + id + way + after
	}
	col, sure := c.sortColumn()
	text := "(" + c.key + ", " + id + ")" + way + "(" + c.b.Typed(schema.Argument{Kind: schema.ArgKey}, col.Kind) + ", " + after + ")"
	if sure || c.backwards() {
		return text
	}
	return "(" + text + " OR " + c.key + " IS NULL)"
}

// cursorKey converts a cursor's key to the type of the sort column. It returns
// ErrInvalid if the key does not fit.
func cursorKey(def *schema.Type, q *Query) (any, error) {
	col := def.Column(q.Sort)
	if q.After == nil || col == nil || q.After.KeyAbsent || q.After.Key == nil && def.IsKey(col) {
		return nil, nil
	}
	switch key := q.After.Key.(type) {
	case string:
		if col.Kind == schema.Text {
			return key, nil
		}
	case bool:
		if col.Kind == schema.Boolean {
			return key, nil
		}
	case float64:
		if i := int64(key); float64(i) == key && math.Abs(key) < 1<<53 && integral(col.Kind) {
			return i, nil
		}
	default:
		if class, i := parameter.Classify(key); class == parameter.Integer && integral(col.Kind) {
			return i, nil
		}
	}
	return nil, fault.Invalid("cursor", "does not belong to this list")
}

func integral(k schema.Kind) bool {
	return k == schema.Integer || k == schema.Money || k == schema.Time
}
