package query

import (
	"fmt"

	"resellerd/policies/predicate"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// Limits of a page.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Query asks for rows of one type. A page, a count, an export and, with ID, a
// single row all use the same Query, so that none of them shows a row that another
// hides.
//
// A row is part of the answer if Filter accepts it, exactly one of Views applies to
// it, and all conditions of Where hold for the values that it shows.
type Query struct {
	Type   string
	Filter predicate.Filter // the zero value accepts no row
	Env    predicate.Env    // the request's values for Filter, Views and Columns; never asked about rows
	// Leaf says that the subject's account has no accounts below it, so that its
	// subtree is the account itself.
	Leaf    bool
	Views   []View
	Columns []Columns
	// Parent is the card that this list belongs to: the list of its rates,
	// assignments or customers. Filter, Views and Columns then apply to the card.
	Parent string
	// Revision selects one of the card's revisions for its rates, "" the active
	// one. In the translated view, only the active revision and those that were in
	// force while the card was assigned to Viewer have rates.
	Revision string
	// At asks for the rates that were in force at that time; 0 for now. In the
	// translated view there are no rates for a time at which the card was not
	// assigned to Viewer.
	At     schema.Micros
	Viewer string // the viewing account; "" sees no past rates in the translated view
	// Also filters the rows of other types that a list joins: the accounts of
	// assignments, the customers on a card. Each joined type needs a filter.
	Also []TypedFilter

	Customer string // of cards: only those that this customer is on now; "" for all

	ID    string      // a single row, by Row.ID
	Where []Condition // these see only shown columns and shown values
	// Sort is the column to order by, "" for the id. Rows that do not show the
	// column, or have no value there, come last. Rows with equal values are ordered
	// by id.
	Sort  string
	Desc  bool
	After *Cursor // continue after this row
	Limit int     // 1 to MaxLimit; 0 for DefaultLimit; Stream ignores it
	Count bool    // fill in Page.Total
}

// View is a way to look at a row.
type View struct {
	Name string
	When predicate.Filter
}

// Columns are shown in the rows that When accepts. If several Columns name the same
// column, it is shown in the rows that any of them accepts. Names that the type
// does not have are ignored.
type Columns struct {
	Names []string
	When  predicate.Filter
}

// TypedFilter filters the rows of another type that a list joins.
type TypedFilter struct {
	Type   string
	Filter predicate.Filter
	Env    predicate.Env
	Leaf   bool
}

// Op is how a Condition compares a shown value.
type Op string

// The operators of a Condition. Prefix and Suffix compare texts bytewise. Contains
// ignores case and accents (see schema.Fold) in columns whose ColumnInfo.Folds is set,
// and the case of A to Z in others. If the shown value is absent, Ne and Null
// hold and the others do not.
const (
	Eq       Op = "eq"
	Ne       Op = "ne"
	Lt       Op = "lt"
	Le       Op = "le"
	Gt       Op = "gt"
	Ge       Op = "ge"
	Contains Op = "contains"
	Prefix   Op = "prefix"
	Suffix   Op = "suffix"
	Null     Op = "null"     // the row shows the column, without a value in it
	NotNull  Op = "not null" // the row shows a value
)

// Condition selects rows by a value that they show. The column's kind determines
// the format of Value: a decimal string for money, RFC 3339 for times, "true" or
// "false", a whole number, or text.
//
// With Or, Eq selects rows that have any of the values, and Ne rows that have none of
// them. Of a set, Eq asks whether a value is in it, Ne whether it is not, and Null
// whether it is empty.
type Condition struct {
	Column string
	Op     Op
	Value  string
	Or     []string // more values, at most MaxValues - 1
	// Also are more columns for Contains: any of the columns may contain the value.
	Also []string
}

// MaxValues is the greatest number of values of a Condition.
const MaxValues = 100

// values returns all values of the condition. The last one is repeated until their
// number is a power of two, so that a few statements serve all numbers. Null and
// NotNull have none. Contains has two: its value as texts are folded, and as SQL puts a
// text in lower case.
func (c Condition) values() []string {
	switch c.Op {
	case Null, NotNull:
		return nil
	case Contains:
		return []string{schema.Fold(c.Value), schema.Lower(c.Value)}
	}
	all := append([]string{c.Value}, c.Or...)
	for n := len(all); n&(n-1) != 0; n++ {
		all = append(all, all[len(all)-1])
	}
	return all
}

// Cursor is a position in a list. It contains only shown values. Key has the kind
// of the sort column: string, int64 or bool. JSON numbers are accepted. Key is nil
// if the order is that of the ids.
type Cursor struct {
	Key       any
	KeyAbsent bool // the row shows nothing in the sort column
	ID        string
	Back      bool // the page before this row, not the one after it
}

// Page is part of a list.
type Page struct {
	Rows     []Row
	Total    int     // rows of the whole list, if Query.Count is set
	Next     *Cursor // nil at the end
	Prev     *Cursor // nil at the beginning
	Last     *Cursor // after the last row; nil without rows
	Revision string  // of a list of rates: the id of their revision, "" for none
}

// check returns ErrInvalid for a query that cannot be answered. It also sets the
// default limit.
func (q *Query) check() (*schema.Type, error) {
	def := schema.ByName[q.Type]
	if def == nil {
		return nil, fault.Invalid("type", fmt.Sprintf("is %q, which is not a type of rows", q.Type))
	}
	if q.Limit == 0 {
		q.Limit = DefaultLimit
	}
	if q.Limit < 1 || q.Limit > MaxLimit {
		return nil, fault.Invalid("limit", "must be between 1 and 1000")
	}
	if (q.Parent != "") != (def.Through != nil) {
		return nil, fault.Invalid("parent", fmt.Sprintf("does not fit %s", q.Type))
	}
	if len(q.Views) > maxCases || len(q.Columns) > maxCases {
		return nil, fault.Invalid("", fmt.Sprintf("%s: more than %d views or groups of columns", q.Type, maxCases))
	}
	if len(q.Also) != len(def.Also) {
		return nil, fault.Invalid("", fmt.Sprintf("%s: needs a filter for each type it joins", q.Type))
	}
	if q.Customer != "" && q.Type != "card" {
		return nil, fault.Invalid("customer", fmt.Sprintf("does not fit %s", q.Type))
	}
	for _, w := range q.Where {
		if len(w.Or) >= MaxValues {
			return nil, fault.Invalid(w.Column, fmt.Sprintf("has more than %d values", MaxValues))
		}
	}
	for _, f := range q.Also {
		if _, ok := def.Also[f.Type]; !ok {
			return nil, fault.Invalid("", fmt.Sprintf("%s: does not join %q", q.Type, f.Type))
		}
	}
	return def, nil
}

// maxCases bounds the views and the groups of columns of one query: each is one
// bit of a uint64.
const maxCases = 64
