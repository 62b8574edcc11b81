package store

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
		info := TypeInfo{Name: t.name, Parent: t.scope != ""}
		if t.through != nil {
			info.Through, info.Decided = t.through.name, t.decided
		}
		for _, c := range t.columns {
			info.Columns = append(info.Columns, c.ColumnInfo)
		}
		infos = append(infos, info)
	}
	return infos
}

// typeDef is how a type is read. In every expression "@." stands for the
// table's alias.
type typeDef struct {
	name    string
	table   string
	columns []column
	key     string            // the expression that identifies a row, within its scope
	indexed []string          // policy columns with an index that continues with the key
	through *typeDef          // the type that decides about these rows
	scope   string            // the expression that equals the query's parent
	decided bool              // its columns are decided by name, as those of a type of its own
	revised bool              // scope is a revision of the parent, not the parent
	only    map[string]string // the condition on rows that a view of through shows, by view
	timed   bool              // only rows that are not over yet
	needs   string            // the column of through that must be shown for any of these rows to be, "" for none
	also    map[string]join
}

// join brings a second type into a list, so that its rows are filtered too.
type join struct {
	def   *typeDef
	alias string
	on    string
}

// column is a ColumnInfo and how it is read.
type column struct {
	ColumnInfo
	expr    expression            // the stored value; of a set, its list as JSON
	notNull bool                  // expr is never NULL
	views   map[string]expression // what is shown instead, by view
	set     *setColumn            // for Kind Set
	account bool                  // it names an account of the row's tenant
	costly  bool                  // expr reads other tables: only where it is shown
	field   string                // `"name":`
}

// expression writes SQL over the row with the given alias.
type expression func(b *builder, alias string) string

// sqlText is an expression that is the same everywhere; "@." stands for the
// alias.
func sqlText(text string) expression {
	return func(_ *builder, alias string) string { return at(text, alias) }
}

// setColumn is a set kept in a table of its own.
type setColumn struct {
	table string
	owner string // the column that names the row
	value string
	timed bool   // rows hold from valid_from until before valid_to
	only  string // a condition on the row itself, "" for none
}

// rows is what the set is read from: its table (alias "s") and the condition
// on it, without the row that owns it.
func (s setColumn) rows(b *builder) (from, where string) {
	if !s.timed {
		return s.table + " s", "TRUE"
	}
	now := b.integer(argument{kind: argNow})
	return s.table + " s", "s.valid_from <= " + now + " AND (s.valid_to IS NULL OR s.valid_to > " + now + ")"
}

// nextChange is the first moment from now on at which a row of the set begins
// or ends to hold.
func (s setColumn) nextChange(b *builder, alias string) string {
	now := b.integer(argument{kind: argNow})
	moment := "CASE WHEN s.valid_from > " + now + " THEN s.valid_from WHEN s.valid_to > " + now + " THEN s.valid_to END"
	return "(SELECT min(" + moment + ") FROM " + s.table + " s WHERE s." + s.owner + " = " + alias + ".id)"
}

// list is the set as a JSON array.
func (s setColumn) list(b *builder, alias string) string {
	from, where := s.rows(b)
	condition := "s." + s.owner + " = " + alias + ".id AND " + where
	if s.only != "" {
		condition += " AND " + at(s.only, alias)
	}
	return b.d.textList("s."+s.value, from+" WHERE "+condition)
}

// column is the column of that name, nil if there is none.
func (t *typeDef) column(name string) *column {
	i := slices.IndexFunc(t.columns, func(c column) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &t.columns[i]
}

// isKey reports that the column is what identifies a row.
func (t *typeDef) isKey(c *column) bool { return t.key == "@."+c.Name }

// names are those of all columns.
func (t *typeDef) names() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.Name
	}
	return names
}

// at puts the alias of a table into an expression.
func at(expr, alias string) string { return strings.ReplaceAll(expr, "@.", alias+".") }

var typeList = []*typeDef{
	accountType, groupType, userType, customerType, cardType,
	rateType, revisionType, assignmentType, cardCustomerType, auditType,
}

// typeByName has every type that is kept. It is not to be changed.
var typeByName = func() map[string]*typeDef {
	all := map[string]*typeDef{}
	for _, t := range typeList {
		all[t.name] = t
		for i := range t.columns {
			t.columns[i].field = `"` + t.columns[i].Name + `":`
		}
	}
	return all
}()

// The shapes that columns come in. Each makes a column of its name; a policy
// column is one that filters may refer to.

func stored(name string, kind Kind) column {
	return column{
		ColumnInfo: ColumnInfo{Name: name, Kind: kind, Show: true, Sort: true, Search: true},
		expr:       sqlText("@." + name),
	}
}

func (c column) policy() column { c.Policy = true; return c }

func (c column) opaque() column { c.Policy, c.Opaque = true, true; return c }

// ofAccount is the id of an account that the schema holds in the row's tenant.
func (c column) ofAccount() column { c.account = true; return c }

func (c column) required() column { c.notNull = true; return c }

// hidden is for policies alone: it is never part of a row.
func (c column) hidden() column { c.Show, c.Sort, c.Search = false, false, false; return c }

// whole can be shown, but rows are neither ordered nor selected by it.
func (c column) whole() column { c.Sort, c.Search = false, false; return c }

func (c column) from(expr string) column { c.expr = sqlText(expr); return c }

// in is what the given view shows instead of the stored value.
func (c column) in(view, expr string) column { return c.inView(view, sqlText(expr)) }

func (c column) inView(view string, e expression) column {
	c.views = map[string]expression{view: e}
	return c
}

func setOf(name string, s setColumn) column {
	return column{ColumnInfo: ColumnInfo{Name: name, Kind: Set, Show: true}, expr: s.list, set: &s, notNull: true, costly: true}
}

// document can be shown, and is made of other columns or tables.
func document(name string, kind Kind, e expression) column {
	return column{ColumnInfo: ColumnInfo{Name: name, Kind: kind, Show: true}, expr: e, costly: true}
}
