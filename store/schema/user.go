package schema

import (
	"reflect"
	"slices"

	"resellerd/store/valid"
)

// User is a person or program that acts for an account.
type User struct {
	ID         string   `db:"id,key,filter"`
	TenantID   string   `db:"tenant_id,key,filter,hidden"`
	AccountID  string   `db:"account_id,fixed,filter,account"`
	ExternalID string   `db:"external_id,null,filter,personal" description:"the panel's own name for the user, unique in the tenant; set by the master's users and with the scope identity" maxLength:"255" pattern:"^([!-~]([ -~]*[!-~])?)?$"`
	Login      string   `db:"login,opaque,personal" format:"email" maxLength:"254"` // LoginKey is unique in the account
	Name       string   `db:"name,null,opaque,personal" maxLength:"200"`
	Groups     []string `db:"-" json:"groups,omitempty" description:"at least one, owned by or lent to the user's account" maxItems:"1000" uniqueItems:"true"` // ids, sorted; without those whose time is over
	GroupEnds  Ends     `db:"-" json:"group_ends,omitempty" description:"when the user leaves groups by itself, by group; each is one of groups, and each time is in the future"`
	Left       bool     `db:"-" json:"-"` // it is in no group any more, because its time in each is over
	Status     string   `db:"status,filter" enum:"active,disabled"`
	IPAllow    Strings  `db:"ip_allow,opaque,personal" description:"networks in CIDR notation; empty for any" maxItems:"1000" uniqueItems:"true"`
	TimeZone   string   `db:"time_zone,null"` // a name of the IANA time zone database
	Version    int64    `db:"version,unlisted"`
	CreatedAt  Micros   `db:"created_at,fixed"`
	UpdatedAt  Micros   `db:"updated_at"`
}

// UserPatch changes a user. A nil field stays as it is.
type UserPatch struct {
	ExternalID, Login, Name, Status, TimeZone *string

	IPAllow, Groups *[]string
	// GroupEnds replaces all ends. Without it, groups that stay keep their ends.
	GroupEnds *Ends
	Version   int64 // the version to change; 0 for any
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
	if len(u.Groups) == 0 && !u.Left {
		c.Refuse("groups", "must have at least one group")
	}
	for group := range u.GroupEnds {
		if !slices.Contains(u.Groups, group) {
			c.Refuse("group_ends", "has a group that is not one of groups")
		}
	}
	return c.Err
}

var userType = &Type{
	Name: "user", Prefix: "usr_", Table: "users", Key: "@.id",
	Indexed: []string{"id", "tenant_id", "account_id"},
	Columns: columnsOf[User]().withFolded(reflect.TypeFor[User]()).
		behind("name", setOf("groups", memberships).policy().refers("group"), document("group_ends", Times, func(b *Builder, alias string) string {
			from, where := memberships.Rows(b)
			return b.Dialect.JSONObject("s.group_id", "s.valid_to", from+" WHERE s.user_id = "+alias+".id AND s.valid_to IS NOT NULL AND "+where)
		})),
}

// memberships are the groups that users are in.
var memberships = setColumn{table: "user_groups", Owner: "user_id", Value: "group_id", Timed: true}

// Ends says when a user leaves groups by itself. It has no group that the user stays in.
type Ends map[string]Micros
