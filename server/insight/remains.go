package insight

import (
	"slices"

	"resellerd/policies/predicate"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// Remains lists what stays when an account is closed: rows of the account and of those
// below it, and the webhooks that end. A list is left out if the acting user may not read
// rows of its type, or is never shown their status. Revisions whose status is hidden are not
// counted.
type Remains struct {
	Accounts  *Remaining `json:"accounts,omitempty" description:"accounts below that are not closed"`
	Customers *Remaining `json:"customers,omitempty" description:"active customers"`
	Cards     *Remaining `json:"cards_in_force,omitempty" description:"cards with an active revision"`
	Scheduled *Remaining `json:"scheduled,omitempty" description:"scheduled and held revisions, by their paths"`
	Drafts    *Remaining `json:"drafts,omitempty" description:"open drafts, by their paths"`
	Webhooks  *Remaining `json:"webhooks_ending,omitempty" description:"webhooks that end with the closing, because of their users"`
	More      bool       `json:"more,omitempty" description:"there are more accounts, revisions or webhooks than were counted"`
}

// Remaining is a number of rows, and the first of them.
type Remaining struct {
	Total int      `json:"total" required:"true"`
	First []string `json:"first" required:"true" description:"at most 100"`
}

// Bounds of what a dry run of closing an account counts.
const (
	maxClosed    = 500    // accounts
	maxRevisions = 10_000 // revisions
	maxEnding    = 1_000  // webhooks
)

func (l *Remaining) add(name string) {
	if l.Total++; len(l.First) < maxNamed {
		l.First = append(l.First, name)
	}
}

// remains determines what stays when an account is closed, as the acting user sees it.
func (d *DryRun) remains(m *store.Moment, account string) (*Remains, error) {
	o := observer{r: d.r, m: m, quiet: true}
	ids, err := m.AccountsBelow(d.r.Ctx, account, maxClosed+1)
	if err != nil {
		return nil, err
	}
	out := &Remains{More: len(ids) > maxClosed}
	ids = ids[:min(len(ids), maxClosed)]
	below := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == account })
	if out.Accounts, err = o.ofAccounts("account", "id", below, notClosed); err != nil {
		return nil, err
	}
	active := predicate.ColumnIs("status", predicate.Operand{Const: store.Active})
	if out.Customers, err = o.ofAccounts("customer", "account_id", ids, active); err != nil {
		return nil, err
	}
	return out, o.revisionsOf(ids, out)
}

// ending adds the webhooks that end when an account is closed. The moment is the one
// before that.
func (d *DryRun) ending(m *store.Moment, account string, out *Remains) error {
	ids, err := m.WebhooksBelow(d.r.Ctx, account, maxEnding+1)
	if err != nil {
		return err
	}
	o := observer{r: d.r, m: m, quiet: true}
	out.Webhooks, err = o.ofAccounts("webhook", "id", ids[:min(len(ids), maxEnding)], predicate.True{})
	out.More = out.More || len(ids) > maxEnding && out.Webhooks != nil
	return err
}

var notClosed = predicate.Compare{Op: predicate.Ne, Left: predicate.Column("status"), Right: predicate.Operand{Const: store.Closed}}

// ofAccounts lists visible rows whose column has one of these ids, and for which also
// holds. It returns nil if the user may not read the type.
func (o observer) ofAccounts(typ, column string, among []string, also predicate.Expr) (*Remaining, error) {
	q, shown, err := o.rowsOf(typ, column, among, also)
	if err != nil || !shown {
		return nil, err
	}
	found := &Remaining{First: []string{}}
	return found, o.m.Stream(o.r.Ctx, q, func(row query.Row) error {
		found.add(row.ID())
		return nil
	})
}

// rowsOf returns a query for the ids of visible rows of accounts.
func (o observer) rowsOf(typ, column string, accounts []string, also predicate.Expr) (q query.Query, shown bool, err error) {
	p, err := o.plan(typ)
	if err != nil || p == nil || !p.Sees("status") && typ != "card" {
		return q, false, err
	}
	return among(p, typ, column, accounts, also), true, nil
}

// among returns a query by a plan for the ids of rows whose column has one of these ids, and
// for which also holds.
func among(p *session.ReadPlan, typ, column string, ids []string, also predicate.Expr) query.Query {
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = id
	}
	member := predicate.Member{Item: predicate.Column(column), Set: predicate.Operand{List: values}}
	q := session.ReadPlan{Type: typ, Plan: p.Plan, Env: p.Env}.Query() // the plan's Leaf may be older than the write
	q.Filter, q.Columns = andExpr(p.Plan.Filter, predicate.And{member, also}), nil
	return q
}

// shows returns the condition under which a plan shows a column.
func shows(p *session.ReadPlan, column string) predicate.Expr {
	when := predicate.Or{}
	for _, group := range p.Plan.Columns {
		switch {
		case !slices.Contains(group.Columns, column) || group.When.Kind == predicate.None:
		case group.When.Kind == predicate.All:
			return predicate.True{}
		default:
			when = append(when, group.When.Where)
		}
	}
	return when
}

// andExpr narrows a filter.
func andExpr(f predicate.Filter, e predicate.Expr) predicate.Filter {
	switch f.Kind {
	case predicate.All:
		return predicate.Of(e)
	case predicate.Where:
		return predicate.Of(predicate.And{f.Where, e})
	}
	return f
}

// revisionsOf lists the revisions of visible cards that are in force or may come into
// force, if the user is shown their status.
func (o observer) revisionsOf(accounts []string, out *Remains) error {
	q, shown, err := o.rowsOf("card", "account_id", accounts, predicate.True{})
	if err != nil || !shown {
		return err
	}
	p, err := o.plan("revision")
	if err != nil || p == nil || !p.Sees("status") {
		return err
	}
	visible, told := map[string]bool{}, map[string]bool{}
	err = o.m.Stream(o.r.Ctx, q, func(row query.Row) error {
		visible[row.ID()] = true
		return nil
	})
	if err != nil {
		return err
	}
	ofCards := among(p, "card", "account_id", accounts, shows(p, "status")) // cards decide about their revisions
	err = o.m.Stream(o.r.Ctx, ofCards, func(row query.Row) error {
		told[row.ID()] = visible[row.ID()] && row.View != schema.Translated
		return nil
	})
	if err != nil {
		return err
	}
	revisions, err := o.m.OpenRevisions(o.r.Ctx, accounts, maxRevisions+1)
	if err != nil {
		return err
	}
	out.More = out.More || len(revisions) > maxRevisions
	out.Cards, out.Scheduled, out.Drafts = &Remaining{First: []string{}}, &Remaining{First: []string{}}, &Remaining{First: []string{}}
	for _, r := range revisions[:min(len(revisions), maxRevisions)] {
		path := "/v1/cards/" + r.CardID + "/revisions/" + r.ID
		switch {
		case !told[r.CardID]:
		case r.Status == store.RevisionActive:
			out.Cards.add(r.CardID)
		case r.Status == store.RevisionDraft:
			out.Drafts.add(path)
		default:
			out.Scheduled.add(path)
		}
	}
	return nil
}
