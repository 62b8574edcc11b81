package store

import (
	"context"
	"errors"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// period is a time span that includes From and excludes To. A To of 0 means no end.
type period struct {
	From schema.Micros `db:"valid_from"`
	To   schema.Micros `db:"valid_to"`
}

// link is a table that joins a card with another row for a time. Each pair has any
// number of past periods and at most one that is not over.
type link struct {
	typ, table, other, owner string // other and owner are column names
}

var (
	assignmentLink = link{"assignment", "assignments", "account_id", "owner_id"}
	customerLink   = link{"customer on card", "card_customers", "customer_id", "account_id"}
)

// live reads the pair's period that is not over yet. It returns ErrNotFound if
// there is none.
func (l link) live(ctx context.Context, tx *Tx, card, other string) (period, error) {
	return dialect.SelectOne[period](ctx, tx.store.dialect, tx.tx, `SELECT valid_from, COALESCE(valid_to, 0) AS valid_to
		FROM `+l.table+` WHERE card_id = ? AND `+l.other+` = ? AND (valid_to IS NULL OR valid_to > ?)`, card, other, tx.now)
}

// put sets the pair's present or future period to p and returns the stored period.
// A period that has begun keeps its beginning, unless p begins in the future.
func (l link) put(ctx context.Context, tx *Tx, owner, card, other string, p period) (period, error) {
	if p.From == 0 {
		p.From = tx.now
	}
	if p.To != 0 && (p.To <= p.From || p.To <= tx.now) {
		return period{}, fault.Invalid("valid_to", "must be after valid_from and in the future")
	}
	live, err := l.live(ctx, tx, card, other)
	switch {
	case errors.Is(err, fault.ErrNotFound):
		if p.From < tx.now {
			return period{}, fault.Invalid("valid_from", "is in the past")
		}
	case err != nil:
		return period{}, err
	case live.From <= tx.now && p.From <= tx.now:
		p.From = live.From
		return p, l.extend(ctx, tx, card, other, p)
	default:
		if err := l.end(ctx, tx, card, other, live); err != nil {
			return period{}, err
		}
	}
	_, err = tx.exec(ctx, `INSERT INTO `+l.table+` (card_id, `+l.other+`, `+l.owner+`, valid_from, valid_to)
		VALUES (?, ?, ?, ?, NULLIF(CAST(? AS BIGINT), 0))`, card, other, owner, p.From, p.To)
	return p, err
}

func (l link) extend(ctx context.Context, tx *Tx, card, other string, p period) error {
	_, err := tx.exec(ctx, `UPDATE `+l.table+` SET valid_to = NULLIF(CAST(? AS BIGINT), 0)
		WHERE card_id = ? AND `+l.other+` = ? AND valid_from + 0 = ?`, p.To, card, other, p.From)
	return err
}

// end ends a period now. It deletes a period that has not begun.
func (l link) end(ctx context.Context, tx *Tx, card, other string, p period) error {
	if p.From < tx.now {
		return l.extend(ctx, tx, card, other, period{From: p.From, To: tx.now})
	}
	_, err := tx.exec(ctx, "DELETE FROM "+l.table+" WHERE card_id = ? AND "+l.other+" = ? AND valid_from + 0 = ?", card, other, p.From)
	return err
}

// remove ends the pair's period that is not over. It returns ErrNotFound if there
// is none.
func (l link) remove(ctx context.Context, tx *Tx, card, other string) error {
	live, err := l.live(ctx, tx, card, other)
	if err != nil {
		return err
	}
	return l.end(ctx, tx, card, other, live)
}
