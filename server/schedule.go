package server

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"resellerd/policies"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// Limits of the time between two checks for due work.
const (
	scheduleIdle  = time.Minute            // at most, because clocks can be set
	scheduleRest  = 250 * time.Millisecond // at least, even if data changes all the time
	scheduleRetry = 5 * time.Second        // after a failure
	scheduleBatch = 100
)

// keepTime does the work that depends only on time, until ctx ends. It activates
// scheduled revisions, and marks cards when the assignment of one of their
// provider cards ends or begins. Every instance does this. Each change is still
// made only once, because the transaction that makes it checks it again.
func (s *Server) keepTime(ctx context.Context) {
	var k timekeeper
	for ctx.Err() == nil {
		known := s.store.DataRevision()
		pause, err := s.passTime(ctx, &k)
		if err != nil && ctx.Err() == nil {
			s.logger.Error("schedules are late; they are tried again", "error", err)
			pause = scheduleRetry
		}
		rest(ctx, pause, s.store.Newer(known))
	}
}

// rest waits until the pause ends or newer data arrives, which may hold an
// earlier schedule.
func rest(ctx context.Context, pause time.Duration, newer <-chan struct{}) {
	pausing := time.NewTimer(pause)
	defer pausing.Stop()
	select {
	case <-ctx.Done():
		return
	case <-pausing.C:
		return
	case <-newer:
	}
	resting := time.NewTimer(scheduleRest)
	defer resting.Stop()
	select {
	case <-ctx.Done():
	case <-pausing.C:
	case <-resting.C:
	}
}

// sweepIdle is the time between two searches for rates to delete.
const sweepIdle = time.Minute

// keepSwept deletes rates that nobody can see any more, and files of previews whose time
// is over, until ctx ends. Every instance does this.
func (s *Server) keepSwept(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.store.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.logger.Error("unused rates are not deleted", "error", err)
		}
		s.plans.expire(s.now())
		rest(ctx, sweepIdle, nil)
	}
}

// pruneIdle is the time between two searches for data that is not kept any longer.
const pruneIdle = 6 * time.Hour

// keepPruned deletes data that is older than the settings say, until ctx ends. Every
// instance does this.
func (s *Server) keepPruned(ctx context.Context) {
	for ctx.Err() == nil && s.cfg.Keep != (store.Keep{}) {
		gone, err := s.store.Prune(ctx, s.cfg.Keep)
		for _, of := range gone {
			s.logger.Info("old data was deleted", "tenant", of.TenantID, "revisions", len(of.Revisions), "audit_entries", of.AuditEntries)
		}
		if err != nil && ctx.Err() == nil {
			s.logger.Error("old data is not deleted; it is tried again in six hours", "error", err)
		}
		rest(ctx, pruneIdle, nil)
	}
}

// timekeeper remembers the time up to which assignments were checked, in the
// history since its last loss.
type timekeeper struct {
	markedUntil schema.Micros
	losses      int64
}

// passTime does the work that is due now. It returns the time until the next
// work is due, at most scheduleIdle.
func (s *Server) passTime(ctx context.Context, k *timekeeper) (pause time.Duration, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if s.engines.Current() == nil {
		return scheduleRetry, nil
	}
	err = errors.Join(s.markEndedAssignments(ctx, k), s.activateDue(ctx))
	if err != nil {
		return 0, err
	}
	due, err := s.store.NextDue(ctx)
	if err != nil {
		return 0, err
	}
	change, err := s.store.NextAssignmentChange(ctx, k.markedUntil)
	if err != nil {
		return 0, err
	}
	pause = scheduleIdle
	for _, at := range []schema.Micros{due, change} {
		if at != 0 {
			pause = min(pause, max(0, at.Time().Sub(s.now())))
		}
	}
	return pause, nil
}

// markEndedAssignments marks the cards that rest on an assigned provider card if
// its assignment has ended or begun since the last check.
func (s *Server) markEndedAssignments(ctx context.Context, k *timekeeper) error {
	now := schema.MicrosOf(s.now())
	if losses := s.store.HistoryLost(); losses != k.losses {
		*k = timekeeper{losses: losses} // earlier marks may be lost with the history
	}
	if k.markedUntil != 0 {
		next, err := s.store.NextAssignmentChange(ctx, k.markedUntil)
		if err != nil || next == 0 || next > now {
			return err
		}
	}
	for {
		cards, err := s.store.OutdatedMarks(ctx, scheduleBatch)
		for _, c := range cards {
			if err == nil {
				err = s.store.Write(ctx, c.TenantID, func(tx *store.Tx) error { return tx.UpdateWithdrawn(ctx, c.CardID) })
			}
		}
		if err != nil {
			return err
		}
		if len(cards) < scheduleBatch {
			k.markedUntil = now
			return nil
		}
	}
}

// activateDue activates due revisions. A revision that fails is retried later;
// the others do not wait for it.
func (s *Server) activateDue(ctx context.Context) error {
	due, err := s.store.DueRevisions(ctx, scheduleBatch)
	for _, d := range due {
		if one := s.activateOne(ctx, d); one != nil {
			err = errors.Join(err, fmt.Errorf("revision %s of card %s: %w", d.RevisionID, d.CardID, one))
		}
	}
	return err
}

// bySchedule is the origin of decisions that a schedule records.
var bySchedule = session.Origin{Name: "schedule", Area: "schedule", Acting: true}

// activateOne activates a scheduled revision in the name of the user who
// scheduled it, and with that user's client address. It decides everything
// again. A refused revision is held, with the reason.
func (s *Server) activateOne(ctx context.Context, d store.Due) error {
	r := &inquiry{s: s, Session: session.Session{
		Shared: s.shared, Ctx: ctx, From: bySchedule, Engine: s.engines.Current(),
		DecisionID: s.newID(), Revision: s.store.DataRevision(),
	}}
	outcome := ""
	activate := func(tx *store.Tx) error {
		before, err := tx.Revision(ctx, d.CardID, d.RevisionID)
		if errors.Is(err, fault.ErrNotFound) || err == nil && (before.Status != store.RevisionScheduled || before.LiveAt > tx.Now()) {
			return nil // another instance or a user was faster
		}
		if err != nil {
			return err
		}
		r.Caller = session.Caller{TokenID: "schedule", UserRef: before.ScheduledBy, ClientIP: before.ScheduledFrom}
		r.Subject = &store.Subject{User: store.User{ID: before.ScheduledBy}}
		after, err := (&writing{r: r, tx: tx}).scheduled(before)
		outcome = after.Status
		return err
	}
	err := s.store.WriteLong(ctx, d.TenantID, activate)
	if errors.Is(err, store.ErrBaseMoved) {
		if err = s.rebase(ctx, d.TenantID, d.CardID, d.RevisionID); err == nil {
			err = s.store.WriteLong(ctx, d.TenantID, activate)
		}
	}
	if err == nil && outcome != "" {
		s.logger.Info("revision scheduled", "card", d.CardID, "revision", d.RevisionID, "status", outcome)
	}
	return err
}

// scheduled activates a revision whose time has come, or holds it, and writes an
// audit entry.
func (w *writing) scheduled(before store.Revision) (after store.Revision, err error) {
	after, err = w.activateScheduled(before)
	if reason := heldReason(err); reason != "" {
		after, err = w.tx.HoldRevision(w.r.Ctx, before.CardID, before.ID, reason)
	}
	if err != nil {
		return after, err
	}
	return after, w.auditScheduled(before, after)
}

func (w *writing) activateScheduled(before store.Revision) (store.Revision, error) {
	if err := w.reload(); err != nil {
		if p := problemOf(err); p.kind.code == kindUnknownUser.code {
			w.r.RecordRefusal(session.TrueReason(p.cause))
		}
		return before, err
	}
	if _, err := w.see("card", before.CardID); err != nil {
		return before, err
	}
	if err := w.mayPutInForce(before.CardID, before.MadeBy); err != nil {
		return before, err
	}
	if before.LossesAccepted {
		if err := w.may("accept_losses", "card", before.CardID, nil); err != nil {
			return before, err
		}
	}
	return w.activateNow(before.CardID, before.ID, before.LossesAccepted)
}

// heldReason returns the code of a refusal. It returns "" for success and for a
// failure.
func heldReason(err error) string {
	var why *store.ReasonError
	if errors.As(err, &why) {
		return why.Code
	}
	p := refusalOf(err)
	switch {
	case errors.Is(err, store.ErrRatesHidden):
		return session.ReasonRatesHidden
	case p == nil && errors.Is(err, fault.ErrNotFound):
		return policies.ReasonNotVisible
	case p == nil:
		return ""
	case p.kind.code == kindUnknownUser.code:
		return session.TrueReason(p.cause)
	case p.kind.code == kindNotFound.code:
		return policies.ReasonNotVisible
	case len(p.reasons) > 0:
		return p.reasons[0]
	}
	return ""
}

// auditScheduled writes an audit entry for a schedule, in the name of the user
// who made it.
func (w *writing) auditScheduled(before, after store.Revision) error {
	row, err := w.tx.PolicyRow(w.r.Ctx, "card", before.CardID)
	if err != nil {
		return err
	}
	t := target{action: "activate", typ: "card", id: before.CardID, sub: before.ID, row: row}
	if w.r.Subject.Account.ID == "" { // the user is no longer known
		w.r.Subject.Account.ID, _ = row["account_id"].(string)
	}
	was, is := map[string]any{"revision": auditedRevision(before)}, map[string]any{"revision": auditedRevision(after)}
	if err := w.audit(t, was, is); err != nil || after.Status != store.RevisionActive || !after.LossesAccepted {
		return err
	}
	t.action = "accept_losses"
	return w.audit(t, was, is)
}

func auditedRevision(r store.Revision) map[string]any {
	object := map[string]any{"id": r.ID, "status": r.Status}
	if r.LiveAt != 0 {
		object["live_at"] = r.LiveAt.Time().Format(time.RFC3339Nano)
	}
	if r.Number != 0 {
		object["number"] = r.Number
	}
	if r.HeldReason != "" {
		object["held_reason"] = r.HeldReason
	}
	return object
}
