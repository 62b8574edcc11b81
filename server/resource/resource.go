// Package resource is the registry of resource types: what the permission areas
// of a type are, where its collection is, which type it belongs to, and what a new
// row of it is unless it says otherwise. Its columns and the prefix of its ids are
// in store/schema. It is
// the one place to name a new type. It is read only, and safe for concurrent use.
package resource

import (
	"slices"

	"resellerd/store"
	"resellerd/store/schema"
)

// Type is a type of row that resellerd serves.
type Type struct {
	Name string
	// Collection is the path of the rows of this type, "" for a type without one.
	Collection string
	// Parent is the type whose rows decide about the rows of this type, and whose
	// ids name what is decided about; "" for a type that is decided by itself.
	Parent string
	// Areas are its permission areas, by the view that shows a row. A type whose
	// area does not depend on the view has one, with the view "".
	Areas []Area
	// Owner is the column that names the account that a new row belongs to, its
	// creator's unless the row says it; account_id where this is "".
	Owner string
	// Kind is that of a new row that does not say it, "" for a type without kinds.
	Kind string
}

// Area is a permission area and a view whose rows it covers.
type Area struct{ View, Name string }

// cardAreas are those of cards and of all that belongs to a card.
var cardAreas = []Area{
	{"customer", "card/customer"}, {"provider", "card/provider"}, {"translated", "card/provider"},
}

// Types are all types that are decided about, sorted by name.
var Types = []Type{
	{Name: "account", Collection: "/v1/accounts", Areas: one("account"), Owner: "parent_id", Kind: store.Reseller},
	{Name: "audit", Areas: one("audit")},
	{Name: "card", Collection: "/v1/cards", Areas: cardAreas, Kind: schema.CustomerCard},
	{Name: "customer", Collection: "/v1/customers", Areas: one("customer")},
	{Name: "group", Collection: "/v1/groups", Areas: one("group")},
	{Name: "rate", Parent: "card", Areas: cardAreas},
	{Name: "revision", Parent: "card", Areas: cardAreas},
	{Name: "user", Collection: "/v1/users", Areas: one("user")},
}

func one(area string) []Area { return []Area{{"", area}} }

// Named is the type of this name; without areas when it is not one of these.
func Named(name string) Type {
	for _, t := range Types {
		if t.Name == name {
			return t
		}
	}
	return Type{Name: name}
}

// Decided is the name of the type that decides about rows of this one.
func (t Type) Decided() string {
	if t.Parent != "" {
		return t.Parent
	}
	return t.Name
}

// OwnerColumn is the column that names the account of a row.
func (t Type) OwnerColumn() string {
	if t.Owner != "" {
		return t.Owner
	}
	return "account_id"
}

// Area is the permission area of a row that is shown in the first of these views
// that the type knows. It is the type's own name where none is, as for a type of
// the panel's.
func (t Type) Area(views ...string) string {
	for _, view := range views {
		for _, a := range t.Areas {
			if a.View == view {
				return a.Name
			}
		}
	}
	return t.Decided()
}

// AreaNames are the permission areas of the type, each once, sorted; its own name
// for a type of the panel's.
func (t Type) AreaNames() []string {
	if len(t.Areas) == 0 {
		return []string{t.Name}
	}
	var names []string
	for _, a := range t.Areas {
		names = append(names, a.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
