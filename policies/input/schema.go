package input

import "slices"

// ColumnKind is the type of a column that policies may read.
type ColumnKind uint8

// The kinds of columns. Text, Integer and Boolean hold one value or none; Set
// holds texts, and an empty one equals an absent one. Opaque columns are in
// the input of a full evaluation and never in a filter: referring to one from
// a rule that decides is refused.
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

// Schema names the resource types that the store keeps and their columns. The
// column "id" is always there; "type" and "properties" are no columns.
type Schema map[string]TypeSchema

// Kinds returns the kinds that a column has among the types.
func (s Schema) Kinds(column string) []ColumnKind {
	var kinds []ColumnKind
	for _, typ := range s {
		if kind, ok := typ.Columns[column]; ok && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
