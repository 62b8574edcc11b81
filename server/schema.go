package server

import (
	"resellerd/policies"
	"resellerd/store"
)

// Schema tells the policy which columns the store's rows have. Rates and
// revisions have their card's: they are decided through it.
func Schema() policies.Schema {
	schema := policies.Schema{}
	for _, t := range store.Types() {
		if t.Through != "" && !t.Decided {
			continue
		}
		decides := t
		if t.Through != "" {
			decides = typeInfo(t.Through)
		}
		columns := map[string]policies.ColumnKind{}
		for _, c := range decides.Columns {
			if c.Policy {
				columns[c.Name] = columnKind(c)
			}
		}
		schema[t.Name] = policies.TypeSchema{Columns: columns}
	}
	return schema
}

func columnKind(c store.ColumnInfo) policies.ColumnKind {
	switch {
	case c.Opaque:
		return policies.Opaque
	case c.Kind == store.Text:
		return policies.Text
	case c.Kind == store.Integer:
		return policies.Integer
	case c.Kind == store.Boolean:
		return policies.Boolean
	case c.Kind == store.Set:
		return policies.Set
	}
	return policies.Opaque
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
