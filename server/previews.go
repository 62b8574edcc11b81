package server

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/session"
	"resellerd/store"
)

// Preview is what a user may do and sees, area by area.
type Preview struct {
	User       string           `json:"user" required:"true"`
	Areas      []AreaPreview    `json:"areas" required:"true"`
	Against    string           `json:"against,omitempty" description:"who or what it is compared with"`
	Difference []AreaDifference `json:"difference,omitempty" description:"from the user, before, to what it is compared with, after"`
}

// AreaPreview is one area as the previewed user has it.
type AreaPreview struct {
	Area    string     `json:"area" required:"true"`
	Access  []string   `json:"access" required:"true"`
	Visible *int       `json:"visible,omitempty" description:"how many rows the user sees"`
	Of      *int       `json:"of,omitempty" description:"how many rows of the type the previewer sees, of cards of either kind"`
	First   []ShownRow `json:"first,omitempty" description:"the first of them, as the user sees them"`
}

// firstShown is how many rows a preview shows of an area.
const firstShown = 3

type previewQuery struct {
	Against string `query:"against" description:"another user to compare with, by id or external id"`
}

// getPreview answers GET /v1/preview/{user}: what the user may do and sees, for
// those who might see with its eyes, by the same refusals and audited as that is.
func getPreview(r *exchange) error {
	if r.Viewer != nil {
		return forbidden("a preview is not made within another")
	}
	targets, err := r.previewed()
	if err != nil {
		return err
	}
	if err := r.auditPreview(targets...); err != nil {
		return err
	}
	r.Revision = r.s.store.DataRevision()
	var shown *Preview
	err = r.s.store.Snapshot(r.Ctx, r.Subject.User.TenantID, func(m *store.Moment) (err error) {
		shown, err = r.previewOf(m, targets)
		return err
	})
	if err != nil {
		return err
	}
	body, err := json.Marshal(shown)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// previewed finds the user of the path, and the one to compare it with.
func (r *exchange) previewed() ([]*session.Actor, error) {
	ref, err := r.param("user")
	if err != nil {
		return nil, err
	}
	target, err := r.previewTarget(ref)
	if err != nil {
		return nil, err
	}
	args, err := r.queryArgs()
	if err != nil {
		return nil, err
	}
	targets := []*session.Actor{target}
	for _, a := range args {
		if a.name != "against" || a.value == "" {
			return nil, invalid(a.name, "unknown parameter, or without a value")
		}
		other, err := r.previewTarget(a.value)
		if err != nil {
			return nil, err
		}
		targets = append(targets, other)
	}
	return targets, nil
}

// previewOf looks with the eyes of the first, and of the second to compare.
func (r *inquiry) previewOf(m *store.Moment, targets []*session.Actor) (*Preview, error) {
	totals, err := r.totals(m)
	if err != nil {
		return nil, err
	}
	looks := make([]*visibility, len(targets))
	for i, target := range targets {
		err := r.lookAs(target, func() (err error) {
			looks[i], err = observer{r: r, m: m, first: firstShown, ids: len(targets) > 1}.of()
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	shown := looks[0].preview(targets[0].Subject.User.ID, totals)
	if len(targets) > 1 {
		shown.Against, shown.Difference = targets[1].Subject.User.ID, differences(looks[0], looks[1])
	}
	return shown, nil
}

// totals are how many rows of each type the acting user sees.
func (r *inquiry) totals(m *store.Moment) (map[string]int, error) {
	totals := map[string]int{}
	for _, a := range rowAreas {
		if _, counted := totals[a.typ]; counted {
			continue
		}
		p, err := r.MayList(a.typ)
		if err != nil {
			return nil, err
		}
		if totals[a.typ] = 0; p == nil {
			continue
		}
		if totals[a.typ], err = m.Count(r.Ctx, p.Query()); err != nil {
			return nil, err
		}
	}
	return totals, nil
}

// preview writes down what a user sees, beside how many rows there are of each type.
func (o *visibility) preview(user string, totals map[string]int) *Preview {
	p := &Preview{User: user, Areas: []AreaPreview{}}
	for _, area := range slices.Sorted(maps.Keys(o.access)) {
		shown := AreaPreview{Area: area, Access: o.access[area]}
		i := slices.IndexFunc(rowAreas, func(a rowArea) bool { return a.area == area })
		if i >= 0 && o.rows[area] != nil {
			rows, total := o.rows[area], totals[rowAreas[i].typ]
			shown.Visible, shown.Of, shown.First = &rows.total, &total, rows.first
		}
		p.Areas = append(p.Areas, shown)
	}
	return p
}

// lookAs does something with a user's eyes, recorded as the acting user's
// preview.
func (r *inquiry) lookAs(target *session.Actor, do func() error) error {
	r.Viewer = r.Subject
	defer func() { r.Viewer = nil }()
	return r.through(target, do)
}
