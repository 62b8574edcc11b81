package server

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/query"
)

// revisionsOf finds a card as its reader sees it (404), decides whether its
// revisions may be read (403), and returns the query for them, the newest first.
// A reader who sees the card in translation is shown only the active revision.
func (r *inquiry) revisionsOf(from session.Lister, card string, inside bool) (session.ReadPlan, query.Query, error) {
	cards, err := r.ReadPlan("card")
	if err != nil {
		return session.ReadPlan{}, query.Query{}, err
	}
	cards.Leaf = cards.Leaf && !inside
	row, err := r.One(from, cards, card)
	if err != nil {
		return session.ReadPlan{}, query.Query{}, err
	}
	p, err := r.ReadPlan("revision")
	if err != nil {
		return session.ReadPlan{}, query.Query{}, err
	}
	p.Leaf = p.Leaf && !inside
	q := p.Query()
	q.Parent = card
	if row.View != translatedView && p.Sees("created_at") {
		q.Sort, q.Desc = "created_at", true
	}
	return p, q, nil
}

// listRevisions answers GET on a card's revisions.
func listRevisions(r *exchange) error {
	card, err := r.param("id")
	if err != nil {
		return err
	}
	p, q, err := r.revisionsOf(r.Store, card, false)
	if err != nil {
		return err
	}
	return r.answerList(q, shownColumns("revision", p.Plan), query.Row.AppendJSON)
}

// getRevision answers GET on one revision.
func getRevision(r *exchange) error {
	card, revision, err := r.revisionParams()
	if err != nil {
		return err
	}
	p, q, err := r.revisionsOf(r.Store, card, false)
	if err != nil {
		return err
	}
	q.ID, q.Limit = revision, 1
	row, err := r.Single(r.Store, q)
	if err != nil {
		return err
	}
	return r.answerOne("revision", row, shownColumns("revision", p.Plan))
}

func (r *exchange) revisionParams() (card, revision string, err error) {
	if card, err = r.param("id"); err == nil {
		revision, err = r.param("revision")
	}
	return card, revision, err
}

// onRevision runs a write on one revision of a card.
func onRevision(do func(w *writing, card, revision string) (target, error), answer func(*writing, target) (written, error)) func(*exchange) error {
	return func(r *exchange) error {
		card, revision, err := r.revisionParams()
		if err != nil {
			return err
		}
		write := func() error {
			return r.write(func(w *writing) (target, error) { return do(w, card, revision) }, answer)
		}
		if err = write(); errors.Is(err, store.ErrBaseMoved) {
			// The write was allowed up to here. Its proof reads what the rebasing leaves.
			if err = r.s.rebase(r.Ctx, r.Facts.Account.TenantID, card, revision); err == nil {
				err = write()
			}
		}
		return err
	}
}

// rebase bases an amendment on the card's active revision, in a transaction of its own.
func (s *Server) rebase(ctx context.Context, tenant, card, revision string) error {
	return s.store.Write(ctx, tenant, func(tx *store.Tx) error { return tx.Rebase(ctx, card, revision) })
}

// answerRevision answers a write with the revision as the writer sees it.
func answerRevision(w *writing, t target) (written, error) {
	row, err := w.seeRevision(t.id, t.sub)
	return written{status: fiber.StatusOK, typ: "revision", body: row.json}, err
}

// seeRevision returns a revision as the writer sees it, or 404.
func (w *writing) seeRevision(card, revision string) (seen, error) {
	_, q, err := w.r.revisionsOf(w.tx, card, true)
	if err != nil {
		return seen{}, err
	}
	q.ID, q.Limit = revision, 1
	row, err := w.r.Single(w.tx, q)
	if err != nil {
		return seen{}, err
	}
	return newSeen(row)
}

// activate activates a revision, now or at the time in the body.
func (w *writing) activate(card, revision string) (target, error) {
	t := target{action: "activate", typ: "card", id: card, sub: revision, status: fiber.StatusOK}
	before, err := w.seeRevision(card, revision)
	if err != nil {
		return t, err
	}
	r, err := w.tx.Revision(w.r.Ctx, card, revision)
	if err != nil {
		return t, err
	}
	f, atLoss, err := w.mayActivate(card, revision, r.MadeBy)
	if err != nil {
		return t, err
	}
	at := f.moment("live_at")
	if err := f.err(); err != nil {
		return t, err
	}
	return w.changeRevision(t, before, func() error {
		if at != 0 {
			_, err := w.tx.ScheduleRevision(w.r.Ctx, w.rates(), card, revision, store.Schedule{
				At: at, UserID: w.r.Subject.User.ID, ClientAddr: w.r.Caller.ClientIP, AtLoss: atLoss})
			return w.tellLoss(card, err)
		}
		_, err := w.activateNow(card, revision, atLoss)
		return err
	})
}

func (w *writing) activateNow(card, revision string, atLoss bool) (store.Revision, error) {
	activate := w.tx.ActivateRevision
	if atLoss {
		activate = w.tx.ActivateAtLoss
	}
	r, err := activate(w.r.Ctx, w.rates(), card, revision)
	return r, w.tellLoss(card, err)
}

// mayPutInForce decides on the activation of a revision that maker made, "" if that
// is not known.
func (w *writing) mayPutInForce(card, maker string) error {
	row, err := w.tx.PolicyRow(w.r.Ctx, "card", card)
	if err != nil {
		return err
	}
	return w.mayRow("activate", "card", card, row, map[string]any{"made_by": maker}, nil)
}

// mayActivate decides on the activation of a visible card's revision ("" for one
// that is not known yet). If the body accepts losses, it decides on that too. It
// leaves the other fields for the caller to read.
func (w *writing) mayActivate(card, revision, maker string) (f *fields, atLoss bool, err error) {
	if err := w.mayPutInForce(card, maker); err != nil {
		return nil, false, err
	}
	if err := w.mayProve(card, revision); err != nil {
		return nil, false, err
	}
	if f, err = w.sent.fields(anyField); err != nil {
		return nil, false, err
	}
	if atLoss = f.boolean("accept_losses"); atLoss {
		err = w.may("accept_losses", "card", card, nil)
	}
	return f, atLoss, err
}

// rollBack activates the revision that was active before.
func (w *writing) rollBack(card string) (target, error) {
	t := target{action: "activate", typ: "card", id: card, status: fiber.StatusOK}
	before, err := w.see("card", card)
	if err != nil {
		return t, err
	}
	last, none := w.tx.PreviousRevision(w.r.Ctx, card)
	maker := last.MadeBy
	if none != nil {
		maker = "nobody" // "" means a maker who is not known, which policy may deny
	}
	f, atLoss, err := w.mayActivate(card, "", maker)
	if err == nil {
		err = f.err()
	}
	if err != nil {
		return t, err
	}
	if err := w.checkIfMatch("card", before.json, none); err != nil {
		return t, err
	}
	t.sub = last.ID
	was, err := w.seeRevision(card, last.ID)
	if err != nil {
		return t, err
	}
	if _, err := w.activateNow(card, last.ID, atLoss); err != nil {
		return t, err
	}
	return t, w.auditRevision(t, was)
}

// rollBackCard answers POST on a card's rollback.
func rollBackCard(r *exchange) error {
	card, err := r.param("id")
	if err != nil {
		return err
	}
	return r.write(func(w *writing) (target, error) { return w.rollBack(card) }, answerRevision)
}

// answerCancelled answers with the revision, and with the amendments that are based on it.
func answerCancelled(w *writing, t target) (written, error) {
	out, err := answerRevision(w, t)
	if err != nil {
		return out, err
	}
	ids, err := w.tx.Amendments(w.r.Ctx, t.id, t.sub)
	if err != nil || len(ids) == 0 {
		return out, err
	}
	text, err := json.Marshal(ids)
	out.more = append(append([]byte(`{"amended_by":`), text...), byte(125))
	return out, err
}

// cancelSchedule makes a scheduled or held revision a draft again.
func (w *writing) cancelSchedule(card, revision string) (target, error) {
	t := target{action: "update", typ: "card", id: card, sub: revision, status: fiber.StatusOK}
	before, err := w.seeRevision(card, revision)
	if err != nil {
		return t, err
	}
	if err := w.may("update", "card", card, nil); err != nil {
		return t, err
	}
	f, err := w.sent.fields(before.shows)
	if err != nil {
		return t, err
	}
	readOnly, err := w.readOnly("revision", before, map[string]bool{"status": true}, f)
	if err == nil && len(readOnly) > 0 {
		err = notWritable(readOnly)
	}
	if err != nil {
		return t, err
	}
	if before.object["status"] == f.sent["status"] {
		delete(f.sent, "status")
	}
	f.word("status", store.RevisionDraft)
	if err := f.err(); err != nil {
		return t, err
	}
	return w.changeRevision(t, before, func() error {
		if len(f.sent) == 0 {
			return nil
		}
		_, err := w.tx.CancelSchedule(w.r.Ctx, card, revision)
		return err
	})
}

// dropRevision deletes a revision that was never in force.
func (w *writing) dropRevision(card, revision string) (target, error) {
	t := target{action: "update", typ: "card", id: card, sub: revision, status: fiber.StatusNoContent}
	before, err := w.seeRevision(card, revision)
	if err != nil {
		return t, err
	}
	if err := w.may("update", "card", card, nil); err != nil {
		return t, err
	}
	return w.changeRevision(t, before, func() error { return w.tx.DeleteRevision(w.r.Ctx, card, revision) })
}

// changeRevision applies a change of a revision and writes an audit entry.
func (w *writing) changeRevision(t target, before seen, apply func() error) (target, error) {
	if err := w.checkIfMatch("revision", before.json, apply()); err != nil {
		return t, err
	}
	return t, w.auditRevision(t, before)
}

// auditRevision writes an audit entry for a changed revision, under the card's
// revision column. Accepted losses get a separate entry.
func (w *writing) auditRevision(t target, before seen) error {
	after, err := w.seeRevision(t.id, t.sub)
	if err != nil && !absent(err) {
		return err
	}
	if t.row, err = w.tx.PolicyRow(w.r.Ctx, "card", t.id); err != nil {
		return err
	}
	was, is := map[string]any{"revision": asAny(before.object)}, map[string]any{"revision": asAny(after.object)}
	if len(session.Differing(was, is)) == 0 {
		return nil
	}
	if err := w.audit(t, was, is); err != nil {
		return err
	}
	if t.action != "activate" || after.object["losses_accepted"] != true {
		return nil
	}
	t.action = "accept_losses"
	return w.audit(t, was, is)
}

// asAny returns the object, or an untyped nil for a nil object.
func asAny(object map[string]any) any {
	if object == nil {
		return nil
	}
	return object
}
