package resource

import (
	"strings"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/policies/input"
)

// OwnAreas are resellerd's own permission areas: those of its types, and two areas
// without rows. It must not be changed.
var OwnAreas = func() map[string]bool {
	set := map[string]bool{"policy": true, "preview": true}
	for _, t := range Types {
		for _, area := range t.AreaNames() {
			set[area] = true
		}
	}
	return set
}()

// CoversOwn reports whether a row of a group for this area gives access to an own area of
// resellerd: the row covers the area and those below it.
func CoversOwn(area string) bool {
	for own := range OwnAreas {
		if area == areas.Any || own == area || strings.HasPrefix(own, area+"/") {
			return true
		}
	}
	return false
}

// AreaOf returns the permission area of a decision for metrics and logs. A card's
// area depends on the view, and is the type's name if the decision shows none. It is "other"
// if neither resellerd nor the policy's catalog knows the area.
func AreaOf(e *policies.Engine, in *input.Input, d policies.Decision) string {
	if t := Named(in.Resource.Type); in.Resource.Type != input.AreaType && len(t.Areas) > 0 {
		return t.Area(d.View)
	}
	return areaLabel(e, AreaName(in))
}

// AreaName returns the area that a question about the panel's own data names: the id of
// an area, or the type of a row.
func AreaName(in *input.Input) string {
	if in.Resource.Type == input.AreaType {
		return in.Resource.ID
	}
	return in.Resource.Type
}

// ExtraAreas returns the areas whose access an action needs besides that of the areas of its
// resource.
func ExtraAreas(action string, named []string) (extra []string) {
	switch action {
	case "preview":
		return []string{"preview"}
	case "accept_losses":
		return []string{"card/loss"}
	case "open":
		return []string{"account/opening"}
	case "activate":
		for _, area := range named {
			extra = append(extra, area+"/activation")
		}
	}
	return extra
}

// OtherArea stands for areas that nothing declares.
const OtherArea = "other"

// areaLabel returns the area if resellerd or the policy's catalog declares it, else
// "other".
func areaLabel(e *policies.Engine, area string) string {
	if OwnAreas[area] {
		return area
	}
	if _, declared := e.Catalog("area", area); declared {
		return area
	}
	return OtherArea
}
