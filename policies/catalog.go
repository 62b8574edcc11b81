package policies

import (
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"resellerd/policies/areas"
	"resellerd/policies/gateway"
	"resellerd/policies/input"
)

// Catalog returns the entity data.catalog.<typ>.<id> and reports whether it
// exists. The map is shared: do not change it.
func (e *Engine) Catalog(typ, id string) (map[string]any, bool) {
	entities, _ := e.catalog[typ].(map[string]any)
	entity, ok := entities[id].(map[string]any)
	return entity, ok
}

// Catalogued returns the ids of the entities of a type in data.catalog, sorted.
func (e *Engine) Catalogued(typ string) []string {
	entities, _ := e.catalog[typ].(map[string]any)
	return slices.Sorted(maps.Keys(entities))
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

// catalogued reports whether the catalog names an account for any resource of
// a type.
func (e *Engine) catalogued(typ, account string) bool {
	entities, _ := e.catalog[typ].(map[string]any)
	for id := range entities {
		if slices.Contains(e.catalogAccounts(typ, id), account) {
			return true
		}
	}
	return false
}

// Document returns the input document that Evaluate reads for in. It is
// Input.Document with two additions: subject.below also holds the accounts
// that the catalog names for the resource, and set columns of the resource's
// type that the row lacks are present and empty.
func (e *Engine) Document(in *input.Input) map[string]any {
	return in.DocumentIn(e.options.Schema, e.catalogAccounts(in.Resource.Type, in.Resource.ID))
}

// value returns Document as an OPA value.
func (e *Engine) value(in *input.Input) (ast.Value, error) {
	return in.Value(e.options.Schema, e.catalogAccounts(in.Resource.Type, in.Resource.ID))
}

// Fingerprint returns a hash of everything that a policy reads of an input, except the
// time. At one moment, one engine decides equally about inputs with one fingerprint.
func (e *Engine) Fingerprint(in *input.Input) (string, error) {
	timeless := *in
	timeless.Context.Time = time.Time{}
	value, err := e.value(&timeless)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(value.String()))
	return string(sum[:]), nil
}

// AppendBelow appends the value of subject.below in Document to dst: the
// accounts of the subject's subtree that the request or the resource's catalog
// entry names, sorted. The subject must have Facts.
func (e *Engine) AppendBelow(dst []string, in *input.Input) []string {
	return in.AppendBelow(dst, e.catalogAccounts(in.Resource.Type, in.Resource.ID))
}

// LooksIntoGroups reports whether a decision may depend on more of the subject's groups than
// their number.
func (e *Engine) LooksIntoGroups() bool {
	return e.tree.LooksIntoGroups(e.tree.Rules.Reachable(decisionRef))
}

// Reads reports whether a decision may read the value at a path below input, a part of it, or
// a value that contains it.
func (e *Engine) Reads(path ...string) bool { return e.tree.Mentioned.Overlaps(path) }

// Rowless reports whether the tree says that it shows no rows.
func (e *Engine) Rowless() bool { return e.rowless }

// Areas returns the areas that the policy's data names: those of the ceiling of
// resellers, the ids of the catalog's type area and the other types of the catalog, and
// those that data.areas and data.gateway map requests to. The map is shared: do not change it.
func (e *Engine) Areas() map[string]bool { return e.areas }

// Gateway returns how the policy's data maps the requests of gateways and proxies.
func (e *Engine) Gateway() *gateway.Map { return e.gateway }

func namedAreas(data map[string]any, m *gateway.Map) map[string]bool {
	named := map[string]bool{}
	add := func(area string) {
		if areas.Valid(area) {
			named[area] = true
		}
	}
	catalog, _ := data["catalog"].(map[string]any)
	for typ := range catalog {
		if typ != "action" && typ != input.AreaType {
			add(typ)
		}
	}
	of, _ := catalog[input.AreaType].(map[string]any)
	limits, _ := data["limits"].(map[string]any)
	ceiling, _ := limits["reseller_ceiling"].(map[string]any)
	listed, _ := limits["reseller_areas"].([]any)
	for _, area := range listed {
		text, _ := area.(string)
		add(text)
	}
	for _, keys := range []map[string]any{of, ceiling} {
		for area := range keys {
			add(area)
		}
	}
	for _, area := range m.Areas() {
		add(area)
	}
	return named
}
