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
	"reflect"
	"slices"
	"strings"
	"time"

	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/history"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// slice is how many changes are read at a time. A reader who is told of any of them gets
// its answer after mostRead. One who is told of none of them goes on, in its turns: how
// many changes others made is not its business.
const (
	slice    = 200
	mostRead = 10_000
)

// mostAssignments is how many assignments by the clock are looked at for one answer.
const mostAssignments = 100

// Item is a change that its reader is told.
type Item struct {
	Kind string `json:"kind" enum:"account,card,customer,group,user"`
	ID   string `json:"id"`
	Gone bool   `json:"gone,omitempty" description:"the row was visible before, and is not now"`
}

// Cursor is how far a reader has been told. It needs a seal before it leaves the server.
// A cursor of a new reader, and one of a reset, name a commit that the reader may not see.
// They show nothing of it: all of them have the same length.
type Cursor struct {
	Mark   string        `json:"m"`           // of a commit; see noMark
	Type   string        `json:"t,omitempty"` // with ID: the last row of the commit that was told; "" for all its rows
	ID     string        `json:"i,omitempty"`
	Stored schema.Micros `json:"s"` // the time of the commit
	At     schema.Micros `json:"a"` // when the cursor was made
	Rights []byte        `json:"r"` // a digest of the reader's rights
}

// noMark and longAgo stand for the commit of a cursor that has none. They are as long as
// others.
var noMark = strings.Repeat("0", 26)

const longAgo schema.Micros = 1e15

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
	// Turn takes a turn for a long read. The read yields it between two parts. Turn is
	// nil for none.
	Turn func() (yield func() error, leave func(), err error)

	rights rights
	cursor Cursor
	losses int64                // of the database's history when the reader began
	place  store.ChangePlace    // the changes until here are told or invisible
	read   history.DataRevision // More has read all changes until then
}

// Start answers a reader without a cursor: nothing, and a cursor for now. Its errors are
// those of session.MayList.
func (r *Reader) Start() (Answer, error) {
	err := r.learnRights()
	if err != nil {
		return Answer{}, err
	}
	cursor, err := r.present(r.now())
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
	if err != nil {
		return Answer{}, err
	}
	if !kept {
		return r.reset()
	}
	a, err := r.scan(limit, r.rights.revision, func() ([]store.Change, error) {
		return r.Store.Changes(r.Ctx, r.tenant(), r.place, r.rights.revision, slice)
	})
	if err == nil && a.Empty() {
		return r.Last()
	}
	return a, err
}

// More is After for the changes since the last answer. It reads through the source, which
// readers of one tenant share. Its errors are also those of Renew.
func (r *Reader) More(limit int) (Answer, error) {
	if r.Store.HistoryLost() != r.losses {
		return r.reset()
	}
	if until := r.Subject.Until; until != 0 && r.now() >= until {
		if a, err := r.Renewed(); err != nil || a.Reset {
			return a, err
		}
	}
	revision := r.Store.DataRevision()
	if revision == r.read {
		return Answer{Cursor: r.cursor}, nil
	}
	untold, err := r.Source.untoldAt(r.Ctx, revision)
	if err != nil {
		return Answer{}, err
	}
	if untold != r.rights.untold {
		return r.Renewed()
	}
	a, err := r.scan(limit, revision.N, func() ([]store.Change, error) {
		some, err := r.Source.after(r.Ctx, r.tenant(), r.place, revision)
		if err != nil || !slices.ContainsFunc(some, r.ofRights) {
			return some, err
		}
		renewed, err := r.Renewed()
		if renewed.Reset {
			err = errReset
		}
		return some, err
	}, r.Renewed)
	if err == nil && a.Empty() {
		r.read = revision
	}
	return a, err
}

// Last answers a reader that has waited: a reset if an assignment has begun or ended by
// the clock, else nothing.
func (r *Reader) Last() (Answer, error) {
	same, err := r.assignmentsAsBefore(r.now())
	if err != nil || same {
		return Answer{Cursor: r.cursor}, err
	}
	return r.reset()
}

// Here answers a reader that was told of all changes with a cursor for now, which is not
// for others: it names a commit that the reader may not see. The answer is a reset if
// Last's is one.
func (r *Reader) Here() (Answer, error) {
	now := r.now()
	same, err := r.assignmentsAsBefore(now)
	switch {
	case err != nil:
		return Answer{}, err
	case !same:
		return r.reset()
	case r.place.Revision <= r.rights.revision: // there may be more to tell
		return Answer{Cursor: r.cursor}, nil
	}
	cursor, err := r.present(now)
	return Answer{Cursor: cursor}, err
}

// Continues reports whether More answers what After would answer after a cursor.
func (r *Reader) Continues(c Cursor) bool {
	return reflect.DeepEqual(c, r.cursor) && slices.Equal(c.Rights, r.rights.digest)
}

// Again answers with what the reader may be told now of an earlier answer, by the rights
// and the rows of now: rows that it does not see any more are gone. The answer is a reset
// if the rights are others. Its errors are those of session.MayList.
func (r *Reader) Again(a Answer) (Answer, error) {
	if err := r.learnRights(); err != nil {
		return Answer{}, err
	}
	if !slices.Equal(a.Cursor.Rights, r.rights.digest) {
		return r.reset()
	}
	unread, items := r.Users.Unread(), slices.Clone(a.Items)
	for i, item := range items {
		shown, err := r.shows(item)
		if err != nil {
			return Answer{}, err
		}
		items[i].Gone = !shown
	}
	if r.Users.Unread() != unread {
		return Answer{}, errUnread
	}
	return Answer{Items: items, Reset: a.Reset, Cursor: a.Cursor}, nil
}

func (r *Reader) shows(item Item) (bool, error) {
	p := r.rights.plans[item.Kind]
	if p == nil {
		return false, nil
	}
	row, err := r.Store.PolicyRow(r.Ctx, item.Kind, item.ID)
	if errors.Is(err, fault.ErrNotFound) {
		return false, nil
	}
	return err == nil && r.seen(p, item.ID, row).Shown, err
}

// AsOf reports whether the reader's last answer is as of the data of a moment: nothing of
// its tenant has changed since then.
func (r *Reader) AsOf(now store.WebhookNow) bool {
	return r.rights.revision <= now.Revision && now.Changed <= r.rights.revision && now.Untold == r.rights.untold && r.losses == r.Store.HistoryLost()
}

// Renewed learns the reader's rights anew. The answer is a reset if they are others than
// before, else it is empty.
func (r *Reader) Renewed() (Answer, error) {
	before := r.rights.digest
	if r.Renew == nil {
		return Answer{Cursor: r.cursor}, nil
	}
	if err := r.relearn(); err != nil {
		return Answer{}, err
	}
	if slices.Equal(before, r.rights.digest) {
		return Answer{Cursor: r.cursor}, nil
	}
	return r.reset()
}

func (r *Reader) relearn() error {
	err := r.Renew()
	if err == nil {
		err = r.learnRights()
	}
	return err
}

func (r *Reader) tenant() string { return r.Facts.Account.TenantID }

func (r *Reader) now() schema.Micros { return schema.MicrosOf(r.Now()) }

// findPlace finds the place of the cursor. It returns false if the cursor is too old, if
// its reader had other rights, or if its commit is lost.
func (r *Reader) findPlace() (bool, error) {
	c := r.cursor
	if r.old(c.At) || !slices.Equal(c.Rights, r.rights.digest) || c.At < r.Source.lostAt(r.now()) {
		return false, nil
	}
	var known bool
	if r.place, known = r.Source.seen(r.key()); known {
		return true, nil
	}
	commit, err := r.Store.ChangeCommit(r.Ctx, r.tenant(), c.Mark)
	if errors.Is(err, fault.ErrNotFound) {
		return r.old(c.Stored), nil // it was pruned, and all changes that are stored are newer
	}
	r.place = store.ChangePlace{Revision: commit.Revision, Type: c.Type, ID: c.ID}
	if c.Type == "" {
		r.place = afterAll(commit)
	}
	return true, err
}

func (r *Reader) old(at schema.Micros) bool { return at.Time().Add(r.Keep).Before(r.Now()) }

// afterAll is the place after all changes of a commit.
func afterAll(c store.ChangeCommit) store.ChangePlace {
	return store.ChangePlace{Revision: c.Revision + 1}
}

// key names the reader's cursor in the cache of places.
func (r *Reader) key() string {
	c := r.cursor
	return fmt.Sprint(r.losses, " ", r.Subject.User.ID, " ", c.Mark, " ", c.Type, " ", c.ID, " ", c.At, " ", string(c.Rights))
}

// errUnread says that a row may have seemed to be out of sight.
var errUnread = fmt.Errorf("the accounts above a user cannot be read: %w", fault.ErrUnavailable)

// errReset ends a scan whose answer is a reset.
var errReset = errors.New("the reader must begin again")

// scan tells the changes until a data revision that read returns, until it returns none.
// The last steps before items are told may turn the answer into a reset.
func (r *Reader) scan(limit int, until int64, read func() ([]store.Change, error), last ...func() (Answer, error)) (Answer, error) {
	told := newTold()
	end, err := r.tellAll(told, limit, read)
	if end {
		r.place = store.ChangePlace{Revision: until + 1} // the same for all readers
	}
	switch {
	case errors.Is(err, errReset):
		return r.reset()
	case err != nil:
		return Answer{}, err
	case told.len() == 0:
		if end {
			r.Source.keep(r.key(), r.place)
		}
		return Answer{Cursor: r.cursor}, nil
	}
	for _, step := range last {
		if a, err := step(); err != nil || a.Reset {
			return a, err
		}
	}
	now := r.now()
	if same, err := r.assignmentsAsBefore(now); err != nil {
		return Answer{}, err
	} else if !same {
		return r.reset()
	}
	r.cursor = Cursor{Mark: told.last.Mark, Type: told.last.Type, ID: told.last.ID, Stored: told.last.At, At: now, Rights: r.rights.digest}
	return Answer{Items: told.items, Cursor: r.cursor}, nil
}

// tellAll adds the items of the changes that read returns. It takes a turn if there are
// many. It reports whether it came to the end. It returns errReset if a change is a reset.
// If its time ends, the same question goes on from there.
func (r *Reader) tellAll(told *told, limit int, read func() ([]store.Change, error)) (end bool, err error) {
	yield := func() error { return nil }
	for n := 0; told.len() < limit; {
		some, err := read()
		if err != nil || len(some) == 0 {
			return err == nil, err
		}
		if n += len(some); n > mostRead && told.len() > 0 {
			return false, nil
		}
		if err := r.tell(told, some, limit); err != nil {
			return false, err
		}
		if told.len() == 0 {
			r.Source.keep(r.key(), r.place)
		}
		if n == slice && r.Turn != nil {
			turn, leave, err := r.Turn()
			if err != nil {
				return false, err
			}
			defer leave()
			yield = turn
		}
		if err := yield(); err != nil {
			return false, err
		}
	}
	return false, nil
}

// ofRights reports whether a change may change the reader's rights: one of its own user,
// of the user's groups, of its account and those above, or of which accounts are below.
func (r *Reader) ofRights(c store.Change) bool {
	switch c.Type {
	case "user":
		return c.ID == "" || c.ID == r.Subject.User.ID
	case "group":
		return c.ID == "" || slices.Contains(r.Subject.User.Groups, c.ID)
	case "account":
		return c.ID == "" || c.Before == nil && c.After["parent_id"] == r.Subject.Account.ID ||
			slices.ContainsFunc(r.Subject.Chain, func(a store.Account) bool { return a.ID == c.ID })
	}
	return false
}

// tell adds the items of changes, up to a limit. It returns errReset if the answer is a
// reset instead.
func (r *Reader) tell(told *told, some []store.Change, limit int) error {
	for i := range some {
		if told.len() == limit {
			return nil
		}
		item, means, err := r.judge(&some[i])
		if err == nil && means == resets {
			err = errReset
		}
		if err != nil {
			return err
		}
		if r.place = some[i].Place(); means == tells {
			told.add(item)
			told.last = &some[i]
		}
	}
	return nil
}

// reset ends with rights that are as of the newest revision, so that nothing which led to
// the reset follows its cursor.
func (r *Reader) reset() (Answer, error) {
	if r.Renew != nil && (r.rights.revision != r.Store.Revision() || r.losses != r.Store.HistoryLost()) {
		if err := r.relearn(); err != nil {
			return Answer{}, err
		}
	}
	cursor, err := r.present(r.now())
	return Answer{Reset: true, Cursor: cursor}, err
}

// present is a cursor for now. It is at the last commit that the reader's rights are as
// of, so that it says nothing about when the reader's rows changed.
func (r *Reader) present(now schema.Micros) (Cursor, error) {
	r.cursor = Cursor{Mark: noMark, Stored: longAgo, At: now, Rights: r.rights.digest}
	r.place = store.ChangePlace{}
	r.Source.lostAt(r.cursor.At)
	c, err := r.Store.LastChangeCommit(r.Ctx, r.tenant(), r.rights.revision)
	if errors.Is(err, fault.ErrNotFound) {
		return r.cursor, nil
	}
	r.cursor.Mark, r.cursor.Stored, r.place = c.Mark, c.At, afterAll(c)
	return r.cursor, err
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
	p := r.rights.plans[c.Type]
	switch {
	case p == nil:
		return Item{}, untold, nil
	case c.ID == "":
		means, err := r.judgeMany(p, c)
		return Item{}, means, err
	}
	rowBefore, rowAfter, err := r.Store.Whole(r.Ctx, c)
	if err != nil {
		return Item{}, untold, err
	}
	unread := r.Users.Unread()
	before, after := r.seen(p, c.ID, rowBefore), r.seen(p, c.ID, rowAfter)
	if r.Users.Unread() != unread { // a row may have seemed to be out of sight
		return Item{}, untold, errUnread
	}
	switch item := (Item{Kind: c.Type, ID: c.ID, Gone: !after.Shown}); {
	case !before.Shown && !after.Shown:
		return Item{}, untold, nil
	case c.Type == "card" && r.assigned(rowBefore) != r.assigned(rowAfter):
		return Item{}, resets, nil
	case before.Shown != after.Shown || showsChange(c, before, after):
		return item, tells, nil
	}
	return Item{}, untold, nil
}

// judgeMany decides what the reader is told of a change of more rows than are stored: a
// reset, if it may see one of them.
func (r *Reader) judgeMany(p *session.ReadPlan, c *store.Change) (meaning, error) {
	if c.Kinds == nil || slices.ContainsFunc(store.Distinguishing(c.Type), p.Reads) {
		return resets, nil
	}
	unread := r.Users.Unread()
	for _, kind := range c.Kinds {
		id, _ := kind["id"].(string)
		if r.seen(p, id, kind).Shown {
			return resets, nil
		}
	}
	if r.Users.Unread() != unread {
		return untold, errUnread
	}
	return untold, nil
}

func (r *Reader) seen(p *session.ReadPlan, id string, row map[string]any) session.Sight {
	if row == nil {
		return session.Sight{}
	}
	return r.Sight(p, id, row)
}

// showsChange reports whether two views of a row differ.
func showsChange(c *store.Change, before, after session.Sight) bool {
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
// ended since the cursor, until a time, of a card that the reader sees with it or
// without it.
func (r *Reader) assignmentsAsBefore(until schema.Micros) (bool, error) {
	p := r.rights.plans["card"]
	if p == nil {
		return true, nil
	}
	own := r.Facts.Account.ID
	cards, err := r.Store.AssignmentsChanged(r.Ctx, own, r.cursor.At, until, mostAssignments)
	for _, card := range cards {
		row, missing := r.Store.PolicyRow(r.Ctx, "card", card)
		if errors.Is(missing, fault.ErrNotFound) {
			continue
		}
		if missing != nil {
			return false, missing
		}
		for _, row := range withAndWithout(row, own) {
			if r.seen(p, card, row).Shown {
				return false, nil
			}
		}
	}
	return err == nil && len(cards) < mostAssignments, err
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
