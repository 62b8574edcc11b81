package server

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"resellerd/policies/areas"
	"resellerd/server/resource"
	"resellerd/server/session"
	"resellerd/store"
)

// warned is what the answer to a write of a group or an account adds to the row.
type warned struct {
	Warnings []problemError `json:"warnings,omitempty" description:"areas that neither resellerd, the template for resellers nor the policy's data names: perhaps they are misspelt. For users of resellers, also areas that the carrier keeps from them"`
}

// answerWarned answers with the row, and with warnings about its areas. They are not part
// of the tag.
func answerWarned(w *writing, t target) (written, error) {
	out, err := answerRow(w, t)
	if err == nil {
		out.more, err = json.Marshal(warned{w.r.areaWarnings("", out.body)})
	}
	return out, err
}

// areaWarnings warns of the areas that nothing names in the rows of a group, or the
// ceiling of an account. row is its representation, and at is the JSON pointer to it in
// the body.
func (r *inquiry) areaWarnings(at string, row []byte) (all []problemError) {
	var shown struct {
		Rows    map[string][]string `json:"rows"`
		Ceiling map[string][]string `json:"ceiling"`
	}
	if json.Unmarshal(row, &shown) != nil {
		return nil // it shows neither
	}
	for _, of := range []struct {
		name  string
		areas map[string][]string
	}{{"rows", shown.Rows}, {"ceiling", shown.Ceiling}} {
		for _, area := range slices.Sorted(maps.Keys(of.areas)) {
			if area != areas.Any && !r.isNamed(area) {
				all = append(all, problemError{at + pointerTo(of.name) + pointerTo(area), "Nothing names the area " + area + "."})
			}
		}
	}
	return all
}

// isNamed reports whether resellerd, the template for resellers or the policy's data
// names an area, an area above it or an area below it. To resellers, the policy's data names
// only what it lets them have.
func (r *inquiry) isNamed(area string) bool {
	named := func(name string) bool {
		return name == area || strings.HasPrefix(area, name+"/") || strings.HasPrefix(name, area+"/")
	}
	for name := range resource.OwnAreas {
		if named(name) {
			return true
		}
	}
	for name := range store.DefaultResellerGroup().Rows {
		if named(name) {
			return true
		}
	}
	ceiling := r.Engine.Limits().ResellerCeiling
	open := func(name string) bool {
		letters, own := ceiling[name]
		if !own {
			letters = session.Inherited(ceiling, name)
		}
		return len(letters) > 0 && (r.Engine.Lists(name) || !r.Facts.Account.ListedAreas)
	}
	for name := range r.Engine.Areas() {
		if named(name) && (r.Facts.Account.Kind == store.Master || open(name)) {
			return true
		}
	}
	return false
}
