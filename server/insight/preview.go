package insight

import (
	"maps"
	"slices"

	"resellerd/server/session"
	"resellerd/store"
)

// Preview describes what a user may do and sees, by area.
type Preview struct {
	User       string           `json:"user" required:"true"`
	Areas      []AreaPreview    `json:"areas" required:"true"`
	Against    string           `json:"against,omitempty" description:"the user or the change that it is compared with"`
	Difference []AreaDifference `json:"difference,omitempty" description:"the changes from the user (before) to the other side (after)"`
}

// AreaPreview is one area of the previewed user.
type AreaPreview struct {
	Area    string     `json:"area" required:"true"`
	Access  []string   `json:"access" required:"true"`
	Visible *int       `json:"visible,omitempty" description:"number of rows that the user sees"`
	Of      *int       `json:"of,omitempty" description:"number of rows of the type that the previewing user sees; for cards, of both kinds"`
	First   []ShownRow `json:"first,omitempty" description:"the first rows, as the user sees them"`
}

// firstShown is how many rows a preview shows for each area.
const firstShown = 3

// Preview returns what the first target may do and sees at a moment. If there is a
// second target, it compares both. The caller gets the targets from Target, and must
// call AuditPreview first. The log records what the targets see as a preview by the
// acting user. Preview returns a session.DeniedError if a decision fails,
// session.ErrNotRecorded if the log does not take an entry, and the errors of the
// store.
func (r *Reader) Preview(m *store.Moment, targets []*session.Actor) (*Preview, error) {
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
		shown.Against, shown.Difference = targets[1].Subject.User.ID, differences(looks[0], looks[1], nothing)
	}
	return shown, nil
}

// totals returns how many rows of each type the acting user sees.
func (r *Reader) totals(m *store.Moment) (map[string]int, error) {
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

// preview returns what a user sees, with the total number of rows of each type.
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

// lookAs runs do with the target as acting user. The log records it as a preview by
// the real acting user.
func (r *Reader) lookAs(target *session.Actor, do func() error) error {
	r.Viewer = r.Actor
	defer func() { r.Viewer = nil }()
	return r.through(target, do)
}
