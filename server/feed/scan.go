package feed

import (
	"errors"
	"slices"

	"resellerd/store"
)

// slice is how many changes are read at a time. A reader who is told of any of them gets
// its answer after mostRead. One who is told of none of them goes on, in its turns: how
// many changes others made is not its business.
const (
	slice    = 200
	mostRead = 10_000
)

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
