package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/server/resource"
	"resellerd/server/tablefilter"
)

// The most filters of one request, and columns of one table.
const (
	maxTables        = 20
	maxFilterColumns = 200
	maxFirst         = 60_000
)

// filtersAsked is the body of a request for filters.
type filtersAsked struct {
	user    string
	many    bool // the answer is a list
	filters []filterAsked
}

// filterAsked is one filter that is asked for.
type filterAsked struct {
	area, action string
	table        tablefilter.Table
}

// at names the filter whose error this is.
func (a *filtersAsked) at(i int, err error) error {
	p := refusalOf(err)
	if !a.many || p == nil || p.kind != kindInvalid {
		return err
	}
	in, at := fmt.Sprintf("filters.%d.", i), fmt.Sprintf("/filters/%d", i)
	for j := range p.errors {
		p.errors[j].field, p.errors[j].pointer = in+p.errors[j].field, at+p.errors[j].pointer
	}
	if p.field != "" {
		p.field = in + p.field
	}
	return err
}

// askedFilters reads the body. What a filter of a list gives replaces the value of the
// whole body.
func (r *exchange) askedFilters() (filtersAsked, error) {
	var asked filtersAsked
	f, err := r.sent().fields(anyField)
	if err != nil {
		return asked, err
	}
	if user := f.line("user"); user == nil || *user == "" {
		f.refuse("user", "must be the id or the external id of a user")
	} else {
		asked.user = *user
	}
	listed, many := f.value("filters")
	if asked.many = many; !many {
		asked.filters = []filterAsked{f.filter()}
		return asked, f.err()
	}
	list, ok := listed.([]any)
	if !ok || len(list) == 0 || len(list) > maxTables {
		f.refuse("filters", fmt.Sprintf("must be a list of 1 to %d objects", maxTables))
	}
	defaults := maps.Clone(f.sent)
	delete(defaults, "filters")
	delete(defaults, "user")
	for _, name := range filterFields {
		f.known[name] = true
	}
	for i, item := range list {
		own, ok := item.(map[string]any)
		if !ok || len(list) > maxTables {
			f.faults.add(bodyFault{pointer: fmt.Sprintf("/filters/%d", i), field: fmt.Sprintf("filters.%d", i), text: "must be an object"})
			continue
		}
		whole := maps.Clone(defaults)
		maps.Copy(whole, own)
		asked.filters = append(asked.filters, f.inside(whole, fmt.Sprintf("filters.%d", i), fmt.Sprintf("/filters/%d", i)).filter())
	}
	return asked, f.err()
}

var filterFields = []string{"area", "action", "dialect", "columns", "placeholders", "first", "accounts", "single_tenant"}

// filter reads the fields of one filter.
func (f *fields) filter() filterAsked {
	a := filterAsked{area: or(f.line("area"), ""), action: or(f.line("action"), "read")}
	switch {
	case !areas.Valid(a.area) || a.area == input.AreaType:
		f.refuse("area", "must be the name of an area of the panel's own data")
	case resource.KeepsRows(a.area):
		f.refuse("area", "must not be a type that resellerd lists itself")
	}
	if a.action == "" {
		f.refuse("action", "must be the name of an action")
	}
	dialect := f.choice("dialect", "", "postgres", "mysql", "sqlite", "ucast")
	marks := map[string]string{"postgres": "dollar", "mysql": "question", "sqlite": "question"}[dialect]
	a.table = tablefilter.Table{
		Dialect: tablefilter.Dialect(dialect), Placeholders: tablefilter.Placeholders(f.choice("placeholders", marks, "dollar", "question", "named")),
		First: 1, Columns: f.filterColumns(),
		ExternalIDs: f.choice("accounts", "id", "id", "external_id") == "external_id",
	}
	if dialect == "mysql" && a.table.Placeholders == tablefilter.Dollar {
		f.refuse("placeholders", "must be question or named for mysql")
	}
	if first := f.integer("first"); first != nil {
		if a.table.First = *first; *first < 1 || *first > maxFirst {
			f.refuse("first", fmt.Sprintf("must be a whole number from 1 to %d", maxFirst))
		}
	}
	if value, sent := f.value("single_tenant"); sent {
		one, ok := value.(bool)
		if a.table.OneTenant = one; !ok {
			f.refuse("single_tenant", "must be true or false")
		}
	}
	return a
}

// choice reads one of some words. An empty default means that the field is required.
func (f *fields) choice(name, otherwise string, words ...string) string {
	text := or(f.line(name), otherwise)
	if text != otherwise && !slices.Contains(words, text) || otherwise == "" && text == "" && name == "dialect" {
		f.refuse(name, "must be one of "+strings.Join(words, ", "))
	}
	return text
}

// filterColumns reads the columns of a table: names, or objects with a name.
func (f *fields) filterColumns() map[string]tablefilter.Column {
	columns := map[string]tablefilter.Column{}
	list, sent := f.object("columns")
	if !sent {
		return columns
	}
	if len(list.sent) > maxFilterColumns {
		f.refuse("columns", fmt.Sprintf("must have at most %d columns", maxFilterColumns))
		list.sent = nil
	}
	for _, name := range slices.Sorted(maps.Keys(list.sent)) {
		value, _ := list.value(name)
		c := tablefilter.Column{Type: tablefilter.Text}
		switch value := value.(type) {
		case string:
			c.Name = value
		case map[string]any:
			own := list.inside(value, name, pointerTo(name))
			c = tablefilter.Column{
				Name: or(own.line("column"), name), Type: tablefilter.Type(or(own.line("type"), string(tablefilter.Text))),
				Collation: or(own.line("collation"), ""),
			}
		default:
			list.refuse(name, "must be the name of a column, or an object with column, type and collation")
			continue
		}
		columns[name] = c
	}
	return columns
}

// filtersDoc describes the endpoint in the OpenAPI document.
var filtersDoc = operation{
	summary: "The rows of the panel's own tables that a user may act on, as conditions for its queries", tag: "decisions",
	body: filtersRequest{}, response: filterAnswer{},
}

type filtersRequest struct {
	User    string          `json:"user" required:"true" minLength:"1" description:"id or external id of the user whom the page is for"`
	Filters []filterRequest `json:"filters,omitempty" minItems:"1" maxItems:"20" description:"several filters; what one gives replaces the value beside filters, as a whole"`
	filterRequest
}

type filterRequest struct {
	Area         string         `json:"area,omitempty" pattern:"^[a-z0-9_-]+(/[a-z0-9_-]+)*$" maxLength:"200" description:"of the panel's own data, such as cdr"`
	Action       string         `json:"action,omitempty" minLength:"1" default:"read"`
	Dialect      string         `json:"dialect,omitempty" enum:"postgres,mysql,sqlite,ucast" description:"mysql includes MariaDB"`
	Columns      map[string]any `json:"columns,omitempty" maxProperties:"200" description:"the table's columns by the names that the policy reads: id, account_id, tenant_id and other properties. Each is a name such as c.account, or an object with column, type (text, integer, boolean, uuid) and collation"`
	Placeholders string         `json:"placeholders,omitempty" enum:"dollar,question,named" description:"$1, ? or :r1. The default is dollar for postgres, and question for mysql and sqlite"`
	First        int            `json:"first,omitempty" minimum:"1" maximum:"60000" default:"1" description:"the number of the first placeholder"`
	Accounts     string         `json:"accounts,omitempty" enum:"id,external_id" default:"id" description:"what columns that name accounts hold"`
	SingleTenant bool           `json:"single_tenant,omitempty" default:"false" description:"every row belongs to the only tenant of the store, to which the token is bound"`
}

// filterAnswer is one filter, or several.
type filterAnswer struct {
	Filters []filterBody `json:"filters,omitempty" description:"in the order of the request, if it has filters"`
	Area    string       `json:"area,omitempty"`
	filterResult
	ValidUntil string `json:"valid_until" required:"true" format:"date-time" description:"when to ask again"`
}

// filterBody is one filter.
type filterBody struct {
	Area string `json:"area" required:"true"`
	filterResult
	ValidUntil string `json:"valid_until" required:"true" format:"date-time" description:"when to ask again"`
}

type filterResult struct {
	Kind    string                `json:"kind,omitempty" enum:"all,none,where"`
	SQL     *string               `json:"sql,omitempty" description:"a condition: 1=1 for all, 1=0 for none, or in parentheses"`
	Args    *[]string             `json:"args,omitempty" description:"the arguments of sql, in the order of its placeholders; all are texts"`
	Names   *[]string             `json:"names,omitempty" description:"the names of the placeholders, if they are named"`
	UCAST   any                   `json:"ucast,omitempty" description:"the condition as a ucast tree, for the kind where"`
	Columns *[]string             `json:"columns,omitempty" maxItems:"200" description:"the columns that every row may show, by the names of the request"`
	Masks   map[string]filterMask `json:"masks,omitempty" description:"columns that may be shown only in this form"`
}

// filterMask says what replaces the value of a column.
type filterMask struct {
	Mask  string `json:"mask" required:"true" enum:"null,constant,last_four"`
	Value string `json:"value,omitempty" description:"of a constant"`
	SQL   string `json:"sql,omitempty" description:"an expression that can be selected in place of the column"`
}
