package store

import (
	"context"
	"slices"

	"resellerd/store/rating"
)

// applyChargeChange follows a change of a card that tells on calls at once: how their
// charges are rounded, which way they go, which parent they are bought from.
// The active revision is held against its costs as before an activation, and
// refused a loss only where a call may sell for less than before. What is built
// directly from the card becomes stale.
func (tx *Tx) applyChargeChange(ctx context.Context, rates RateAccess, before, c *Card, atLoss bool) error {
	if terms(before) == terms(c) && routingOf(before) == routingOf(c) {
		return nil
	}
	old, err := tx.activeRevision(ctx, c.ID)
	if err != nil || old.ID == "" {
		return err
	}
	now := old
	if now.Terms = terms(c); provesAnew(before, c) {
		err = tx.mayProve(ctx, rates, c, old.ID)
		if err == nil && (mayLose(before, c) || old.LossesAccepted) {
			err = tx.requireProofInForce(ctx, rates, c, &now, atLoss || !mayLose(before, c))
		}
	}
	if err == nil {
		_, err = tx.execNamed(ctx, revisionsTable.update, now)
	}
	if err == nil && charging(before) != charging(c) {
		err = tx.spreadOwn(ctx, c)
	}
	if err == nil && old.Terms != now.Terms {
		err = tx.spreadBelow(ctx, c, old, now)
	}
	return err
}

// provesAnew reports whether a change affects the price of a call, or the cost
// that the price is compared with. The writer must be allowed to read both, even
// if no proof follows: the result of an earlier proof decides that, and must not
// be revealed.
func provesAnew(before, c *Card) bool {
	return charging(before) != charging(c) || routingOf(before) != routingOf(c)
}

// mayLose reports whether a call may then sell for less than before, or is held
// against other costs.
func mayLose(before, c *Card) bool {
	was, is := charging(before), charging(c)
	return was.direction != is.direction || !is.rounding.NeverBelow(was.rounding) ||
		routingOf(before) != routingOf(c) && routingOf(c) == rating.Dearest
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

// requireProofInForce is requireProof for the active revision. It may stay at a loss, and
// without a cost to compare with, where that is accepted; one that has no
// parents stays as it was.
func (tx *Tx) requireProofInForce(ctx context.Context, rates RateAccess, c *Card, r *Revision, atLoss bool) error {
	parents, err := tx.boughtFrom(ctx, c, r.ID)
	if err == nil && len(parents) == 0 {
		return nil
	}
	if err == nil {
		err = tx.requireProof(ctx, rates, c, r, atLoss)
	}
	if atLoss && uncomparable(err) {
		tx.acceptLosses(r, true)
		return nil
	}
	return notProven(err)
}

// applyParentChange follows a change of a card's parents, or of what their money is
// worth; some says that there are any. What is in force is to be built anew
// when it was built from others, or was imported and sells at a loss then.
// Without any parent left it must have others that it was built from, or do
// without a proof from now on.
func (tx *Tx) applyParentChange(ctx context.Context, rates RateAccess, c *Card, some, atLoss bool) error {
	active, err := tx.activeRevision(ctx, c.ID)
	if err != nil || active.ID == "" {
		return err
	}
	if err := tx.mayProve(ctx, rates, c, active.ID); err != nil {
		return err
	}
	built, err := tx.builtFrom(ctx, active.ID)
	switch {
	case err != nil:
	case !some && len(built) == 0:
		err = tx.acceptUnproven(ctx, c, &active, atLoss)
	case some:
		err = tx.markParentChange(ctx, rates, c, active.ID, len(built) > 0)
	}
	if err == nil {
		err = tx.updateWithdrawn(ctx, c.ID)
	}
	return err
}

func (tx *Tx) markParentChange(ctx context.Context, rates RateAccess, c *Card, active string, built bool) (err error) {
	var stale bool
	if built {
		stale, err = tx.suppliedOtherwise(ctx, c, active)
	} else {
		stale, err = tx.sellsAtLoss(ctx, rates, c, active)
	}
	if err == nil && stale {
		_, err = tx.exec(ctx, "UPDATE cards SET stale = ? WHERE id = ? AND stale IS NULL", StaleChanged, c.ID)
	}
	return err
}

// sellsAtLoss reports whether a proof finds a loss. Where there is nothing to
// compare with it finds none.
func (tx *Tx) sellsAtLoss(ctx context.Context, rates RateAccess, c *Card, revision string) (bool, error) {
	proof, err := tx.ProveRevision(ctx, rates, c.ID, revision, nil)
	if uncomparable(err) {
		return false, nil
	}
	return proof.Losing > 0, err
}

// suppliedOtherwise reports whether a built revision's card has other parents
// by now, or other exchange rates, than it was built from.
func (tx *Tx) suppliedOtherwise(ctx context.Context, c *Card, revision string) (bool, error) {
	parents, err := tx.parents(ctx, c.ID)
	if err != nil || len(parents) == 0 {
		return false, err
	}
	built, err := tx.builtFrom(ctx, revision)
	if err != nil || len(built) == 0 {
		return false, err
	}
	for _, p := range built {
		if !slices.ContainsFunc(parents, func(now Parent) bool { return now.CardID == p.CardID && sameRate(now, p) }) {
			return true, nil
		}
	}
	return len(built) != len(parents), nil
}

// acceptUnproven leaves an imported revision in force without anything to be held
// against, or to be built anew from.
func (tx *Tx) acceptUnproven(ctx context.Context, c *Card, active *Revision, atLoss bool) error {
	if !atLoss {
		return refused(ReasonNotProven, "parents", "are what the revision in force is held against")
	}
	tx.acceptLosses(active, true)
	_, err := tx.exec(ctx, "UPDATE revisions SET losses_accepted = ? WHERE id = ?", true, active.ID)
	if err == nil {
		_, err = tx.exec(ctx, "UPDATE cards SET stale = NULL WHERE id = ?", c.ID)
	}
	return err
}
