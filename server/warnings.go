package server

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"resellerd/server/resource"
	"resellerd/store"
)

// warned is what the answer to a write of a group adds to the row.
type warned struct {
	Warnings []problemError `json:"warnings,omitempty" description:"areas that neither resellerd, the template for resellers nor the policy's data names: perhaps they are misspelt"`
}

// answerGroup answers with the row, and with warnings about its areas. They are not part
// of the tag.
func answerGroup(w *writing, t target) (written, error) {
	out, err := answerRow(w, t)
	if err == nil {
		out.more, err = json.Marshal(warned{w.r.areaWarnings("", out.body)})
	}
	return out, err
}

// areaWarnings warns of the areas of a group's representation that nothing names. at is
// the JSON pointer to the group in the body.
func (r *inquiry) areaWarnings(at string, group []byte) (all []problemError) {
	var shown struct {
		Rows map[string][]string `json:"rows"`
	}
	if json.Unmarshal(group, &shown) != nil {
		return nil // it shows no rows
	}
	for _, area := range slices.Sorted(maps.Keys(shown.Rows)) {
		if !r.isNamed(area) {
			all = append(all, problemError{at + "/rows" + pointerTo(area), "Nothing names the area " + area + "."})
		}
	}
	return all
}

// isNamed reports whether resellerd, the template for resellers or the policy's data
// names an area, an area above it or an area below it.
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
	for name := range r.Engine.Areas() {
		if named(name) {
			return true
		}
	}
	return false
}
