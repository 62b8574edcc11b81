package feed

import (
	"errors"
	"fmt"
	"slices"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// errUnread says that a row may have seemed to be out of sight.
var errUnread = fmt.Errorf("the accounts above a user cannot be read: %w", fault.ErrUnavailable)

// Again answers with what the reader may be told now of an earlier answer, by the rights
// and the rows of now: rows that it does not see any more are gone. The answer is a reset
// if the rights are others. Its errors are those of session.MayList.
func (r *Reader) Again(a Answer) (Answer, error) {
	r.judged = r.now()
	if err := r.learnRights(); err != nil {
		return Answer{}, err
	}
	r.asOf = store.ChangePlace{Revision: r.rights.revision + 1} // the rows are read later
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

// AsOf reports whether an answer that the reader gave last is also right at another moment:
// neither the reader's rights nor a row of the answer have changed since it was judged, by a
// commit or by the clock. Changes that concern neither do not count. After mostLooked of them,
// nobody knows. A reset is always right.
func (r *Reader) AsOf(now store.WebhookNow, a Answer) (bool, error) {
	if a.Reset {
		return true, nil
	}
	if r.rights.revision > now.Revision || now.Untold != r.rights.untold || r.losses != r.Store.HistoryLost() {
		return false, nil
	}
	if turned, err := r.turned(r.now()); turned || err != nil {
		return false, err
	}
	if now.Changed < r.asOf.Revision {
		return true, nil
	}
	for n, place := 0, r.asOf; n < mostLooked; {
		some, err := r.Store.Changes(r.Ctx, r.tenant(), place, now.Revision, slice)
		if err != nil || len(some) == 0 {
			return err == nil, err
		}
		if slices.ContainsFunc(some, func(c store.Change) bool { return r.ofRights(c) || concerns(&c, a.Items) }) {
			return false, nil
		}
		n, place = n+len(some), some[len(some)-1].Place()
	}
	return false, nil
}

// mostLooked is how many changes are looked at to see that they concern no answer.
const mostLooked = 5000

// turned reports whether the clock may have changed what the reader sees since its last
// answer was judged: a group of the user has ended, or an assignment to its account has begun
// or ended.
func (r *Reader) turned(now schema.Micros) (bool, error) {
	if until := r.Subject.Until; until != 0 && now >= until {
		return true, nil
	}
	cards, err := r.Store.AssignmentsChanged(r.Ctx, r.Facts.Account.ID, r.judged, now, 1)
	return len(cards) > 0, err
}

// concerns reports whether a change may be one of a row that items name.
func concerns(c *store.Change, items []Item) bool {
	return slices.ContainsFunc(items, func(item Item) bool {
		return item.Kind == c.Type && item.ID == c.ID
	})
}
