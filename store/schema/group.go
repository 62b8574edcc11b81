package schema

import (
	"reflect"
	"slices"

	"resellerd/store/valid"
)

// Group is a set of rights. A user in the group has them.
type Group struct {
	ID            string   `db:"id,key,filter"`
	TenantID      string   `db:"tenant_id,key,filter,hidden"`
	AccountID     string   `db:"account_id,fixed,filter,account"` // the owner
	Name          string   `db:"name,filter" maxLength:"200"`
	PublicName    string   `db:"public_name,null,filter" description:"the name that accounts it is lent to see" maxLength:"200"`
	Lend          string   `db:"lend,filter,hidden" json:"-"`                                                                                                                // LendNone, LendAll or LendSome
	LentTo        []string `db:"-" json:"-"`                                                                                                                                 // with LendSome: accounts directly below the owner, sorted
	Template      string   `db:"template,null,fixed,filter"`                                                                                                                 // the template it was made from
	DefaultAccess string   `db:"default_access" text:"letters" description:"create, read, update, delete"`                                                                   // for areas that no row covers
	Rows          Access   `db:"-" json:"rows,omitempty" maxProperties:"250" description:"access by area; the row with the longest name counts, and an empty access denies"` // never AnyArea
	ExternalID    string   `db:"external_id,null,filter" maxLength:"200"`                                                                                                    // unique in the account
	Version       int64    `db:"version,unlisted"`
	CreatedAt     Micros   `db:"created_at,fixed"`
	UpdatedAt     Micros   `db:"updated_at"`
}

// Access returns the group's rights, with its default as AnyArea.
func (g Group) Access() Access {
	access := Access{AnyArea: g.DefaultAccess}
	for area, letters := range g.Rows {
		access[area] = letters
	}
	return access
}

// GroupPatch changes a group. A nil field stays as it is. LentTo is used only with
// LendSome; any other Lend empties it.
type GroupPatch struct {
	Name, PublicName, Lend, DefaultAccess, ExternalID *string

	LentTo  *[]string
	Rows    *Access
	Version int64 // the version to change; 0 for any
}

// Normalise gives the group the one form in which it is stored.
func (g *Group) Normalise() {
	g.LentTo = slices.Sorted(slices.Values(g.LentTo))
	if g.Lend != LendSome {
		g.LentTo = nil
	}
	g.Rows = g.Rows.Canonical()
	g.DefaultAccess = letters(letterBits(g.DefaultAccess))
}

// Default sets what a new group has unless its maker says otherwise: it is lent to
// nobody.
func (g *Group) Default() { orDefault(&g.Lend, LendNone) }

// Validate returns an ErrInvalid that names every invalid field.
func (g *Group) Validate() error {
	var c valid.Checks
	c.Required("name", g.Name, valid.MaxName)
	c.Text("public_name", g.PublicName, valid.MaxName)
	c.OneOf("lend_to", g.Lend, LendNone, LendAll, LendSome)
	c.Distinct("lend_to", g.LentTo)
	c.Text("template", g.Template, valid.MaxName)
	checkLetters(&c, "default_access", g.DefaultAccess)
	checkAccess(&c, "rows", g.Rows, false)
	c.Text("external_id", g.ExternalID, valid.MaxID)
	return c.Err
}

var groupType = &Type{
	Name: "group", Prefix: "grp_", Table: "groups", Key: "@.id",
	Indexed: []string{"id", "tenant_id", "account_id"},
	Columns: columnsOf[Group]().withFolded(reflect.TypeFor[Group]()).
		in("lent", "name", "COALESCE(@.public_name, 'Group')").search("lent", "name", foldedName("'group'")).
		behind("lend", setOf("lent_to", groupLoans).policy().hidden(), document("lend_to", JSON, func(b *Builder, alias string) string {
			return Aliased("CASE @.lend WHEN 'some' THEN "+groupLoans.list(b, alias)+` ELSE '"' || @.lend || '"' END`, alias)
		})).
		behind("default_access", document("rows", AccessRows, func(b *Builder, alias string) string {
			return b.Dialect.JSONObject("s.area", "s.access", "group_rows s WHERE s.group_id = "+alias+".id")
		})),
}

var groupLoans = setColumn{table: "group_loans", Owner: "group_id", Value: "account_id", Only: "@.lend = 'some'"}
