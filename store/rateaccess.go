package store

import (
	"context"
	"errors"
	"fmt"

	"resellerd/store/fault"
	"resellerd/store/schema"
)

// RateAccess decides which cards' rates may be read. Each method that computes from
// rates takes one: proof, build, diff. The zero value lets no rates be read.
type RateAccess struct {
	ask func(ctx context.Context, card string) (bool, error)
}

// RateAccessBy returns a RateAccess that calls ask for each card before its rates
// are read. The answer covers all columns of the rates.
func RateAccessBy(ask func(ctx context.Context, card string) (bool, error)) RateAccess {
	return RateAccess{ask}
}

// UndecidedError names a card that DecidedRates has no decision for.
type UndecidedError struct{ Card string }

// Error names the card.
func (e *UndecidedError) Error() string {
	return "card " + e.Card + ": it is not decided yet whether its rates may be read"
}

// DecidedRates allows reading rates as decided, by card id. For any other card it
// returns an UndecidedError. It is for work that must not wait for a decision.
func DecidedRates(decided map[string]bool) RateAccess {
	return RateAccessBy(func(_ context.Context, card string) (bool, error) {
		allowed, known := decided[card]
		if !known {
			return false, &UndecidedError{card}
		}
		return allowed, nil
	})
}

// AllRates allows reading all rates. It is for work without an acting user, such as
// filling a store.
var AllRates = RateAccessBy(func(context.Context, string) (bool, error) { return true, nil })

// ErrRatesHidden says that the answer would depend on rates that may not be read.
// The method that returns it has read and compared no rates.
var ErrRatesHidden = errors.New("rates may not be read")

// Reads returns ErrRatesHidden unless the rates of all these cards may be read. It
// returns errors of the decision unchanged.
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
// build of a card needs. These are the rates of the card, of its parents, and of
// the cards that the revision ("" for none) was built from. It reads no rates. It
// does not ask about a withdrawn parent, because that parent is refused anyway,
// whatever its rates are. A card without any of these parents needs no rates,
// because it is never proved.
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

// readsSides is MayProve for the cards whose rates are about to be read.
func (a RateAccess) readsSides(ctx context.Context, c *Card, parents []RevisionParent) error {
	asked := []string{c.ID}
	for _, p := range parents {
		asked = append(asked, p.CardID)
	}
	return a.Reads(ctx, asked...)
}
