package insight

import (
	"errors"
	"slices"

	"resellerd/server/identity"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
)

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

// Bounds of a dry run: other writes wait for it.
const (
	MaxRehearsed = 20  // users who are compared
	maxAffected  = 200 // users who are looked at
)

// Write says what a write is about, as far as that decides whose view it changes.
type Write struct {
	Type, ID   string // of the row
	AssignedTo string // the account that a card is assigned to, "" for other writes
}

// DryRun compares what users see before and after a write that is then taken back.
// The acting user is as it was before; what it is not told about a user at one of
// the moments, it is not told at all. It is used by one goroutine.
type DryRun struct {
	r             *Reader
	before, after map[string]*visibility
	seen          map[string]bool // users whom the acting user sees
	may           map[string]bool // whom it could preview, at one moment
	barred        map[string]bool // who could read more than it, at one moment
	more          bool
}

// DryRun starts a dry run. Nothing of it is recorded.
func (r *Reader) DryRun() *DryRun {
	return &DryRun{r: r, before: map[string]*visibility{}, after: map[string]*visibility{},
		seen: map[string]bool{}, may: map[string]bool{}, barred: map[string]bool{}}
}

// Before looks at what users see before the write. Errors: those of the store, and a
// session.DeniedError where no decision can be made.
func (d *DryRun) Before(m *store.Moment, w Write) error { return d.look(m, w, d.before) }

// After looks at what users see after the write. Errors as of Before.
func (d *DryRun) After(m *store.Moment, w Write) error { return d.look(m, w, d.after) }

// look takes what all whom the write concerns see, at one moment.
func (d *DryRun) look(m *store.Moment, w Write, into map[string]*visibility) error {
	users, err := observer{r: d.r, m: m, quiet: true}.plan("user")
	if err != nil {
		return err
	}
	ids, err := d.concerned(m, w)
	if err != nil {
		return err
	}
	for _, id := range ids {
		visible, err := d.visible(m, users, w, id)
		if err != nil {
			return err
		}
		if !visible {
			continue
		}
		if len(into) >= MaxRehearsed {
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
func (d *DryRun) concerned(m *store.Moment, w Write) ([]string, error) {
	switch {
	case w.Type == "user":
		return []string{w.ID}, nil
	case w.Type == "group":
		return m.UsersIn(d.r.Ctx, w.ID, maxAffected)
	case w.Type == "account":
		return m.UsersAt(d.r.Ctx, w.ID, maxAffected)
	case w.AssignedTo != "":
		return m.UsersAt(d.r.Ctx, w.AssignedTo, maxAffected)
	}
	return nil, nil
}

// visible reports whether the acting user sees a user at this moment, and with
// it what makes it one of those concerned.
func (d *DryRun) visible(m *store.Moment, users *session.ReadPlan, w Write, id string) (bool, error) {
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
	column := map[string]string{"group": "groups", "user": "id"}[w.Type]
	if column == "" {
		column = "account_id"
	}
	_, shown := row.Value(column)
	d.seen[id] = d.seen[id] || shown
	return shown, nil
}

// visibility is what a user sees at a moment, nil when that is not to be told.
func (d *DryRun) visibility(m *store.Moment, id string) (*visibility, error) {
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
func (d *DryRun) judge(m *store.Moment, target *session.Actor) error {
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
func (d *DryRun) told(id string) bool {
	if id == d.r.Subject.User.ID {
		return true
	}
	return d.r.Caller.Scopes.Has(identity.ScopePreview) && d.may[id] && !d.barred[id]
}

// Result compares both moments.
func (d *DryRun) Result() Rehearsal {
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
