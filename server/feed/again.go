package feed

import (
	"errors"
	"fmt"
	"slices"

	"resellerd/store"
	"resellerd/store/fault"
)

// errUnread says that a row may have seemed to be out of sight.
var errUnread = fmt.Errorf("the accounts above a user cannot be read: %w", fault.ErrUnavailable)

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
