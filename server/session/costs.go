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

// ReasonRatesHidden is the reason of a refusal to prove, build or compare for a
// user who may not read all rates that this needs.
const ReasonRatesHidden = "rates_hidden"

// RateAccess is the only way to get an access to rates. The access asks the
// policy, once for each card, whether it shows the card's rates in all columns.
// rowOf reads the policy columns of a card.
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

// decideWhole decides about reading rates, all columns of them or none.
func (r *Session) decideWhole(in *input.Input) policies.Decision {
	start := r.Now()
	d := r.Judge(in)
	r.Shadow.Check(r.Engine, in, d, false, r.DecisionID, r.Users.LiesBelow)
	if !d.Allow || d.View != "" && showsAll("rate", d.Columns) {
		return r.Record(in, d, start)
	}
	return r.RecordAs(DecidedByServer, in, policies.Decision{Outcome: policies.OutcomeDeny, Reasons: []string{ReasonRatesHidden}}, start)
}

// showsAll reports whether these are all columns of a type.
func showsAll(typ string, columns []string) bool {
	for name := range schema.Info(typ).Shown() {
		if !slices.Contains(columns, name) {
			return false
		}
	}
	return true
}

// ofCosts are the columns that are worked out from what a card is bought for.
var ofCosts = map[string][]string{"card": {"stale"}, "revision": {"losses_accepted", "held_reason"}}

// CostsShown says of which cards a user is shown what they are bought for.
type CostsShown struct {
	master bool // the user is of a master, and reaches all that it sees
	Rates  bool // of the cards that it sees, the rates in all columns
	Own    bool // and so of whatever a card of the own account can be bought from
	Below  bool // and so of whatever a card of an account below can be bought from
}

// where holds for a row if the costs of the row's account are shown.
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

// losses holds for the audit entries that tell of no losses which the user may
// not know. An entry tells what a card is sold for as well, and that is known
// like what is bought below.
func (c CostsShown) losses() predicate.Expr {
	c.Own = c.Own && c.Below
	return predicate.Or{noLossAccepted, c.where()}
}

// noLossAccepted holds for the audit entries that tell of no accepted loss.
var noLossAccepted = predicate.Compare{Op: predicate.Ne, Left: predicate.Column("action"), Right: predicate.Operand{Const: "accept_losses"}}

// HideCosts removes from a plan for reading all that is computed from rates that
// the user may not read: columns of cards and revisions, and audit entries of
// accepted losses.
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

// andAlso is a filter that lets fewer rows pass; the same where it lets no more
// pass already.
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

// CostsShown says which costs the acting user is shown.
func (r *Session) CostsShown() CostsShown {
	if r.costs.facts != r.Facts || r.Facts == nil {
		r.costs.facts, r.costs.shown = r.Facts, r.PlanCosts()
	}
	return r.costs.shown
}

// PlanCosts finds which costs the policy shows, from its plans. A policy that
// hides even one card by anything else than whose and of what kind it is shows
// none: that card may be what another one is bought from.
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

// supplies holds for each card that a card of the own account can be bought from,
// or could be until it was withdrawn: a master's own provider card, or a card that
// is assigned to a reseller.
func supplies(master bool) predicate.Expr {
	if master {
		return predicate.And{InTenant, ofKind(schema.ProviderCard), InReach, isOwn}
	}
	return predicate.And{InTenant, ofKind(schema.CustomerCard), predicate.Member{Item: OwnAccount, Set: predicate.Column("assigned_to")}}
}

// soldBelow holds for each card that a card of an account below can be bought
// from, and for each that the own account sells.
var soldBelow = predicate.And{InTenant, ofKind(schema.CustomerCard), InReach}

// What holds for each row of the own account, and what for each of an account
// below as well.
var (
	isOwn    = predicate.ColumnIs("account_id", OwnAccount)
	InTenant = predicate.ColumnIs("tenant_id", predicate.Operand{Ref: predicate.Ref{"subject", "account", "tenant_id"}})
	InReach  = predicate.Member{Item: predicate.Column("account_id"), Set: predicate.Operand{Ref: predicate.Below}}

	OwnAccount = predicate.Operand{Ref: predicate.Ref{"subject", "account", "id"}}
)

func ofKind(kind string) predicate.Expr {
	return predicate.ColumnIs("kind", predicate.Operand{Const: kind})
}

// ColumnsShown are the columns that the acting user is shown of a row, given its
// policy columns; none of one that it does not see.
func (r *Session) ColumnsShown(typ, id string, row map[string]any) []string {
	in := r.Input("read", typ, id)
	in.Resource.Row = row
	d := r.Engine.Decide(r.Ctx, in)
	switch {
	case !d.Allow:
		return nil
	case ofCosts[typ] != nil && !predicate.Of(r.CostsShown().where()).Eval(new(policies.Plan).Bind(r.Ctx, in)):
		return without(d.Columns, ofCosts[typ])
	}
	return d.Columns
}
