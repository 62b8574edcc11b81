// Package feed tells a user what changed of the data that it sees. It does not know
// HTTP.
//
// Its terms:
//
//	change   a row that a commit changed, as the store keeps it
//	item     a change as its reader is told: a type and an id
//	cursor   the last item that a reader was told, and the rights that it had
//	reset    the reader drops everything that it keeps and reads it anew
package feed

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"resellerd/policies"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// skew is how much the clocks of two processes may differ.
const skew = time.Hour

// slice is how many changes are read at a time.
const slice = 200

// Item is a change that its reader is told.
type Item struct {
	Kind string `json:"kind" enum:"account,card,customer,group,user"`
	ID   string `json:"id"`
	Gone bool   `json:"gone,omitempty" description:"the row was visible before, and is not now"`
}

// Cursor is how far a reader has been told. It holds nothing about changes that the
// reader does not see. It needs a seal before it leaves the server.
type Cursor struct {
	Mark   string        `json:"m,omitempty"` // of the last change that was told; "" for none
	Type   string        `json:"t,omitempty"`
	ID     string        `json:"i,omitempty"`
	At     schema.Micros `json:"a"` // when the cursor was made
	Rights []byte        `json:"r"` // a digest of the reader's rights
}

// Answer is what a reader is told. Without items and reset, Cursor is the one that the
// reader sent.
type Answer struct {
	Items  []Item
	Reset  bool
	Cursor Cursor
}

// Empty reports whether there is nothing to tell.
func (a *Answer) Empty() bool { return len(a.Items) == 0 && !a.Reset }

// Reader tells one user of changes. It is for one goroutine.
type Reader struct {
	*session.Session
	Source *Source
	Keep   time.Duration // how long changes are kept
	// Renew loads the reader's identity and policy anew, or returns why it may not read
	// any more. It is nil for a reader that does not wait.
	Renew func() error

	rights rights
	cursor Cursor
	losses int64             // of the database's history when the reader began
	place  store.ChangePlace // the changes until here are told or invisible
}

// Start answers a reader without a cursor: nothing, and a cursor for now. Its errors are
// those of session.MayList.
func (r *Reader) Start() (Answer, error) {
	err := r.learnRights()
	if err != nil {
		return Answer{}, err
	}
	cursor, err := r.present()
	return Answer{Cursor: cursor}, err
}

// After answers a reader with a cursor: at most limit items of changes since then. Its
// errors are those of session.MayList.
func (r *Reader) After(cursor Cursor, limit int) (Answer, error) {
	if err := r.learnRights(); err != nil {
		return Answer{}, err
	}
	r.cursor = cursor
	kept, err := r.findPlace()
	if err == nil && kept {
		kept, err = r.assignmentsAsBefore()
	}
	if err != nil {
		return Answer{}, err
	}
	if !kept {
		return r.reset()
	}
	return r.scan(limit, func() ([]store.Change, error) {
		return r.Store.Changes(r.Ctx, r.tenant(), r.place, slice)
	})
}

// More is After for the changes since the last answer. It reads through the source, which
// readers of one tenant share. Its errors are also those of Renew.
func (r *Reader) More(limit int) (Answer, error) {
	if r.Store.HistoryLost() != r.losses {
		return r.Renewed()
	}
	return r.scan(limit, func() ([]store.Change, error) { return r.Source.after(r.Ctx, r.tenant(), r.place) })
}

// Last answers a reader that has waited: a reset if an assignment has begun or ended by
// the clock, else nothing.
func (r *Reader) Last() (Answer, error) {
	same, err := r.assignmentsAsBefore()
	if err != nil || same {
		return Answer{Cursor: r.cursor}, err
	}
	return r.reset()
}

// Renewed learns the reader's rights anew. The answer is a reset if they are others than
// before, else it is empty.
func (r *Reader) Renewed() (Answer, error) {
	before := r.rights.digest
	if r.Renew == nil {
		return Answer{Cursor: r.cursor}, nil
	}
	err := r.Renew()
	if err == nil {
		err = r.learnRights()
	}
	if err != nil {
		return Answer{}, err
	}
	if slices.Equal(before, r.rights.digest) {
		return Answer{Cursor: r.cursor}, nil
	}
	return r.reset()
}

func (r *Reader) tenant() string { return r.Facts.Account.TenantID }

func (r *Reader) now() schema.Micros { return schema.MicrosOf(r.Now()) }

// since returns the time since when a change may be new to a cursor of this time.
func (r *Reader) since(at schema.Micros) schema.Micros {
	return at - schema.Micros(skew.Microseconds())
}

// findPlace finds the place of the cursor. It returns false if the cursor is too old, if
// its reader had other rights, or if its change is not stored.
func (r *Reader) findPlace() (bool, error) {
	old := r.cursor.At.Time().Add(r.Keep).Before(r.Now())
	if old || !slices.Equal(r.cursor.Rights, r.rights.digest) {
		return false, nil
	}
	var known bool
	if r.place, known = r.Source.seen(r.key()); known {
		return true, nil
	}
	if r.cursor.Mark == "" {
		return true, r.backTo(r.since(r.cursor.At))
	}
	c, err := r.Store.ChangeOf(r.Ctx, r.tenant(), r.cursor.Mark, r.cursor.Type, r.cursor.ID)
	if errors.Is(err, fault.ErrNotFound) {
		return false, nil
	}
	r.place = c.Place()
	return true, err
}

// key names the reader's cursor in the cache of places.
func (r *Reader) key() string {
	c := r.cursor
	return fmt.Sprint(r.losses, " ", r.Subject.User.ID, " ", c.Mark, " ", c.Type, " ", c.ID, " ", c.At, " ", string(c.Rights))
}

// scan tells the changes that read returns until it returns none.
func (r *Reader) scan(limit int, read func() ([]store.Change, error)) (Answer, error) {
	told := newTold()
	for told.len() < limit {
		some, err := read()
		if err != nil {
			return Answer{}, err
		}
		if len(some) == 0 {
			break
		}
		if slices.ContainsFunc(some, ofRights) {
			if a, err := r.Renewed(); err != nil || a.Reset {
				return a, err
			}
		}
		if reset, err := r.tell(told, some, limit); err != nil {
			return Answer{}, err
		} else if reset {
			return r.reset()
		}
	}
	if told.len() == 0 {
		r.Source.keep(r.key(), r.place)
		return Answer{Cursor: r.cursor}, nil
	}
	if a, err := r.Renewed(); err != nil || a.Reset {
		return a, err
	}
	r.cursor = r.at(told.last)
	return Answer{Items: told.items, Cursor: r.cursor}, nil
}

// ofRights reports whether a change may change the rights of a user.
func ofRights(c store.Change) bool {
	return c.Type == "account" || c.Type == "group" || c.Type == "user"
}

// tell adds the items of changes, up to a limit. It reports whether the answer is a reset
// instead.
func (r *Reader) tell(told *told, some []store.Change, limit int) (reset bool, err error) {
	for i := range some {
		if told.len() == limit {
			return false, nil
		}
		item, means, err := r.judge(&some[i])
		if err != nil || means == resets {
			return means == resets, err
		}
		if r.place = some[i].Place(); means == tells {
			told.add(item)
			told.last = &some[i]
		}
	}
	return false, nil
}

// at is the cursor after a change.
func (r *Reader) at(c *store.Change) Cursor {
	return Cursor{Mark: c.Mark, Type: c.Type, ID: c.ID, At: r.now(), Rights: r.rights.digest}
}

func (r *Reader) reset() (Answer, error) {
	cursor, err := r.present()
	return Answer{Reset: true, Cursor: cursor}, err
}

// backTo sets the place to the last change before a time.
func (r *Reader) backTo(at schema.Micros) error {
	r.place = store.ChangePlace{}
	for c, err := range r.backwards() {
		if err != nil {
			return err
		}
		if c.At < at {
			r.place = c.Place()
			break
		}
	}
	return nil
}

// backwards yields the changes of the tenant, the newest first, and an error at the end.
func (r *Reader) backwards() iter.Seq2[*store.Change, error] {
	return func(yield func(*store.Change, error) bool) {
		before := store.ChangePlace{Revision: math.MaxInt64}
		for {
			some, err := r.Store.ChangesBefore(r.Ctx, r.tenant(), before, slice)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range some {
				if !yield(&some[i], nil) {
					return
				}
				before = some[i].Place()
			}
			if len(some) < slice {
				return
			}
		}
	}
}

// present is a cursor for now: the last change that its reader sees. If that is long ago,
// the time alone says where to begin.
func (r *Reader) present() (Cursor, error) {
	r.cursor = Cursor{At: r.now(), Rights: r.rights.digest}
	oldest := r.since(r.cursor.At)
	var newest *store.ChangePlace
	for c, err := range r.backwards() {
		if err != nil {
			return Cursor{}, err
		}
		if newest == nil {
			place := c.Place()
			newest = &place
		}
		if c.At < oldest {
			break
		}
		_, means, err := r.judge(c)
		if err != nil {
			return Cursor{}, err
		}
		if means != untold {
			r.cursor = r.at(c)
			break
		}
	}
	r.reached(newest)
	return r.cursor, nil
}

// reached says that nothing follows the cursor until a place.
func (r *Reader) reached(newest *store.ChangePlace) {
	if newest != nil {
		r.place = *newest
		r.Source.keep(r.key(), r.place)
	}
}

// meaning is what a change means to a reader.
type meaning uint8

const (
	untold meaning = iota // nothing: the reader sees nothing of it
	tells                 // an item
	resets                // a reset
)

// judge decides what the reader is told of a change.
func (r *Reader) judge(c *store.Change) (Item, meaning, error) {
	if !r.rights.lists[c.Type] {
		return Item{}, untold, nil
	}
	unread := r.Users.Unread()
	before, err := r.seen(c.Type, c.ID, c.Before)
	if err != nil {
		return Item{}, untold, err
	}
	after, err := r.seen(c.Type, c.ID, c.After)
	if err == nil && r.Users.Unread() != unread { // a row may have seemed to be out of sight
		err = fmt.Errorf("the accounts above a user cannot be read: %w", fault.ErrUnavailable)
	}
	switch item := (Item{Kind: c.Type, ID: c.ID, Gone: !after.Allow}); {
	case err != nil:
		return Item{}, untold, err
	case !before.Allow && !after.Allow:
		return Item{}, untold, nil
	case c.Type == "card" && r.assigned(c.Before) != r.assigned(c.After):
		return Item{}, resets, nil
	case before.Allow != after.Allow || showsChange(c, before, after):
		return item, tells, nil
	}
	return Item{}, untold, nil
}

func (r *Reader) seen(typ, id string, row map[string]any) (policies.Decision, error) {
	if row == nil {
		return policies.Decision{}, nil
	}
	d := r.Sees(typ, id, row)
	if d.Outcome == policies.OutcomeError {
		return d, &session.DeniedError{Decision: d}
	}
	return d, nil
}

// showsChange reports whether two views of a row differ.
func showsChange(c *store.Change, before, after policies.Decision) bool {
	if before.View != after.View || !slices.Equal(before.Columns, after.Columns) {
		return true
	}
	return slices.ContainsFunc(after.Columns, func(column string) bool {
		return slices.Contains(c.Changed, query.ShownAs(c.Type, after.View, column))
	})
}

// assigned reports whether a card is assigned to the reader's account.
func (r *Reader) assigned(row map[string]any) bool {
	to, _ := row[assignedTo].([]any)
	return slices.Contains(to, any(r.Facts.Account.ID))
}

const assignedTo = "assigned_to"

// assignmentsAsBefore reports whether no assignment to the reader's account has begun or
// ended since the cursor, of a card that the reader sees with it or without it.
func (r *Reader) assignmentsAsBefore() (bool, error) {
	if !r.rights.lists["card"] {
		return true, nil
	}
	own := r.Facts.Account.ID
	cards, err := r.Store.AssignmentsChanged(r.Ctx, own, r.cursor.At, r.now())
	for _, card := range cards {
		row, missing := r.Store.PolicyRow(r.Ctx, "card", card)
		if errors.Is(missing, fault.ErrNotFound) {
			continue
		}
		if missing != nil {
			return false, missing
		}
		for _, row := range withAndWithout(row, own) {
			if d, err := r.seen("card", card, row); err != nil || d.Allow {
				return false, err
			}
		}
	}
	return err == nil, err
}

// withAndWithout returns the policy columns of a card as if it were assigned to an
// account, and as if it were not.
func withAndWithout(row map[string]any, account string) [2]map[string]any {
	to, _ := row[assignedTo].([]any)
	others := slices.DeleteFunc(slices.Clone(to), func(id any) bool { return id == account })
	return [2]map[string]any{
		replaced(row, append(slices.Clone(others), account)),
		replaced(row, others),
	}
}

// told collects items. A row that changed several times is told once, as it is at the end.
type told struct {
	items []Item
	at    map[Item]int
	last  *store.Change
}

func newTold() *told { return &told{at: map[Item]int{}} }

func (t *told) len() int { return len(t.items) }

func (t *told) add(item Item) {
	row := Item{Kind: item.Kind, ID: item.ID}
	if i, ok := t.at[row]; ok {
		t.items[i] = item
		return
	}
	t.at[row] = len(t.items)
	t.items = append(t.items, item)
}
