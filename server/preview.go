package server

import (
	"errors"
	"maps"
	"slices"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies"
	"resellerd/policies/areas"
	"resellerd/policies/predicate"
	"resellerd/server/identity"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
)

// preview lets the acting user see with another user's eyes, when Resellerd-As
// asks for it: reads only, never more than the viewer could read itself, and
// written to the audit trail before anything is shown.
func (r *exchange) preview() error {
	if r.Caller.As == "" {
		return nil
	}
	if err := r.mayPreview(); err != nil {
		return err
	}
	target, err := r.previewTarget(r.Caller.As)
	if err != nil {
		return err
	}
	if err := r.auditPreview(target); err != nil {
		return err
	}
	r.Viewer, r.Actor = r.Subject, target
	r.Subject, r.Facts = target.Subject, target.Facts
	r.Revision = r.s.store.DataRevision()
	return nil
}

// mayPreview checks what has nothing to do with the target.
func (r *exchange) mayPreview() error {
	if !r.Caller.Scopes.Has(identity.ScopePreview) {
		return forbidden("the token lacks the scope " + identity.ScopePreview.String())
	}
	if m := r.c.Method(); m != fiber.MethodGet && m != fiber.MethodHead {
		return forbidden("a preview reads only")
	}
	return nil
}

// refusePreview is for routes that have no acting user to preview for.
func (r *inquiry) refusePreview() error {
	if r.Caller.As != "" {
		return forbidden(headerAs + " is for reading data only")
	}
	return nil
}

// previewTarget finds the user to see as. A target that is absent is answered
// as one that is not visible.
func (r *inquiry) previewTarget(ref string) (*session.Actor, error) {
	target, err := r.Users.Find(r.Ctx, r.Engine, r.Subject.User.TenantID, ref)
	switch {
	case session.IsUnknown(err):
		return nil, denied(r.DecideAbsent(r.Input("preview", "user", ref)))
	case err != nil:
		return nil, unavailable(err)
	}
	in := r.Input("preview", "user", target.Subject.User.ID)
	if in.Resource.Row, err = r.s.store.PolicyRow(r.Ctx, "user", target.Subject.User.ID); err != nil {
		return nil, previewRow(err)
	}
	if d := r.Decide(in); !d.Allow {
		return nil, denied(d)
	}
	switch {
	case !target.UserActive():
		return nil, forbidden("the user is not active")
	case !target.AccountActive():
		return nil, forbidden("the user's account is not active")
	case r.readsMore(target):
		d := policies.Decision{Outcome: policies.OutcomeDeny, Reasons: []string{reasonExceeds}}
		return nil, denied(r.RecordAs(session.DecidedByServer, in, d, r.s.now()))
	}
	return target, nil
}

func previewRow(err error) error {
	if errors.Is(err, fault.ErrNotFound) {
		return notFound()
	}
	return unavailable(err)
}

// readsMore reports whether the target may read something that the viewer may
// not, as the policy decides: an area, rows or a column of a type, or what cards
// cost.
func (r *inquiry) readsMore(target *session.Actor) bool {
	all := slices.AppendSeq(r.Areas(), maps.Keys(target.Facts.Access))
	own := r.readable(all)
	words := r.wordsFor(target)
	more := false
	_ = r.through(target, func() error {
		its := r.readable(all)
		for what, may := range its.may {
			more = more || may && !own.may[what]
		}
		for typ, rows := range its.rows {
			more = more || !own.rows[typ].Covers(words.filter(rows))
		}
		return nil
	})
	return more
}

// reads is what a user may read, by its name, and which rows of a type.
type reads struct {
	may  map[string]bool
	rows map[string]predicate.Filter
}

// readable says what the acting user may read.
func (r *inquiry) readable(all []string) reads {
	costs := r.PlanCosts()
	out := reads{rows: map[string]predicate.Filter{},
		may: map[string]bool{"all rates": costs.Rates, "own costs": costs.Own, "costs below": costs.Below}}
	for _, area := range all {
		out.may["area "+area] = r.Judge(r.Input("read", "area", areas.Asked(area, all))).Allow
	}
	for typ := range r.Engine.Schema() {
		plan := r.Engine.Plan(r.Ctx, r.Input("read", typ, ""))
		if plan.Outcome != policies.OutcomeAllow {
			continue
		}
		out.rows[typ] = plan.Filter
		for _, group := range plan.Columns {
			for _, column := range group.Columns {
				out.may["column "+typ+"."+column] = true
			}
		}
	}
	return out
}

// auditPreview writes who looks as whom, in a transaction of its own.
func (r *inquiry) auditPreview(targets ...*session.Actor) error {
	err := r.s.store.Write(r.Ctx, r.Subject.User.TenantID, func(tx *store.Tx) error {
		for _, target := range targets {
			if _, err := tx.Audit(r.Ctx, previewEntry(&r.Subject.User, &target.Subject.User)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return unavailable(err)
	}
	return nil
}

func previewEntry(viewer, target *store.User) store.AuditEntry {
	return store.AuditEntry{
		ActorID: viewer.ID, ActorAccountID: viewer.AccountID, PreviewOf: target.ID, AccountID: target.AccountID,
		ResourceType: "user", ResourceID: target.ID, Action: "preview",
	}
}
