package replay

import (
	"context"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/server/resource"
)

// Unlisted counts the decisions about resellers in areas that the policy's data does not
// name, by area. It skips lines that cannot be read.
func Unlisted(ctx context.Context, e *policies.Engine, files []Source) (map[string]int, error) {
	asked, known := map[string]int{}, newProfiles()
	err := eachLine(ctx, files, known, func(_ string, line []byte) {
		if area := unlisted(e, line, known); area != "" {
			asked[area]++
		}
	})
	return asked, err
}

// unlisted returns the area of a decision if it counts, and "" if it does not.
func unlisted(e *policies.Engine, line []byte, known profiles) string {
	entry, err := readEntry(line)
	if err != nil || entry.Event != "" || entry.Truncated {
		return ""
	}
	in, err := entry.input(e.Schema(), known, &subtree{})
	if err != nil || in.Subject.Facts == nil || in.Subject.Facts.Account.Kind != "reseller" {
		return ""
	}
	t := resource.Named(in.Resource.Type)
	if area := resource.AreaName(in); in.Resource.Type == input.AreaType || len(t.Areas) == 0 {
		if areas.Valid(area) && !resource.OwnAreas[area] && !e.Lists(area) {
			return area
		}
	}
	return ""
}
