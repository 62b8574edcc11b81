package store

import (
	"context"
	"errors"
	"fmt"
)

var customersTable = statementsOf[Customer]("customers")

// Customer reads a customer of the tenant. It returns ErrNotFound if there is none.
func (tx *Tx) Customer(ctx context.Context, id string) (Customer, error) {
	return own[Customer](ctx, tx, "customer", customersTable.query, id)
}

// CreateCustomer stores a new customer of c.AccountID. The default of Status is
// Active. CreateCustomer sets id, tenant, version and times. It returns ErrInvalid
// for a malformed field or an unknown account, and ErrConflict if the external id
// is taken in the account.
func (tx *Tx) CreateCustomer(ctx context.Context, c Customer) (Customer, error) {
	c.ID, c.TenantID, c.Version, c.CreatedAt, c.UpdatedAt = tx.newID("customer"), tx.tenant, 1, tx.now, tx.now
	c.Default()
	if err := errors.Join(c.Validate(), tx.owner(ctx, c.AccountID)); err != nil {
		return Customer{}, fmt.Errorf("customer: %w", err)
	}
	tx.creates("customer", c.ID)
	err := tx.naming(ctx, c.ExternalID, func() error {
		_, err := tx.execNamed(ctx, customersTable.insert, c)
		return err
	})
	if err == nil {
		err = tx.fold(ctx, "customers", c.ID, c)
	}
	if err != nil {
		return Customer{}, fmt.Errorf("customer: %w", err)
	}
	return c, nil
}

// UpdateCustomer changes a customer of the tenant and returns the changed customer.
// It returns ErrNotFound, ErrInvalid, or ErrConflict if the version has moved on or
// the external id is taken.
func (tx *Tx) UpdateCustomer(ctx context.Context, id string, patch CustomerPatch) (Customer, error) {
	c, err := tx.Customer(ctx, id)
	if err != nil {
		return Customer{}, err
	}
	if err := current("customer", id, c.Version, patch.Version); err != nil {
		return Customer{}, err
	}
	before := c.ExternalID
	Apply(&patch, &c)
	named := c.ExternalID
	if named == before {
		named = ""
	}
	c.Version, c.UpdatedAt = c.Version+1, tx.now
	if err := c.Validate(); err != nil {
		return Customer{}, fmt.Errorf("customer %s: %w", id, err)
	}
	err = tx.willChange(ctx, "customer", id)
	if err == nil {
		err = tx.naming(ctx, named, func() error {
			_, err := tx.execNamed(ctx, customersTable.update, c)
			return err
		})
	}
	if err == nil {
		err = tx.fold(ctx, "customers", c.ID, c)
	}
	if err != nil {
		return Customer{}, fmt.Errorf("customer %s: %w", id, err)
	}
	return c, nil
}

// DeleteCustomer deletes a customer of the tenant and takes it off every card. The
// version must match; 0 matches any. It returns ErrNotFound, or ErrConflict if the
// version has moved on.
func (tx *Tx) DeleteCustomer(ctx context.Context, id string, version int64) error {
	return tx.dropOwn(ctx, "customer", "customers", id, version)
}
