package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"resellerd/store"
)

// slice is how many changes are read at a time.
const slice = 200

// errReset ends a scan whose answer is a reset.
var errReset = errors.New("the reader must begin again")

// ErrUnfinished says that the time of a question has ended before all changes were read. The
// same question goes on from there. It is joined to the error of the context.
var ErrUnfinished = errors.New("the reader is far behind")

// mostFound is the time after which a question is answered with the items that were found,
// although there may be more, and soft the time at which that is: before its own time ends.
const mostFound = 10 * time.Second

func (r *Reader) soft() time.Time {
	now := time.Now()
	if end, ok := r.Ctx.Deadline(); ok {
		return now.Add(min(mostFound, end.Sub(now)*2/3))
	}
	return now.Add(mostFound)
}

// scan tells the changes until a data revision that read returns, until it returns none. It
// goes on until it has its items, has read everything, or its time ends: that alone lets very
// many changes of others end an answer early. The last steps before items are told may turn the
// answer into a reset.
func (r *Reader) scan(limit int, until int64, read func() ([]store.Change, error), last ...func() (Answer, error)) (Answer, error) {
	began := r.now()
	end, err := r.tellAll(limit, read)
	if end {
		r.place = store.ChangePlace{Revision: until + 1} // the same for all readers
	}
	switch {
	case errors.Is(err, errReset):
		return r.reset()
	case err != nil:
		return Answer{}, err
	case r.told.len() == 0:
		r.keepPlace()
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
	a := Answer{Items: r.told.items, Cursor: r.told.last}
	a.Cursor.At, a.Cursor.Rights = now, r.rights.digest
	if a.Cursor.Since = a.Cursor.Stored; end {
		a.Cursor.Since = max(a.Cursor.Since, r.readAll(began))
	}
	r.cursor, r.told, r.judged, r.asOf = a.Cursor, newTold(), now, r.place
	r.keepPlace()
	return a, nil
}

// tellAll adds the items of the changes that read returns. It judges them in a turn, however
// few they are, and leaves the turn. It reports whether it came to the end. It returns errReset
// if a change is a reset, and ErrUnfinished if its time ends without an item.
func (r *Reader) tellAll(limit int, read func() ([]store.Change, error)) (end bool, err error) {
	defer r.leaveTurn()
	begun, soft := false, r.soft()
	defer func() {
		if err != nil && begun && r.Ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ErrUnfinished, err)
		}
	}()
	for r.told.len() < limit && (r.told.len() == 0 || time.Now().Before(soft)) {
		if begun {
			if found, err := r.yieldTurn(soft); found || err != nil {
				return false, err
			}
		}
		some, err := read()
		if err != nil || len(some) == 0 {
			return err == nil, err
		}
		if err := r.takeTurn(); err != nil {
			return false, err
		}
		if !begun {
			begun, soft = true, r.soft() // without the time until the turn
		}
		if err := r.tell(some, limit); err != nil {
			return false, err
		}
		r.keepPlace()
	}
	return false, nil
}

// takeTurn waits for the turn of a question, unless it has one.
func (r *Reader) takeTurn() (err error) {
	if r.Turn != nil && r.turn == nil {
		r.turn, err = r.Turn()
	}
	return err
}

// yieldTurn lets others have the turn. Until soft, a question that has found something waits
// for the turn; then it is answered with what was found.
func (r *Reader) yieldTurn(soft time.Time) (found bool, err error) {
	if r.turn == nil {
		return false, nil
	}
	ctx := r.Ctx
	if r.told.len() > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, soft)
		defer cancel()
	}
	err = r.turn.Yield(ctx)
	if r.told.len() > 0 && r.Ctx.Err() == nil && (err != nil || !time.Now().Before(soft)) {
		return true, nil
	}
	return false, err
}

func (r *Reader) leaveTurn() {
	if r.turn != nil {
		r.turn.Leave()
		r.turn = nil
	}
}

// tell adds the items of changes, up to a limit. It returns errReset if the answer is a
// reset instead.
func (r *Reader) tell(some []store.Change, limit int) error {
	for i := range some {
		if r.told.len() == limit {
			return nil
		}
		c := &some[i]
		item, means, err := r.judge(c)
		if err == nil && means == resets {
			err = errReset
		}
		if err != nil {
			return err
		}
		r.unseen++
		if r.place = c.Place(); means == tells {
			r.unseen = 0
			r.told.add(item)
			r.told.last = Cursor{Mark: c.Mark, Type: c.Type, ID: c.ID, Stored: c.At}
		}
	}
	return nil
}

// ofRights reports whether a change may change the reader's rights: one of its own user,
// of the user's groups, of its account and those above, or of which accounts are below.
func (r *Reader) ofRights(c store.Change) bool {
	switch c.Type {
	case "user":
		return c.ID == r.Subject.User.ID
	case "group":
		return slices.Contains(r.Subject.User.Groups, c.ID)
	case "account":
		return c.Before == nil && c.After["parent_id"] == r.Subject.Account.ID ||
			slices.ContainsFunc(r.Subject.Chain, func(a store.Account) bool { return a.ID == c.ID })
	}
	return false
}

// told collects items. A row that changed several times is told once, as it is at the end.
type told struct {
	items []Item
	at    map[Item]int
	last  Cursor // the place of the last one, without the reader's rights
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
