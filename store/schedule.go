package store

import (
	"context"
	"fmt"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// Schedule says when a revision becomes active, and on whose behalf.
type Schedule struct {
	At         schema.Micros // in the future
	UserID     string
	ClientAddr string // the user's client address; "" if unknown
	AtLoss     bool   // accepts calls that cost more than they sell for
}

// ScheduleRevision schedules a draft to become active later, or changes the time of
// a scheduled or held revision. It runs the checks of ActivateRevision now.
// Activation runs them again at the scheduled time.
//
// The base of an amendment may also be a revision that is scheduled for an earlier
// time.
//
// It returns
//   - ErrNotFound if the card or the revision is absent
//   - ErrRatesHidden as ActivateRevision does
//   - ErrInvalid for a time that is not in the future
//   - ErrConflict for a revision in another state, and where ActivateRevision
//     returns it
func (tx *Tx) ScheduleRevision(ctx context.Context, rates RateAccess, card, id string, s Schedule) (Revision, error) {
	r, err := tx.Revision(ctx, card, id)
	if err != nil {
		return Revision{}, err
	}
	if err := tx.schedulable(ctx, rates, &r, s); err != nil {
		return Revision{}, fmt.Errorf("revision %s: %w", id, err)
	}
	r.Status, r.LiveAt, r.HeldReason = RevisionScheduled, s.At, ""
	r.ScheduledBy, r.ScheduledFrom, r.LossesAccepted = s.UserID, s.ClientAddr, s.AtLoss
	return r, tx.storeSchedule(ctx, &r)
}

// PlanRevision notes when a draft is to become active, without scheduling it.
func (tx *Tx) PlanRevision(ctx context.Context, r *Revision, at schema.Micros) error {
	r.LiveAt = at
	_, err := tx.exec(ctx, "UPDATE revisions SET live_at = ? WHERE id = ? AND status = ?", at, r.ID, RevisionDraft)
	return err
}

func (tx *Tx) schedulable(ctx context.Context, rates RateAccess, r *Revision, s Schedule) error {
	if s.At <= tx.now {
		return fault.Invalid("live_at", "must be in the future")
	}
	if !unpublished(r) {
		return fault.Conflict("status", "is "+r.Status)
	}
	c, err := tx.Card(ctx, r.CardID)
	if err == nil {
		err = tx.admit(ctx, rates, &c, r, s.AtLoss)
	}
	if err == nil && r.BaseID != "" {
		err = tx.restsOn(ctx, r, s.At)
	}
	return err
}

// restsOn refuses an amendment if its base is neither active now nor scheduled for
// an earlier time, and if it cannot be rebased on the active revision.
func (tx *Tx) restsOn(ctx context.Context, r *Revision, at schema.Micros) error {
	found, err := dialect.SelectAll[Revision](ctx, tx.store.dialect, tx.tx, revisionsTable.query+
		" WHERE card_id = ? AND id = ? AND (status = ? OR (status = ? AND live_at < ?))",
		r.CardID, r.BaseID, RevisionActive, RevisionScheduled, at)
	if err == nil && len(found) == 0 {
		active, err := tx.activeRevision(ctx, r.CardID)
		if err != nil {
			return err
		}
		_, _, err = tx.rebasing(ctx, r, active.ID)
		return err
	}
	return err
}

// unpublished reports whether a revision has never been active.
func unpublished(r *Revision) bool {
	return r.Status == RevisionDraft || r.Status == RevisionScheduled || r.Status == RevisionHeld
}

// CancelSchedule turns a scheduled or held revision back into a draft. A draft
// stays unchanged. It returns ErrNotFound, or ErrConflict for a revision in another
// state.
func (tx *Tx) CancelSchedule(ctx context.Context, card, id string) (Revision, error) {
	r, err := tx.Revision(ctx, card, id)
	if err != nil || r.Status == RevisionDraft {
		return r, err
	}
	if !unpublished(&r) {
		return Revision{}, fmt.Errorf("revision %s: %w", id, fault.Conflict("status", "is "+r.Status))
	}
	r.Status, r.LiveAt, r.HeldReason = RevisionDraft, 0, ""
	r.ScheduledBy, r.ScheduledFrom, r.LossesAccepted = "", "", false
	return r, tx.storeSchedule(ctx, &r)
}

// HoldRevision keeps a scheduled revision from becoming active. The card's owner
// can see the reason. It returns ErrNotFound, or ErrConflict if the revision is not
// scheduled.
func (tx *Tx) HoldRevision(ctx context.Context, card, id, reason string) (Revision, error) {
	r, err := tx.Revision(ctx, card, id)
	if err != nil {
		return Revision{}, err
	}
	if r.Status != RevisionScheduled {
		return Revision{}, fmt.Errorf("revision %s: %w", id, fault.Conflict("status", "is "+r.Status))
	}
	r.Status, r.HeldReason = RevisionHeld, reason
	return r, tx.storeSchedule(ctx, &r)
}

func (tx *Tx) storeSchedule(ctx context.Context, r *Revision) error {
	_, err := tx.execNamed(ctx, revisionsTable.update, r)
	if err != nil {
		return fmt.Errorf("revision %s: %w", r.ID, err)
	}
	return nil
}

// DeleteRevision deletes a revision that was never active. Sweep deletes its rates. It
// returns ErrNotFound, or ErrConflict if the revision has been active, or if amendments that were
// never active are based on it.
func (tx *Tx) DeleteRevision(ctx context.Context, card, id string) error {
	r, err := tx.Revision(ctx, card, id)
	if err != nil {
		return err
	}
	if !unpublished(&r) {
		return fmt.Errorf("revision %s: %w", id, fault.Conflict("status", "is "+r.Status+": a revision that was active cannot be deleted"))
	}
	later, err := tx.Amendments(ctx, card, id)
	if err == nil && len(later) > 0 {
		err = fault.Conflict("", "later amendments are based on it: "+strings.Join(later, ", ")+"; delete those first, or make this one a draft")
	}
	if err != nil {
		return fmt.Errorf("revision %s: %w", id, err)
	}
	if err := tx.detach(ctx, "card_id = ? AND id = ?", card, id); err != nil {
		return fmt.Errorf("revision %s: %w", id, err)
	}
	return nil
}

// Due is a scheduled revision whose time has come.
type Due struct {
	TenantID   string `db:"tenant_id"`
	CardID     string `db:"card_id"`
	RevisionID string `db:"id"`
}

// DueRevisions lists at most limit scheduled revisions whose time has come, of all
// tenants, the earliest first. Check each again in a transaction: it may not be due
// any more.
func (s *Store) DueRevisions(ctx context.Context, limit int) ([]Due, error) {
	due, err := dialect.SelectAll[Due](ctx, s.dialect, s.pool, `SELECT c.tenant_id, r.card_id, r.id
		FROM revisions r JOIN cards c ON c.id = r.card_id
		WHERE r.status = 'scheduled' AND r.live_at <= ? ORDER BY r.live_at, r.created_at, r.id LIMIT ?`, s.micros(), limit)
	if err != nil {
		return nil, fmt.Errorf("due revisions: %w", err)
	}
	return due, nil
}

// NextDue returns the time at which the next scheduled revision is due, which may
// be in the past. It returns 0 if none is scheduled.
func (s *Store) NextDue(ctx context.Context) (schema.Micros, error) {
	return s.earliest(ctx, "SELECT min(live_at) AS at FROM revisions WHERE status = 'scheduled'")
}

// NextAssignmentChange returns the first time after the given one at which an
// assignment begins or ends on its own. It returns 0 if there is no such time.
func (s *Store) NextAssignmentChange(ctx context.Context, after schema.Micros) (schema.Micros, error) {
	return s.earliest(ctx, `SELECT min(valid_from) AS at FROM assignments WHERE valid_from > ?
		UNION ALL SELECT min(valid_to) FROM assignments WHERE valid_to > ?`, after, after)
}

func (s *Store) earliest(ctx context.Context, text string, args ...any) (schema.Micros, error) {
	moments, err := dialect.SelectAll[struct{ At *int64 }](ctx, s.dialect, s.pool, text, args...)
	if err != nil {
		return 0, fmt.Errorf("next change: %w", err)
	}
	next := schema.Micros(0)
	for _, m := range moments {
		if m.At != nil && (next == 0 || schema.Micros(*m.At) < next) {
			next = schema.Micros(*m.At)
		}
	}
	return next, nil
}
