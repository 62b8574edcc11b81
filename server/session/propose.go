package session

import (
	"errors"
	"maps"

	"resellerd/policies/input"
	"resellerd/server/resource"
	"resellerd/store/fault"
)

// proposeRow adds the row that a creation would create, as the data API would create
// it. It takes the columns from the sent properties. The owner is the subject's own
// account unless the properties name another. The sender can set neither the tenant
// nor an account's depth in the tree.
func (r *Session) proposeRow(in *input.Input) error {
	if in.Subject.Facts == nil {
		return nil
	}
	row := maps.Clone(in.Resource.Properties)
	if row == nil {
		row = map[string]any{}
	}
	delete(row, "tenant_id")
	t := resource.Named(in.Resource.Type)
	byDefault(row, t.OwnerColumn(), in.Subject.Facts.Account.ID)
	if t.Kind != "" {
		byDefault(row, "kind", t.Kind)
	}
	if t.OwnerColumn() == "parent_id" {
		if err := r.placeBelow(row); err != nil {
			return err
		}
	}
	in.Resource.Row = row
	return nil
}

func byDefault(row map[string]any, column string, value any) {
	if _, sent := row[column]; !sent {
		row[column] = value
	}
}

// placeBelow sets the depth of a proposed account. If the parent does not exist, the
// account has no depth and the policy denies it.
func (r *Session) placeBelow(row map[string]any) error {
	delete(row, "depth")
	parent, _ := row["parent_id"].(string)
	above, err := r.Store.PolicyRow(r.Ctx, "account", parent)
	switch {
	case errors.Is(err, fault.ErrNotFound):
		return nil
	case err != nil:
		return errors.Join(fault.ErrUnavailable, err)
	}
	if depth, ok := above["depth"].(int64); ok {
		row["depth"] = depth + 1
	}
	return nil
}
