package search

import (
	"maps"
	"slices"
	"strings"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/server/resource"
)

// standard are the actions that exist without policy data.
var standard = []string{"accept_losses", "activate", "assign", "build", "create", "delete", "open", "preview", "read", "update"}

// actionType is the type of the catalog that holds actions.
const actionType = "action"

// Actions returns the names of the standard actions and of the catalog's, sorted.
func Actions(e *policies.Engine) []string {
	names := append(slices.Clone(standard), e.Catalogued(actionType)...)
	slices.Sort(names)
	return slices.Compact(names)
}

// Areas returns the areas that resellerd, policy data or the given list name, sorted.
func Areas(e *policies.Engine, given []string) []string {
	names := slices.Concat(given, e.Catalogued(input.AreaType), slices.Collect(maps.Keys(resource.OwnAreas)), slices.Collect(maps.Keys(e.Areas())))
	slices.Sort(names)
	return slices.Compact(slices.DeleteFunc(names, func(name string) bool { return !areas.Valid(name) }))
}

// The parts that Unknown names.
const (
	ActionName   = "action.name"
	ResourceType = "resource.type"
)

// Unknown returns which parts of a question nothing declares: an action, or a type of
// rows. The subject's groups name the given areas.
func Unknown(e *policies.Engine, given []string, action, typ string) (parts []string) {
	if action != "" && !slices.Contains(Actions(e), action) {
		parts = append(parts, ActionName)
	}
	if !knownType(e, given, typ) {
		parts = append(parts, ResourceType)
	}
	return parts
}

// knownType reports whether rows of a type are resellerd's, the catalog's, or in an
// area that has a name.
func knownType(e *policies.Engine, given []string, typ string) bool {
	if typ == input.AreaType || resource.KeepsRows(typ) || len(e.Catalogued(typ)) > 0 {
		return true
	}
	return slices.ContainsFunc(Areas(e, given), func(area string) bool {
		return typ == area || strings.HasPrefix(typ, area+"/")
	})
}
