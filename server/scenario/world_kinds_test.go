package scenario

import (
	"maps"
	"testing"

	"resellerd/server/resource"
)

// A world has rows of every type that has a collection, except for webhooks: a scenario
// says who sees what is sold, and webhooks tell their users no more than lists do.
func TestAWorldHasRowsOfEveryCollection(t *testing.T) {
	t.Parallel()
	collections, made := map[string]bool{}, map[string]bool{}
	for _, r := range resource.Types {
		if r.Collection != "" && r.Name != "webhook" {
			collections[r.Name] = true
		}
	}
	for _, k := range kinds {
		made[k.typ] = true
	}
	if !maps.Equal(made, collections) {
		t.Errorf("a world has %v, there are collections of %v", made, collections)
	}
}
