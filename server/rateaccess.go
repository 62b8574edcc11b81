package server

import (
	"context"
	"slices"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/schema"
)

// reasonRatesHidden is the reason of a refusal to prove, build or compare for a
// user who may not read all rates that this needs.
const reasonRatesHidden = "rates_hidden"

// rateAccess is the only way to get an access to rates. The access asks the
// policy, once for each card, whether it shows the card's rates in all columns.
// rowOf reads the policy columns of a card.
func (r *core) rateAccess(rowOf func(ctx context.Context, typ, id string) (map[string]any, error)) store.RateAccess {
	decided := map[string]bool{}
	return store.RateAccessBy(func(ctx context.Context, card string) (bool, error) {
		if shown, ok := decided[card]; ok {
			return shown, nil
		}
		in := r.input("read", "rate", card)
		var err error
		if in.Resource.Row, err = rowOf(ctx, "rate", card); err != nil {
			return false, err
		}
		d := r.decideWhole(in)
		if d.Outcome == policies.OutcomeError {
			return false, &deniedError{decision: d}
		}
		decided[card] = d.Allow
		return d.Allow, nil
	})
}

// decideWhole decides about reading rates, all columns of them or none.
func (r *core) decideWhole(in *input.Input) policies.Decision {
	start := r.now()
	d := r.judge(in)
	r.shadow.Check(r.engine, in, d, false, r.decisionID, r.users.liesBelow)
	if !d.Allow || d.View != "" && showsAll("rate", d.Columns) {
		return r.record(in, d, start)
	}
	return r.recordAs(decidedByServer, in, policies.Decision{Outcome: policies.OutcomeDeny, Reasons: []string{reasonRatesHidden}}, start)
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

// costsShown says of which cards a user is shown what they are bought for.
type costsShown struct {
	master bool // the user is of a master, and reaches all that it sees
	rates  bool // of the cards that it sees, the rates in all columns
	own    bool // and so of whatever a card of the own account can be bought from
	below  bool // and so of whatever a card of an account below can be bought from
}

// where holds for a row if the costs of the row's account are shown.
func (c costsShown) where() predicate.Expr {
	reach := predicate.Expr(inReach)
	if c.master {
		reach = predicate.True{}
	}
	switch {
	case c.own && c.below:
		return predicate.Or{isOwn, reach}
	case c.own:
		return isOwn
	case c.below:
		return predicate.And{reach, predicate.Not{X: isOwn}}
	}
	return predicate.False{}
}

// losses holds for the audit entries that tell of no losses which the user may
// not know. An entry tells what a card is sold for as well, and that is known
// like what is bought below.
func (c costsShown) losses() predicate.Expr {
	c.own = c.own && c.below
	return predicate.Or{noLossAccepted, c.where()}
}

// noLossAccepted holds for the audit entries that tell of no accepted loss.
var noLossAccepted = predicate.Compare{Op: predicate.Ne, Left: column("action"), Right: predicate.Operand{Const: "accept_losses"}}

// hideCosts removes from a plan for reading all that is computed from rates that
// the user may not read: columns of cards and revisions, and audit entries of
// accepted losses.
func (r *core) hideCosts(typ string, p *policies.Plan) *policies.Plan {
	free := typ != "audit" && ofCosts[typ] == nil
	if free || p.Outcome != policies.OutcomeAllow {
		return p
	}
	cut := *p
	if typ == "audit" {
		cut.Filter = andAlso(p.Filter, r.costsShown().losses())
		return &cut
	}
	where := r.costsShown().where()
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

// costsShown says which costs the acting user is shown.
func (r *core) costsShown() costsShown {
	if r.costs.facts != r.facts || r.facts == nil {
		r.costs.facts, r.costs.shown = r.facts, r.planCosts()
	}
	return r.costs.shown
}

// planCosts finds which costs the policy shows, from its plans. A policy that
// hides even one card by anything else than whose and of what kind it is shows
// none: that card may be what another one is bought from.
func (r *core) planCosts() (shown costsShown) {
	cards := r.engine.Plan(r.ctx, r.input("read", "card", ""))
	rates := r.engine.Plan(r.ctx, r.input("read", "rate", ""))
	if cards.Outcome != policies.OutcomeAllow || rates.Outcome != policies.OutcomeAllow ||
		cards.Filter.Canonical() != rates.Filter.Canonical() || !slices.Equal(cards.ViewTexts(), rates.ViewTexts()) {
		return shown
	}
	var always []string
	for _, group := range rates.Columns {
		if group.When.Kind == predicate.All {
			always = append(always, group.Columns...)
		}
	}
	if shown.rates = showsAll("rate", always); shown.rates && r.facts != nil {
		shown.master = r.facts.Account.Kind == store.Master
		shown.own = rates.Filter.Covers(supplies(shown.master))
		shown.below = rates.Filter.Covers(soldBelow)
	}
	return shown
}

// supplies holds for each card that a card of the own account can be bought from,
// or could be until it was withdrawn: a master's own provider card, or a card that
// is assigned to a reseller.
func supplies(master bool) predicate.Expr {
	if master {
		return predicate.And{inTenant, ofKind(schema.ProviderCard), inReach, isOwn}
	}
	return predicate.And{inTenant, ofKind(schema.CustomerCard), predicate.Member{Item: ownAccount, Set: column("assigned_to")}}
}

// soldBelow holds for each card that a card of an account below can be bought
// from, and for each that the own account sells.
var soldBelow = predicate.And{inTenant, ofKind(schema.CustomerCard), inReach}

// What holds for each row of the own account, and what for each of an account
// below as well.
var (
	isOwn    = equal("account_id", ownAccount)
	inTenant = equal("tenant_id", predicate.Operand{Ref: predicate.Ref{"subject", "account", "tenant_id"}})
	inReach  = predicate.Member{Item: column("account_id"), Set: predicate.Operand{Ref: predicate.Below}}

	ownAccount = predicate.Operand{Ref: predicate.Ref{"subject", "account", "id"}}
)

func column(name string) predicate.Operand {
	return predicate.Operand{Ref: predicate.Ref{"resource", name}}
}

func equal(name string, to predicate.Operand) predicate.Compare {
	return predicate.Compare{Op: predicate.Eq, Left: column(name), Right: to}
}

func ofKind(kind string) predicate.Expr { return equal("kind", predicate.Operand{Const: kind}) }

// columnsShown are the columns that the acting user is shown of a row, given its
// policy columns; none of one that it does not see.
func (r *core) columnsShown(typ, id string, row map[string]any) []string {
	in := r.input("read", typ, id)
	in.Resource.Row = row
	d := r.engine.Decide(r.ctx, in)
	switch {
	case !d.Allow:
		return nil
	case ofCosts[typ] != nil && !predicate.Of(r.costsShown().where()).Eval(new(policies.Plan).Bind(r.ctx, in)):
		return without(d.Columns, ofCosts[typ])
	}
	return d.Columns
}
