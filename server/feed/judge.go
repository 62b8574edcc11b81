package feed

import (
	"slices"

	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/query"
)

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
	if p == nil {
		return Item{}, untold, nil
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
