package tablefilter

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"resellerd/policies/input"
)

// Dialect is the language that a filter is rendered in.
type Dialect string

// The dialects. MySQL includes MariaDB.
const (
	Postgres Dialect = "postgres"
	MySQL    Dialect = "mysql"
	SQLite   Dialect = "sqlite"
	UCAST    Dialect = "ucast"
)

// Placeholders is how SQL marks its arguments.
type Placeholders string

// The placeholders: $1, ? and :r1.
const (
	Dollar   Placeholders = "dollar"
	Question Placeholders = "question"
	Named    Placeholders = "named"
)

// Type is the type of a column in the panel's database.
type Type string

// The types of columns. Text is any type of text without a fixed length.
const (
	Text    Type = "text"
	Integer Type = "integer"
	Boolean Type = "boolean"
	UUID    Type = "uuid" // of PostgreSQL
)

// Column is a column of the panel's table.
type Column struct {
	Name      string // an identifier, or up to three with dots between them
	Type      Type
	Collation string // of the index that finds texts; "" for that of the column
}

// Table is what the panel tells about its table. Columns has the columns by the names
// that the policy reads: id, and names of properties.
type Table struct {
	Dialect      Dialect
	Placeholders Placeholders
	First        int // number of the first placeholder
	Columns      map[string]Column
	ExternalIDs  bool // columns that name accounts hold external ids
	OneTenant    bool // every row belongs to the tenant of the user
}

// TenantColumn is the name of the column that holds the tenant of the row's account.
const TenantColumn = "tenant_id"

// ColumnError says why a filter cannot use a column of the table. Column is the name
// that the policy reads.
type ColumnError struct{ Column, Text string }

// Error returns the fault as a sentence that begins with the column.
func (e *ColumnError) Error() string { return "column " + e.Column + " " + e.Text }

var (
	nameForm       = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	identifierForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62}){0,2}$`)
	collationForm  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,62}$`)
)

// check returns a ColumnError for the first column that is malformed.
func (t *Table) check() error {
	for _, name := range slices.Sorted(maps.Keys(t.Columns)) {
		if text := t.fault(name, t.Columns[name]); text != "" {
			return &ColumnError{name, text}
		}
	}
	return nil
}

func (t *Table) fault(name string, c Column) string {
	types := []Type{Text, Integer, Boolean}
	if t.Dialect == Postgres {
		types = append(types, UUID)
	}
	switch {
	case !nameForm.MatchString(name):
		return "must have a name of letters, digits and underscores"
	case !identifierForm.MatchString(c.Name):
		return "must name a column: letters, digits and underscores, after a table and a dot if needed"
	case !slices.Contains(types, c.Type):
		return fmt.Sprintf("must have one of the types %s, which can be compared exactly", typeNames(types))
	case c.Collation != "" && (!collationForm.MatchString(c.Collation) || c.Type != Text):
		return "must have a collation that is a name, and only for a text"
	case t.Dialect == SQLite && c.Collation != "" && !slices.Contains(sqliteCollations, strings.ToUpper(c.Collation)):
		return "must have one of the collations BINARY, NOCASE and RTRIM"
	}
	return ""
}

var sqliteCollations = []string{"BINARY", "NOCASE", "RTRIM"}

func typeNames(types []Type) string {
	names := make([]string, len(types))
	for i, typ := range types {
		names[i] = string(typ)
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// Key returns a text that identifies the table as a whole.
func (t *Table) Key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %d %t %t", t.Dialect, t.Placeholders, t.First, t.ExternalIDs, t.OneTenant)
	for _, name := range slices.Sorted(maps.Keys(t.Columns)) {
		c := t.Columns[name]
		b.WriteString("\x00" + name + "\x00" + c.Name + "\x00" + string(c.Type) + "\x00" + c.Collation)
	}
	return b.String()
}

// kind is the type of a column's value as the policy reads it. Ids and accounts are
// texts, whatever their column is.
func (t *Table) kind(name string) input.ColumnKind {
	switch {
	case name == "id", input.AccountKey("", name):
		return input.Text
	case t.Columns[name].Type == Integer:
		return input.Integer
	case t.Columns[name].Type == Boolean:
		return input.Boolean
	}
	return input.Text
}

// holds reports whether a column of the type can hold a text. An integer column holds
// only canonical integers, and a uuid column only canonical UUIDs.
func (typ Type) holds(text string) bool {
	switch typ {
	case Integer:
		i, err := strconv.ParseInt(text, 10, 64)
		return err == nil && strconv.FormatInt(i, 10) == text
	case UUID:
		return uuidForm.MatchString(text)
	case Boolean:
		return false
	}
	return true
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
