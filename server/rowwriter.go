package server

import (
	"slices"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies/input"
	"resellerd/server/resource"
	"resellerd/store"
	"resellerd/store/fault"
)

// rowWriter defines how rows of one type are written.
type rowWriter struct {
	typ string
	// takes is a zero value of the body of an update.
	takes any
	// held returns the access that the row gives. For an account, it returns the
	// access that the update newly allows. It is nil for types that give no
	// access.
	held func(w *writing, id string) (map[string][]string, error)
	// giving are the fields that give access away; nil if any field may do so.
	giving []string
	// lowering are the fields by which a user of the master may lose full access.
	lowering []string
	// asks checks a change of these fields beyond the policy. It is nil for
	// types without such a check.
	asks func(w *writing, id string, fields []string) error
	// naming is the field by which the panel identifies a row; "" for none.
	naming string
	// update reads the fields, and returns the function that writes them.
	update func(w *writing, f *fields) (apply func(id string) error)
	remove func(w *writing, id string) error
	// answer answers an update; nil for answerRow.
	answer func(w *writing, t target) (written, error)
}

// updateOf answers PATCH on a member of a collection.
func updateOf(n rowWriter) func(*exchange) error {
	return func(r *exchange) error {
		id, err := r.param("id")
		if err != nil {
			return err
		}
		return r.write(func(w *writing) (target, error) { return w.updateRow(n, id) }, n.answerWith())
	}
}

// answerWith returns what answers an update.
func (n rowWriter) answerWith() func(*writing, target) (written, error) {
	if n.answer != nil {
		return n.answer
	}
	return answerRow
}

// updateRow performs an update in the order of its lines: find the row, decide,
// read the fields, apply them, decide on the result, audit. If the body has faults, the
// fields are applied as far as is needed to find those of their values, too.
func (w *writing) updateRow(n rowWriter, id string) (target, error) {
	before, err := w.see(n.typ, id)
	if err != nil {
		return target{}, err
	}
	takes := fieldsTaken(n.takes)
	f, malformed := w.sent.update(before, takes)
	if malformed != nil {
		f = emptyFields()
	}
	readOnly, err := w.readOnly(n.typ, before, takes, f)
	if err != nil {
		return target{}, err
	}
	change := w.change(n, before.changed(f))
	if err := w.mayChange(n, id, change, readOnly); err != nil {
		return target{}, err
	}
	if malformed != nil {
		return target{}, malformed
	}
	if len(readOnly) > 0 {
		return target{}, notWritable(readOnly)
	}
	if slices.Contains(change.Fields, n.naming) {
		if err := w.mayName(f, n.naming); err != nil {
			return target{}, err
		}
	}
	apply := n.update(w, f)
	err = nil
	if len(change.Fields) > 0 {
		lowers := slices.ContainsFunc(n.lowering, func(field string) bool { return slices.Contains(change.Fields, field) })
		err = w.keepingAdministrator(lowers, func() error { return apply(id) })
	}
	if err := w.checkIfMatch(n.typ, before.json, f.and(err)); err != nil {
		account, _ := before.object["account_id"].(string)
		return target{}, takenBy(err, n.typ, account, f)
	}
	return w.updated(n, id, before, change)
}

// mayChange decides on a change before it is made.
func (w *writing) mayChange(n rowWriter, id string, change *input.Change, readOnly []string) (err error) {
	w.anew = nil // may be left from another update in this write
	if change.Before, err = n.access(w, id); err != nil {
		return err
	}
	if n.gives(change.Fields) {
		change.After = change.Before
	}
	if n.typ == userWriter.typ { // who sets how a user is known may later act as that user
		if err := w.lastingHeld(n, id, change); err != nil {
			return err
		}
	}
	if err := w.may("update", n.typ, id, change); err != nil {
		return w.blaming(err, n.typ, id, change, readOnly)
	}
	if n.asks != nil {
		return n.asks(w, id, change.Fields)
	}
	return nil
}

// gives reports whether a write of these fields may give access away. If not,
// the policy compares no access after the write: an actor may rename a colleague
// who has more access.
func (n rowWriter) gives(fields []string) bool {
	return n.giving == nil || slices.ContainsFunc(n.giving, func(field string) bool { return slices.Contains(fields, field) })
}

// access returns the access that the row gives, or nil for types that give none.
func (n rowWriter) access(w *writing, id string) (map[string][]string, error) {
	if n.held == nil {
		return nil, nil
	}
	return n.held(w, id)
}

// updated decides on the row in its new state, and writes an audit entry.
func (w *writing) updated(n rowWriter, id string, before seen, change *input.Change) (target, error) {
	t := target{action: "update", typ: n.typ, id: id, status: fiber.StatusOK}
	if len(change.Fields) == 0 {
		return t, nil
	}
	if n.typ == "account" && before.object["status"] == store.Closed && slices.Contains(change.Fields, "status") {
		t.action = "open"
	}
	var err error
	if n.gives(change.Fields) {
		if change.After, err = n.access(w, id); err != nil {
			return t, err
		}
		if err := w.lastingHeld(n, id, change); err != nil {
			return t, err
		}
	}
	if err := w.may("update", n.typ, id, change); err != nil {
		return t, err
	}
	if t.row, err = w.tx.PolicyRow(w.r.Ctx, n.typ, id); err != nil {
		return t, err
	}
	after, err := w.see(n.typ, id)
	if err != nil {
		return t, err
	}
	return t, w.audit(t, before.object, after.object)
}

// deleteOf answers DELETE on a member of a collection.
func deleteOf(n rowWriter) func(*exchange) error {
	return func(r *exchange) error {
		id, err := r.param("id")
		if err != nil {
			return err
		}
		return r.write(func(w *writing) (target, error) { return w.deleteRow(n, id) }, answerNothing)
	}
}

func (w *writing) deleteRow(n rowWriter, id string) (target, error) {
	t := target{action: "delete", typ: n.typ, id: id, status: fiber.StatusNoContent}
	before, err := w.see(n.typ, id)
	if err != nil {
		return t, err
	}
	held, err := n.access(w, id)
	if err != nil {
		return t, err
	}
	var change *input.Change
	if n.held != nil {
		change = w.change(n, nil)
		change.Before = held
	}
	if err := w.may("delete", n.typ, id, change); err != nil {
		return t, err
	}
	if t.row, err = w.tx.PolicyRow(w.r.Ctx, n.typ, id); err != nil {
		return t, err
	}
	removed := w.keepingAdministrator(len(n.lowering) > 0, func() error { return n.remove(w, id) })
	if err := w.checkIfMatch(n.typ, before.json, removed); err != nil {
		return t, err
	}
	return t, w.audit(t, before.object, nil)
}

// created decides on a new row in its final state, and writes an audit entry. It
// refuses a row that its creator would not see.
func (w *writing) created(n rowWriter, id string, f *fields) (target, error) {
	t := target{action: "create", typ: n.typ, id: id, status: fiber.StatusCreated}
	columns, err := w.mayHaveCreated(n, f, &t)
	if err != nil {
		return t, err
	}
	after, err := w.see(n.typ, id)
	if err != nil || len(columns) == 0 {
		return t, forbidden("the user could not see the row afterwards")
	}
	return t, w.audit(t, nil, after.object)
}

// mayHaveCreated decides on the creation of a row that exists, in its present state. It
// returns the columns that its creator is shown.
func (w *writing) mayHaveCreated(n rowWriter, f *fields, t *target) (map[string]bool, error) {
	held, err := n.access(w, t.id)
	if err != nil {
		return nil, err
	}
	var change *input.Change
	if n.held != nil {
		change = w.change(n, f.names())
		change.After = held
		if err := w.lastingHeld(n, t.id, change); err != nil {
			return nil, err
		}
	}
	if t.row, err = w.tx.PolicyRow(w.r.Ctx, n.typ, t.id); err != nil {
		return nil, err
	}
	return w.mayCreate(n.typ, t.row, change)
}

// answerRow answers a write with the row as the writer sees it.
func answerRow(w *writing, t target) (written, error) {
	row, err := w.see(t.typ, t.id)
	if err != nil {
		return written{}, err
	}
	out := written{status: t.status, typ: t.typ, body: row.json}
	if t.status == fiber.StatusCreated {
		out.at = resource.Named(t.typ).Collection + "/" + t.id
	}
	return out, nil
}

// answerNothing answers a deletion.
func answerNothing(*writing, target) (written, error) { return written{}, nil }

// errLastAdministrator refuses a write after which nobody could administer the tenant.
var errLastAdministrator = fault.Conflict("", "no active user of the master would have full access: give it to another user first")

// keepingAdministrator makes a write that may lower the access of a user. It refuses one that takes full access from the
// last user of the master who has it. Only the command line on the database could mend that.
func (w *writing) keepingAdministrator(lowers bool, write func() error) error {
	if !lowers {
		return write()
	}
	had, err := w.tx.HasAdministrator(w.r.Ctx)
	if err != nil {
		return err
	}
	if err := write(); err != nil || !had {
		return err
	}
	has, err := w.tx.HasAdministrator(w.r.Ctx)
	if err == nil && !has {
		err = errLastAdministrator
	}
	return err
}
