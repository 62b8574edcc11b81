package feed

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// Cursor is how far a reader has been told. It needs a seal before it leaves the server.
// A cursor of a new reader, and one of a reset, name a commit that the reader may not see.
// They show nothing of it: all of them have the same length.
type Cursor struct {
	Mark   string        `json:"m"`           // of a commit; see noMark
	Type   string        `json:"t,omitempty"` // with ID: the last row of the commit that was told; "" for all its rows
	ID     string        `json:"i,omitempty"`
	Stored schema.Micros `json:"s"` // the time of the commit
	At     schema.Micros `json:"a"` // when the cursor was made
	Since  schema.Micros `json:"u"` // all changes of earlier times are told or invisible
	Rights []byte        `json:"r"` // a digest of the reader's rights
}

// noMark and longAgo stand for the commit of a cursor that has none. They are as long as
// others.
var noMark = strings.Repeat("0", 26)

const longAgo schema.Micros = 1e15

// findPlace finds the place of the cursor. It returns false if the cursor is too old, if
// its reader had other rights, or if its commit is lost.
func (r *Reader) findPlace() (bool, error) {
	c := r.cursor
	if r.old(c.Since) || !slices.Equal(c.Rights, r.rights.digest) || c.At < r.Source.lostAt(r.now()) {
		return false, nil
	}
	r.told, r.unseen = newTold(), 0
	var known bool
	if r.place, known = r.Source.seen(r.key()); known {
		r.unseen = slice
		return true, nil
	}
	commit, err := r.Store.ChangeCommit(r.Ctx, r.tenant(), c.Mark)
	if errors.Is(err, fault.ErrNotFound) {
		return r.old(c.Stored), nil // it was pruned, and all later ones that are not told are stored
	}
	r.place = store.ChangePlace{Revision: commit.Revision, Type: c.Type, ID: c.ID}
	if c.Type == "" {
		r.place = afterAll(commit)
	}
	return true, err
}

func (r *Reader) old(at schema.Micros) bool { return at.Time().Add(r.Keep).Before(r.Now()) }

// readAll is the time before which a reader that has read all changes until now has read all
// changes: a commit becomes visible some time after the time of its changes.
func (r *Reader) readAll(now schema.Micros) schema.Micros {
	return now - schema.Micros(min(longestCommit, r.Keep/8).Microseconds())
}

// longestCommit is longer than it takes from the time of a change to its commit.
const longestCommit = 15 * time.Minute

// afterAll is the place after all changes of a commit.
func afterAll(c store.ChangeCommit) store.ChangePlace {
	return store.ChangePlace{Revision: c.Revision + 1}
}

// keepPlace remembers how far the reader has come, if it would have to read much again.
func (r *Reader) keepPlace() {
	if r.told.len() == 0 && r.unseen >= slice {
		r.Source.keep(r.Facts.Account.ID, r.key(), r.place)
	}
}

// key names the reader's cursor in the source.
func (r *Reader) key() string {
	c := r.cursor
	return fmt.Sprint(r.losses, " ", r.Subject.User.ID, " ", c.Mark, " ", c.Type, " ", c.ID, " ", c.At, " ", string(c.Rights))
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
	r.cursor = Cursor{Mark: noMark, Stored: longAgo, At: now, Since: r.readAll(now), Rights: r.rights.digest}
	r.place, r.unseen, r.told, r.judged, r.asOf = store.ChangePlace{}, 0, newTold(), now, store.ChangePlace{Revision: r.rights.revision + 1}
	r.Source.lostAt(r.cursor.At)
	c, err := r.Store.LastChangeCommit(r.Ctx, r.tenant(), r.rights.revision)
	if errors.Is(err, fault.ErrNotFound) {
		return r.cursor, nil
	}
	r.cursor.Mark, r.cursor.Stored, r.place = c.Mark, c.At, afterAll(c)
	return r.cursor, err
}
