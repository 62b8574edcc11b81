package store

import (
	"context"
	"slices"

	"resellerd/store/dialect"
	"resellerd/store/rating"
	"resellerd/store/schema"
)

// applyChargeChange handles a card change that affects calls at once: the rounding
// of charges, the direction, or the routing. It proves the active revision as
// before an activation. It refuses a loss only if a call may now sell for less than
// before, or is compared with other costs. Cards that are built directly from this
// card become stale.
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
	if err == nil && old.Terms != now.Terms {
		err = tx.beginTerms(ctx, &now)
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

// beginTerms begins a period of the active revision with its new terms, so that the calls
// before are still rated by the old ones. It comes before the change of the revision, which
// the database copies to the open period.
func (tx *Tx) beginTerms(ctx context.Context, r *Revision) error {
	type began struct{ At schema.Micros }
	since, err := dialect.SelectOne[began](ctx, tx.store.dialect, tx.tx, "SELECT active_from AS at FROM revision_periods WHERE card_id = ? AND active_to IS NULL", r.CardID)
	if err != nil {
		return err
	}
	at := max(tx.now, since.At)
	_, err = tx.exec(ctx, "UPDATE revision_periods SET active_to = ? WHERE card_id = ? AND active_to IS NULL", at, r.CardID)
	if err == nil {
		_, err = tx.exec(ctx, `INSERT INTO revision_periods (card_id, active_from, revision_id, terms) VALUES (?, ?, ?, ?)
			ON CONFLICT (card_id, active_from, revision_id) DO UPDATE SET active_to = NULL, terms = excluded.terms`, r.CardID, at, r.ID, r.Terms)
	}
	return err
}

// provesAnew reports whether a change affects the price of a call, or the cost that
// the price is compared with. The writer must be allowed to read both, even if no
// proof follows. Whether one follows depends on the result of an earlier proof,
// which must not be revealed.
func provesAnew(before, c *Card) bool {
	return charging(before) != charging(c) || routingOf(before) != routingOf(c)
}

// mayLose reports whether a call may sell for less after the change, or is compared
// with other costs.
func mayLose(before, c *Card) bool {
	was, is := charging(before), charging(c)
	return was.direction != is.direction || !is.rounding.NeverBelow(was.rounding) ||
		routingOf(before) != routingOf(c) && routingOf(c) == rating.Dearest
}

type charge struct {
	direction string
	rounding  rating.Rounding
}

// charging returns the card's fields, other than its rates, that determine its
// charges.
func charging(c *Card) charge {
	rounding, _ := rating.NewRounding(c.ChargePrecision, c.ChargeRounding) // validated before it was stored
	return charge{c.Direction, rounding}
}

// requireProofInForce is requireProof for the active revision. If losses are
// accepted, the revision may stay active at a loss or without a cost to compare
// with. A revision without parents stays unchanged.
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

// applyParentChange handles a change of a card's parents or of their exchange
// rates; some says that there are parents. The active revision becomes stale if it
// was built from other parents or rates, or if it was imported and now sells at a
// loss. If no parents are left and the revision was imported, the change is refused
// unless losses are accepted.
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
		err = tx.markStale(ctx, "id = ? AND stale IS NULL", c.ID)
	}
	return err
}

// sellsAtLoss reports whether a proof finds a loss. Without a cost to compare with,
// there is no loss.
func (tx *Tx) sellsAtLoss(ctx context.Context, rates RateAccess, c *Card, revision string) (bool, error) {
	proof, err := tx.ProveRevision(ctx, rates, c.ID, revision, nil)
	if uncomparable(err) {
		return false, nil
	}
	return proof.Losing > 0, err
}

// suppliedOtherwise reports whether the card of a built revision now has other
// parents, or other exchange rates, than the revision was built from.
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

// acceptUnproven leaves an imported revision in force without parents to compare
// with, if losses are accepted.
func (tx *Tx) acceptUnproven(ctx context.Context, c *Card, active *Revision, atLoss bool) error {
	if !atLoss {
		return refused(ReasonNotProven, "parents", "are what the revision in force is held against")
	}
	tx.acceptLosses(active, true)
	_, err := tx.exec(ctx, "UPDATE revisions SET losses_accepted = ? WHERE id = ?", true, active.ID)
	if err == nil {
		err = tx.willChange(ctx, "card", c.ID)
	}
	if err == nil {
		_, err = tx.exec(ctx, "UPDATE cards SET stale = NULL WHERE id = ?", c.ID)
	}
	return err
}
