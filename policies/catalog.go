package policies

import (
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/input"
)

// Catalog returns the entity data.catalog.<typ>.<id>. The map is shared: read
// only.
func (e *Engine) Catalog(typ, id string) (map[string]any, bool) {
	entities, _ := e.catalog[typ].(map[string]any)
	entity, ok := entities[id].(map[string]any)
	return entity, ok
}

// catalogAccounts returns the accounts that the catalog names for a resource.
func (e *Engine) catalogAccounts(typ, id string) []string {
	entity, ok := e.Catalog(typ, id)
	if !ok {
		return nil
	}
	var accounts []string
	for _, key := range slices.Sorted(maps.Keys(entity)) {
		if account, ok := entity[key].(string); ok && input.AccountKey(typ, key) {
			accounts = append(accounts, account)
		}
	}
	return accounts
}

// catalogued tells whether the catalog names an account for some resource of a
// type.
func (e *Engine) catalogued(typ, account string) bool {
	entities, _ := e.catalog[typ].(map[string]any)
	for id := range entities {
		if slices.Contains(e.catalogAccounts(typ, id), account) {
			return true
		}
	}
	return false
}

// Document returns what Evaluate reads for in: Input.Document, with
// subject.below also holding the account that the catalog names for the
// resource, and with the set columns of the resource's type, empty where the
// row has none.
func (e *Engine) Document(in *input.Input) map[string]any {
	return in.DocumentIn(e.options.Schema, e.catalogAccounts(in.Resource.Type, in.Resource.ID))
}

// value is Document as OPA reads it.
func (e *Engine) value(in *input.Input) (ast.Value, error) {
	return in.Value(e.options.Schema, e.catalogAccounts(in.Resource.Type, in.Resource.ID))
}

// AppendBelow appends what Document has as subject.below: the accounts of the
// subject's subtree that the request names, or the catalog for its resource,
// sorted. The subject must have Facts.
func (e *Engine) AppendBelow(dst []string, in *input.Input) []string {
	return in.AppendBelow(dst, e.catalogAccounts(in.Resource.Type, in.Resource.ID))
}
