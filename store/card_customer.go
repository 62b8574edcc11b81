package store

import (
	"context"
	"errors"
	"fmt"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// CardCustomer is a customer on a customer card of the customer's own account.
type CardCustomer struct {
	CardID     string        `db:"card_id"`
	CustomerID string        `db:"customer_id"`
	AccountID  string        `db:"account_id"` // the owner of both; set by PutCustomerOnCard
	ValidFrom  schema.Micros `db:"valid_from"` // 0 for now
	ValidTo    schema.Micros `db:"valid_to"`   // 0 for no end
}

// PutCustomerOnCard puts a customer on a card of the tenant and returns the stored
// entry. The period follows the rules of AssignCard. It returns ErrNotFound for an
// unknown card. It returns ErrInvalid if the card is not a customer card, the
// customer does not belong to the card's account, or the period is empty or begins
// in the past.
func (tx *Tx) PutCustomerOnCard(ctx context.Context, c CardCustomer) (CardCustomer, error) {
	card, err := tx.Card(ctx, c.CardID)
	if err != nil {
		return CardCustomer{}, err
	}
	if card.Kind != schema.CustomerCard {
		return CardCustomer{}, fmt.Errorf("customer on card: %w", fault.Invalid("card_id", "is not a customer card"))
	}
	customer, err := tx.Customer(ctx, c.CustomerID)
	if err != nil && !errors.Is(err, fault.ErrNotFound) {
		return CardCustomer{}, err
	}
	if err != nil || customer.AccountID != card.AccountID {
		return CardCustomer{}, fmt.Errorf("customer on card: %w", fault.Invalid("customer_id", "is not a customer of the card's account"))
	}
	if err := tx.willChange(ctx, "customer", c.CustomerID); err != nil {
		return CardCustomer{}, fmt.Errorf("customer on card: %w", err)
	}
	kept, err := customerLink.put(ctx, tx, card.AccountID, c.CardID, c.CustomerID, period{c.ValidFrom, c.ValidTo})
	if err != nil {
		return CardCustomer{}, fmt.Errorf("customer on card: %w", err)
	}
	c.AccountID, c.ValidFrom, c.ValidTo = card.AccountID, kept.From, kept.To
	return c, nil
}

// RemoveCustomerFromCard takes a customer off a card now. The past period is kept.
// It returns ErrNotFound if the card is unknown or the customer is not on it.
func (tx *Tx) RemoveCustomerFromCard(ctx context.Context, card, customer string) error {
	if _, err := tx.Card(ctx, card); err != nil {
		return err
	}
	if !dialect.Storable(customer) {
		return fmt.Errorf("customer on card: %w", fault.ErrNotFound)
	}
	err := tx.willChange(ctx, "customer", customer)
	if err == nil {
		err = customerLink.remove(ctx, tx, card, customer)
	}
	if err != nil {
		return fmt.Errorf("customer on card: %w", err)
	}
	return nil
}
