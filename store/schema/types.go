package schema

import (
	"slices"
	"strings"
)

// Kind is the kind of values in a column.
type Kind uint8

// The kinds of columns.
const (
	Text         Kind = iota + 1
	Integer           // int64
	Boolean           // bool
	Set               // set of text, listed in bytewise order
	Money             // int64 with ten decimals; shown as a decimal string
	Time              // int64 microseconds since 1970; shown as RFC 3339 in UTC
	JSON              // a document; shown unchanged
	Letters           // letters of "crud"; shown as a list of action names
	AccessRows        // an object of area to letters; shown with lists of action names
	Reference         // "type/id"; shown as an object of type and id
	RevisionHead      // shown as an object of id, number (if known), activated_at and rows
	ParentCards       // shown as objects of card_id, name, exchange and exchange_at
	RuleList          // shown as objects with the fields of a profit rule
	Times             // an object of names to int64 microseconds since 1970; shown with RFC 3339 in UTC
)

// ColumnInfo describes one column of a type.
type ColumnInfo struct {
	Name   string // the same in policies, SQL filters and JSON
	Kind   Kind
	Policy bool     // policies can read it under input.resource
	Opaque bool     // policies can read it, but no filter may refer to it
	Show   bool     // it can be part of a row
	Sort   bool     // rows can be sorted by it, if it is visible
	Order  bool     // lists can have its order although no row shows it
	Search bool     // rows can be selected by it, if it is visible
	Folds  bool     // searches in it ignore case and accents; in other texts, only the case of A to Z
	Words  []string // its only values; nil for any
	Refers string   // the type of the rows whose ids are its values; "" for none
	Prefix string   // with which these ids begin; "" for none

	Personal bool // it identifies a person; the audit trail does not hold its values
}

// TypeInfo describes one type of rows.
type TypeInfo struct {
	Name    string
	Prefix  string       // of the rows' ids; "" for rows without an id
	Columns []ColumnInfo // in the order of a row's JSON
	// Through names the type that decides about these rows. For example, a card
	// decides about its rates: their filter, view and columns are the card's.
	Through string
	// Decided is true if another type's row decides about these rows, but the
	// policy is asked about this type by name for their visible columns.
	Decided bool
	// Parent is true if a query of this type needs Query.Parent.
	Parent bool
}

// Reference returns the name of the rows that the column refers to: account for
// account_id.
func (c ColumnInfo) Reference() string { return strings.TrimSuffix(c.Name, "_id") }

// IsID reports whether the column holds the id of a row.
func (c ColumnInfo) IsID() bool {
	return c.Kind == Text && (c.Refers != "" || c.Name == "id" || strings.HasSuffix(c.Name, "_id") && c.Name != "external_id")
}

// Commas reports whether a comma separates two values of the column: no value has one.
func (c ColumnInfo) Commas() bool {
	return c.Words != nil || c.Kind == Boolean || c.Kind == Set || c.IsID()
}

// Whole reports whether a value is given whole, because no column has every part of one: ids,
// fixed words and currencies.
func (c ColumnInfo) Whole() bool { return c.Words != nil || c.Prefix != "" || c.Name == "currency" }

// Types returns every type of rows that the store can list.
func Types() []TypeInfo {
	infos := make([]TypeInfo, 0, len(typeList))
	for _, t := range typeList {
		info := TypeInfo{Name: t.Name, Prefix: t.Prefix, Parent: t.Scope != ""}
		if t.Through != nil {
			info.Through, info.Decided = t.Through.Name, t.Decided
		}
		for _, c := range t.Columns {
			c.Prefix = t.prefixOf(c.ColumnInfo)
			info.Columns = append(info.Columns, c.ColumnInfo)
		}
		infos = append(infos, info)
	}
	return infos
}

// prefixOf returns with which the ids begin that are the values of a column.
func (t *Type) prefixOf(c ColumnInfo) string {
	for _, other := range typeList {
		if other.Name == c.Refers {
			return other.Prefix
		}
	}
	if c.IsID() {
		return t.Prefix
	}
	return ""
}

// Type describes how to read a type of rows. In every expression "@." stands
// for the table's alias.
type Type struct {
	Name    string
	Prefix  string // of the rows' ids; "" for rows without an id
	Later   bool   // external ids may begin with Prefix: the type is younger than some of them
	Table   string
	Columns []Column
	Key     string            // expression that identifies a row within its scope
	Indexed []string          // policy columns with an index that continues with the key
	Through *Type             // the type that decides about these rows
	Scope   string            // expression that equals the query's parent
	Decided bool              // its columns are decided by name, as for an independent type
	Revised bool              // Scope is a revision of the parent, not the parent
	Only    map[string]string // by view of Through, a condition on the visible rows
	Kept    string            // a condition on the rows that are kept; the others are about to be deleted
	Timed   bool              // only rows that have not ended
	Needs   string            // column of Through that must be visible for these rows to be visible; "" for none
	Also    map[string]join
}

// join adds a second type to a list, so that its rows are filtered too.
type join struct {
	Def   *Type
	Alias string
	On    string
}

// Column is a ColumnInfo with the way to read it.
type Column struct {
	ColumnInfo
	Expr    expression            // the stored value; for a set, its list as JSON
	NotNull bool                  // Expr is never NULL
	Views   map[string]expression // by view, the value that is shown instead
	// FoldedViews is, by view, the folded text of the value in Views, if SQL's lower
	// is not enough.
	FoldedViews map[string]expression
	folded      expression // the folded text of Expr; nil if SQL's lower is enough
	Set         *setColumn // for Kind Set
	Account     bool       // names an account of the row's tenant
	Costly      bool       // Expr reads other tables, so it is used only if the column is visible
	Field       string     // `"name":`
}

// expression writes SQL for the row with the given alias.
type expression func(b *Builder, alias string) string

// sqlText returns an expression with a fixed text; "@." stands for the alias.
func sqlText(text string) expression {
	return func(_ *Builder, alias string) string { return Aliased(text, alias) }
}

// setColumn is a set in its own table.
type setColumn struct {
	table string
	Owner string // column that names the row
	Value string
	Timed bool   // rows are valid until before valid_to
	Later bool   // with Timed: and from valid_from
	Only  string // condition on the row itself; "" for none
}

// Rows returns the table of the set (alias "s") and the condition on it,
// without the condition on the row that owns it.
func (s setColumn) Rows(b *Builder) (from, where string) {
	if !s.Timed {
		return s.table + " s", "TRUE"
	}
	// With + 0, no index on times is used: it would find the rows of all accounts.
	now := b.Integer(Argument{Kind: ArgNow})
	where = "(s.valid_to IS NULL OR s.valid_to + 0 > " + now + ")"
	if s.Later {
		where = "s.valid_from + 0 <= " + now + " AND " + where
	}
	return s.table + " s", where
}

// NextChange returns the SQL for the next moment at which a row of the set
// begins or ends to be valid.
func (s setColumn) NextChange(b *Builder, alias string) string {
	now := b.Integer(Argument{Kind: ArgNow})
	moment := "CASE WHEN s.valid_to > " + now + " THEN s.valid_to END"
	if s.Later {
		moment = "CASE WHEN s.valid_from > " + now + " THEN s.valid_from WHEN s.valid_to > " + now + " THEN s.valid_to END"
	}
	return "(SELECT min(" + moment + ") FROM " + s.table + " s WHERE s." + s.Owner + " = " + alias + ".id)"
}

// list returns the SQL for the set as a JSON array.
func (s setColumn) list(b *Builder, alias string) string {
	from, where := s.Rows(b)
	condition := "s." + s.Owner + " = " + alias + ".id AND " + where
	if s.Only != "" {
		condition += " AND " + Aliased(s.Only, alias)
	}
	return b.Dialect.TextList("s."+s.Value, from+" WHERE "+condition)
}

// Column returns the column with the name, or nil if there is none.
func (t *Type) Column(name string) *Column {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &t.Columns[i]
}

// IsKey reports whether the column identifies a row.
func (t *Type) IsKey(c *Column) bool { return t.Key == "@."+c.Name }

// Names returns the names of all columns.
func (t *Type) Names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// Aliased replaces "@." in an expression with a table's alias.
func Aliased(expr, alias string) string { return strings.ReplaceAll(expr, "@.", alias+".") }

var typeList = []*Type{
	accountType, groupType, userType, customerType, CardType,
	RateType, revisionType, assignmentType, cardCustomerType, auditType,
	webhookType, deadLetterType,
}

// ByName holds every stored type. Do not change it.
var ByName = func() map[string]*Type {
	all := map[string]*Type{}
	for _, t := range typeList {
		all[t.Name] = t
		for i := range t.Columns {
			t.Columns[i].Field = `"` + t.Columns[i].Name + `":`
		}
	}
	return all
}()

// The functions below create columns. A policy column is one that filters may
// refer to.

func stored(name string, kind Kind) Column {
	return Column{
		ColumnInfo: ColumnInfo{Name: name, Kind: kind, Show: true, Sort: true, Search: true},
		Expr:       sqlText("@." + name),
	}
}

func (c Column) policy() Column { c.Policy = true; return c }

// ofAccount marks the id of an account; the schema keeps it in the row's
// tenant.
func (c Column) ofAccount() Column { c.Account = true; return c }

// refers names the type of the rows whose ids are the values of the column.
func (c Column) refers(typ string) Column { c.Refers = typ; return c }

// oneOf names the only values of the column.
func (c Column) oneOf(words ...string) Column { c.Words = words; return c }

func (c Column) required() Column { c.NotNull = true; return c }

// hidden makes the column available only to policies: it is never part of a
// row.
func (c Column) hidden() Column { c.Show, c.Sort, c.Search = false, false, false; return c }

// ordering makes a column give an order that no row shows. Cursors of such a list hold its
// values, so they have to be sealed.
func (c Column) ordering() Column { c.Order = true; return c }

// whole allows the column to be shown, but not to sort or select rows.
func (c Column) whole() Column { c.Sort, c.Search = false, false; return c }

func (c Column) from(expr string) Column { c.Expr = sqlText(expr); return c }

// in sets what a view shows instead of the stored value.
func (c Column) in(view, expr string) Column { return c.inView(view, sqlText(expr)) }

func (c Column) inView(view string, e expression) Column {
	c.Views = map[string]expression{view: e}
	return c
}

func setOf(name string, s setColumn) Column {
	return Column{ColumnInfo: ColumnInfo{Name: name, Kind: Set, Show: true, Search: true}, Expr: s.list, Set: &s, NotNull: true, Costly: true}
}

// document returns a column that can be shown and is composed of other columns
// or tables.
func document(name string, kind Kind, e expression) Column {
	return Column{ColumnInfo: ColumnInfo{Name: name, Kind: kind, Show: true}, Expr: e, Costly: true}
}

var infos = func() map[string]TypeInfo {
	infos := map[string]TypeInfo{}
	for _, t := range Types() {
		infos[t.Name] = t
	}
	return infos
}()

// Info returns the entry of Types with this name, or the zero value if there is
// none.
func Info(name string) TypeInfo { return infos[name] }

// Shown returns the columns that answers may show, by name.
func (t TypeInfo) Shown() map[string]ColumnInfo {
	shown := map[string]ColumnInfo{}
	for _, c := range t.Columns {
		if c.Show {
			shown[c.Name] = c
		}
	}
	return shown
}
