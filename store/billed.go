package store

import (
	"context"
	"fmt"

	"resellerd/store/dialect"
	"resellerd/store/schema"
)

// Billed says how the calls of a customer were rated on one card at a time.
type Billed struct {
	CardID   string        `db:"card_id"`
	From, To schema.Micros // when the customer was on the card; To is 0 without end
	// RevisionID is the revision in force, "" for none. Of an archived one that is not kept
	// any more, it is "".
	RevisionID string        `db:"revision_id"`
	Since      schema.Micros // from when the revision was in force with these terms
	Until      schema.Micros // 0 if it still is
	// Terms are the currency, the direction, the precision and the rounding of rates, and the
	// precision and the rounding of charges.
	Terms string
}

// BilledAt returns the cards of the tenant that a customer was on at a time, ordered by id,
// with the revisions that were in force then: at most limit cards whose ids are greater than
// after. Nothing that happens later changes the answer for a past time, except that old
// revisions are deleted.
func (m *Moment) BilledAt(ctx context.Context, customer string, at schema.Micros, after string, limit int) ([]Billed, error) {
	if !dialect.Storable(customer) {
		return nil, nil
	}
	all, err := dialect.SelectAll[Billed](ctx, m.store.dialect, m.x, `SELECT l.card_id AS card_id, l.valid_from AS "from", COALESCE(l.valid_to, 0) AS "to",
			COALESCE(p.revision_id, '') AS revision_id, COALESCE(p.active_from, 0) AS since, COALESCE(p.active_to, 0) AS until,
			COALESCE(p.terms, '') AS terms
		FROM card_customers l JOIN cards c ON c.id = l.card_id
		LEFT JOIN revision_periods p ON p.card_id = l.card_id AND p.active_from <= ? AND (p.active_to IS NULL OR p.active_to > ?)
		WHERE l.customer_id = ? AND l.card_id > ? AND c.tenant_id = ? AND l.valid_from + 0 <= ? AND (l.valid_to IS NULL OR l.valid_to + 0 > ?)
		ORDER BY l.card_id LIMIT ?`, at, at, customer, after, m.tenant, at, at, limit)
	if err != nil {
		return nil, fmt.Errorf("customer %s: %w", customer, err)
	}
	return all, nil
}
