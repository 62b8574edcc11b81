package tablefilter

import (
	"slices"
	"strings"

	"resellerd/policies"
	"resellerd/policies/predicate"
)

// Mask says what replaces the value of a column that a row does not show.
type Mask struct {
	Kind  string // MaskNull, MaskConstant or MaskLastFour
	Value string // of a constant
}

// The kinds of masks. MaskLastFour keeps the last four characters of a longer text and
// replaces any other value with null.
const (
	MaskNull     = "null"
	MaskConstant = "constant"
	MaskLastFour = "last_four"
)

// everyColumn is the policy's word for all columns of a table.
const everyColumn = "*"

// Shown returns the columns of the table that every row of the filter shows, sorted,
// and the masks of others. A policy names a column as NAME, NAME=null, NAME=last_four
// or NAME=constant:TEXT, and all of them as *. A column that is shown only in some rows
// is left out. Of several masks, the one that tells least counts, also if only some rows
// have it.
func (t *Template) Shown(groups []policies.ColumnGroup) (columns []string, masks map[string]Mask) {
	shown, masks, some := map[string]bool{}, map[string]Mask{}, map[string]Mask{}
	for _, g := range groups {
		all := g.When.Kind == predicate.All
		for _, text := range g.Columns {
			name, mask, masked := strings.Cut(text, "=")
			for column := range t.table.Columns {
				switch {
				case name != column && name != everyColumn, g.When.Kind == predicate.None:
				case !masked:
					shown[column] = shown[column] || all
				case all:
					masks[column] = stricter(masks[column], maskOf(mask))
				default:
					some[column] = stricter(some[column], maskOf(mask))
				}
			}
		}
	}
	for column, mask := range masks {
		masks[column] = stricter(mask, some[column])
	}
	columns = []string{}
	for column, always := range shown {
		if always {
			columns = append(columns, column)
			delete(masks, column)
		}
	}
	slices.Sort(columns)
	return columns, masks
}

// maskOf reads a mask. One that is not known hides everything.
func maskOf(text string) Mask {
	kind, value, valued := strings.Cut(text, ":")
	switch {
	case kind == MaskConstant && valued:
		return Mask{MaskConstant, value}
	case text == MaskLastFour:
		return Mask{Kind: MaskLastFour}
	}
	return Mask{Kind: MaskNull}
}

// stricter returns the mask that tells less.
func stricter(a, b Mask) Mask {
	rank := map[string]int{"": 0, MaskLastFour: 1, MaskConstant: 2, MaskNull: 3}
	if rank[a.Kind] > rank[b.Kind] || a.Kind == b.Kind && a.Value < b.Value && a.Kind != "" {
		return a
	}
	return b
}

// MaskSQL returns an expression for a masked column, or "" for a constant and for ucast.
func (t *Template) MaskSQL(column string, m Mask) string {
	name := newWriter(&t.table).name(column)
	switch {
	case t.table.Dialect == UCAST, m.Kind == MaskConstant:
		return ""
	case m.Kind == MaskNull:
		return "NULL"
	case t.table.Dialect == Postgres:
		return "CASE WHEN length(CAST(" + name + " AS text)) > 4 THEN right(CAST(" + name + " AS text), 4) END"
	case t.table.Dialect == MySQL:
		return "CASE WHEN CHAR_LENGTH(" + name + ") > 4 THEN RIGHT(" + name + ", 4) END"
	}
	return "CASE WHEN length(" + name + ") > 4 THEN substr(" + name + ", -4) END"
}
