package store

import (
	"context"
	"errors"

	"resellerd/store/rating"
)

// recharged follows a change of a card that tells on calls at once: how their
// charges are rounded, which way they go, which parent they are bought from.
// Unless no call can sell for less, the active revision is held against its
// costs as before an activation. What is built directly from the card becomes
// stale.
func (tx *Tx) recharged(ctx context.Context, before, c *Card, atLoss bool) error {
	if terms(before) == terms(c) && before.routing() == c.routing() {
		return nil
	}
	old, err := tx.activeRevision(ctx, c.ID)
	if err != nil || old.ID == "" {
		return err
	}
	now := old
	if now.Terms = terms(c); mayLose(before, c) {
		err = tx.provenInForce(ctx, c, &now, atLoss)
	}
	if err == nil {
		_, err = tx.execNamed(ctx, "UPDATE revisions SET losses_accepted = :losses_accepted, terms = :terms WHERE id = :id", now)
	}
	if err == nil && charging(before) != charging(c) {
		err = tx.spreadOwn(ctx, c)
	}
	if err == nil && old.Terms != now.Terms {
		err = tx.spreadBelow(ctx, c, old, now)
	}
	return err
}

// mayLose reports whether a call may then sell for less than before, or is held
// against other costs.
func mayLose(before, c *Card) bool {
	was, is := charging(before), charging(c)
	return was.direction != is.direction || !is.rounding.NeverBelow(was.rounding) ||
		before.routing() != c.routing() && c.routing() == rating.Dearest
}

type charge struct {
	direction string
	rounding  rating.Rounding
}

// charging is what a card says that its charges rest on, beside its rates.
func charging(c *Card) charge {
	rounding, _ := rating.NewRounding(c.ChargePrecision, c.ChargeRounding) // validated before it was stored
	return charge{c.Direction, rounding}
}

// provenInForce is proven for the active revision. It may stay at a loss, and
// without a cost to compare with, where that is accepted; one that has no
// parents stays as it was.
func (tx *Tx) provenInForce(ctx context.Context, c *Card, r *Revision, atLoss bool) error {
	parents, err := tx.boughtFrom(ctx, c, r.ID)
	switch {
	case err == nil && len(parents) == 0:
		return nil
	case atLoss && (errors.Is(err, ErrConflict) || errors.Is(err, ErrInvalid)):
		tx.acceptLosses(r, true)
		return nil
	}
	return tx.proven(ctx, c, r, atLoss)
}

// resupplied follows a change of a card's parents, or of what their money is
// worth: what is in force is to be built anew. Without any parent left it must
// have others that it was built from, or do without a proof from now on.
func (tx *Tx) resupplied(ctx context.Context, c *Card, some, atLoss bool) error {
	active, err := tx.activeRevision(ctx, c.ID)
	if err != nil || active.ID == "" {
		return err
	}
	if some {
		_, err = tx.exec(ctx, "UPDATE cards SET stale = ? WHERE id = ? AND stale IS NULL", StaleChanged, c.ID)
	} else {
		err = tx.unheld(ctx, &active, atLoss)
	}
	if err == nil {
		err = tx.settleWithdrawal(ctx, c.ID)
	}
	return err
}

func (tx *Tx) unheld(ctx context.Context, active *Revision, atLoss bool) error {
	_, built, err := tx.store.recipe(ctx, tx.tx, active.ID)
	if err != nil || len(built) > 0 {
		return err
	}
	if !atLoss {
		return refused(ReasonNotProven, "parents", "are what the revision in force is held against")
	}
	tx.acceptLosses(active, true)
	_, err = tx.exec(ctx, "UPDATE revisions SET losses_accepted = ? WHERE id = ?", true, active.ID)
	return err
}
