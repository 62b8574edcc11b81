package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// maxParents is the most parents that a card can have.
const maxParents = 20

const selectParents = `SELECT parent_id, COALESCE(exchange, '') AS exchange, COALESCE(exchange_at, 0) AS exchange_at
	FROM card_parents WHERE card_id = ? ORDER BY position`

// Parents lists the parents of a card of the tenant, in their order. It returns
// ErrNotFound if there is no such card.
func (tx *Tx) Parents(ctx context.Context, card string) ([]Parent, error) {
	if _, err := tx.Card(ctx, card); err != nil {
		return nil, err
	}
	return tx.parents(ctx, card)
}

func (tx *Tx) parents(ctx context.Context, card string) ([]Parent, error) {
	parents, err := dialect.SelectAll[Parent](ctx, tx.store.dialect, tx.tx, selectParents, card)
	if err != nil {
		return nil, fmt.Errorf("parents of card %s: %w", card, err)
	}
	return parents, nil
}

// SetParents replaces the parents of a customer card of the tenant. A parent is a
// provider card of the same account, or a card that is assigned to that account
// now. So no card is ever above itself. A parent has the card's direction, and
// either the card's currency or an exchange rate.
//
// A card in force becomes stale if it was built from other parents or exchange
// rates, or if it was imported and now sells at a loss.
//
// It returns
//   - ErrNotFound for an unknown card
//   - ErrInvalid for a parent that is refused, with a reason for a card that is not
//     the account's and for a currency without a rate; an absent parent gives
//     ErrNoParent, so the caller must check whether the writer may know of each
//     parent
//   - ErrRatesHidden for a card in force, as MayProve does with the new parents,
//     before it compares anything
//   - ErrConflict, with ReasonNotProven, if the change would remove all parents of
//     a card whose active revision was imported
func (tx *Tx) SetParents(ctx context.Context, rates RateAccess, card string, parents []Parent) error {
	c, err := tx.Card(ctx, card)
	if err != nil {
		return err
	}
	if err := tx.setParents(ctx, rates, &c, parents, false); err != nil {
		return fmt.Errorf("card %s: %w", card, err)
	}
	return nil
}

func (tx *Tx) setParents(ctx context.Context, rates RateAccess, c *Card, parents []Parent, atLoss bool) error {
	before, err := tx.parents(ctx, c.ID)
	if err != nil {
		return err
	}
	if err := tx.checkParents(ctx, c, parents); err != nil {
		return err
	}
	if err := tx.willChange(ctx, "card", c.ID); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, "DELETE FROM card_parents WHERE card_id = ?", c.ID); err != nil {
		return err
	}
	if err := tx.touchCard(ctx, c.ID); err != nil {
		return err
	}
	now := dated(parents, before, tx.now)
	for i, p := range now {
		_, err := tx.exec(ctx, `INSERT INTO card_parents (card_id, position, parent_id, exchange, exchange_at)
			VALUES (?, ?, ?, NULLIF(?, ''), ?)`, c.ID, i+1, p.CardID, p.Exchange, optional(p.ExchangeAt))
		if err != nil {
			return err
		}
	}
	if slices.Equal(before, now) {
		return nil
	}
	return tx.applyParentChange(ctx, rates, c, len(now) > 0, atLoss)
}

// touchCard records a change of a card in its version and time.
func (tx *Tx) touchCard(ctx context.Context, card string) error {
	_, err := tx.exec(ctx, "UPDATE cards SET version = version + 1, updated_at = ? WHERE id = ?", tx.now, card)
	if err != nil {
		return fmt.Errorf("card %s: %w", card, err)
	}
	return nil
}

func optional(at schema.Micros) any {
	if at == 0 {
		return nil
	}
	return int64(at)
}

// sameRate compares exchange rates as numbers.
func sameRate(a, b Parent) bool {
	one, err := a.Rate()
	other, fault := b.Rate()
	return err == nil && fault == nil && one == other
}

// dated sets the time of each exchange rate. A rate that is the same number as
// before keeps its earlier time and its earlier text.
func dated(parents, before []Parent, now schema.Micros) []Parent {
	all := make([]Parent, len(parents))
	for i, p := range parents {
		all[i] = Parent{CardID: p.CardID, Exchange: p.Exchange}
		if p.Exchange == "" {
			continue
		}
		all[i].ExchangeAt = now
		for _, had := range before {
			if had.CardID == p.CardID && had.Exchange != "" && sameRate(had, p) {
				all[i] = had
			}
		}
	}
	return all
}

func (tx *Tx) checkParents(ctx context.Context, c *Card, parents []Parent) error {
	if len(parents) > 0 && c.Kind != schema.CustomerCard {
		return fault.Invalid("parents", "applies only to customer cards")
	}
	if len(parents) > maxParents {
		return fault.Invalid("parents", fmt.Sprintf("has more than %d cards", maxParents))
	}
	seen := map[string]bool{}
	for _, p := range parents {
		if seen[p.CardID] {
			return fault.Invalid("parents", "has a card more than once")
		}
		seen[p.CardID] = true
		if err := tx.checkParent(ctx, c, p); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) checkParent(ctx context.Context, c *Card, p Parent) error {
	parent, err := tx.Card(ctx, p.CardID)
	if errors.Is(err, fault.ErrNotFound) {
		return ErrNoParent
	}
	if err != nil {
		return err
	}
	usable, err := tx.usable(ctx, c, &parent)
	switch {
	case err != nil:
		return err
	case !usable && parent.AccountID == c.AccountID:
		return fault.Invalid("parents", "has a card of the account that is not a provider card")
	case !usable:
		return &ReasonError{ReasonCardNotOwn, fault.Invalid("parents", "has a card that is not assigned to the account")}
	}
	return fits(p, c, &parent)
}

// ErrNoParent is the ErrInvalid for a parent that does not exist.
var ErrNoParent error = &fault.FieldError{Kind: fault.ErrInvalid, Field: "parents", Text: "has a card that does not exist"}

// fits checks the direction, currency and exchange rate of a parent.
func fits(p Parent, c, parent *Card) error {
	if parent.Direction != c.Direction {
		return fault.Invalid("parents", "has a card with another direction")
	}
	if p.Exchange == "" && parent.Currency != c.Currency {
		return &ReasonError{ReasonCurrencyMismatch, fault.Invalid("parents", "has a card in another currency without an exchange rate")}
	}
	if p.Exchange != "" && parent.Currency == c.Currency {
		return fault.Invalid("parents", "has an exchange rate for a card in the same currency")
	}
	if _, err := p.Rate(); err != nil {
		return fault.Invalid("parents", "has an exchange rate that is not a decimal number above 0 with at most 18 decimals")
	}
	return nil
}

// usable reports whether the owner of c may build from parent now.
func (tx *Tx) usable(ctx context.Context, c, parent *Card) (bool, error) {
	if parent.AccountID == c.AccountID {
		return parent.Kind == schema.ProviderCard, nil
	}
	type one struct{ N int }
	found, err := dialect.SelectAll[one](ctx, tx.store.dialect, tx.tx, `SELECT 1 AS n FROM assignments WHERE card_id = ? AND account_id = ?
		AND valid_from + 0 <= ? AND (valid_to IS NULL OR valid_to + 0 > ?)`, parent.ID, c.AccountID, tx.now, tx.now)
	return len(found) > 0, err
}
