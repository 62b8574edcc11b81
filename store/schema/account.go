package schema

import (
	"reflect"

	"resellerd/store/valid"
)

// Account is a carrier (a master, which is the root of a tenant) or a reseller
// below one. An empty text means that the value is absent.
type Account struct {
	ID          string `db:"id,key,filter,account"`
	TenantID    string `db:"tenant_id,key,filter,hidden"`         // the id of its master, or its own
	ParentID    string `db:"parent_id,null,fixed,filter,account"` // "" for a master
	Kind        string `db:"kind,fixed,filter" enum:"master,reseller"`
	Name        string `db:"name,filter" maxLength:"200"`
	PublicName  string `db:"public_name,null,filter" description:"the name that accounts below see" maxLength:"200"`
	Email       string `db:"email,null,opaque" pattern:"^([^\\x00-\\x20\\x7F]+@[^\\x00-\\x20\\x7F]+)?$" maxLength:"254"`
	Currency    string `db:"currency,null,filter" description:"ISO 4217; fixed once set" pattern:"^([A-Z]{3})?$"`
	Status      string `db:"status,filter" enum:"active,suspended,closed"`                                                         // its own status
	Ceiling     Access `db:"ceiling,opaque" maxProperties:"1000" description:"the most access that the account may have, by area"` // nil for no limit
	ExternalID  string `db:"external_id,null,filter" maxLength:"200"`                                                              // unique in the tenant
	Depth       int    `db:"depth,fixed,filter,hidden"`                                                                            // 0 for a master
	ListedAreas bool   `db:"listed_areas,fixed,unlisted"`                                                                          // of a master: its resellers get only areas that policy data names
	Version     int64  `db:"version,unlisted"`                                                                                     // grows by one with every update
	CreatedAt   Micros `db:"created_at,fixed"`
	UpdatedAt   Micros `db:"updated_at"`
}

// AccountPatch changes an account. A nil field stays as it is. A pointer to the
// zero value clears the field.
type AccountPatch struct {
	Name, PublicName, Email, Currency, Status, ExternalID *string

	Ceiling *Access
	Version int64 // the version to change; 0 for any
}

// Default sets what a new account has unless its maker says otherwise: it is an active
// Reseller.
func (a *Account) Default() {
	orDefault(&a.Kind, Reseller)
	orDefault(&a.Status, Active)
}

// Validate returns an ErrInvalid that names every invalid field.
func (a *Account) Validate() error {
	var c valid.Checks
	c.OneOf("kind", a.Kind, Master, Reseller)
	c.Required("name", a.Name, valid.MaxName)
	c.Text("public_name", a.PublicName, valid.MaxName)
	c.Email("email", a.Email)
	c.Currency("currency", a.Currency)
	c.OneOf("status", a.Status, Active, Suspended, Closed)
	checkAccess(&c, "ceiling", a.Ceiling, true)
	c.Text("external_id", a.ExternalID, valid.MaxID)
	if a.Kind == Master && a.Ceiling != nil {
		c.Refuse("ceiling", "applies only to accounts below a master")
	}
	return c.Err
}

var accountType = &Type{
	Name: "account", Prefix: "acc_", Table: "accounts", Key: "@.id",
	Indexed: []string{"id", "tenant_id", "parent_id"},
	Columns: columnsOf[Account]().withFolded(reflect.TypeFor[Account]()),
}
