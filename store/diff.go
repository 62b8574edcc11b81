package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/raterows"
)

// What becomes of a prefix from one deck of rates to another.
const (
	RateCreated   = "created"
	RateRemoved   = "removed"
	RateUp        = "up"      // something costs more and nothing less
	RateDown      = "down"    // something costs less and nothing more
	RateChanged   = "changed" // both, or neither: a name, a status
	RateUnchanged = "unchanged"
)

// CompareRates says what becomes of a prefix that has the rate before, or none
// (nil), and then the rate after, or none. A longer minimum or step costs
// more; a jurisdiction without a price of its own has the indeterminate one.
func CompareRates(before, after *Rate) string {
	switch {
	case before == nil:
		return RateCreated
	case after == nil:
		return RateRemoved
	}
	up, down := false, false
	old, now := before.prices(), after.prices()
	for i := range old {
		up, down = up || now[i] > old[i], down || now[i] < old[i]
	}
	switch {
	case before.Blocked != after.Blocked || up && down:
		return RateChanged
	case up:
		return RateUp
	case down:
		return RateDown
	case before.Name != after.Name || absent(before.Inter) != absent(after.Inter) || absent(before.Intra) != absent(after.Intra):
		return RateChanged
	}
	return RateUnchanged
}

func (r *Rate) prices() [6]int64 {
	all := [6]int64{r.Cost, r.Cost, r.Cost, r.Connect, int64(r.MCD), int64(r.Pulse)}
	if r.Inter != nil {
		all[1] = *r.Inter
	}
	if r.Intra != nil {
		all[2] = *r.Intra
	}
	return all
}

func absent(money *int64) bool { return money == nil }

// RateChange is a prefix that differs between two revisions.
type RateChange struct {
	Prefix string
	Change string // as CompareRates says; never RateUnchanged
	Before *Rate  // nil where it was created
	After  *Rate  // nil where it was removed
}

// DiffSum counts prefixes by what becomes of them.
type DiffSum struct {
	Created, Removed, Up, Down, Changed, Unchanged int64
}

func (s *DiffSum) count(change string) {
	*map[string]*int64{
		RateCreated: &s.Created, RateRemoved: &s.Removed, RateUp: &s.Up,
		RateDown: &s.Down, RateChanged: &s.Changed, RateUnchanged: &s.Unchanged,
	}[change]++
}

// ActiveRevision is the id of a card's active revision, "" for none.
func (s *Store) ActiveRevision(ctx context.Context, card string) (string, error) {
	if !dialect.Storable(card) {
		return "", nil
	}
	r, err := dialect.SelectOne[Revision](ctx, s.dialect, s.pool, revisionsTable.query+" WHERE card_id = ? AND status = ?", card, RevisionActive)
	if err != nil && !errors.Is(err, fault.ErrNotFound) {
		return "", fmt.Errorf("card %s: %w", card, err)
	}
	return r.ID, nil
}

// Diff walks over what changes when a card's rates go from one of its
// revisions ("" for none) to another, in the order of prefixes and behind a
// prefix ("" for all). fn, which may be nil, gets what differs; its error ends the
// walk and is returned. The sum is of what was walked over. Memory does not
// grow with the revisions.
//
// It returns ErrNotFound when the card has no such revision, and ErrRatesHidden
// unless the card's rates may be read. Which revisions may be known of is the
// caller's to decide.
func (s *Store) Diff(ctx context.Context, rates RateAccess, card, before, after, behind string, fn func(RateChange) error) (sum DiffSum, err error) {
	if err := rates.Reads(ctx, card); err != nil {
		return sum, err
	}
	err = s.snapshot(ctx, nil, func(x dialect.Execer) error {
		for _, id := range []string{before, after} {
			if id == "" {
				continue
			}
			if err := s.ofCard(ctx, x, card, id); err != nil {
				return err
			}
		}
		sum, err = diff(newRateWalk(ctx, s.dialect, x, before, behind), newRateWalk(ctx, s.dialect, x, after, behind), fn)
		return err
	})
	return sum, err
}

func diff(old, now *rateWalk, fn func(RateChange) error) (sum DiffSum, err error) {
	for {
		change, err := nextChange(old, now)
		if err != nil {
			return sum, fmt.Errorf("diff of revision %s: %w", now.revision, err)
		}
		if change.Change == "" {
			return sum, nil
		}
		sum.count(change.Change)
		if change.Change == RateUnchanged || fn == nil {
			continue
		}
		if err := fn(change); err != nil {
			return sum, err
		}
	}
}

func (s *Store) ofCard(ctx context.Context, x dialect.Execer, card, revision string) error {
	if !dialect.Storable(card, revision) {
		return fmt.Errorf("revision: %w", fault.ErrNotFound)
	}
	_, err := dialect.SelectOne[Revision](ctx, s.dialect, x, revisionsTable.query+" WHERE card_id = ? AND id = ?", card, revision)
	if err != nil {
		return fmt.Errorf("revision %s: %w", revision, err)
	}
	return nil
}

// nextChange takes the next prefix of either walk; the zero value at the end
// of both.
func nextChange(old, now *rateWalk) (RateChange, error) {
	before, err := old.peek()
	if err != nil {
		return RateChange{}, err
	}
	after, err := now.peek()
	if err != nil || before == nil && after == nil {
		return RateChange{}, err
	}
	var order int
	switch {
	case before == nil:
		order = 1
	case after == nil:
		order = -1
	default:
		order = cmp.Compare(before.Prefix, after.Prefix)
	}
	change := RateChange{}
	if order <= 0 {
		change.Before, change.Prefix = before, before.Prefix
		old.head = nil
	}
	if order >= 0 {
		change.After, change.Prefix = after, after.Prefix
		now.head = nil
	}
	change.Change = CompareRates(change.Before, change.After)
	return change, nil
}

// rateWalk reads the rates of a revision in the order of prefixes.
type rateWalk struct {
	revision string
	next     func() (raterows.Row, bool, error)
	head     *Rate // read, and not taken yet
}

// walked is how many rates a walk reads at a time.
const walked = 2000

// newRateWalk reads those behind a prefix.
func newRateWalk(ctx context.Context, d dialect.Dialect, x dialect.Execer, revision, behind string) *rateWalk {
	reader := raterows.NewReader(ctx, d, x, revision, "")
	reader.Behind(behind, walked)
	return &rateWalk{revision: revision, next: reader.Rates()}
}

// peek is the next rate, nil at the end. It stays valid when the walk goes on.
func (w *rateWalk) peek() (*Rate, error) {
	if w.head == nil {
		row, more, err := w.next()
		if err != nil || !more {
			return nil, err
		}
		rate := RateOf(row.Row, row.Name)
		w.head = &rate
	}
	return w.head, nil
}
