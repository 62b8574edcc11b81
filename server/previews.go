package server

import (
	"encoding/json"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/insight"
	"resellerd/server/session"
	"resellerd/store"
)

type previewQuery struct {
	Against string `query:"against" description:"another user to compare with, by id or external id"`
}

// getPreview answers GET /v1/preview/{user}: what the user may do and what it
// sees. It is refused and audited like a preview with Resellerd-As.
func getPreview(r *exchange) error {
	if r.Viewer != nil {
		return forbidden("a preview cannot be made within another preview")
	}
	targets, err := r.previewed()
	if err != nil {
		return err
	}
	if err := r.insight().AuditPreview(targets...); err != nil {
		return err
	}
	r.Revision = r.Store.DataRevision()
	var shown *insight.Preview
	err = r.Store.Snapshot(r.Ctx, r.Subject.User.TenantID, func(m *store.Moment) (err error) {
		shown, err = r.insight().Preview(m, targets)
		return err
	})
	if err != nil {
		return err
	}
	body, err := json.Marshal(shown)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// previewed finds the user in the path, and the user to compare with, if any.
func (r *exchange) previewed() ([]*session.Actor, error) {
	ref, err := r.param("user")
	if err != nil {
		return nil, err
	}
	target, err := r.insight().Target(ref)
	if err != nil {
		return nil, err
	}
	args, err := r.queryArgs()
	if err != nil {
		return nil, err
	}
	targets := []*session.Actor{target}
	for _, a := range args {
		if a.name != "against" || a.value == "" {
			return nil, invalid(a.name, "is not a known parameter, or has no value")
		}
		other, err := r.insight().Target(a.value)
		if err != nil {
			return nil, err
		}
		targets = append(targets, other)
	}
	return targets, nil
}
