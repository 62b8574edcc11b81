package server

import (
	"slices"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies/input"
	"resellerd/server/resource"
)

// rowWriter is how rows of one type are written.
type rowWriter struct {
	typ string
	// held returns the access that the row gives. For an account it returns what
	// the update newly allows. Nil for types that give none.
	held func(w *writing, id string) (map[string][]string, error)
	// giving is the one field that gives access away; "" where any may.
	giving string
	// asks checks a change of these fields beyond the policy; nil for nothing.
	asks func(w *writing, id string, fields []string) error
	// naming is the one field by which the panel identifies a row; "" for none.
	naming string
	// update reads the fields, and returns what writes them.
	update func(w *writing, f *fields) (apply func(id string) error)
	remove func(w *writing, id string) error
}

// updateOf answers PATCH on a member of a collection.
func updateOf(n rowWriter) func(*exchange) error {
	return func(r *exchange) error {
		id, err := r.param("id")
		if err != nil {
			return err
		}
		return r.write(func(w *writing) (target, error) { return w.updateRow(n, id) }, answerRow)
	}
}

// updateRow reads top to bottom as a write goes: see, decide, read the fields,
// apply, decide about what came of it, write it down.
func (w *writing) updateRow(n rowWriter, id string) (target, error) {
	before, err := w.see(n.typ, id)
	if err != nil {
		return target{}, err
	}
	f, malformed := w.sent.fields(before.shows)
	if malformed != nil {
		f = emptyFields()
	}
	change := w.change(n, before.changed(f))
	w.anew = nil // of a row that this write updated earlier
	if change.Before, err = n.access(w, id); err != nil {
		return target{}, err
	}
	if n.gives(change.Fields) {
		change.After = change.Before
	}
	if err := w.may("update", n.typ, id, change); err != nil {
		return target{}, err
	}
	if n.asks != nil {
		if err := n.asks(w, id, change.Fields); err != nil {
			return target{}, err
		}
	}
	if malformed != nil {
		return target{}, malformed
	}
	if slices.Contains(change.Fields, n.naming) {
		if err := w.mayName(f, n.naming); err != nil {
			return target{}, err
		}
	}
	apply := n.update(w, f)
	if err := f.err(); err != nil {
		return target{}, err
	}
	if len(change.Fields) > 0 {
		err = apply(id)
	}
	if err := w.checkIfMatch(n.typ, before.json, err); err != nil {
		return target{}, err
	}
	return w.updated(n, id, before, change)
}

// gives reports whether a write of these fields may give access away. One that
// does not has nothing after it to be decided on: a stronger colleague may be
// renamed.
func (n rowWriter) gives(fields []string) bool {
	return n.giving == "" || slices.Contains(fields, n.giving)
}

// access is what the row stands for, nil for types that give none.
func (n rowWriter) access(w *writing, id string) (map[string][]string, error) {
	if n.held == nil {
		return nil, nil
	}
	return n.held(w, id)
}

// updated decides about the row as it has become, and writes the change down.
func (w *writing) updated(n rowWriter, id string, before seen, change *input.Change) (target, error) {
	t := target{action: "update", typ: n.typ, id: id, status: fiber.StatusOK}
	if len(change.Fields) == 0 {
		return t, nil
	}
	var err error
	if n.gives(change.Fields) {
		if change.After, err = n.access(w, id); err != nil {
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
	if err := w.checkIfMatch(n.typ, before.json, n.remove(w, id)); err != nil {
		return t, err
	}
	return t, w.audit(t, before.object, nil)
}

// created decides about a new row as it has become, and writes it down. A row
// that its creator would not see is not created.
func (w *writing) created(n rowWriter, id string, f *fields) (target, error) {
	t := target{action: "create", typ: n.typ, id: id, status: fiber.StatusCreated}
	held, err := n.access(w, id)
	if err != nil {
		return t, err
	}
	var change *input.Change
	if n.held != nil {
		change = w.change(n, f.names())
		change.After = held
	}
	if t.row, err = w.tx.PolicyRow(w.r.Ctx, n.typ, id); err != nil {
		return t, err
	}
	columns, err := w.mayCreate(n.typ, t.row, change)
	if err != nil {
		return t, err
	}
	after, err := w.see(n.typ, id)
	if err != nil || len(columns) == 0 {
		return t, forbidden("the user could not see the row afterwards")
	}
	return t, w.audit(t, nil, after.object)
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
