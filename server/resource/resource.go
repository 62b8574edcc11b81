// Package resource is the registry of resource types, and the only place where a new
// type is named. It says for each type which permission areas it has, where its
// collection is, which type it belongs to, and the defaults of a new row. Columns and
// id prefixes are in store/schema. The registry is read-only and safe for concurrent
// use.
package resource

import (
	"slices"

	"resellerd/store"
	"resellerd/store/schema"
)

// Type is a type of row that resellerd serves.
type Type struct {
	Name string
	// Collection is the URL path of the rows of this type, "" if there is none.
	Collection string
	// Parent is the type whose rows decide access to the rows of this type. Decisions
	// name the id of a parent row. Parent is "" for a type that is decided by itself.
	Parent string
	// Areas are the permission areas by the view that shows a row. A type whose area
	// does not depend on the view has one area, with the view "".
	Areas []Area
	// Owner is the column with the account that owns a new row. Unless the request
	// sets it, the creator's account owns the row. "" means account_id.
	Owner string
	// Kind is the default kind of a new row, "" for a type without kinds.
	Kind string
}

// Area is a permission area, and the view whose rows it covers.
type Area struct{ View, Name string }

// cardAreas are the areas of cards and of everything that belongs to a card.
var cardAreas = []Area{
	{"customer", "card/customer"}, {"provider", "card/provider"}, {"translated", "card/provider"},
}

// Types are all types that the policy decides about, sorted by name.
var Types = []Type{
	{Name: "account", Collection: "/v1/accounts", Areas: one("account"), Owner: "parent_id", Kind: store.Reseller},
	{Name: "audit", Areas: one("audit")},
	{Name: "card", Collection: "/v1/cards", Areas: cardAreas, Kind: schema.CustomerCard},
	{Name: "customer", Collection: "/v1/customers", Areas: one("customer")},
	{Name: "group", Collection: "/v1/groups", Areas: one("group")},
	{Name: "rate", Parent: "card", Areas: cardAreas},
	{Name: "revision", Parent: "card", Areas: cardAreas},
	{Name: "user", Collection: "/v1/users", Areas: one("user")},
	{Name: "webhook", Collection: "/v1/webhooks", Areas: one("webhook")},
}

func one(area string) []Area { return []Area{{"", area}} }

// Named returns the type with this name. For an unknown name it returns a type
// without areas.
func Named(name string) Type {
	for _, t := range Types {
		if t.Name == name {
			return t
		}
	}
	return Type{Name: name}
}

// Decided returns the name of the type that decides access to rows of this type.
func (t Type) Decided() string {
	if t.Parent != "" {
		return t.Parent
	}
	return t.Name
}

// OwnerColumn returns the column with the account that owns a row.
func (t Type) OwnerColumn() string {
	if t.Owner != "" {
		return t.Owner
	}
	return "account_id"
}

// Area returns the permission area for the first of these views that the type knows.
// If it knows none, as with types of the panel, Area returns the type's name.
func (t Type) Area(views ...string) string {
	for _, view := range views {
		for _, a := range t.Areas {
			if a.View == view {
				return a.Name
			}
		}
	}
	return t.Name
}

// AreaNames returns the permission areas of the type, sorted and without duplicates.
// For a type of the panel it returns the type's name.
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
