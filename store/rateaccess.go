package store

import (
	"context"
	"errors"
	"fmt"

	"resellerd/store/fault"
	"resellerd/store/schema"
)

// RateAccess decides whose rates may be read. Each method that computes from
// rates takes one: proof, build, diff. The zero value lets no rates be read.
type RateAccess struct {
	ask func(ctx context.Context, card string) (bool, error)
}

// RateAccessBy makes an access that asks about each card before its rates are
// read: all columns of its rates, or none.
func RateAccessBy(ask func(ctx context.Context, card string) (bool, error)) RateAccess {
	return RateAccess{ask}
}

// UndecidedError names a card about which DecidedRates knows no decision.
type UndecidedError struct{ Card string }

// Error names the card.
func (e *UndecidedError) Error() string {
	return "card " + e.Card + ": it is not decided yet whether its rates may be read"
}

// DecidedRates lets rates be read as decided, by the id of the card. It gives an
// UndecidedError for any other card: it is for work that must not wait for a
// decision.
func DecidedRates(decided map[string]bool) RateAccess {
	return RateAccessBy(func(_ context.Context, card string) (bool, error) {
		allowed, known := decided[card]
		if !known {
			return false, &UndecidedError{card}
		}
		return allowed, nil
	})
}

// AllRates lets all rates be read. It is for work without an acting user, such as
// filling a store.
var AllRates = RateAccessBy(func(context.Context, string) (bool, error) { return true, nil })

// ErrRatesHidden says that an answer would rest on rates that may not be read.
// Nothing was read or compared for it.
var ErrRatesHidden = errors.New("rates may not be read")

// Reads returns ErrRatesHidden unless the rates of all these cards may be read.
func (a RateAccess) Reads(ctx context.Context, cards ...string) error {
	for _, card := range cards {
		allowed := false
		if a.ask != nil {
			var err error
			if allowed, err = a.ask(ctx, card); err != nil {
				return err
			}
		}
		if !allowed {
			return fmt.Errorf("card %s: %w", card, ErrRatesHidden)
		}
	}
	return nil
}

// MayProve returns ErrRatesHidden unless all rates may be read that a proof or a
// build of a card needs: those of the card, of its parents, and of the cards that
// the revision ("" for none) was built from. It reads none of them. It does not
// ask about a withdrawn parent: that parent is refused for another reason,
// whatever its rates are. A card without parents needs no rates, because nothing
// proves it.
func (tx *Tx) MayProve(ctx context.Context, rates RateAccess, card, revision string) error {
	c, err := tx.Card(ctx, card)
	if err != nil {
		return err
	}
	return tx.mayProve(ctx, rates, &c, revision)
}

func (tx *Tx) mayProve(ctx context.Context, rates RateAccess, c *Card, revision string) error {
	if c.Kind != schema.CustomerCard {
		return nil
	}
	parents, err := tx.parents(ctx, c.ID)
	if err == nil && revision != "" {
		var former []Parent
		former, err = tx.builtFrom(ctx, revision)
		parents = append(parents, former...)
	}
	if err != nil || len(parents) == 0 {
		return err
	}
	asked := []string{c.ID}
	for _, p := range parents {
		parent, err := tx.Card(ctx, p.CardID)
		if errors.Is(err, fault.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		usable, err := tx.usable(ctx, c, &parent)
		if err != nil {
			return err
		}
		if usable {
			asked = append(asked, parent.ID)
		}
	}
	return rates.Reads(ctx, asked...)
}

// InForce reports whether a card of the tenant has an active revision.
func (tx *Tx) InForce(ctx context.Context, card string) (bool, error) {
	if _, err := tx.Card(ctx, card); err != nil {
		return false, err
	}
	active, err := tx.activeRevision(ctx, card)
	return active.ID != "", err
}

// readsSides is MayProve of what is about to be read.
func (a RateAccess) readsSides(ctx context.Context, c *Card, parents []RevisionParent) error {
	asked := []string{c.ID}
	for _, p := range parents {
		asked = append(asked, p.CardID)
	}
	return a.Reads(ctx, asked...)
}
