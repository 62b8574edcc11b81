package input

import "slices"

// ColumnKind is the type of a column that policies may read.
type ColumnKind uint8

// The kinds of columns. Text, Integer and Boolean hold one value or none. Set
// holds texts, and an empty set equals an absent one. Opaque columns are in
// the input of a full evaluation, but never in a filter. A rule that allow
// depends on must not refer to one.
const (
	Text ColumnKind = iota + 1
	Integer
	Boolean
	Set
	Opaque
)

// TypeSchema names the columns of one resource type.
type TypeSchema struct {
	Columns map[string]ColumnKind
}

// Schema holds the resource types that the store keeps and their columns. The
// column "id" always exists; "type" and "properties" are not columns.
type Schema map[string]TypeSchema

// Kinds returns the kinds that a column has in the different types.
func (s Schema) Kinds(column string) []ColumnKind {
	var kinds []ColumnKind
	for _, typ := range s {
		if kind, ok := typ.Columns[column]; ok && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
