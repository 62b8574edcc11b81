package server

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/identity"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
)

type dryRunQuery struct {
	DryRun bool `query:"dry_run" description:"answer 200 with what the write would change, for whom, and write nothing"`
}

// Rehearsal is what a write would change: whose view, and how.
type Rehearsal struct {
	Users []UserDifference `json:"users" required:"true" description:"whom it concerns, of the users that the acting user sees"`
	More  bool             `json:"more,omitempty" description:"it concerns more of them"`
}

// UserDifference is what a write would change for one user.
type UserDifference struct {
	User     string           `json:"user" required:"true"`
	Areas    []AreaDifference `json:"areas" required:"true"`
	Withheld bool             `json:"withheld,omitempty" description:"what changes is not told: the acting user could not preview this one"`
}

// Bounds of a rehearsal: other writes wait for it.
const (
	maxRehearsed = 20  // users who are compared
	maxAffected  = 200 // users who are looked at
)

// isDryRun reads ?dry_run. Errors: 400 for another value than true or false, and
// for true where it is not offered, so that nothing is done that was to be tried.
func (r *exchange) isDryRun() (bool, error) {
	values := r.c.Request().URI().QueryArgs().PeekMulti("dry_run")
	switch {
	case len(values) == 0:
		return false, nil
	case len(values) > 1:
		return false, badRequest("dry_run is given more than once")
	}
	switch string(values[0]) {
	case "false":
		return false, nil
	case "true":
		if !r.route.doc.dry {
			return false, badRequest("this write cannot be rehearsed")
		}
		return true, nil
	}
	return false, badRequest("dry_run: want true or false")
}

// dryRun does all of a write but the writing: it ends in the same refusals in
// the same order, and else in what the write would change.
func (r *exchange) dryRun(do func(*writing) (target, error), answer func(*writing, target) (written, error)) error {
	var done target
	sent, d := r.sent(), &rehearsal{r: &r.inquiry, before: map[string]*visibility{}, after: map[string]*visibility{},
		seen: map[string]bool{}, may: map[string]bool{}, barred: map[string]bool{}}
	err := r.s.store.Rehearse(r.Ctx, r.Facts.Account.TenantID, func(tx *store.Tx) error {
		w := &writing{r: &r.inquiry, tx: tx, sent: sent}
		err := w.reload()
		if err == nil {
			done, err = do(w)
		}
		if err == nil {
			_, err = answer(w, done)
		}
		return err
	}, func(m *store.Moment) error { return d.look(m, done, d.after) },
		func(m *store.Moment) error { return d.look(m, done, d.before) })
	if err != nil {
		return err
	}
	body, err := json.Marshal(d.result())
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// rehearsal compares what users see before and after a write. The acting user
// is as it was before; what it is not told about a user at one of the moments,
// it is not told at all.
type rehearsal struct {
	r             *inquiry
	before, after map[string]*visibility
	seen          map[string]bool // users whom the acting user sees
	may           map[string]bool // whom it could preview, at one moment
	barred        map[string]bool // who could read more than it, at one moment
	more          bool
}

// look takes what all whom the write concerns see, at one moment.
func (d *rehearsal) look(m *store.Moment, done target, into map[string]*visibility) error {
	users, err := observer{r: d.r, m: m, quiet: true}.plan("user")
	if err != nil {
		return err
	}
	ids, err := d.concerned(m, done)
	if err != nil {
		return err
	}
	for _, id := range ids {
		visible, err := d.visible(m, users, done, id)
		if err != nil {
			return err
		}
		if !visible {
			continue
		}
		if len(into) >= maxRehearsed {
			d.more = true
			delete(d.seen, id)
			return nil
		}
		if into[id], err = d.visibility(m, id); err != nil {
			return err
		}
	}
	return nil
}

// concerned lists those whose view the write may change, whether the acting
// user sees them or not.
func (d *rehearsal) concerned(m *store.Moment, done target) ([]string, error) {
	switch {
	case done.typ == "user":
		return []string{done.id}, nil
	case done.typ == "group":
		return m.UsersIn(d.r.Ctx, done.id, maxAffected)
	case done.typ == "account":
		return m.UsersAt(d.r.Ctx, done.id, maxAffected)
	case done.typ == "card" && done.action == assignmentLink.action:
		return m.UsersAt(d.r.Ctx, done.sub, maxAffected)
	}
	return nil, nil
}

// visible reports whether the acting user sees a user at this moment, and with
// it what makes it one of those concerned.
func (d *rehearsal) visible(m *store.Moment, users *session.ReadPlan, done target, id string) (bool, error) {
	if users == nil {
		return false, nil
	}
	p := *users
	p.Leaf = false
	row, err := d.r.One(m, p, id)
	if errors.Is(err, fault.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	column := map[string]string{"group": "groups", "user": "id"}[done.typ]
	if column == "" {
		column = "account_id"
	}
	_, shown := row.Value(column)
	d.seen[id] = d.seen[id] || shown
	return shown, nil
}

// visibility is what a user sees at a moment, nil when that is not to be told.
func (d *rehearsal) visibility(m *store.Moment, id string) (*visibility, error) {
	target, err := d.r.Users.FindAt(d.r.Ctx, m, id)
	if err != nil {
		return nil, err
	}
	if id != d.r.Subject.User.ID {
		if err := d.judge(m, target); err != nil || d.barred[id] {
			return nil, err
		}
	}
	var look *visibility
	err = d.r.through(target, func() (err error) {
		look, err = observer{r: d.r, m: m, ids: true, quiet: true}.of()
		return err
	})
	return look, err
}

// judge notes whether the acting user could preview the target at this moment,
// and whether that could read more. A target who may not act reads nothing.
func (d *rehearsal) judge(m *store.Moment, target *session.Actor) error {
	id := target.Subject.User.ID
	in := d.r.Input("preview", "user", id)
	var err error
	if in.Resource.Row, err = m.PolicyRow(d.r.Ctx, "user", id); err != nil {
		return err
	}
	d.may[id] = d.may[id] || d.r.Judge(in).Allow
	if d.r.readsMore(target) {
		d.barred[id] = true
	}
	return nil
}

// told reports whether what changes for a user may be told.
func (d *rehearsal) told(id string) bool {
	if id == d.r.Subject.User.ID {
		return true
	}
	return d.r.Caller.Scopes.Has(identity.ScopePreview) && d.may[id] && !d.barred[id]
}

// result compares both moments.
func (d *rehearsal) result() Rehearsal {
	out := Rehearsal{Users: []UserDifference{}, More: d.more}
	var ids []string
	for id := range d.seen {
		if d.seen[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		user := UserDifference{User: id, Areas: []AreaDifference{}}
		if user.Withheld = !d.told(id); !user.Withheld {
			user.Areas = differences(orNothing(d.before[id]), orNothing(d.after[id]))
		}
		out.Users = append(out.Users, user)
	}
	return out
}

// orNothing is what a user sees who is not there.
func orNothing(o *visibility) *visibility {
	if o == nil {
		return &visibility{}
	}
	return o
}
