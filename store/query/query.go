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

// Query asks for rows of one type. The same Query gives a page, a count, an
// export and, with ID, a single row; so none of them shows what another hides.
//
// A row is part of the answer when Filter lets it pass, exactly one of Views
// applies to it, and all of Where hold on what it shows.
type Query struct {
	Type   string
	Filter predicate.Filter // the zero value shows nothing
	Env    predicate.Env    // the request's values for Filter, Views and Columns; it is not asked about rows
	// Leaf says that the subject's account has no account below, so that its
	// subtree is its account.
	Leaf    bool
	Views   []View
	Columns []Columns
	// Parent is the row that this list belongs to: the card of its rates,
	// assignments or customers. Filter, Views and Columns are then the card's.
	Parent string
	// Revision names one of the card's revisions for its rates, "" the active
	// one. The translated view has that, and those that were in force while the
	// card was assigned to Viewer.
	Revision string
	// At asks for the rates that were in force at a time; 0 for now. In the
	// translated view there are none of a time at which the card was not
	// assigned to Viewer.
	At     schema.Micros
	Viewer string // the account that looks; "" has no past in the translated view
	// Also filters the other rows that a list joins: the accounts of
	// assignments, the customers on a card. Each joined type needs its filter.
	Also []TypedFilter

	ID    string      // one row: of rates the prefix, of assignments the account, of customers on a card the customer
	Where []Condition // on shown columns and shown values only
	// Sort is the column to order by, "" for the id. Rows that do not show it,
	// or show nothing there, come last. Ties are ordered by id.
	Sort  string
	Desc  bool
	After *Cursor // continue behind this row
	Limit int     // 1 to MaxLimit; 0 for DefaultLimit. Stream has none
	Count bool    // fill in Page.Total
}

// View is a way to look at a row.
type View struct {
	Name string
	When predicate.Filter
}

// Columns are shown in the rows that When lets pass. What several of them name
// is shown where any of them applies. Names that the type does not have are
// ignored.
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

// Op compares a shown value.
type Op string

// The operators of a Condition. Contains, Prefix and Suffix are for text,
// bytewise. Ne holds where a shown value is absent, the others do not.
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
)

// Condition selects rows by what they show. Value is read by the column's
// kind: a decimal string for money, RFC 3339 for times, "true" or "false", a
// whole number, or text.
type Condition struct {
	Column string
	Op     Op
	Value  string
}

// Cursor is a place in a list, made only of shown values. Key has the kind of
// the sort column (string, int64 or bool; JSON numbers are understood); it is
// nil when the order is that of the ids.
type Cursor struct {
	Key       any
	KeyAbsent bool // the row shows nothing in the sort column
	ID        string
}

// Page is part of a list.
type Page struct {
	Rows     []Row
	Total    int     // of the whole list, when Query.Count
	Next     *Cursor // nil at the end
	Revision string  // of rates: whose they are, "" for none
}

// check refuses a query that cannot be answered, with ErrInvalid.
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
	for _, f := range q.Also {
		if _, ok := def.Also[f.Type]; !ok {
			return nil, fault.Invalid("", fmt.Sprintf("%s: does not join %q", q.Type, f.Type))
		}
	}
	return def, nil
}

// maxCases bounds the views and the groups of columns of one query: each is a
// bit of a word.
const maxCases = 64
