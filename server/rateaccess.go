package server

import (
	"context"
	"slices"

	"resellerd/policies"
	"resellerd/policies/predicate"
	"resellerd/store"
)

// reasonRatesHidden is the reason of a refusal to prove, build or compare for a
// user who may not read all rates that this needs.
const reasonRatesHidden = "rates_hidden"

// rateAccess is the only way to get an access to rates. The access asks the
// policy, once for each card, whether it shows the card's rates in all columns.
// rowOf reads the policy columns of a card.
func (r *call) rateAccess(rowOf func(ctx context.Context, typ, id string) (map[string]any, error)) store.RateAccess {
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
		if d.Outcome == outcomeError {
			return false, denied(d)
		}
		decided[card] = d.Allow
		return d.Allow, nil
	})
}

// decideWhole decides about reading rates, all columns of them or none.
func (r *call) decideWhole(in *policies.Input) policies.Decision {
	start := r.s.now()
	d := r.judge(in)
	r.shadowCheck(in, d, false)
	if !d.Allow || d.View != "" && showsAll("rate", d.Columns) {
		return r.record(in, d, start)
	}
	return r.recordAs(decidedByDoor, in, policies.Decision{Outcome: outcomeDeny, Reasons: []string{reasonRatesHidden}}, start)
}

// showsAll reports whether these are all columns of a type.
func showsAll(typ string, columns []string) bool {
	for name := range allColumns(typ) {
		if !slices.Contains(columns, name) {
			return false
		}
	}
	return true
}

// rates is the writer's access to rates, in its transaction.
func (w *writing) rates() store.RateAccess {
	if w.access == nil {
		access := w.r.rateAccess(w.tx.PolicyRow)
		w.access = &access
	}
	return *w.access
}

// mayProve refuses a writer who may not read all rates that a proof or a build of
// a card needs.
func (w *writing) mayProve(card, revision string) error {
	return w.tx.MayProve(w.r.ctx, w.rates(), card, revision)
}

// ofCosts are the columns that are worked out from what a card is bought for.
var ofCosts = map[string][]string{"card": {"stale"}, "revision": {"losses_accepted", "held_reason"}}

// hideCosts removes from a plan for reading all that is computed from rates, for
// a user who does not see all of them: columns of cards and revisions, and audit
// entries of accepted losses.
func (r *call) hideCosts(typ string, p *policies.Plan) *policies.Plan {
	told := typ != "audit" && ofCosts[typ] == nil
	if told || p.Outcome != outcomeAllow || r.seesCosts() {
		return p
	}
	cut := *p
	if typ == "audit" {
		cut.Filter = andAlso(p.Filter, noLossAccepted)
		return &cut
	}
	cut.Columns = make([]policies.ColumnGroup, len(p.Columns))
	for i, group := range p.Columns {
		cut.Columns[i] = policies.ColumnGroup{When: group.When, Columns: without(group.Columns, ofCosts[typ])}
	}
	return &cut
}

// noLossAccepted holds for the audit entries that tell of no accepted loss.
var noLossAccepted = predicate.Not{X: predicate.Compare{
	Op:    predicate.Eq,
	Left:  predicate.Operand{Ref: predicate.Ref{"resource", "action"}},
	Right: predicate.Operand{Const: "accept_losses"},
}}

// andAlso is a filter that lets fewer rows pass.
func andAlso(f predicate.Filter, e predicate.Expr) predicate.Filter {
	switch f.Kind {
	case predicate.All:
		return predicate.Of(e)
	case predicate.Where:
		return predicate.Of(predicate.And{f.Where, e})
	}
	return f
}

func without(names, those []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(those, name) })
}

// seesCosts reports whether the acting user is shown the rates of every card
// that it sees, all columns of them. Whatever a card is bought for, or was, is
// then no secret to it.
func (r *call) seesCosts() bool {
	if r.costs.facts != r.facts || r.facts == nil {
		r.costs.facts, r.costs.seen = r.facts, r.plansShowCosts()
	}
	return r.costs.seen
}

func (r *call) plansShowCosts() bool {
	cards := r.engine.Plan(r.ctx, r.input("read", "card", ""))
	rates := r.engine.Plan(r.ctx, r.input("read", "rate", ""))
	if cards.Outcome != outcomeAllow || rates.Outcome != outcomeAllow ||
		canonical(cards.Filter) != canonical(rates.Filter) || !slices.Equal(viewTexts(cards), viewTexts(rates)) {
		return false
	}
	var always []string
	for _, group := range rates.Columns {
		if group.When.Kind == predicate.All {
			always = append(always, group.Columns...)
		}
	}
	return showsAll("rate", always)
}

// columnsShown are the columns that the acting user is shown of a row, given its
// policy columns; none of one that it does not see.
func (r *call) columnsShown(typ, id string, row map[string]any) []string {
	in := r.input("read", typ, id)
	in.Resource.Row = row
	d := r.engine.Decide(r.ctx, in)
	switch {
	case !d.Allow:
		return nil
	case ofCosts[typ] != nil && !r.seesCosts():
		return without(d.Columns, ofCosts[typ])
	}
	return d.Columns
}
