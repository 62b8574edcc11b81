package schema

import (
	"reflect"

	"resellerd/store/valid"
)

// User is a person or program that acts for an account.
type User struct {
	ID         string   `db:"id,key,filter"`
	TenantID   string   `db:"tenant_id,key,filter,hidden"`
	AccountID  string   `db:"account_id,fixed,filter,account"`
	ExternalID string   `db:"external_id,null,filter" description:"the panel's own name for the user, unique in the tenant; set by the master's users and with the scope identity"`
	Login      string   `db:"login,opaque" format:"email"` // LoginKey is unique in the account
	Name       string   `db:"name,null,opaque"`
	Groups     []string `db:"-" json:"groups,omitempty" description:"at least one, owned by or lent to the user's account"` // ids, sorted
	Status     string   `db:"status,filter" enum:"active,disabled"`
	IPAllow    Strings  `db:"ip_allow,opaque" description:"networks in CIDR notation; empty for any"`
	TimeZone   string   `db:"time_zone,null"` // a name of the IANA time zone database
	Version    int64    `db:"version,unlisted"`
	CreatedAt  Micros   `db:"created_at,fixed"`
	UpdatedAt  Micros   `db:"updated_at"`
}

// UserPatch changes a user. A nil field stays as it is.
type UserPatch struct {
	ExternalID, Login, Name, Status, TimeZone *string

	IPAllow, Groups *[]string
	Version         int64 // the version to change; 0 for any
}

// Named reports whether ref is the user's id or external id. A reference that
// begins like an id is never an external id.
func (u *User) Named(ref string) bool {
	return ref == u.ID || ref != "" && ref == u.ExternalID && !LikeID(ref)
}

// Default sets what a new user has unless its maker says otherwise: it is active.
func (u *User) Default() { orDefault(&u.Status, Active) }

// Validate returns an ErrInvalid that names every invalid field.
func (u *User) Validate() error {
	var c valid.Checks
	if fault := ExternalIDFault(u.ExternalID); fault != "" {
		c.Refuse("external_id", "%s", fault)
	}
	c.Required("login", u.Login, valid.MaxEmail)
	c.Email("login", u.Login)
	c.Text("name", u.Name, valid.MaxName)
	c.OneOf("status", u.Status, Active, Disabled)
	c.Networks("ip_allow", u.IPAllow)
	c.TimeZone("time_zone", u.TimeZone)
	c.Distinct("groups", u.Groups)
	if len(u.Groups) == 0 {
		c.Refuse("groups", "must have at least one group")
	}
	return c.Err
}

var userType = &Type{
	Name: "user", Prefix: "usr_", Table: "users", Key: "@.id",
	Indexed: []string{"id", "tenant_id", "account_id"},
	Columns: columnsOf[User]().withFolded(reflect.TypeFor[User]()).
		behind("name", setOf("groups", setColumn{table: "user_groups", Owner: "user_id", Value: "group_id"}).policy().refers("group")),
}
