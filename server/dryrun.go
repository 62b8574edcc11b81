package server

import (
	"encoding/json"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/insight"
	"resellerd/store"
)

type dryRunQuery struct {
	DryRun bool `query:"dry_run" description:"answer 200 with what the write would change, for whom, and write nothing"`
}

// isDryRun reads ?dry_run. Errors: 422 for a repeated parameter, for a value
// other than true or false, and for true if the route offers no dry run. A write
// that was meant as a dry run is therefore never done.
func (r *exchange) isDryRun() (bool, error) {
	values := r.c.Request().URI().QueryArgs().PeekMulti("dry_run")
	switch {
	case len(values) == 0:
		return false, nil
	case len(values) > 1:
		return false, invalid("dry_run", "is given more than once")
	}
	switch string(values[0]) {
	case "false":
		return false, nil
	case "true":
		if !r.route.doc.dry {
			return false, invalid("dry_run", "must be false: this request has no dry run")
		}
		return true, nil
	}
	return false, invalid("dry_run", "must be true or false")
}

// dryRun does all of a write except for writing it. It returns the same errors
// in the same order. If there is none, it answers with what the write would
// change.
func (r *exchange) dryRun(do func(*writing) (target, error), answer func(*writing, target) (written, error)) error {
	var done target
	turn, err := r.turn(r.Ctx)
	if err != nil {
		return err
	}
	defer turn.Leave()
	r.hasTurn = true
	sent, d := r.sent(), r.insight().DryRun()
	err = r.Store.Rehearse(r.Ctx, r.Facts.Account.TenantID, func(tx *store.Tx) error {
		w := &writing{r: &r.inquiry, tx: tx, sent: sent}
		err := w.reload()
		if err == nil {
			done, err = do(w)
		}
		if err == nil {
			_, err = answer(w, done)
		}
		return err
	}, func(m *store.Moment) error { return d.After(m, done.concerns()) },
		func(m *store.Moment) error { return d.Before(m, done.concerns()) })
	if err != nil {
		return r.explained(err)
	}
	body, err := json.Marshal(d.Result())
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// concerns returns the parts of the write's target that decide whose view
// changes.
func (t target) concerns() insight.Write {
	w := insight.Write{Type: t.typ, ID: t.id}
	if t.typ == "card" && t.action == assignmentLink.action {
		w.AssignedTo = t.sub
	}
	w.Closes = t.typ == "account" && t.row["status"] == store.Closed
	return w
}
