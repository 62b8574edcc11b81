package store

import (
	"context"
	"fmt"

	"resellerd/store/dialect"
)

// The reasons for a stale card, which its owner can see.
const (
	StaleChanged   = "provider_card_changed"   // a parent's rates or charges have changed, or the parents are other cards now
	StaleWithdrawn = "provider_card_withdrawn" // a card that it was built from is not assigned any more
)

// usable is the SQL condition that the owner of card c may build from the parent
// p.parent_id now: a card of the same owner, or one that is assigned to the owner
// now. It takes the present time as two arguments. With + 0, no index on times is used:
// it would find the rows of all accounts.
const usable = `EXISTS (SELECT 1 FROM cards k WHERE k.id = p.parent_id AND (k.account_id = c.account_id OR EXISTS (
	SELECT 1 FROM assignments s WHERE s.card_id = k.id AND s.account_id = c.account_id
		AND s.valid_from + 0 <= ? AND (s.valid_to IS NULL OR s.valid_to + 0 > ?))))`

// builtFromWithdrawn reports whether a revision was built from a card that its
// owner may not build from now.
func (tx *Tx) builtFromWithdrawn(ctx context.Context, revision string) (bool, error) {
	return tx.exists(ctx, `SELECT 1 FROM revision_parents p JOIN revisions r ON r.id = p.revision_id
		JOIN cards c ON c.id = r.card_id WHERE r.id = ? AND NOT `+usable, revision, tx.now, tx.now)
}

// exists reports whether a query returns a row.
func (tx *Tx) exists(ctx context.Context, text string, args ...any) (bool, error) {
	found, err := dialect.SelectAll[struct {
		One int `db:"one"`
	}](ctx, tx.store.dialect, tx.tx, "SELECT 1 AS one WHERE EXISTS ("+text+")", args...)
	return len(found) > 0, err
}

// builtOn returns the condition that a card is in force and built directly from a card,
// the argument twice. It begins with the few rows of that card. The view
// parents_in_force could also begin with all revisions in force. So the first part does
// not compare the status itself, for which those have an index.
func (tx *Tx) builtOn(card string) string {
	return tx.store.dialect.AnyOf(card, `SELECT (SELECT a.card_id FROM revisions a WHERE a.id = p.revision_id AND a.status || '' = 'active')
		FROM revision_parents p WHERE p.parent_id = ?
		UNION ALL SELECT (SELECT a.card_id FROM revisions a WHERE a.card_id = p.card_id AND a.status = 'active' AND a.origin = 'import')
		FROM card_parents p WHERE p.parent_id = ?`)
}

// spreadStale updates the stale marks after a card has switched from old, which may
// be zero, to r. It goes one step: to the cards in force that are built directly
// from this card, and to the card itself. The card itself becomes fresh unless its
// own parents have changed since.
func (tx *Tx) spreadStale(ctx context.Context, c *Card, old, r Revision) error {
	err := tx.spreadOwn(ctx, c)
	if err == nil {
		err = tx.spreadBelow(ctx, c, old, r)
	}
	if err == nil {
		err = tx.updateStale(ctx, c, r)
	}
	return err
}

// spreadOwn marks those cards of the same owner that are in force and built
// directly from c.
func (tx *Tx) spreadOwn(ctx context.Context, c *Card) error {
	return tx.markStale(ctx, "stale IS NULL AND account_id = ? AND "+tx.builtOn("id"), c.AccountID, c.ID, c.ID)
}

// markStale sets the mark StaleChanged of the cards that a condition selects.
func (tx *Tx) markStale(ctx context.Context, where string, args ...any) error {
	err := tx.cardsWillChange(ctx, where, args...)
	if err == nil {
		_, err = tx.exec(ctx, "UPDATE cards SET stale = ? WHERE "+where, append([]any{StaleChanged}, args...)...)
	}
	return err
}

// spreadBelow marks the cards in force of the accounts that c is assigned to, if
// something that they can see of c has changed.
func (tx *Tx) spreadBelow(ctx context.Context, c *Card, old, r Revision) error {
	fresh := "stale IS NULL AND account_id <> ? AND " + tx.builtOn("id") + `
		AND EXISTS (SELECT 1 FROM assignments s WHERE s.card_id = ? AND s.account_id = cards.account_id
			AND s.valid_from + 0 <= ? AND (s.valid_to IS NULL OR s.valid_to + 0 > ?))`
	args := []any{c.AccountID, c.ID, c.ID, c.ID, tx.now, tx.now}
	some, err := tx.exists(ctx, "SELECT 1 FROM cards WHERE "+fresh, args...)
	if err != nil || !some {
		return err
	}
	if changed, err := tx.shownDiffers(ctx, old, r); err != nil || !changed {
		return err
	}
	return tx.markStale(ctx, fresh, args...)
}

// shownDiffers reports whether revisions a and b look different to an account that
// sees the card translated. It can see rates, currency, direction, precisions and
// roundings.
func (tx *Tx) shownDiffers(ctx context.Context, a, b Revision) (bool, error) {
	if a.Terms != b.Terms || a.Rows != b.Rows {
		return true, nil
	}
	return longWork(ctx, tx, dialect.Proving, "comparison of "+a.ID+" and "+b.ID, "", func(ctx context.Context, at *site) (bool, error) {
		return at.differ(ctx, a.ID, b.ID)
	})
}

// updateStale sets or clears the stale mark of a card whose revision r has just
// become active. The card is stale if its parents, or their active revisions, have
// changed since r was built.
func (tx *Tx) updateStale(ctx context.Context, c *Card, r Revision) error {
	stale := ""
	changed, err := tx.parentsMovedOn(ctx, c, r.ID)
	if err != nil {
		return err
	}
	if !changed {
		changed, err = tx.suppliedOtherwise(ctx, c, r.ID)
	}
	if err != nil {
		return err
	}
	if changed {
		stale = StaleChanged
	}
	if err := tx.willChange(ctx, "card", c.ID); err != nil {
		return err
	}
	if _, err = tx.exec(ctx, "UPDATE cards SET stale = NULLIF(?, '') WHERE id = ?", stale, c.ID); err != nil {
		return err
	}
	return tx.updateWithdrawn(ctx, c.ID)
}

// parentsMovedOn reports whether a parent of a built revision now has another
// active revision than at the time of the build. A parent of another account counts
// only if something that the owner can see has changed.
func (tx *Tx) parentsMovedOn(ctx context.Context, c *Card, revision string) (bool, error) {
	type parent struct {
		AccountID string `db:"account_id"`
		Before    string `db:"before_id"`
		Active    string `db:"active_id"`
	}
	parents, err := dialect.SelectAll[parent](ctx, tx.store.dialect, tx.tx, `SELECT account_id, before_id, active_id FROM (
			SELECT k.account_id, p.position, p.parent_revision_id AS before_id,
				(SELECT a.id FROM revisions a WHERE a.card_id = p.parent_id AND a.status = 'active') AS active_id
			FROM revision_parents p JOIN cards k ON k.id = p.parent_id WHERE p.revision_id = ?) b
		WHERE active_id <> before_id ORDER BY position`, revision)
	if err != nil {
		return false, err
	}
	for _, p := range parents {
		if p.AccountID == c.AccountID {
			return true, nil
		}
		pair, err := dialect.SelectAll[Revision](ctx, tx.store.dialect, tx.tx, revisionsTable.query+" WHERE id IN (?, ?)", p.Before, p.Active)
		if err != nil {
			return false, err
		}
		if len(pair) != 2 {
			return true, nil
		}
		if changed, err := tx.shownDiffers(ctx, pair[0], pair[1]); err != nil || changed {
			return changed, err
		}
	}
	return false, nil
}

const withdrawn = `EXISTS (SELECT 1 FROM parents_in_force p WHERE p.card_id = c.id AND NOT ` + usable + `)`

// updateWithdrawn marks a card that depends on a withdrawn one. If it depends on
// none any more, it changes the mark to StaleChanged: the card must be built again.
func (tx *Tx) updateWithdrawn(ctx context.Context, card string) error {
	gone, err := tx.exists(ctx, "SELECT 1 FROM cards c WHERE c.id = ? AND "+withdrawn, card, tx.now, tx.now)
	if err == nil {
		err = tx.willChange(ctx, "card", card)
	}
	if err != nil {
		return err
	}
	if gone {
		_, err = tx.exec(ctx, "UPDATE cards SET stale = ? WHERE id = ? AND stale IS DISTINCT FROM ?", StaleWithdrawn, card, StaleWithdrawn)
	} else {
		_, err = tx.exec(ctx, "UPDATE cards SET stale = ? WHERE id = ? AND stale = ?", StaleChanged, card, StaleWithdrawn)
	}
	return err
}

// applyAssignmentChange updates the marks of an account's cards in force that
// depend on card, after the card's assignment to the account has changed.
func (tx *Tx) applyAssignmentChange(ctx context.Context, card, account string) error {
	type ref struct{ ID string }
	resting, err := dialect.SelectAll[ref](ctx, tx.store.dialect, tx.tx,
		"SELECT c.id FROM cards c WHERE c.account_id = ? AND "+tx.builtOn("c.id")+" ORDER BY c.id", account, card, card)
	for _, c := range resting {
		if err == nil {
			err = tx.updateWithdrawn(ctx, c.ID)
		}
	}
	return err
}

// UpdateWithdrawn updates the mark of one card of the tenant after an assignment
// that it depends on has begun or ended on its own. It returns ErrNotFound if there
// is no such card.
func (tx *Tx) UpdateWithdrawn(ctx context.Context, card string) error {
	if _, err := tx.Card(ctx, card); err != nil {
		return err
	}
	if err := tx.updateWithdrawn(ctx, card); err != nil {
		return fmt.Errorf("card %s: %w", card, err)
	}
	return nil
}

// OutdatedMark is a card with an outdated mark: the mark is wrong about whether the
// card depends on a withdrawn one.
type OutdatedMark struct {
	TenantID string `db:"tenant_id"`
	CardID   string `db:"id"`
}

// OutdatedMarks lists at most limit outdated marks of all tenants, ordered by card
// id.
func (s *Store) OutdatedMarks(ctx context.Context, limit int) ([]OutdatedMark, error) {
	now := s.micros()
	cards, err := dialect.SelectAll[OutdatedMark](ctx, s.dialect, s.pool, `SELECT c.tenant_id, c.id FROM cards c
		WHERE (COALESCE(c.stale, '') <> ? AND `+withdrawn+`) OR (c.stale = ? AND NOT `+withdrawn+`)
		ORDER BY c.id LIMIT ?`, StaleWithdrawn, now, now, StaleWithdrawn, now, now, limit)
	if err != nil {
		return nil, fmt.Errorf("unsettled cards: %w", err)
	}
	return cards, nil
}
