package store

import (
	"context"
)

// recharged follows a change of a card that tells on calls at once: how their
// charges are rounded, which way they go, which parent they are bought from.
// The active revision is held against its costs as before an activation, and
// what is built directly from the card becomes stale.
func (tx *Tx) recharged(ctx context.Context, before, c *Card, atLoss bool) error {
	if terms(before) == terms(c) && before.routing() == c.routing() {
		return nil
	}
	old, err := tx.activeRevision(ctx, c.ID)
	if err != nil || old.ID == "" {
		return err
	}
	now := old
	if now.Terms = terms(c); chargesDiffer(before, c) {
		err = tx.proven(ctx, c, &now, atLoss)
	}
	if err == nil {
		_, err = tx.execNamed(ctx, "UPDATE revisions SET losses_accepted = :losses_accepted, terms = :terms WHERE id = :id", now)
	}
	if err == nil && old.Terms != now.Terms {
		err = tx.spreadBuilt(ctx, c, old, now)
	}
	return err
}

// chargesDiffer reports whether the same rates may come to other charges, or
// are held against other costs.
func chargesDiffer(a, b *Card) bool {
	return a.ChargePrecision != b.ChargePrecision || a.ChargeRounding != b.ChargeRounding ||
		a.Direction != b.Direction || a.routing() != b.routing()
}

// unheld lets go of all that a card's calls are bought from: nothing proves its
// active revision then, nor any after it.
func (tx *Tx) unheld(ctx context.Context, card string, atLoss bool) error {
	active, err := tx.activeRevision(ctx, card)
	if err != nil || active.ID == "" {
		return err
	}
	if !atLoss {
		return refused(ReasonNotProven, "parents", "are what the revision in force is held against")
	}
	_, err = tx.exec(ctx, "UPDATE revisions SET losses_accepted = ? WHERE id = ?", true, active.ID)
	return err
}
