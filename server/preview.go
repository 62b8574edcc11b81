package server

import (
	"github.com/gofiber/fiber/v2"

	"resellerd/server/identity"
)

// preview replaces the acting user with the user that Resellerd-As names, so
// that the answer shows what that user sees. It allows only reads, and never
// shows more than the viewer could read. It writes to the audit trail before
// anything is shown.
func (r *exchange) preview() error {
	if r.Caller.As == "" {
		return nil
	}
	if err := r.mayPreview(); err != nil {
		return err
	}
	target, err := r.insight().Target(r.Caller.As)
	if err != nil {
		return err
	}
	if err := r.insight().AuditPreview(target); err != nil {
		return err
	}
	r.Viewer, r.Actor = r.Actor, target
	r.Subject, r.Facts = target.Subject, target.Facts
	r.Revision = r.Store.DataRevision()
	return nil
}

// mayPreview checks the conditions that do not depend on the target.
func (r *exchange) mayPreview() error {
	if !r.Caller.Scopes.Has(identity.ScopePreview) {
		return forbidden("the token lacks the scope " + identity.ScopePreview.String())
	}
	if m := r.c.Method(); m != fiber.MethodGet && m != fiber.MethodHead {
		return forbidden("a preview cannot write")
	}
	return nil
}

// refusePreview refuses Resellerd-As on routes without an acting user.
func (r *exchange) refusePreview() error {
	if r.Caller.As != "" {
		return forbidden("the header " + headerAs + " is only for reads of the data API")
	}
	return nil
}
