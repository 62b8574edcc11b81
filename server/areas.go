package server

import (
	"resellerd/policies"
	"resellerd/policies/input"
)

// ownAreas are resellerd's own permission areas.
var ownAreas = []string{
	"account", "audit", "card/customer", "card/provider", "customer", "group", "policy", "preview", "user",
}

var isOwnArea = func() map[string]bool {
	set := map[string]bool{}
	for _, area := range ownAreas {
		set[area] = true
	}
	return set
}()

// areaOf names the area of a decision for metrics. A card's follows its view;
// "card" when nothing is shown.
func (r *session) areaOf(in *input.Input, d policies.Decision) string { return areaOf(r.engine, in, d) }

func areaOf(e *policies.Engine, in *input.Input, d policies.Decision) string {
	switch typ := in.Resource.Type; typ {
	case "area":
		return areaLabel(e, in.Resource.ID)
	case "card", "rate", "revision":
		switch d.View {
		case "customer":
			return "card/customer"
		case "provider", "translated":
			return "card/provider"
		}
		return "card"
	default:
		return areaLabel(e, typ)
	}
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
