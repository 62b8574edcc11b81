package server

import (
	"github.com/gofiber/fiber/v2"

	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/query"
)

// revisionsOf finds a card as its reader sees it (404), decides that its
// revisions may be read (403), and asks for them, those made last first. Who
// sees the card translated is shown the one that is in force.
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

// getRevision answers GET on one of them.
func getRevision(r *exchange) error {
	card, revision, err := r.revisionParams()
	if err != nil {
		return err
	}
	_, q, err := r.revisionsOf(r.Store, card, false)
	if err != nil {
		return err
	}
	q.ID, q.Limit = revision, 1
	row, err := r.Single(r.Store, q)
	if err != nil {
		return err
	}
	return r.answerRow(fiber.StatusOK, "revision", row.AppendJSON(nil))
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
		return r.write(func(w *writing) (target, error) { return do(w, card, revision) }, answer)
	}
}

// answerRevision answers a write with the revision as the writer sees it.
func answerRevision(w *writing, t target) (written, error) {
	row, err := w.seeRevision(t.id, t.sub)
	return written{status: fiber.StatusOK, typ: "revision", body: row.json}, err
}

// seeRevision is a revision as the writer sees it: 404 when it does not.
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

// activate puts a revision in force, now or at the time that the body names.
func (w *writing) activate(card, revision string) (target, error) {
	t := target{action: "activate", typ: "card", id: card, sub: revision, status: fiber.StatusOK}
	before, err := w.seeRevision(card, revision)
	if err != nil {
		return t, err
	}
	f, atLoss, err := w.mayActivate(card, revision)
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

// mayActivate decides on the activation of a visible card's revision ("" for one
// that is still to be found), and on doing so at a loss when the body asks for
// that. The other fields are still to be read.
func (w *writing) mayActivate(card, revision string) (f *fields, atLoss bool, err error) {
	if err := w.may("activate", "card", card, nil); err != nil {
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

// rollBack puts in force what was in force before.
func (w *writing) rollBack(card string) (target, error) {
	t := target{action: "activate", typ: "card", id: card, status: fiber.StatusOK}
	before, err := w.see("card", card)
	if err != nil {
		return t, err
	}
	f, atLoss, err := w.mayActivate(card, "")
	if err == nil {
		err = f.err()
	}
	if err != nil {
		return t, err
	}
	last, err := w.tx.PreviousRevision(w.r.Ctx, card)
	if err := w.checkIfMatch("card", before.json, err); err != nil {
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

// rollBackCard answers POST on a card's roll-back.
func rollBackCard(r *exchange) error {
	card, err := r.param("id")
	if err != nil {
		return err
	}
	return r.write(func(w *writing) (target, error) { return w.rollBack(card) }, answerRevision)
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

// changeRevision applies a change of a revision and writes it down.
func (w *writing) changeRevision(t target, before seen, apply func() error) (target, error) {
	if err := w.checkIfMatch("revision", before.json, apply()); err != nil {
		return t, err
	}
	return t, w.auditRevision(t, before)
}

// auditRevision writes down what became of a revision, under the card's column
// that stands for it. Losses that were accepted have an entry of their own.
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

// asAny is the object, or plainly none.
func asAny(object map[string]any) any {
	if object == nil {
		return nil
	}
	return object
}
