package server

import (
	"encoding/json"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies"
	"resellerd/server/resource"
	"resellerd/store"
)

// builtBody describes a draft that was built.
type builtBody struct {
	RevisionID string   `json:"revision_id"`
	Status     string   `json:"status" enum:"draft,active,inactive,archived,scheduled,held"`
	Rows       int64    `json:"rows"`
	Blocked    int64    `json:"blocked" description:"rows that are blocked"`
	Borrowed   int64    `json:"borrowed_names" description:"rows that use the names of a supplier"`
	Warnings   []string `json:"warnings" description:"borrowed_names: rows use names of suppliers, which may reveal who the supplier is; see /v1/destinations"`
}

// buildOptions are the options in the body of a build.
type buildOptions struct {
	activate, atLoss bool
}

// buildFields documents buildOptions.
type buildFields struct {
	Activate     bool `json:"activate,omitempty" description:"prove it and make it the active revision, all or nothing"`
	AcceptLosses bool `json:"accept_losses,omitempty" description:"activate it even if calls sell at a loss; needs the action accept_losses"`
}

func buildOptionsOf(f *fields) buildOptions {
	return buildOptions{activate: f.boolean("activate"), atLoss: f.boolean("accept_losses")}
}

// option is boolean for a field that is an option of the write and not a column.
func (f *fields) option(name string) bool {
	shown := f.shown
	f.shown = func(column string) bool { return column == name || shown(column) }
	return f.boolean(name)
}

// boolean reads true or false. An absent field is false.
func (f *fields) boolean(name string) bool {
	value, sent := f.value(name)
	truth, ok := value.(bool)
	if sent && !ok {
		f.refuse(name, "must be true or false")
	}
	return truth
}

// postBuild builds a new draft of a card from its parents, and activates it if
// the body asks for that.
func postBuild(r *exchange) error {
	id, err := r.param("id")
	if err != nil {
		return err
	}
	return r.write(func(w *writing) (target, error) { return w.buildCard(id) }, answerBuilt)
}

func (w *writing) buildCard(id string) (target, error) {
	before, err := w.see("card", id)
	if err != nil {
		return target{}, err
	}
	f, malformed := w.sent.fields(anyField)
	if malformed != nil {
		f = emptyFields()
	}
	o := buildOptionsOf(f)
	if err := w.mayBuild(id, o); err != nil {
		return target{}, err
	}
	if malformed != nil {
		return target{}, malformed
	}
	if err := f.err(); err != nil {
		return target{}, err
	}
	built, err := w.build(id, o)
	if err := w.checkIfMatch("card", before.json, err); err != nil {
		return target{}, err
	}
	return w.wasBuilt(id, built, before)
}

// mayBuild decides on every action that a build will take.
func (w *writing) mayBuild(card string, o buildOptions) error {
	if err := w.may("build", "card", card, nil); err != nil {
		return err
	}
	if o.activate {
		if err := w.mayPutInForce(card, w.r.Subject.User.ID); err != nil {
			return err
		}
	}
	if o.activate && o.atLoss {
		if err := w.may("accept_losses", "card", card, nil); err != nil {
			return err
		}
	}
	return w.mayProve(card, "")
}

func (w *writing) build(card string, o buildOptions) (store.Built, error) {
	built, err := w.tx.BuildRevision(w.r.Ctx, w.rates(), card)
	if err == nil {
		err = w.tx.SetMaker(w.r.Ctx, built.Revision.ID, w.r.Subject.User.ID)
	}
	if err == nil && o.activate {
		built.Revision, err = w.activateNow(card, built.Revision.ID, o.atLoss)
	}
	return built, err
}

// wasBuilt writes audit entries for a build and for the columns of the card that
// it changed.
func (w *writing) wasBuilt(card string, built store.Built, before seen) (target, error) {
	t := target{action: "build", typ: "card", id: card, sub: built.Revision.ID, status: fiber.StatusCreated}
	row, err := w.tx.PolicyRow(w.r.Ctx, "card", card)
	if err != nil {
		return t, err
	}
	t.row = row
	after, err := w.see("card", card)
	if err != nil {
		return t, err
	}
	if err := w.audit(t, before.object, after.object); err != nil || !built.Revision.LossesAccepted {
		return t, err
	}
	accepted := t
	accepted.action = "accept_losses"
	return t, w.audit(accepted, before.object, after.object)
}

// answerBuilt answers with the stored result of the build. It decides again
// first: the result is computed from rates, and the user who repeats a request
// may have lost access to them.
func answerBuilt(w *writing, t target) (written, error) {
	if err := w.mayProve(t.id, t.sub); err != nil {
		return written{}, err
	}
	revision, err := w.tx.Revision(w.r.Ctx, t.id, t.sub)
	if err != nil {
		return written{}, err
	}
	recipe, err := w.tx.Recipe(w.r.Ctx, t.sub)
	if err != nil {
		return written{}, err
	}
	body, err := json.Marshal(bodyOfBuilt(store.Built{Revision: revision, Recipe: recipe}))
	return written{status: t.status, typ: "build", body: body, at: resource.Named("card").Collection + "/" + t.id + "/revisions/" + t.sub}, err
}

func bodyOfBuilt(built store.Built) builtBody {
	body := builtBody{
		RevisionID: built.Revision.ID, Status: built.Revision.Status, Rows: built.Revision.Rows,
		Blocked: built.Blocked, Borrowed: built.Borrowed, Warnings: []string{},
	}
	if built.Borrowed > 0 {
		body.Warnings = append(body.Warnings, "borrowed_names")
	}
	return body
}

// mayArea decides on an action for a whole area.
func (r *inquiry) mayArea(action, area string) error {
	if d := r.Decide(r.Input(action, "area", area)); !d.Allow {
		return denied(policies.Decision{Outcome: d.Outcome, Reasons: d.Reasons, Err: d.Err})
	}
	return nil
}
