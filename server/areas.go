package server

import (
	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/resource"
)

// isOwnArea holds for resellerd's own permission areas: those of its types, and
// two that have no rows.
var isOwnArea = func() map[string]bool {
	set := map[string]bool{"policy": true, "preview": true}
	for _, t := range resource.Types {
		for _, area := range t.AreaNames() {
			set[area] = true
		}
	}
	return set
}()

// areaOf names the area of a decision for metrics. A card's follows its view;
// "card" when nothing is shown.
func (r *session) areaOf(in *input.Input, d policies.Decision) string { return areaOf(r.engine, in, d) }

func areaOf(e *policies.Engine, in *input.Input, d policies.Decision) string {
	if in.Resource.Type == input.AreaType {
		return areaLabel(e, in.Resource.ID)
	}
	t := resource.Named(in.Resource.Type)
	if len(t.Areas) > 0 {
		return t.Area(d.View)
	}
	return areaLabel(e, t.Name)
}

// areaLabel is the area when it is one of resellerd's own or declared by the
// policy's catalog, else "other".
func areaLabel(e *policies.Engine, area string) string {
	if isOwnArea[area] {
		return area
	}
	if _, declared := e.Catalog("area", area); declared {
		return area
	}
	return "other"
}
