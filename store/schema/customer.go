package schema

import (
	"reflect"

	"resellerd/store/valid"
)

// Customer makes calls, and its account bills it.
type Customer struct {
	ID         string `db:"id,key,filter"`
	TenantID   string `db:"tenant_id,key,filter,hidden"`
	AccountID  string `db:"account_id,fixed,filter,account"` // the owner; never changes
	Name       string `db:"name,filter" maxLength:"200"`
	Email      string `db:"email,null,opaque" pattern:"^([^\\x00-\\x20\\x7F]+@[^\\x00-\\x20\\x7F]+)?$" maxLength:"254"`
	Status     string `db:"status,filter" enum:"active,suspended,closed"`
	Currency   string `db:"currency,null,filter" pattern:"^([A-Z]{3})?$" description:"ISO 4217"`
	ExternalID string `db:"external_id,null,filter" maxLength:"200"` // unique in the account
	Notes      string `db:"notes,null,opaque" text:"prose" maxLength:"10000"`
	Version    int64  `db:"version,unlisted"`
	CreatedAt  Micros `db:"created_at,fixed"`
	UpdatedAt  Micros `db:"updated_at"`
}

// CustomerPatch changes a customer. A nil field stays as it is. It has no owner,
// because a customer cannot move to another account.
type CustomerPatch struct {
	Name, Email, Status, Currency, ExternalID, Notes *string

	Version int64 // the version to change; 0 for any
}

// Default sets what a new customer has unless its maker says otherwise: it is active.
func (c *Customer) Default() { orDefault(&c.Status, Active) }

// Validate returns an ErrInvalid that names every invalid field.
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

var customerType = &Type{
	Name: "customer", Prefix: "cus_", Table: "customers", Key: "@.id",
	Indexed: []string{"id", "tenant_id", "account_id"},
	Columns: columnsOf[Customer]().withFolded(reflect.TypeFor[Customer]()).
		behind("notes", setOf("cards", CustomerCards).refers("card")),
}

// CustomerCards are the cards that customers are on.
var CustomerCards = setColumn{table: "card_customers", Owner: "customer_id", Value: "card_id", Timed: true, Later: true}
