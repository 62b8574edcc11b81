package server

import (
	"maps"
	"slices"

	"resellerd/policies/check"
	"resellerd/server/resource"
	"resellerd/store/schema"
)

// PolicyNames returns the areas, and the columns of each type, that a policy may name
// without declaring them.
func PolicyNames() check.Names {
	names := check.Names{Areas: slices.Sorted(maps.Keys(resource.OwnAreas)), Columns: map[string][]string{}}
	for _, t := range schema.Types() {
		names.Areas = append(names.Areas, t.Name)
		for _, c := range t.Columns {
			if c.Show {
				names.Columns[t.Name] = append(names.Columns[t.Name], c.Name)
			}
		}
	}
	return names
}
