package resource

import (
	"resellerd/policies/input"
	"resellerd/store/schema"
)

// Schema returns the columns of the store's rows for the policy. Rates and revisions
// have the columns of their card, because the card decides about them.
func Schema() input.Schema {
	known := input.Schema{}
	for _, t := range schema.Types() {
		if t.Through != "" && !t.Decided {
			continue
		}
		decides := t
		if t.Through != "" {
			decides = schema.Info(t.Through)
		}
		columns := map[string]input.ColumnKind{}
		for _, c := range decides.Columns {
			if c.Policy {
				columns[c.Name] = columnKind(c)
			}
		}
		known[t.Name] = input.TypeSchema{Columns: columns}
	}
	return known
}

func columnKind(c schema.ColumnInfo) input.ColumnKind {
	switch {
	case c.Opaque:
		return input.Opaque
	case c.Kind == schema.Text:
		return input.Text
	case c.Kind == schema.Integer:
		return input.Integer
	case c.Kind == schema.Boolean:
		return input.Boolean
	case c.Kind == schema.Set:
		return input.Set
	}
	return input.Opaque
}

// KeepsRows reports whether the store keeps rows of a type that the policy decides
// about. Rows of all other types are the panel's own.
func KeepsRows(typ string) bool {
	info := schema.Info(typ)
	return info.Name != "" && (info.Through == "" || info.Decided)
}
