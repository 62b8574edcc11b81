package session

import (
	"errors"

	"resellerd/policies/input"
	"resellerd/server/resource"
	"resellerd/store/fault"
)

// LoadRow adds the stored row to in, if the store keeps rows of this type. It reports
// whether the resource exists for the caller: false means that the store does not
// know the id, or that the row belongs to a tenant other than the caller's. For a
// creation it adds the proposed row. It returns fault.ErrUnavailable if the store
// does not answer.
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
