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

// switchable is how many formerly active revisions stay inactive. Older ones are
// archived.
const switchable = 2

// More codes of errors that a caller can handle.
const (
	ReasonBaseChanged = "base_revision_changed" // an amendment whose base is not active any more
	ReasonNotProven   = "not_proven"            // the proof has no cost to compare with
)

// ActivateRevision makes a revision the card's active one, unless it is archived.
// The switch is atomic: a reader of the card sees the whole old or the whole new
// revision. The first activation gives the revision its number. The formerly active
// revision becomes inactive. Of the inactive revisions, the newest two stay and the
// older ones are archived. Cards that are built directly from this card become
// stale. A card of another account becomes stale only if something that its account
// can see has changed. If the revision is active already, nothing changes.
//
// It returns
//   - ErrNotFound if the card or the revision is absent
//   - ErrRatesHidden, as MayProve does, before it compares anything
//   - ErrConflict if the revision is archived
//   - ErrBaseMoved if the revision is an amendment that must be rebased first: see Rebase
//   - ErrConflict, with a reason, if a card that the revision was built from was
//     withdrawn, the base of an amendment is not active any more, or calls would
//     sell at a loss
func (tx *Tx) ActivateRevision(ctx context.Context, rates RateAccess, card, id string) (Revision, error) {
	return tx.activate(ctx, rates, card, id, false)
}

// ActivateAtLoss is ActivateRevision, but it accepts calls that cost more than they
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
		err = tx.mayProve(ctx, rates, &c, r.ID)
	}
	var moved error
	if err == nil {
		if moved = tx.baseMoved(ctx, &r, old.ID); errors.Is(moved, ErrBaseMoved) {
			return Revision{}, moved
		}
		err = tx.admit(ctx, rates, &c, &r, atLoss)
	}
	if err == nil {
		err = moved
	}
	if err == nil {
		r, err = tx.putInForce(ctx, &c, old, r)
	}
	if err != nil {
		return Revision{}, fmt.Errorf("revision %s: %w", id, err)
	}
	return r, nil
}

// PreviousRevision returns the revision that was active before the present one.
// Activate it to roll back. Do the same again to undo the rollback.
// PreviousRevision returns ErrNotFound if the card is absent, and ErrConflict if
// there is no such revision.
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

// refused returns an ErrConflict about a field, with a code for programs.
func refused(code, field, text string) error {
	return &ReasonError{Code: code, Err: fault.Conflict(field, text)}
}

// admit runs every check that a revision must pass before it is activated or
// scheduled, except the check of its base.
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

// requireProof compares a revision with the costs of its calls, and records in r
// whether some calls sell at a loss. If the card's parents differ from the cards
// that the revision was built from, a second proof compares with those cards alone:
// a call may be bought from the one group or from the other.
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

// uncomparable reports whether err means that a proof lacks costs to compare with.
func uncomparable(err error) bool {
	return errors.Is(err, fault.ErrConflict) || errors.Is(err, fault.ErrInvalid)
}

// notProven adds ReasonNotProven to an error of a missing cost that has no code.
func notProven(err error) error {
	var why *ReasonError
	if uncomparable(err) && !errors.As(err, &why) {
		return &ReasonError{Code: ReasonNotProven, Err: err}
	}
	return err
}

// proveFormer proves a revision against the cards that it was built from, except
// withdrawn ones. If these are the parents of the given proof, it returns that
// proof.
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
	return tx.proveAgainst(ctx, rates, c, revision, former, proofOf(revision)+" against its former parents", nil)
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

// activeRevision returns the card's active revision, or the zero value if it has
// none.
func (tx *Tx) activeRevision(ctx context.Context, card string) (Revision, error) {
	r, err := dialect.SelectOne[Revision](ctx, tx.store.dialect, tx.tx, revisionsTable.query+" WHERE card_id = ? AND status = ?", card, RevisionActive)
	if errors.Is(err, fault.ErrNotFound) {
		return Revision{}, nil
	}
	return r, err
}

// putInForce switches from old to r. If the card had no active revision, old is
// zero. If this process's clock is behind the clock that recorded old's activation,
// putInForce uses the time of that activation again, so that periods are in order
// on every replica.
func (tx *Tx) putInForce(ctx context.Context, c *Card, old, r Revision) (Revision, error) {
	err := tx.willChange(ctx, "card", c.ID)
	if err == nil && r.Number == 0 {
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
		_, err = tx.exec(ctx, `INSERT INTO revision_periods (card_id, active_from, revision_id, terms) VALUES (?, ?, ?, ?)
			ON CONFLICT (card_id, active_from, revision_id) DO UPDATE SET active_to = NULL, terms = excluded.terms`, c.ID, at, r.ID, r.Terms)
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

// terms returns the fields of a card, other than its rates, that determine costs.
func terms(c *Card) string {
	return fmt.Sprintf("%s %s %d %s %d %s", c.Currency, c.Direction, c.RatePrecision, c.RateRounding, c.ChargePrecision, c.ChargeRounding)
}
