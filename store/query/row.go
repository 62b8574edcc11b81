package query

import (
	"encoding/json"
	"slices"

	"resellerd/store/schema"
)

// Row is one row of an answer, with what its viewer may see. It is immutable. The
// rows of a page stay valid.
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

// truth converts a boolean as the drivers return it.
func truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case int64:
		return v != 0
	}
	return false
}

// ID identifies the row within its list. It is the prefix of a rate, the account of
// an assignment, the customer on a card, and the id of any other row.
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

// IDs returns the ids in a shown column that refers to other rows.
func (r Row) IDs(name string) (ids []string) {
	for _, c := range r.shape.columns {
		if c.Name != name || !r.shows(c) || r.values[c.at] == nil {
			continue
		}
		if c.Kind != schema.Set {
			return []string{textOf(r.values[c.at])}
		}
		if json.Unmarshal([]byte(textOf(r.values[c.at])), &ids) != nil {
			return nil
		}
	}
	return ids
}

// decides lists the columns that a card shows of the rows that belong to it.
func (r Row) decides() []string {
	columns := slices.Clone(r.shape.always)
	for i, g := range r.shape.groups {
		if r.shown&(1<<i) != 0 {
			columns = append(columns, g.names...)
		}
	}
	return columns
}

// Text appends a shown value in its CSV format: text unchanged, money as a decimal
// string, times in RFC 3339, documents as JSON, and absent values as empty text. It
// returns false for a column that the row does not show.
func (r Row) Text(dst []byte, name string) ([]byte, bool) {
	for _, c := range r.shape.columns {
		if c.Name == name && r.shows(c) {
			return appendText(dst, c.Kind, r.values[c.at]), true
		}
	}
	return dst, false
}

// Value returns a shown value: string, int64 (money in units of 10^-10, times in
// microseconds since 1970), bool, or nil if it is absent. Documents are JSON text.
// It returns false for a column that the row does not show.
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
