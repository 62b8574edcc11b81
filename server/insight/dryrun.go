package insight

import (
	"errors"
	"slices"
	"strings"

	"resellerd/server/identity"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
)

// Rehearsal lists the users whose view a write would change, and the changes.
type Rehearsal struct {
	Users []UserDifference `json:"users" required:"true" description:"the affected users that the acting user can see"`
	More  bool             `json:"more,omitempty" description:"there are more than the list shows"`

	Remains *Remains `json:"remains,omitempty" description:"what stays when an account is closed, and what ends"`
}

// UserDifference describes what a write would change for one user.
type UserDifference struct {
	User     string           `json:"user" required:"true"`
	Areas    []AreaDifference `json:"areas" required:"true"`
	Withheld bool             `json:"withheld,omitempty" description:"true: the changes are left out, because the acting user may not preview this user"`
}

// Bounds of a dry run. Other writes wait while it runs.
const (
	MaxRehearsed = 20  // users that are compared
	maxAffected  = 200 // users that are considered
)

// Write describes a write as far as it decides which users' views change.
type Write struct {
	Type, ID   string // of the row
	AssignedTo string // the account that a card is assigned to, "" for other writes
	Closes     bool   // the write leaves an account closed
}

// touches reports whether the write may change rows of an area. An assignment changes
// cards, and every write is in the audit trail.
func (w Write) touches(area string) bool {
	typ, _, _ := strings.Cut(area, "/")
	return typ == w.Type || typ == "audit"
}

// DryRun compares what users see before and after a write that is then rolled back.
// The acting user keeps the rights that it had before the write. If a user may read
// more than the acting user at one of the two moments, that user's changes are
// withheld. A DryRun is for one goroutine.
type DryRun struct {
	r             *Reader
	before, after map[string]*visibility
	seen          map[string]bool // users that the acting user sees
	may           map[string]bool // users that it may preview at one moment at least
	barred        map[string]bool // users that may read more than it at one moment at least
	more          bool
	left          *Remains // of an account that the write closes
	write         Write
}

// DryRun starts a dry run. The dry run records nothing.
func (r *Reader) DryRun() *DryRun {
	return &DryRun{r: r, before: map[string]*visibility{}, after: map[string]*visibility{},
		seen: map[string]bool{}, may: map[string]bool{}, barred: map[string]bool{}}
}

// Before determines what users see before the write. It returns the errors of the
// store, and a session.DeniedError if a decision fails.
func (d *DryRun) Before(m *store.Moment, w Write) error {
	if d.left != nil {
		if err := d.ending(m, w.ID, d.left); err != nil {
			return err
		}
	}
	return d.look(m, w, d.before)
}

// After determines what users see after the write. It comes before Before, and has the
// same errors.
func (d *DryRun) After(m *store.Moment, w Write) (err error) {
	if w.Closes {
		if d.left, err = d.remains(m, w.ID); err != nil {
			return err
		}
	}
	return d.look(m, w, d.after)
}

// look determines what each user that the write concerns sees at one moment.
func (d *DryRun) look(m *store.Moment, w Write, into map[string]*visibility) error {
	d.write = w
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

// concerned lists the users whose view the write may change, at most maxAffected.
// Some of them may be invisible to the acting user.
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

// visible reports whether the acting user sees, at this moment, the user and the
// column that connects the user to the write.
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

// visibility returns what a user sees at a moment, or nil if the acting user may not
// know it.
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
		look, err = observer{r: d.r, m: m, ids: true, quiet: true, brief: true}.of()
		return err
	})
	return look, err
}

// judge notes whether the acting user may preview the target at this moment, and
// whether the target may read more than the acting user. A target that may not act
// reads nothing.
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

// told reports whether the acting user may know what changes for a user.
func (d *DryRun) told(id string) bool {
	if id == d.r.Subject.User.ID {
		return true
	}
	return d.r.Caller.Scopes.Has(identity.ScopePreview) && d.may[id] && !d.barred[id]
}

// Result compares both moments. Its users are sorted by id.
func (d *DryRun) Result() Rehearsal {
	out := Rehearsal{Users: []UserDifference{}, More: d.more, Remains: d.left}
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
			user.Areas = differences(orNothing(d.before[id]), orNothing(d.after[id]), d.write.touches)
		}
		out.Users = append(out.Users, user)
	}
	return out
}

// orNothing replaces nil with the empty visibility of a user that does not exist.
func orNothing(o *visibility) *visibility {
	if o == nil {
		return &visibility{}
	}
	return o
}
