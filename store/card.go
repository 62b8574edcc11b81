package store

import (
	"context"
	"errors"
	"fmt"

	"resellerd/store/schema"
)

// NewCard returns schema.NewCard.
func NewCard() Card { return schema.NewCard() }

var cardsTable = statementsOf[Card]("cards")

// Card reads a card of the tenant. It returns ErrNotFound if there is none.
func (tx *Tx) Card(ctx context.Context, id string) (Card, error) {
	return own[Card](ctx, tx, "card", cardsTable.query, id)
}

// CreateCard stores a new card of c.AccountID. Start from NewCard. CreateCard sets
// id, tenant, version and times. It returns ErrInvalid for a malformed field or an
// unknown account, and ErrConflict if the external id is taken in the account.
func (tx *Tx) CreateCard(ctx context.Context, c Card) (Card, error) {
	c.ID, c.TenantID, c.Version, c.CreatedAt, c.UpdatedAt = tx.newID("card"), tx.tenant, 1, tx.now, tx.now
	if err := errors.Join(c.Validate(), tx.owner(ctx, c.AccountID)); err != nil {
		return Card{}, fmt.Errorf("card: %w", err)
	}
	tx.creates("card", c.ID)
	_, err := tx.execNamed(ctx, cardsTable.insert, c)
	if err == nil {
		err = tx.fold(ctx, "cards", c.ID, c)
	}
	if err != nil {
		return Card{}, fmt.Errorf("card: %w", err)
	}
	return c, nil
}

// UpdateCard changes a card of the tenant and returns the changed card. A change of
// prices or costs affects calls at once. Therefore UpdateCard proves the active
// revision again, against the present parents, and marks cards that are built from
// this one as stale. For Parents see SetParents.
//
// It returns
//   - ErrNotFound
//   - ErrRatesHidden, as MayProve does, before it compares anything
//   - ErrInvalid
//   - ErrConflict if the version has moved on, the external id is taken, or a
//     revision fixes the currency
//   - ErrConflict, with a reason, if calls on the active revision would sell at a
//     loss or have no cost to compare with
func (tx *Tx) UpdateCard(ctx context.Context, rates RateAccess, id string, patch CardPatch) (Card, error) {
	c, err := tx.Card(ctx, id)
	if err != nil {
		return Card{}, err
	}
	if err := current("card", id, c.Version, patch.Version); err != nil {
		return Card{}, err
	}
	before := c
	Apply(&patch, &c)
	c.Version, c.UpdatedAt = c.Version+1, tx.now
	if err := c.Validate(); err != nil {
		return Card{}, fmt.Errorf("card %s: %w", id, err)
	}
	err = tx.cardWillChange(ctx, &before, &c)
	if err == nil {
		_, err = tx.execNamed(ctx, cardsTable.update, c)
	}
	if err == nil {
		err = tx.fold(ctx, "cards", c.ID, c)
	}
	if err == nil && patch.Parents != nil {
		err = tx.setParents(ctx, rates, &c, *patch.Parents, patch.AtLoss)
	}
	if err == nil {
		err = tx.applyChargeChange(ctx, rates, &before, &c, patch.AtLoss)
	}
	if err != nil {
		return Card{}, fmt.Errorf("card %s: %w", id, err)
	}
	return tx.Card(ctx, id)
}

// cardWillChange keeps the state of a card, and of those that show its name.
func (tx *Tx) cardWillChange(ctx context.Context, before, c *Card) error {
	err := tx.willChange(ctx, "card", c.ID)
	if err == nil && (before.Name != c.Name || before.PublicName != c.PublicName) {
		err = tx.builtWillChange(ctx, c.ID)
	}
	return err
}

// DeleteCard deletes a card of the tenant with its assignments and revisions. Sweep
// deletes their rates. The version must match; 0 matches any. It returns ErrNotFound,
// or ErrConflict if the card has an active revision or the version has moved on.
func (tx *Tx) DeleteCard(ctx context.Context, id string, version int64) error {
	if _, err := tx.Card(ctx, id); err != nil {
		return err
	}
	customers, err := tx.names(ctx, "SELECT DISTINCT customer_id AS name FROM card_customers WHERE card_id = ?", id)
	if err == nil {
		err = tx.willChange(ctx, "customer", customers...)
	}
	if err == nil {
		err = tx.builtWillChange(ctx, id)
	}
	if err == nil {
		err = tx.detach(ctx, "card_id = ? AND status <> ?", id, RevisionActive)
	}
	if err != nil {
		return fmt.Errorf("card %s: %w", id, err)
	}
	return tx.dropOwn(ctx, "card", "cards", id, version)
}
