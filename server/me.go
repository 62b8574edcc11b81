package server

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/server/record"
	"resellerd/server/resource"
	"resellerd/server/session"
)

// meBody is the acting user as a panel needs it to draw its menu.
type meBody struct {
	ID         string              `json:"id" required:"true"`
	ExternalID string              `json:"external_id,omitempty"`
	Mode       string              `json:"mode" required:"true" enum:"master,reseller"`
	Account    meAccount           `json:"account" required:"true"`
	Access     map[string][]string `json:"access" required:"true" description:"area -> create, read, update, delete; every area of resellerd's own and every area that a group names"`
}

// meAccount is what a user may know of its own account wherever it stands.
type meAccount struct {
	ID     string `json:"id" required:"true"`
	Kind   string `json:"kind" required:"true"`
	Status string `json:"status" required:"true"`
}

// getMe tells the acting user what it may do, area by area, as the policy
// decides about each.
func getMe(r *exchange) error {
	access, err := r.accessByArea()
	if err != nil {
		return err
	}
	me := meBody{
		ID: r.Subject.User.ID, ExternalID: r.Subject.User.ExternalID, Mode: modeOf(r.Facts), Access: access,
		Account: meAccount{ID: r.Facts.Account.ID, Kind: r.Facts.Account.Kind, Status: r.Facts.Account.Status},
	}
	body, err := json.Marshal(me)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// accessByArea asks for every action on every area that could differ from
// another, and records it as one entry, as a list is.
func (r *inquiry) accessByArea() (map[string][]string, error) {
	start := time.Now()
	access, asked, failed := r.judgeAreas()
	if asked != nil {
		return nil, denied(r.Record(asked, failed, start))
	}
	err := r.recordAccess(access, start)
	r.dropRedundant(access)
	return access, err
}

// judgeAreas is accessByArea without a record, redundant areas included. Where no
// decision could be made it gives the question.
func (r *inquiry) judgeAreas() (access map[string][]string, asked *input.Input, failed policies.Decision) {
	access = map[string][]string{}
	all := r.areas()
	for _, area := range all {
		allowed := []string{}
		for _, action := range session.AccessActions {
			in := r.Input(action, "area", areas.Asked(area, all))
			d := r.Judge(in)
			if d.Outcome == policies.OutcomeError {
				return nil, in, d
			}
			if d.Allow {
				allowed = append(allowed, action)
			}
		}
		access[area] = allowed
	}
	return access, nil, failed
}

// areas are resellerd's own and the breakpoints of the user's access and of the
// policy's ceiling, what holds everywhere else among them.
func (r *inquiry) areas() []string {
	set := maps.Clone(resource.OwnAreas)
	for _, access := range []map[string][]string{r.Facts.Access, r.Engine.Limits().ResellerCeiling} {
		for area := range access {
			set[area] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// dropRedundant leaves the areas that are resellerd's own, that a group names,
// or that differ from what lies above them. A ceiling that changes nothing for
// the user is not shown to it.
func (r *inquiry) dropRedundant(access map[string][]string) {
	for _, area := range slices.Backward(slices.Sorted(maps.Keys(access))) {
		if resource.OwnAreas[area] || slices.Contains(r.Subject.Named, area) {
			continue
		}
		if area == everyArea || slices.Equal(access[area], inherited(access, area)) {
			delete(access, area)
		}
	}
}

const everyArea = areas.Any

// inherited is the access of the nearest area above that access has.
func inherited(access map[string][]string, area string) []string {
	for at := parentArea(area); at != ""; at = parentArea(at) {
		if above, ok := access[at]; ok {
			return above
		}
	}
	return access[everyArea]
}

// recordAccess records the answer of /v1/me: the question without an area, the
// answer with all of them.
func (r *inquiry) recordAccess(access map[string][]string, start time.Time) error {
	in := r.Input("read", "area", "")
	d := policies.Decision{Allow: true, Outcome: policies.OutcomeAllow}
	r.Count.Filter(r.Engine, "other", in, d.Outcome, time.Since(start))
	return r.Log(in, d, &record.Listed{Access: access}, time.Since(start))
}

// parentArea is the area above, "" for a top one.
func parentArea(area string) string {
	for i := len(area) - 1; i > 0; i-- {
		if area[i] == '/' {
			return area[:i]
		}
	}
	return ""
}
