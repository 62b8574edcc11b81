package session

import (
	"errors"

	"resellerd/policies/input"
	"resellerd/server/resource"
	"resellerd/store/fault"
)

// LoadRow adds the stored row of a type that the store keeps, and reports whether
// there is something to decide about: an id that the store does not know, or that
// is another tenant's than the caller's, is absent. For a creation it adds the
// proposed row. It returns fault.ErrUnavailable when the store does not answer.
func (r *Session) LoadRow(in *input.Input) (bool, error) {
	if !resource.KeepsRows(in.Resource.Type) {
		return true, nil
	}
	if in.Action.Name == "create" {
		return true, r.proposeRow(in)
	}
	row, err := r.Store.PolicyRow(r.Ctx, in.Resource.Type, in.Resource.ID)
	switch {
	case errors.Is(err, fault.ErrNotFound):
		return false, nil
	case err != nil:
		return false, errors.Join(fault.ErrUnavailable, err)
	case r.Caller.Tenant != "" && row["tenant_id"] != r.Caller.Tenant:
		return false, nil
	}
	in.Resource.Row = row
	return true, nil
}
