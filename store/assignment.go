package store

import (
	"context"
	"errors"
	"fmt"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// Assignment is a customer card in the hands of an account directly below its
// owner, which sees it as a provider's.
type Assignment struct {
	CardID    string        `db:"card_id"`
	AccountID string        `db:"account_id"` // to whom
	OwnerID   string        `db:"owner_id"`   // the card's account; set here
	ValidFrom schema.Micros `db:"valid_from"` // 0 for now
	ValidTo   schema.Micros `db:"valid_to"`   // 0 for without end
}

// AssignCard assigns a card of the tenant and returns the assignment as it is
// kept. Assigning again changes the validity of the assignment there is: one
// that has begun keeps its beginning, unless the new one begins in the future
// and so ends it now. The account's cards that rest on this one are marked, or
// no longer, as by WithdrawCard.
//
// It returns ErrNotFound for an unknown card, and ErrInvalid when the card is
// no customer card, the account is not directly below the card's owner, or the
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

// WithdrawCard ends a card's assignment to an account now; what was is kept.
// The account's cards that rest on it become stale, and stay in force as they
// are. It returns ErrNotFound when the card or a present or future assignment
// is absent.
func (tx *Tx) WithdrawCard(ctx context.Context, card, account string) error {
	if _, err := tx.Card(ctx, card); err != nil {
		return err
	}
	if !dialect.Storable(account) {
		return fmt.Errorf("assignment: %w", fault.ErrNotFound)
	}
	err := assignmentLink.remove(ctx, tx, card, account)
	if err == nil {
		err = tx.applyAssignmentChange(ctx, card, account)
	}
	if err != nil {
		return fmt.Errorf("assignment: %w", err)
	}
	return nil
}
