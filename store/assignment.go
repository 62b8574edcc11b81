package store

import (
	"context"
	"errors"
	"fmt"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// Assignment lets an account use a customer card of the account directly above it.
// The account sees the card as a provider card.
type Assignment struct {
	CardID    string        `db:"card_id"`
	AccountID string        `db:"account_id"` // the account that may use the card
	OwnerID   string        `db:"owner_id"`   // the card's account; set by AssignCard
	ValidFrom schema.Micros `db:"valid_from"` // 0 for now
	ValidTo   schema.Micros `db:"valid_to"`   // 0 for no end
}

// AssignCard assigns a card of the tenant and returns the stored assignment. If the
// card is assigned already, AssignCard changes the validity. An assignment that has
// begun keeps its beginning, unless the new one begins in the future. Then the old
// one ends now. AssignCard also updates the stale mark of the account's cards in
// force that depend on this one.
//
// It returns ErrNotFound for an unknown card. It returns ErrInvalid if the card is
// not a customer card, the account is not directly below the card's owner, or the
// period is empty or begins in the past.
func (tx *Tx) AssignCard(ctx context.Context, a Assignment) (Assignment, error) {
	card, err := tx.Card(ctx, a.CardID)
	if err != nil {
		return Assignment{}, err
	}
	if card.Kind != schema.CustomerCard {
		return Assignment{}, fmt.Errorf("assignment: %w", fault.Invalid("card_id", "is not a customer card"))
	}
	to, err := tx.Account(ctx, a.AccountID)
	if err != nil && !errors.Is(err, fault.ErrNotFound) {
		return Assignment{}, err
	}
	if err != nil || to.ParentID != card.AccountID {
		return Assignment{}, fmt.Errorf("assignment: %w", fault.Invalid("account_id", "is not directly below the card's owner"))
	}
	if err := tx.assignmentWillChange(ctx, a.CardID, a.AccountID); err != nil {
		return Assignment{}, fmt.Errorf("assignment: %w", err)
	}
	kept, err := assignmentLink.put(ctx, tx, card.AccountID, a.CardID, a.AccountID, period{a.ValidFrom, a.ValidTo})
	if err == nil {
		err = tx.applyAssignmentChange(ctx, a.CardID, a.AccountID)
	}
	if err != nil {
		return Assignment{}, fmt.Errorf("assignment: %w", err)
	}
	a.OwnerID, a.ValidFrom, a.ValidTo = card.AccountID, kept.From, kept.To
	return a, nil
}

// WithdrawCard ends a card's assignment to an account now. The past of the
// assignment is kept. The account's cards that depend on the card become stale and
// stay in force. It returns ErrNotFound if the card is absent, or if it has no
// present or future assignment to the account.
func (tx *Tx) WithdrawCard(ctx context.Context, card, account string) error {
	if _, err := tx.Card(ctx, card); err != nil {
		return err
	}
	if !dialect.Storable(account) {
		return fmt.Errorf("assignment: %w", fault.ErrNotFound)
	}
	err := tx.assignmentWillChange(ctx, card, account)
	if err == nil {
		err = assignmentLink.remove(ctx, tx, card, account)
	}
	if err == nil {
		err = tx.applyAssignmentChange(ctx, card, account)
	}
	if err != nil {
		return fmt.Errorf("assignment: %w", err)
	}
	return nil
}

// assignmentWillChange keeps the state of a card, and of the account's cards, which show
// its name while it is assigned.
func (tx *Tx) assignmentWillChange(ctx context.Context, card, account string) error {
	err := tx.willChange(ctx, "card", card)
	if err == nil {
		err = tx.cardsWillChange(ctx, "account_id = ? AND "+namingParent, account, card)
	}
	return err
}
