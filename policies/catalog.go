package policies

import (
	"maps"
	"slices"
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
		if account, ok := entity[key].(string); ok && accountKey(typ, key) {
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
