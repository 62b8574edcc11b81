package query

import (
	"math"
	"strconv"
	"time"

	"resellerd/store/fault"
	"resellerd/store/schema"
)

var shownOps = map[Op]string{Eq: "=", Ne: "<>", Lt: "<", Le: "<=", Gt: ">", Ge: ">="}

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

// where renders one of the viewer's conditions, on the value that the row shows.
func (c *compiler) where(i int, w Condition) string {
	col, mask, ok := c.shownColumn(w.Column, w.Column, "select", func(col *schema.Column) bool { return col.Search })
	if !ok {
		return "FALSE"
	}
	value := c.value(col, c.viewSQL)
	mark := c.b.Typed(schema.Argument{Kind: schema.ArgWhere, Index: i}, col.Kind)
	text := c.compareShown(w, col, value, mark)
	if mask != 0 {
		text = schema.And(c.anyGroup(mask, c.groupSQL), text)
	}
	return text
}

func (c *compiler) compareShown(w Condition, col *schema.Column, value, mark string) string {
	texts := map[Op]func(text, part string) string{Contains: c.b.Dialect.Contains, Prefix: c.b.Dialect.StartsWith, Suffix: c.b.Dialect.EndsWith}
	if write := texts[w.Op]; write != nil && col.Kind == schema.Text {
		return write(value, mark)
	}
	op := shownOps[w.Op]
	switch {
	case op == "" || col.Kind == schema.Boolean && w.Op != Eq && w.Op != Ne:
		if c.err == nil {
			c.err = fault.Invalid(w.Column, "cannot be compared like this")
		}
		return "FALSE"
	case w.Op == Ne && !col.NotNull:
		return "(" + value + " <> " + mark + " OR " + value + " IS NULL)"
	case w.Op == Eq || w.Op == Ne:
		return value + " " + op + " " + mark
	}
	return c.b.Collated(value, col.Kind) + " " + op + " " + mark
}

// conditionValues parses the values that the viewer's conditions compare with.
func conditionValues(def *schema.Type, conditions []Condition) ([]any, error) {
	values := make([]any, len(conditions))
	for i, w := range conditions {
		col := def.Column(w.Column)
		if col == nil {
			continue // where refuses it
		}
		v, err := parseShown(col.Kind, w.Value)
		if err != nil {
			return nil, fault.Invalid(w.Column, err.Error())
		}
		values[i] = v
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
	way := ""
	if c.q.Desc {
		way = " DESC"
	}
	if c.key == "" {
		return id + way
	}
	if _, sure := c.sortColumn(); !sure {
		return key + way + " NULLS LAST, " + id + way
	}
	return key + way + ", " + id + way
}

// behind returns the condition that a row comes after Query.After.
func (c *compiler) behind() string {
	way := " > "
	if c.q.Desc {
		way = " < "
	}
	id, after := schema.Aliased(c.def.Key, "t"), c.b.Bind(schema.Argument{Kind: schema.ArgAfter})
	if c.key == "" {
		return id + way + after
	}
	if c.q.After.KeyAbsent {
		return c.key + " IS NULL AND " + id + way + after
	}
	col, sure := c.sortColumn()
	text := "(" + c.key + ", " + id + ")" + way + "(" + c.b.Typed(schema.Argument{Kind: schema.ArgKey}, col.Kind) + ", " + after + ")"
	if sure {
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
		if class, i := classify(key); class == classInteger && integral(col.Kind) {
			return i, nil
		}
	}
	return nil, fault.Invalid("cursor", "does not belong to this list")
}

func integral(k schema.Kind) bool {
	return k == schema.Integer || k == schema.Money || k == schema.Time
}
