package feed

import (
	"context"
	"reflect"
	"slices"
	"time"

	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/history"
	"resellerd/store/schema"
)

// Item is a change that its reader is told.
type Item struct {
	Kind string `json:"kind" enum:"account,card,customer,group,user"`
	ID   string `json:"id"`
	Gone bool   `json:"gone,omitempty" description:"the row was visible before, and is not now"`
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
	// Turn waits for a turn to judge changes. It is nil if nobody waits for turns.
	Turn func() (Turn, error)

	rights rights
	cursor Cursor
	losses int64                // of the database's history when the reader began
	place  store.ChangePlace    // the changes until here are told or invisible
	unseen int                  // changes that were read since the cursor, or since the last that is told
	told   *told                // since the cursor, and not answered yet
	read   history.DataRevision // More has read all changes until then
	asOf   store.ChangePlace    // the last answer is right by the changes until here
	judged schema.Micros        // when the last answer was judged, by the clock
	turn   Turn                 // of the question; nil for none
}

// Turn is a turn to judge changes. Yield lets others have it if it is due, and waits for it
// until ctx ends.
type Turn interface {
	Yield(ctx context.Context) error
	Leave()
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
	if err := r.takeTurn(); err != nil { // also if there is nothing to read: how much others write changes no answer
		return Answer{}, err
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
