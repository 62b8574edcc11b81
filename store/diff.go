package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"resellerd/store/coop"
	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/raterows"
	"resellerd/store/schema"
)

// The kinds of change of a prefix between two decks of rates.
const (
	RateCreated   = "created"
	RateRemoved   = "removed"
	RateUp        = "up"      // something costs more
	RateDown      = "down"    // something costs less, and nothing costs more
	RateChanged   = "changed" // the status differs, and an open rate does not cost more; or only the name
	RateUnchanged = "unchanged"
)

// CompareRates returns the kind of change from a rate with the values before to a
// rate with the values after, of the same prefix. Nil stands for no rate. Values
// are in the order of schema.RateType. A rate that is opened at a higher price is up. A longer minimum or step costs more; no minimum and
// one of a step bill alike. A jurisdiction without its own price has the indeterminate one.
func CompareRates(before, after []any) string {
	switch {
	case before == nil:
		return RateCreated
	case after == nil:
		return RateRemoved
	}
	up, down, differs := false, false, false
	for i, c := range schema.RateType.Columns {
		if c.Kind == schema.Money || c.Kind == schema.Integer {
			was, is := costing(before, i), costing(after, i)
			up, down = up || is > was, down || is < was
		}
		differs = differs || before[i] != after[i] && i != mcdAt
	}
	switch {
	case before[statusAt] != after[statusAt] && !(up && after[statusAt] != "blocked"):
		return RateChanged
	case up:
		return RateUp
	case down:
		return RateDown
	case differs:
		return RateChanged
	}
	return RateUnchanged
}

var (
	prefixAt, nameAt, costAt, statusAt = rateColumn("prefix"), rateColumn("name"), rateColumn("cost"), rateColumn("status")
	mcdAt, pulseAt                     = rateColumn("mcd"), rateColumn("pulse")
)

func rateColumn(name string) int { return slices.Index(schema.RateType.Names(), name) }

// costing returns the number at an index of a rate's values by which calls cost more: no
// minimum bills like one of a step.
func costing(values []any, at int) int64 {
	if n := orCost(values, at); at != mcdAt || n != 0 {
		return n
	}
	return orCost(values, pulseAt)
}

// orCost returns the number at an index of a rate's values, or the cost if there is
// none.
func orCost(values []any, at int) int64 {
	n, given := values[at].(int64)
	if !given {
		n, _ = values[costAt].(int64)
	}
	return n
}

// RateChange is a prefix that differs between two revisions.
type RateChange struct {
	Prefix string
	Change string // the result of CompareRates; never RateUnchanged
	Before []any  // its values, in the order of schema.RateType; nil if it was created
	After  []any  // nil if it was removed
}

// DiffSum counts prefixes by their kind of change.
type DiffSum struct {
	Created, Removed, Up, Down, Changed, Unchanged int64
}

func (s *DiffSum) count(change string) {
	switch change {
	case RateCreated:
		s.Created++
	case RateRemoved:
		s.Removed++
	case RateUp:
		s.Up++
	case RateDown:
		s.Down++
	case RateChanged:
		s.Changed++
	default:
		s.Unchanged++
	}
}

// ActiveRevision returns the id of a card's active revision, "" for none.
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

// Diff walks over the changes between two revisions of a card ("" for none), in the
// order of prefixes, after the prefix behind ("" for all). It calls fn with each
// prefix that differs. fn may be nil. An error of fn ends the walk and is returned.
// The sum covers the prefixes of the walk. The memory use does not grow with the
// revisions. No connection is held while fn runs: rates of a revision do not change.
//
// It returns ErrNotFound if the card has no such revision, or if one is deleted
// before the end, and ErrRatesHidden if
// the card's rates may not be read. The caller must decide who may know of the
// revisions.
func (s *Store) Diff(ctx context.Context, rates RateAccess, card, before, after, behind string, fn func(RateChange) error) (sum DiffSum, err error) {
	if err := rates.Reads(ctx, card); err != nil {
		return sum, err
	}
	exist := func() error {
		for _, id := range []string{before, after} {
			if id == "" {
				continue
			}
			if err := s.ofCard(ctx, s.pool, card, id); err != nil {
				return err
			}
		}
		return nil
	}
	if err := exist(); err != nil {
		return sum, err
	}
	if sum, err = diff(s.walk(ctx, s.pool, before, behind), s.walk(ctx, s.pool, after, behind), fn); err != nil {
		return sum, err
	}
	return sum, exist()
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

// nextChange takes the next prefix of either walk. It returns the zero value at the
// end of both.
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
		order = cmp.Compare(prefixOf(before), prefixOf(after))
	}
	change := RateChange{}
	if order <= 0 {
		change.Before, change.Prefix = before, prefixOf(before)
		old.ahead = old.ahead[1:]
	}
	if order >= 0 {
		change.After, change.Prefix = after, prefixOf(after)
		now.ahead = now.ahead[1:]
	}
	change.Change = CompareRates(change.Before, change.After)
	return change, nil
}

func prefixOf(values []any) string {
	prefix, _ := values[prefixAt].(string)
	return prefix
}

// rateWalk reads the values of a revision's rates in the order of prefixes.
type rateWalk struct {
	ctx      context.Context
	d        dialect.Dialect
	x        dialect.Execer
	revision string  // "" for no rates
	behind   string  // the prefix that was read last
	ahead    [][]any // read, but not taken yet
	done     bool    // there is nothing more to read
}

// walk begins behind a prefix.
func (s *Store) walk(ctx context.Context, x dialect.Execer, revision, behind string) *rateWalk {
	return &rateWalk{ctx: ctx, d: s.dialect, x: x, revision: revision, behind: behind, done: revision == ""}
}

// walked is how many rates a walk reads at a time.
const walked = 2000

// peek returns the next rate without taking it, or nil at the end.
func (w *rateWalk) peek() (next []any, err error) {
	if len(w.ahead) == 0 && !w.done {
		if err := coop.Yield(w.ctx); err != nil {
			return nil, err
		}
		w.ahead, err = raterows.Values(w.ctx, w.d, w.x, w.revision, w.behind, walked)
		if err != nil {
			return nil, err
		}
		if w.done = len(w.ahead) < walked; len(w.ahead) > 0 {
			w.behind = prefixOf(w.ahead[len(w.ahead)-1])
		}
	}
	if len(w.ahead) == 0 {
		return nil, nil
	}
	return w.ahead[0], nil
}
