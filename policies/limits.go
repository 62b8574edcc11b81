package policies

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"resellerd/policies/areas"
)

// Limits are the bounds in data.limits.
type Limits struct {
	MaxDepth        int                 // levels of accounts below a master; default 1
	ResellerCeiling map[string][]string // the most that a reseller may have, per area
	ResellerAreas   []string            // areas that resellers may have where areas are listed
}

// Lists reports whether policy data names an area, or an area above it, as one that
// resellers may have: in data.limits.reseller_areas, data.limits.reseller_ceiling or
// data.catalog.area.
func (e *Engine) Lists(area string) bool {
	for name := area; ; {
		_, ceiling := e.limits.ResellerCeiling[name]
		_, declared := e.Catalog("area", name)
		if ceiling || declared || slices.Contains(e.limits.ResellerAreas, name) {
			return true
		}
		end := strings.LastIndexByte(name, '/')
		if end < 0 {
			return false
		}
		name = name[:end]
	}
}

// Limits returns the bounds in data.limits. The caller may change the map.
func (e *Engine) Limits() Limits {
	l := e.limits
	l.ResellerCeiling = maps.Clone(l.ResellerCeiling)
	return l
}

func readLimits(data map[string]any) (Limits, error) {
	limits := Limits{MaxDepth: 1}
	given, ok := data["limits"]
	if !ok {
		return limits, nil
	}
	var raw struct {
		MaxDepth        *int                `json:"max_depth"`
		ResellerCeiling map[string][]string `json:"reseller_ceiling"`
		ResellerAreas   []string            `json:"reseller_areas"`

		ActivationByAnother bool `json:"activation_by_another"` // checked here, and read by the embedded policy
	}
	if err := decodeData(given, &raw); err != nil {
		return limits, fmt.Errorf("data.limits: %w", err)
	}
	if raw.MaxDepth != nil {
		limits.MaxDepth = *raw.MaxDepth
	}
	if limits.MaxDepth < 0 {
		return limits, fmt.Errorf("data.limits.max_depth: %d is negative", limits.MaxDepth)
	}
	for _, area := range slices.Sorted(maps.Keys(raw.ResellerCeiling)) {
		if area != areas.Any && !areas.Valid(area) {
			return limits, fmt.Errorf("data.limits.reseller_ceiling: %q is no area: write words of a-z, 0-9, - and _, joined by slashes", area)
		}
	}
	for _, area := range raw.ResellerAreas {
		if !areas.Valid(area) {
			return limits, fmt.Errorf("data.limits.reseller_areas: %q is no area: write words of a-z, 0-9, - and _, joined by slashes", area)
		}
	}
	limits.ResellerCeiling, limits.ResellerAreas = raw.ResellerCeiling, raw.ResellerAreas
	return limits, nil
}
