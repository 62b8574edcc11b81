package session

import (
	"context"
	"slices"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/schema"
)

// ReasonRatesHidden is the reason if resellerd refuses to prove, build or compare
// because the user may not read all rates that this needs.
const ReasonRatesHidden = "rates_hidden"

// RateAccess returns an access to rates. It is the only way to get one. The access
// asks the policy once for each card whether the user may read all columns of the
// card's rates. rowOf reads the policy columns of a card.
func (r *Session) RateAccess(rowOf func(ctx context.Context, typ, id string) (map[string]any, error)) store.RateAccess {
	decided := map[string]bool{}
	return store.RateAccessBy(func(ctx context.Context, card string) (bool, error) {
		if shown, ok := decided[card]; ok {
			return shown, nil
		}
		in := r.Input("read", "rate", card)
		var err error
		if in.Resource.Row, err = rowOf(ctx, "rate", card); err != nil {
			return false, err
		}
		d := r.decideWhole(in)
		if d.Outcome == policies.OutcomeError {
			return false, &DeniedError{Decision: d}
		}
		decided[card] = d.Allow
		return d.Allow, nil
	})
}

// decideWhole decides about reading rates. It allows all columns or nothing.
func (r *Session) decideWhole(in *input.Input) policies.Decision {
	start := r.Now()
	d := r.Judge(in)
	r.Shadow.Check(r.Engine, in, d, false, r.DecisionID, r.Users.LiesBelow)
	if !d.Allow || d.View != "" && showsAll("rate", d.Columns) {
		return r.Record(in, d, start)
	}
	return r.RecordAs(DecidedByServer, in, policies.Decision{Outcome: policies.OutcomeDeny, Reasons: []string{ReasonRatesHidden}}, start)
}

// showsAll reports whether columns contains every column of a type that can be shown.
func showsAll(typ string, columns []string) bool {
	for name := range schema.Info(typ).Shown() {
		if !slices.Contains(columns, name) {
			return false
		}
	}
	return true
}

// ofCosts lists, by type, the columns that are computed from what a card is bought
// for.
var ofCosts = map[string][]string{"card": {"stale"}, "revision": {"losses_accepted", "held_reason"}}

// OfCosts reports whether a column is computed from what a card is bought for.
func OfCosts(typ, column string) bool { return slices.Contains(ofCosts[typ], column) }

// CostsShown says for which cards a user may see the costs. Costs are the rates of
// the cards that a card is bought from.
type CostsShown struct {
	master bool // the user belongs to a master, and every row that it sees is in reach
	Rates  bool // the user sees all rate columns of each card that it sees
	Own    bool // it sees the rates of everything that cards of its own account can be bought from
	Below  bool // it sees the rates of everything that cards of accounts below can be bought from
}

// where holds for a row if the user may see the costs of the row's account.
func (c CostsShown) where() predicate.Expr {
	reach := predicate.Expr(InReach)
	if c.master {
		reach = predicate.True{}
	}
	switch {
	case c.Own && c.Below:
		return predicate.Or{isOwn, reach}
	case c.Own:
		return isOwn
	case c.Below:
		return predicate.And{reach, predicate.Not{X: isOwn}}
	}
	return predicate.False{}
}

// losses holds for the audit entries that reveal no hidden loss. An entry about an
// accepted loss of the own account also reveals a selling price, and that is visible
// only with the costs below. So such an entry requires Own and Below.
func (c CostsShown) losses() predicate.Expr {
	c.Own = c.Own && c.Below
	return predicate.Or{noLossAccepted, c.where()}
}

// noLossAccepted holds for the audit entries that are not about an accepted loss.
var noLossAccepted = predicate.Compare{Op: predicate.Ne, Left: predicate.Column("action"), Right: predicate.Operand{Const: "accept_losses"}}

// HideCosts removes from a read plan everything that is computed from rates that the
// user may not read. These are columns of cards and revisions, and audit entries
// about accepted losses. It never changes p.
func (r *Session) HideCosts(typ string, p *policies.Plan) *policies.Plan {
	free := typ != "audit" && ofCosts[typ] == nil
	if free || p.Outcome != policies.OutcomeAllow {
		return p
	}
	cut := *p
	if typ == "audit" {
		cut.Filter = andAlso(p.Filter, r.CostsShown().losses())
		return &cut
	}
	where := r.CostsShown().where()
	cut.Columns = make([]policies.ColumnGroup, 0, 2*len(p.Columns))
	for _, group := range p.Columns {
		free := without(group.Columns, ofCosts[typ])
		costs := policies.ColumnGroup{When: andAlso(group.When, where), Columns: without(group.Columns, free)}
		if costs.When.String() == group.When.String() {
			cut.Columns = append(cut.Columns, group)
			continue
		}
		group.Columns = free
		for _, part := range []policies.ColumnGroup{group, costs} {
			if len(part.Columns) > 0 {
				cut.Columns = append(cut.Columns, part)
			}
		}
	}
	return &cut
}

// andAlso returns f, narrowed by e. If f already implies e, it returns f unchanged.
func andAlso(f predicate.Filter, e predicate.Expr) predicate.Filter {
	switch e := predicate.Simplify(e); {
	case f.Kind == predicate.All:
		return predicate.Of(e)
	case f.Kind == predicate.Where && !predicate.Implies(f.Where, e):
		return predicate.Of(predicate.And{f.Where, e})
	}
	return f
}

func without(names, those []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(those, name) })
}

// CostsShown returns which costs the acting user may see. It caches the answer for
// the user's facts.
func (r *Session) CostsShown() CostsShown {
	if r.costs.facts != r.Facts || r.Facts == nil {
		r.costs.facts, r.costs.shown = r.Facts, r.PlanCosts()
	}
	return r.costs.shown
}

// PlanCosts derives from the policy's plans which costs the user may see. It returns
// the zero value if the plans for cards and rates differ in filter or views. Own and
// Below require that the filter passes every card that may be a supplier. If the
// policy hid one such card, other cards could be bought from it, and their costs
// would reveal it.
func (r *Session) PlanCosts() (shown CostsShown) {
	cards := r.Engine.Plan(r.Ctx, r.Input("read", "card", ""))
	rates := r.Engine.Plan(r.Ctx, r.Input("read", "rate", ""))
	if cards.Outcome != policies.OutcomeAllow || rates.Outcome != policies.OutcomeAllow ||
		cards.Filter.SortedText() != rates.Filter.SortedText() || !slices.Equal(cards.ViewTexts(), rates.ViewTexts()) {
		return shown
	}
	var always []string
	for _, group := range rates.Columns {
		if group.When.Kind == predicate.All {
			always = append(always, group.Columns...)
		}
	}
	if shown.Rates = showsAll("rate", always); shown.Rates && r.Facts != nil {
		shown.master = r.Facts.Account.Kind == store.Master
		shown.Own = rates.Filter.Covers(supplies(shown.master))
		shown.Below = rates.Filter.Covers(soldBelow)
	}
	return shown
}

// supplies holds for each card that a card of the own account can be bought from, or
// could be bought from before it was withdrawn. For a master these are its own
// provider cards. For a reseller these are the customer cards that are assigned to
// it.
func supplies(master bool) predicate.Expr {
	if master {
		return predicate.And{InTenant, ofKind(schema.ProviderCard), InReach, isOwn}
	}
	return predicate.And{InTenant, ofKind(schema.CustomerCard), predicate.Member{Item: OwnAccount, Set: predicate.Column("assigned_to")}}
}

// soldBelow holds for each card that a card of an account below can be bought from,
// and for each card that the own account sells.
var soldBelow = predicate.And{InTenant, ofKind(schema.CustomerCard), InReach}

// Conditions on a row's account. isOwn selects the rows of the subject's own account.
// InTenant selects the rows of its tenant. InReach selects the rows of its own
// account and of the accounts below it.
var (
	isOwn    = predicate.ColumnIs("account_id", OwnAccount)
	InTenant = predicate.ColumnIs("tenant_id", predicate.Operand{Ref: predicate.Ref{"subject", "account", "tenant_id"}})
	InReach  = predicate.Member{Item: predicate.Column("account_id"), Set: predicate.Operand{Ref: predicate.Below}}

	OwnAccount = predicate.Operand{Ref: predicate.Ref{"subject", "account", "id"}}
)

func ofKind(kind string) predicate.Expr {
	return predicate.ColumnIs("kind", predicate.Operand{Const: kind})
}

// ColumnsShown returns the columns that the acting user sees of a row. row holds the
// row's policy columns. It returns nil for a row that the user does not see. In a preview,
// the viewer sees them, too.
func (r *Session) ColumnsShown(typ, id string, row map[string]any) []string {
	return r.seenByBoth(r.columnsShown(typ, id, row), typ, id, row)
}

func (r *Session) columnsShown(typ, id string, row map[string]any) []string {
	in := r.Input("read", typ, id)
	in.Resource.Row = row
	d := r.Engine.Decide(r.Ctx, in)
	if d.Allow && ofCosts[typ] != nil && !predicate.Of(r.CostsShown().where()).Eval(new(policies.Plan).Bind(r.Ctx, in)) {
		return without(d.Columns, ofCosts[typ])
	}
	return d.Columns
}
