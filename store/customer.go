package store

import (
	"context"
	"errors"
	"fmt"

	"resellerd/store/schema"
	"resellerd/store/valid"
)

// Customer is who calls, and is billed by its account.
type Customer struct {
	ID         string
	TenantID   string `db:"tenant_id"`
	AccountID  string `db:"account_id"` // its owner, for good
	Name       string
	Email      string
	Status     string // Active, Suspended or Closed
	Currency   string // ISO 4217
	ExternalID string `db:"external_id"` // unique in the account
	Notes      string
	Version    int64
	CreatedAt  schema.Micros `db:"created_at"`
	UpdatedAt  schema.Micros `db:"updated_at"`
}

// CustomerPatch changes a customer; nil leaves a field as it is. There is no
// owner in it: customers are not moved between accounts.
type CustomerPatch struct {
	Name, Email, Status, Currency, ExternalID, Notes *string

	Version int64 // the version that is changed; 0 for any
}

func (p CustomerPatch) apply(c *Customer) {
	replace(&c.Name, p.Name)
	replace(&c.Email, p.Email)
	replace(&c.Status, p.Status)
	replace(&c.Currency, p.Currency)
	replace(&c.ExternalID, p.ExternalID)
	replace(&c.Notes, p.Notes)
}

// Validate returns an ErrInvalid that names the first field at fault.
func (c *Customer) Validate() error {
	var check valid.Checks
	check.Required("name", c.Name, valid.MaxName)
	check.Email("email", c.Email)
	check.OneOf("status", c.Status, Active, Suspended, Closed)
	check.Currency("currency", c.Currency)
	check.Text("external_id", c.ExternalID, valid.MaxID)
	check.Text("notes", c.Notes, valid.MaxNotes)
	return check.Err
}

const selectCustomer = `SELECT id, tenant_id, account_id, name, COALESCE(email, '') AS email, status,
	COALESCE(currency, '') AS currency, COALESCE(external_id, '') AS external_id, COALESCE(notes, '') AS notes,
	version, created_at, updated_at FROM customers`

// Customer reads a customer of the tenant; ErrNotFound if there is none.
func (tx *Tx) Customer(ctx context.Context, id string) (Customer, error) {
	return own[Customer](ctx, tx, "customer", selectCustomer, id)
}

// CreateCustomer stores a new customer of c.AccountID. Status is Active when
// not given; id, tenant, version and times are set here. It returns ErrInvalid
// for a malformed field or an unknown account, and ErrConflict for an external
// id that is taken in the account.
func (tx *Tx) CreateCustomer(ctx context.Context, c Customer) (Customer, error) {
	c.ID, c.TenantID, c.Version, c.CreatedAt, c.UpdatedAt = tx.store.newID("customer"), tx.tenant, 1, tx.now, tx.now
	orDefault(&c.Status, Active)
	if err := errors.Join(c.Validate(), tx.owner(ctx, c.AccountID)); err != nil {
		return Customer{}, fmt.Errorf("customer: %w", err)
	}
	_, err := tx.execNamed(ctx, `INSERT INTO customers (id, tenant_id, account_id, name, email, status, currency,
			external_id, notes, version, created_at, updated_at)
		VALUES (:id, :tenant_id, :account_id, :name, NULLIF(:email, ''), :status, NULLIF(:currency, ''),
			NULLIF(:external_id, ''), NULLIF(:notes, ''), :version, :created_at, :updated_at)`, c)
	if err != nil {
		return Customer{}, fmt.Errorf("customer: %w", err)
	}
	return c, nil
}

// UpdateCustomer changes a customer of the tenant and returns it as it is
// then. It returns ErrNotFound, ErrInvalid, or ErrConflict: the version has
// moved on or the external id is taken.
func (tx *Tx) UpdateCustomer(ctx context.Context, id string, patch CustomerPatch) (Customer, error) {
	c, err := tx.Customer(ctx, id)
	if err != nil {
		return Customer{}, err
	}
	if err := current("customer", id, c.Version, patch.Version); err != nil {
		return Customer{}, err
	}
	patch.apply(&c)
	c.Version, c.UpdatedAt = c.Version+1, tx.now
	if err := c.Validate(); err != nil {
		return Customer{}, fmt.Errorf("customer %s: %w", id, err)
	}
	_, err = tx.execNamed(ctx, `UPDATE customers SET name = :name, email = NULLIF(:email, ''), status = :status,
			currency = NULLIF(:currency, ''), external_id = NULLIF(:external_id, ''), notes = NULLIF(:notes, ''),
			version = :version, updated_at = :updated_at
		WHERE tenant_id = :tenant_id AND id = :id`, c)
	if err != nil {
		return Customer{}, fmt.Errorf("customer %s: %w", id, err)
	}
	return c, nil
}

// DeleteCustomer deletes a customer of the tenant, of the given version (0 for
// any), and takes it off every card. It returns ErrNotFound, or ErrConflict
// when the version has moved on.
func (tx *Tx) DeleteCustomer(ctx context.Context, id string, version int64) error {
	return tx.dropOwn(ctx, "customer", "customers", id, version)
}
