package store

import (
	"context"
	"fmt"

	"resellerd/store/dialect"
	"resellerd/store/valid"
)

// ErrCurrencyMismatch is an ErrConflict with ReasonCurrencyMismatch: a card has another
// currency than an account or a customer. One without a currency fits every card.
var ErrCurrencyMismatch = refused(ReasonCurrencyMismatch, "accept_currency", "is needed because the card has another currency")

// maxMismatches limits the rows that a write is told of.
const maxMismatches = 100

// AssignedInAnotherCurrency returns the ids of cards in another currency that are, or
// will be, assigned to an account. They are sorted, and at most 100.
func (tx *Tx) AssignedInAnotherCurrency(ctx context.Context, account, currency string) ([]string, error) {
	return tx.inAnotherCurrency(ctx, "assignments l JOIN cards c ON c.id = l.card_id WHERE l.account_id = ?", account, currency)
}

// CardsInAnotherCurrency is AssignedInAnotherCurrency for cards that a customer is on, or
// will be on.
func (tx *Tx) CardsInAnotherCurrency(ctx context.Context, customer, currency string) ([]string, error) {
	return tx.inAnotherCurrency(ctx, "card_customers l JOIN cards c ON c.id = l.card_id WHERE l.customer_id = ?", customer, currency)
}

func (tx *Tx) inAnotherCurrency(ctx context.Context, linked, id, currency string) (ids []string, err error) {
	type card struct{ ID string }
	found, err := dialect.SelectAll[card](ctx, tx.store.dialect, tx.tx, "SELECT DISTINCT c.id FROM "+linked+
		" AND (l.valid_to IS NULL OR l.valid_to > ?) AND c.currency <> ? ORDER BY c.id LIMIT ?", id, tx.now, currency, maxMismatches)
	for _, c := range found {
		ids = append(ids, c.ID)
	}
	return ids, err
}

// OnCardInAnotherCurrency returns the accounts to which a card is, or will be, assigned,
// and the customers who are, or will be, on it, if they have another currency than the
// given one. They are sorted, and at most 100.
func (tx *Tx) OnCardInAnotherCurrency(ctx context.Context, card, currency string) ([]CurrencyMismatch, error) {
	return dialect.SelectAll[CurrencyMismatch](ctx, tx.store.dialect, tx.tx, `
		SELECT 'account' AS type, a.id FROM assignments l JOIN accounts a ON a.id = l.account_id
		WHERE l.card_id = ? AND (l.valid_to IS NULL OR l.valid_to > ?) AND a.currency <> ?
		UNION
		SELECT 'customer', o.id FROM card_customers l JOIN customers o ON o.id = l.customer_id
		WHERE l.card_id = ? AND (l.valid_to IS NULL OR l.valid_to > ?) AND o.currency <> ?
		ORDER BY 1, 2 LIMIT ?`, card, tx.now, currency, card, tx.now, currency, maxMismatches)
}

// CurrencyMismatch is a card on which an account or a customer with another currency
// is, or will be.
type CurrencyMismatch struct {
	TenantID string `db:"tenant_id"`
	CardID   string `db:"card_id"`
	Type     string `db:"type"` // account or customer
	ID       string `db:"id"`
	Card     string `db:"card"`  // the card's currency
	Other    string `db:"other"` // that of the account or customer
}

// CurrencyMismatches lists where currencies differ, ordered by tenant and card. It
// changes nothing.
func (s *Store) CurrencyMismatches(ctx context.Context) (found []CurrencyMismatch, err error) {
	err = s.snapshot(ctx, nil, func(x dialect.Execer) error {
		type count struct{ N int }
		there, err := dialect.SelectOne[count](ctx, s.dialect, x, s.dialect.HasUsers)
		if err != nil || there.N == 0 {
			return err
		}
		now := s.micros()
		found, err = dialect.SelectAll[CurrencyMismatch](ctx, s.dialect, x, `
			SELECT c.tenant_id, c.id AS card_id, 'account' AS type, a.id, c.currency AS card, a.currency AS other
			FROM assignments l JOIN cards c ON c.id = l.card_id JOIN accounts a ON a.id = l.account_id
			WHERE (l.valid_to IS NULL OR l.valid_to > ?) AND a.currency <> c.currency
			UNION ALL
			SELECT c.tenant_id, c.id, 'customer', o.id, c.currency, o.currency
			FROM card_customers l JOIN cards c ON c.id = l.card_id JOIN customers o ON o.id = l.customer_id
			WHERE (l.valid_to IS NULL OR l.valid_to > ?) AND o.currency <> c.currency
			ORDER BY 1, 2, 3, 4`, now, now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("currencies: %w", err)
	}
	return found, nil
}

// IsCurrency reports whether a text is a code that a currency of an account, a customer or a card can have.
func IsCurrency(text string) bool { return valid.IsCurrency(text) }
