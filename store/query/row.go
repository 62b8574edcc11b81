package query

import (
	"slices"

	"resellerd/store/schema"
)

// Row is one row of an answer, as its viewer may see it. It is immutable; rows
// of a page stay valid.
type Row struct {
	View   string // the view that applies
	shape  *rowShape
	values []any
	shown  uint64 // the groups of columns that apply
}

func newRow(shape *rowShape, values []any) Row {
	r := Row{shape: shape, values: values}
	view := 0
	if shape.view >= 0 {
		n, _ := values[shape.view].(int64)
		view = int(n)
	}
	r.View = shape.views[view]
	for i, g := range shape.groups {
		if g.at >= 0 && truth(values[g.at]) || g.at < 0 && g.view == view {
			r.shown |= 1 << i
		}
	}
	return r
}

// truth reads a condition as the drivers give it.
func truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case int64:
		return v != 0
	}
	return false
}

// ID identifies the row within its list: its id; of rates the prefix, of
// assignments the account, of customers on a card the customer.
func (r Row) ID() string { return textOf(r.values[r.shape.id]) }

func (r Row) shows(c shownColumn) bool { return c.mask == 0 || c.mask&r.shown != 0 }

// Names lists the columns that this row shows, in the order of its JSON.
func (r Row) Names() []string {
	names := make([]string, 0, len(r.shape.columns))
	for _, c := range r.shape.columns {
		if r.shows(c) {
			names = append(names, c.Name)
		}
	}
	return names
}

// decides lists the columns that a head shows of what hangs on it.
func (r Row) decides() []string {
	columns := slices.Clone(r.shape.always)
	for i, g := range r.shape.groups {
		if r.shown&(1<<i) != 0 {
			columns = append(columns, g.names...)
		}
	}
	return columns
}

// Text is a shown value as a CSV has it: text as it is, money as a decimal
// string, times in RFC 3339, documents as JSON, absent values empty. It is
// false for a column that the row does not show.
func (r Row) Text(dst []byte, name string) ([]byte, bool) {
	for _, c := range r.shape.columns {
		if c.Name == name && r.shows(c) {
			return appendText(dst, c.Kind, r.values[c.at]), true
		}
	}
	return dst, false
}

// Value is a shown value: string, int64 (money at ten decimals, times in
// microseconds), bool, or nil when it is absent; documents are JSON text. It
// is false for a column that the row does not show.
func (r Row) Value(name string) (any, bool) {
	for _, c := range r.shape.columns {
		if c.Name != name || !r.shows(c) {
			continue
		}
		v := r.values[c.at]
		if b, ok := v.([]byte); ok {
			v = string(b)
		}
		if c.Kind == schema.Boolean && v != nil {
			v = truth(v)
		}
		return v, true
	}
	return nil, false
}
