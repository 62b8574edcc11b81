package tablefilter

import (
	"maps"
	"slices"
	"strings"

	"resellerd/policies"
	"resellerd/policies/bounded"
	"resellerd/policies/input"
)

// Cache caches templates. It is safe for concurrent use.
type Cache struct {
	templates *bounded.Cache[string, *Template]
}

// NewCache returns a cache of templates of limit bytes.
func NewCache(limit int64) *Cache { return &Cache{bounded.New[string, *Template](limit)} }

// Use returns the estimated bytes of the cached templates, and the evictions.
func (c *Cache) Use() bounded.Use { return c.templates.Use() }

// Template returns the template of a plan for a table. Its errors are those of New.
func (c *Cache) Template(plan *policies.Plan, table Table) (*Template, error) {
	kinds := plan.RowKinds()
	key := table.Key() + "\x00" + kindsKey(kinds) + "\x00" + plan.Filter.String()
	if t, ok := c.templates.Get(key); ok {
		return t, nil
	}
	t, err := New(plan.Filter, kinds, table)
	if err == nil {
		c.templates.Add(key, t, t.Bytes()+int64(len(key)))
	}
	return t, err
}

func kindsKey(kinds map[string]input.ColumnKind) string {
	var b strings.Builder
	for _, at := range slices.Sorted(maps.Keys(kinds)) {
		b.WriteString(at)
		b.WriteByte(byte('0' + kinds[at]))
	}
	return b.String()
}
