package schema

import (
	"slices"
	"strings"
)

// Kind is what a column holds.
type Kind uint8

// The kinds of columns.
const (
	Text         Kind = iota + 1
	Integer           // int64
	Boolean           // bool
	Set               // of text, listed in bytewise order
	Money             // int64 at ten decimals; shown as a decimal string
	Time              // int64 microseconds since 1970; shown as RFC 3339 in UTC
	JSON              // a document; shown as it is
	Letters           // letters of "crud"; shown as a list of action names
	AccessRows        // an object of area to letters; shown with lists of action names
	Reference         // "type/id"; shown as an object of type and id
	RevisionHead      // shown as an object of id, number (where known), activated_at and rows
	ParentCards       // shown as objects of card_id, name, exchange and exchange_at
	RuleList          // shown as objects of what a profit rule says
)

// ColumnInfo describes one column of a type.
type ColumnInfo struct {
	Name   string // in policies, SQL filters and JSON alike
	Kind   Kind
	Policy bool // policies see it under input.resource
	Opaque bool // policies see it, but no filter may refer to it
	Show   bool // it can be part of a row
	Sort   bool // rows can be ordered by it, where it is shown
	Search bool // rows can be selected by it, where it is shown
}

// TypeInfo describes one type of rows.
type TypeInfo struct {
	Name    string
	Prefix  string       // of the rows' ids, "" for rows without an id
	Columns []ColumnInfo // in the order of a row's JSON
	// Through names the type whose row decides about these: the rates of a
	// card are filtered, viewed and given columns by their card's.
	Through string
	// Decided is true for rows that are decided through another type's row, and
	// by name: what of them is shown is asked about them.
	Decided bool
	// Parent is true when a query of this type needs Query.Parent.
	Parent bool
}

// Types describes every type of rows that the store can list.
func Types() []TypeInfo {
	infos := make([]TypeInfo, 0, len(typeList))
	for _, t := range typeList {
		info := TypeInfo{Name: t.Name, Prefix: t.Prefix, Parent: t.Scope != ""}
		if t.Through != nil {
			info.Through, info.Decided = t.Through.Name, t.Decided
		}
		for _, c := range t.Columns {
			info.Columns = append(info.Columns, c.ColumnInfo)
		}
		infos = append(infos, info)
	}
	return infos
}

// Type is how a type is read. In every expression "@." stands for the
// table's alias.
type Type struct {
	Name    string
	Prefix  string // of the rows' ids, "" for rows without an id
	Table   string
	Columns []Column
	Key     string            // the expression that identifies a row, within its scope
	Indexed []string          // policy columns with an index that continues with the key
	Through *Type             // the type that decides about these rows
	Scope   string            // the expression that equals the query's parent
	Decided bool              // its columns are decided by name, as those of a type of its own
	Revised bool              // scope is a revision of the parent, not the parent
	Only    map[string]string // the condition on rows that a view of through shows, by view
	Timed   bool              // only rows that are not over yet
	Needs   string            // the column of through that must be shown for any of these rows to be, "" for none
	Also    map[string]join
}

// join brings a second type into a list, so that its rows are filtered too.
type join struct {
	Def   *Type
	Alias string
	On    string
}

// Column is a ColumnInfo and how it is read.
type Column struct {
	ColumnInfo
	Expr    expression            // the stored value; of a set, its list as JSON
	NotNull bool                  // expr is never NULL
	Views   map[string]expression // what is shown instead, by view
	Set     *setColumn            // for Kind Set
	Account bool                  // it names an account of the row's tenant
	Costly  bool                  // expr reads other tables: only where it is shown
	Field   string                // `"name":`
}

// expression writes SQL over the row with the given alias.
type expression func(b *Builder, alias string) string

// sqlText is an expression that is the same everywhere; "@." stands for the
// alias.
func sqlText(text string) expression {
	return func(_ *Builder, alias string) string { return Aliased(text, alias) }
}

// setColumn is a set kept in a table of its own.
type setColumn struct {
	table string
	Owner string // the column that names the row
	Value string
	Timed bool   // rows hold from valid_from until before valid_to
	Only  string // a condition on the row itself, "" for none
}

// Rows is what the set is read from: its table (alias "s") and the condition
// on it, without the row that owns it.
func (s setColumn) Rows(b *Builder) (from, where string) {
	if !s.Timed {
		return s.table + " s", "TRUE"
	}
	now := b.Integer(Argument{Kind: ArgNow})
	return s.table + " s", "s.valid_from <= " + now + " AND (s.valid_to IS NULL OR s.valid_to > " + now + ")"
}

// NextChange is the first moment from now on at which a row of the set begins
// or ends to hold.
func (s setColumn) NextChange(b *Builder, alias string) string {
	now := b.Integer(Argument{Kind: ArgNow})
	moment := "CASE WHEN s.valid_from > " + now + " THEN s.valid_from WHEN s.valid_to > " + now + " THEN s.valid_to END"
	return "(SELECT min(" + moment + ") FROM " + s.table + " s WHERE s." + s.Owner + " = " + alias + ".id)"
}

// list is the set as a JSON array.
func (s setColumn) list(b *Builder, alias string) string {
	from, where := s.Rows(b)
	condition := "s." + s.Owner + " = " + alias + ".id AND " + where
	if s.Only != "" {
		condition += " AND " + Aliased(s.Only, alias)
	}
	return b.Dialect.TextList("s."+s.Value, from+" WHERE "+condition)
}

// Column is the column of that name, nil if there is none.
func (t *Type) Column(name string) *Column {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &t.Columns[i]
}

// IsKey reports that the column is what identifies a row.
func (t *Type) IsKey(c *Column) bool { return t.Key == "@."+c.Name }

// Names are those of all columns.
func (t *Type) Names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// Aliased puts the alias of a table into an expression.
func Aliased(expr, alias string) string { return strings.ReplaceAll(expr, "@.", alias+".") }

var typeList = []*Type{
	accountType, groupType, userType, customerType, CardType,
	RateType, revisionType, assignmentType, cardCustomerType, auditType,
}

// ByName has every type that is kept. It is not to be changed.
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

// The shapes that columns come in. Each makes a column of its name; a policy
// column is one that filters may refer to.

func stored(name string, kind Kind) Column {
	return Column{
		ColumnInfo: ColumnInfo{Name: name, Kind: kind, Show: true, Sort: true, Search: true},
		Expr:       sqlText("@." + name),
	}
}

func (c Column) policy() Column { c.Policy = true; return c }

func (c Column) opaque() Column { c.Policy, c.Opaque = true, true; return c }

// ofAccount is the id of an account that the schema holds in the row's tenant.
func (c Column) ofAccount() Column { c.Account = true; return c }

func (c Column) required() Column { c.NotNull = true; return c }

// hidden is for policies alone: it is never part of a row.
func (c Column) hidden() Column { c.Show, c.Sort, c.Search = false, false, false; return c }

// whole can be shown, but rows are neither ordered nor selected by it.
func (c Column) whole() Column { c.Sort, c.Search = false, false; return c }

func (c Column) from(expr string) Column { c.Expr = sqlText(expr); return c }

// in is what the given view shows instead of the stored value.
func (c Column) in(view, expr string) Column { return c.inView(view, sqlText(expr)) }

func (c Column) inView(view string, e expression) Column {
	c.Views = map[string]expression{view: e}
	return c
}

func setOf(name string, s setColumn) Column {
	return Column{ColumnInfo: ColumnInfo{Name: name, Kind: Set, Show: true}, Expr: s.list, Set: &s, NotNull: true, Costly: true}
}

// document can be shown, and is made of other columns or tables.
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

// Info is what Types says of the type of this name; zero when it says nothing.
func Info(name string) TypeInfo { return infos[name] }

// Shown are the columns that answers may show, by name.
func (t TypeInfo) Shown() map[string]ColumnInfo {
	shown := map[string]ColumnInfo{}
	for _, c := range t.Columns {
		if c.Show {
			shown[c.Name] = c
		}
	}
	return shown
}
