package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// switchable is how many revisions that were active stay inactive, beside the
// active one; older ones are archived.
const switchable = 2

// Further codes of refusals.
const (
	ReasonBaseChanged = "base_revision_changed" // an amendment of what is not active any more
	ReasonNotProven   = "not_proven"            // there is no cost to compare with
)

// ActivateRevision makes a revision that is not archived the card's active
// one, all at once: whoever reads the card sees the old or the new one whole.
// The first activation numbers it; the one that was active becomes inactive,
// and what is older than the two newest of those is archived. Cards that are
// built directly from this one become stale, those of other accounts only if
// something that they are shown has changed. Activating the active one changes
// nothing.
//
// It returns
//   - ErrNotFound when the card or the revision is absent
//   - ErrRatesHidden, as MayProve does, before anything is compared
//   - ErrConflict when the revision is archived
//   - ErrConflict, with a reason, when a card that the revision was built from was
//     withdrawn, the revision that it amends is not active any more, or calls
//     would sell at a loss
func (tx *Tx) ActivateRevision(ctx context.Context, rates RateAccess, card, id string) (Revision, error) {
	return tx.activate(ctx, rates, card, id, false)
}

// ActivateAtLoss is ActivateRevision for calls that may cost more than they
// sell for.
func (tx *Tx) ActivateAtLoss(ctx context.Context, rates RateAccess, card, id string) (Revision, error) {
	return tx.activate(ctx, rates, card, id, true)
}

func (tx *Tx) activate(ctx context.Context, rates RateAccess, card, id string, atLoss bool) (Revision, error) {
	r, err := tx.Revision(ctx, card, id)
	if err != nil || r.Status == RevisionActive {
		return r, err
	}
	c, err := tx.Card(ctx, card)
	if err != nil {
		return Revision{}, err
	}
	old, err := tx.activeRevision(ctx, card)
	if err == nil {
		err = tx.admit(ctx, rates, &c, &r, atLoss)
	}
	if err == nil && r.BaseID != "" && r.Number == 0 && r.BaseID != old.ID {
		err = refused(ReasonBaseChanged, "base_id", "is not the active revision any more")
	}
	if err == nil {
		r, err = tx.putInForce(ctx, &c, old, r)
	}
	if err != nil {
		return Revision{}, fmt.Errorf("revision %s: %w", id, err)
	}
	return r, nil
}

// PreviousRevision is the revision that was active before the present one. To
// activate it is to roll back; to do so once more is to take that back. It
// returns ErrNotFound when the card is absent, and ErrConflict when there is no
// such revision.
func (tx *Tx) PreviousRevision(ctx context.Context, card string) (Revision, error) {
	if _, err := tx.Card(ctx, card); err != nil {
		return Revision{}, err
	}
	last, err := dialect.SelectOne[Revision](ctx, tx.store.dialect, tx.tx, revisionsTable.query+newestInactive+" LIMIT 1", card, RevisionInactive)
	if errors.Is(err, fault.ErrNotFound) {
		err = fault.Conflict("", "no other revision was active before this one")
	}
	if err != nil {
		return Revision{}, fmt.Errorf("card %s: %w", card, err)
	}
	return last, nil
}

const newestInactive = " WHERE card_id = ? AND status = ? ORDER BY deactivated_at DESC, number DESC"

// refused is an ErrConflict about a field with a code for programs.
func refused(code, field, text string) error {
	return &ReasonError{Code: code, Err: fault.Conflict(field, text)}
}

// admit asks everything that a revision is asked before it is put in force or
// scheduled, but for its base.
func (tx *Tx) admit(ctx context.Context, rates RateAccess, c *Card, r *Revision, atLoss bool) error {
	if err := tx.mayProve(ctx, rates, c, r.ID); err != nil {
		return err
	}
	if r.Status == RevisionArchived {
		return fault.Conflict("status", "is archived")
	}
	withdrawn, err := tx.builtFromWithdrawn(ctx, r.ID)
	if err != nil {
		return err
	}
	if withdrawn {
		return refused(ReasonWithdrawn, "", "a card that it was built from was withdrawn")
	}
	return tx.requireProof(ctx, rates, c, r, atLoss)
}

// requireProof holds a revision against what its calls are bought for, and notes on
// it that some would sell at a loss. One that was built from other cards than
// the card's parents are by now is held against those as well: by themselves,
// for a call is bought from the ones or from the others.
func (tx *Tx) requireProof(ctx context.Context, rates RateAccess, c *Card, r *Revision, atLoss bool) error {
	proof, err := tx.ProveRevision(ctx, rates, c.ID, r.ID, nil)
	former := err == nil && proof.Losing == 0
	if former {
		proof, err = tx.proveFormer(ctx, rates, c, r.ID, proof)
	}
	switch {
	case err != nil:
		return notProven(err)
	case proof.Losing > 0 && !atLoss:
		return &LossError{Losing: proof.Losing, First: proof.First, Former: former}
	}
	tx.acceptLosses(r, proof.Losing > 0)
	return nil
}

// uncomparable reports that there is no cost to compare with.
func uncomparable(err error) bool {
	return errors.Is(err, fault.ErrConflict) || errors.Is(err, fault.ErrInvalid)
}

// notProven gives what cannot be compared a code, if it has none.
func notProven(err error) error {
	var why *ReasonError
	if uncomparable(err) && !errors.As(err, &why) {
		return &ReasonError{Code: ReasonNotProven, Err: err}
	}
	return err
}

// proveFormer holds a revision against the cards that it was built from, but for
// those that were withdrawn. Where they are the ones of this proof, it stands.
func (tx *Tx) proveFormer(ctx context.Context, rates RateAccess, c *Card, revision string, proof Proof) (Proof, error) {
	built, err := tx.builtFrom(ctx, revision)
	if err != nil {
		return proof, err
	}
	var former []RevisionParent
	for _, p := range built {
		source, err := tx.sourceOf(ctx, c, p)
		if err == nil {
			former = append(former, source)
		} else if !errors.Is(err, errWithdrawn) {
			return proof, err
		}
	}
	if len(former) == 0 || sameCards(former, proof.Parents) {
		return proof, nil
	}
	return tx.proveAgainst(ctx, rates, c, revision, former, nil)
}

func sameCards(a, b []RevisionParent) bool {
	within := func(p RevisionParent, all []RevisionParent) bool {
		return slices.ContainsFunc(all, func(q RevisionParent) bool { return q.CardID == p.CardID })
	}
	return len(a) == len(b) && !slices.ContainsFunc(a, func(p RevisionParent) bool { return !within(p, b) })
}

func (tx *Tx) acceptLosses(r *Revision, some bool) {
	r.LossesAccepted, tx.atLoss = some, tx.atLoss || some
}

// activeRevision is the card's active revision; the zero value when it has
// none.
func (tx *Tx) activeRevision(ctx context.Context, card string) (Revision, error) {
	r, err := dialect.SelectOne[Revision](ctx, tx.store.dialect, tx.tx, revisionsTable.query+" WHERE card_id = ? AND status = ?", card, RevisionActive)
	if errors.Is(err, fault.ErrNotFound) {
		return Revision{}, nil
	}
	return r, err
}

// putInForce switches from old, which may be none, to r. Should this clock be
// behind the one that wrote old's activation, that moment is taken again:
// periods follow one another on every replica.
func (tx *Tx) putInForce(ctx context.Context, c *Card, old, r Revision) (Revision, error) {
	var err error
	if r.Number == 0 {
		r.Number, err = tx.nextNumber(ctx, c.ID)
	}
	at := max(tx.now, old.ActivatedAt)
	r.Status, r.ActivatedAt, r.DeactivatedAt, r.LiveAt, r.HeldReason, r.Terms = RevisionActive, at, 0, 0, "", terms(c)
	if err == nil {
		err = tx.deactivate(ctx, c.ID, at)
	}
	if err == nil {
		_, err = tx.execNamed(ctx, revisionsTable.update, r)
	}
	if err == nil {
		_, err = tx.exec(ctx, `INSERT INTO revision_periods (card_id, active_from, revision_id) VALUES (?, ?, ?)
			ON CONFLICT (card_id, active_from, revision_id) DO UPDATE SET active_to = NULL`, c.ID, at, r.ID)
	}
	if err == nil {
		err = tx.archive(ctx, c.ID)
	}
	if err == nil {
		err = tx.spreadStale(ctx, c, old, r)
	}
	return r, err
}

func (tx *Tx) nextNumber(ctx context.Context, card string) (int, error) {
	last, err := dialect.SelectOne[Revision](ctx, tx.store.dialect, tx.tx,
		revisionsTable.query+" WHERE card_id = ? AND number IS NOT NULL ORDER BY number DESC LIMIT 1", card)
	if err != nil && !errors.Is(err, fault.ErrNotFound) {
		return 0, err
	}
	return last.Number + 1, nil
}

func (tx *Tx) deactivate(ctx context.Context, card string, at schema.Micros) error {
	_, err := tx.exec(ctx, "UPDATE revisions SET status = ?, deactivated_at = ? WHERE card_id = ? AND status = ?",
		RevisionInactive, at, card, RevisionActive)
	if err == nil {
		_, err = tx.exec(ctx, "UPDATE revision_periods SET active_to = ? WHERE card_id = ? AND active_to IS NULL", at, card)
	}
	return err
}

func (tx *Tx) archive(ctx context.Context, card string) error {
	_, err := tx.exec(ctx, `UPDATE revisions SET status = ? WHERE card_id = ? AND status = ? AND id NOT IN (
			SELECT id FROM revisions`+newestInactive+` LIMIT ?)`,
		RevisionArchived, card, RevisionInactive, card, RevisionInactive, switchable)
	return err
}

// terms is what a card says beside its rates that its costs rest on.
func terms(c *Card) string {
	return fmt.Sprintf("%s %s %d %s %d %s", c.Currency, c.Direction, c.RatePrecision, c.RateRounding, c.ChargePrecision, c.ChargeRounding)
}
