package server

import (
	"resellerd/policies/input"
	"resellerd/store"
)

// Schema tells the policy which columns the store's rows have. Rates and
// revisions have their card's: they are decided through it.
func Schema() input.Schema {
	schema := input.Schema{}
	for _, t := range store.Types() {
		if t.Through != "" && !t.Decided {
			continue
		}
		decides := t
		if t.Through != "" {
			decides = typeInfo(t.Through)
		}
		columns := map[string]input.ColumnKind{}
		for _, c := range decides.Columns {
			if c.Policy {
				columns[c.Name] = columnKind(c)
			}
		}
		schema[t.Name] = input.TypeSchema{Columns: columns}
	}
	return schema
}

func columnKind(c store.ColumnInfo) input.ColumnKind {
	switch {
	case c.Opaque:
		return input.Opaque
	case c.Kind == store.Text:
		return input.Text
	case c.Kind == store.Integer:
		return input.Integer
	case c.Kind == store.Boolean:
		return input.Boolean
	case c.Kind == store.Set:
		return input.Set
	}
	return input.Opaque
}

// KeepsRows reports whether the store keeps rows of a type.
func KeepsRows(typ string) bool { return storedTypes()[typ] }

// storedTypes are the types whose rows a policy reads.
func storedTypes() map[string]bool {
	set := map[string]bool{}
	for name := range Schema() {
		set[name] = true
	}
	return set
}
