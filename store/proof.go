package store

import (
	"context"
	"errors"
	"fmt"

	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/raterows"
	"resellerd/store/rating"
	"resellerd/store/schema"
)

// The kinds of problems that a proof finds.
const (
	ProblemLosing  = "losing"   // a call costs more than it sells for
	ProblemNoRoute = "no_route" // the prefix is open for sale, but every parent lacks or blocks it
)

// Proof is the result of comparing a revision's prices with the costs of its calls.
type Proof struct {
	Parents  []RevisionParent // the cards to buy from; none if nothing was compared
	Prefixes int              // the prefixes of both sides that are open for sale
	Losing   int              // prefixes that lose in any jurisdiction
	NoRoute  int              // prefixes without a route
	First    Finding          // the first finding of a loss, if there is one
}

// Finding is a problem with a prefix.
type Finding struct {
	Prefix  string // the prefix of a row of either side
	Sold    string // the prefix of the card's row that sets the price
	Problem string // ProblemLosing or ProblemNoRoute
	Blocked bool   // for no_route: a parent blocks the prefix; false if no parent has it

	Jurisdictions rating.Jurisdictions // for a loss: those in which some call loses

	ParentID string // the parent with the greatest loss
	Seconds  uint32 // the shortest losing call; 0 if only calls of over two hours lose
	Loss     int64  // the loss of that call, in the card's currency; of a minute if Seconds is 0
}

// ProveRevision compares the prices of a revision of a card of the tenant with its
// costs. The costs come from the active revisions of the card's present parents. If
// the card has no parents any more, they come from the cards that the revision was
// built from. A card without either gets a Proof without Parents. See rating.Prove
// for what is proved. report, which may be nil, is called with each finding in the
// order of prefixes. An error of report ends the proof and is returned.
//
// It returns
//   - ErrNotFound if the card or the revision is absent
//   - ErrRatesHidden, as MayProve does, before it compares anything
//   - ErrConflict if there is no cost to compare with: a parent was withdrawn
//     (ReasonWithdrawn), has no active revision, or is in another currency without
//     an exchange rate
func (tx *Tx) ProveRevision(ctx context.Context, rates RateAccess, card, id string, report func(Finding) error) (Proof, error) {
	c, parents, err := tx.provable(ctx, rates, card, id)
	if err != nil {
		return Proof{}, err
	}
	r, err := tx.Revision(ctx, card, id)
	if err != nil {
		return Proof{}, err
	}
	return tx.proveAgainst(ctx, rates, &c, id, parents, proofOf(id)+" on "+r.BaseID, report) // another base has other rates
}

// proofOf names the proof of a revision against the card's present parents.
func proofOf(revision string) string { return "the proof of revision " + revision }

// proveAgainst proves a revision against parents. what names the proof. Without
// report, the proof is long work.
func (tx *Tx) proveAgainst(
	ctx context.Context, rates RateAccess, c *Card, id string, parents []RevisionParent, what string, report func(Finding) error,
) (Proof, error) {
	proof := Proof{Parents: parents}
	if len(proof.Parents) == 0 {
		return proof, nil
	}
	if err := rates.readsSides(ctx, c, parents); err != nil {
		return Proof{}, err
	}
	sale, bought, err := tx.sides(ctx, c, proof.Parents)
	if err != nil {
		return proof, fmt.Errorf("proof of revision %s: %w", id, err)
	}
	prove := func(ctx context.Context, at *site) (proved Proof, err error) {
		proved = proof
		defer at.readSides(ctx, id, &sale, proof.Parents, bought)()
		if err = proved.prove(sale, bought, routingOf(c), report); err != nil {
			err = fmt.Errorf("proof of revision %s: %w", id, proofFault(err))
		}
		return proved, err
	}
	if report != nil {
		return prove(unyielding(ctx), &site{store: tx.store, tx: tx})
	}
	return longWork(ctx, tx, dialect.Proving, what, proof.stand(sale, bought, routingOf(c)), prove)
}

// prove compares the sides, reports each finding, and sets the totals.
func (p *Proof) prove(sale rating.Side, bought []rating.Side, routing rating.Routing, report func(Finding) error) error {
	sum, err := rating.Prove(sale, bought, routing, func(f rating.Finding) error {
		if p.First.Problem == "" && f.Problem == rating.Losing {
			p.First = p.finding(f)
		}
		if report == nil {
			return nil
		}
		return report(p.finding(f))
	})
	p.Prefixes, p.Losing, p.NoRoute = sum.Prefixes, sum.Losing, sum.NoRoute
	return err
}

// stand returns the inputs of a proof, except the rates of the revision.
func (p *Proof) stand(sale rating.Side, sides []rating.Side, routing rating.Routing) string {
	text := fmt.Sprint(p.Parents, routing, sale.Charge)
	for _, side := range sides {
		text += fmt.Sprint(side.Charge, side.Exchange)
	}
	return text
}

// provable finds the cards to compare a revision with.
func (tx *Tx) provable(ctx context.Context, rates RateAccess, card, id string) (c Card, parents []RevisionParent, err error) {
	if _, err := tx.Revision(ctx, card, id); err != nil {
		return c, nil, err
	}
	if c, err = tx.Card(ctx, card); err == nil {
		err = tx.mayProve(ctx, rates, &c, id)
	}
	if err == nil {
		parents, err = tx.boughtFrom(ctx, &c, id)
	}
	if err != nil {
		err = fmt.Errorf("proof of revision %s: %w", id, err)
	}
	return c, parents, err
}

// proofFault turns a charge that is out of range into an ErrConflict.
func proofFault(err error) error {
	if errors.Is(err, rating.ErrOverflow) {
		return fault.Conflict("", "the charge of a call is out of range")
	}
	return err
}

// boughtFrom finds the cards that calls on a revision are bought from: the card's
// parents. If it has none any more, they are the cards that the revision was built
// from.
func (tx *Tx) boughtFrom(ctx context.Context, c *Card, revision string) ([]RevisionParent, error) {
	if c.Kind != schema.CustomerCard {
		return nil, nil
	}
	parents, err := tx.parents(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	if len(parents) == 0 {
		if parents, err = tx.builtFrom(ctx, revision); err != nil {
			return nil, err
		}
	}
	all := make([]RevisionParent, len(parents))
	for i, p := range parents {
		if all[i], err = tx.sourceOf(ctx, c, p); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// builtFrom lists the parents that a revision was built from. An imported revision
// has none.
func (tx *Tx) builtFrom(ctx context.Context, revision string) ([]Parent, error) {
	_, built, err := tx.store.recipe(ctx, tx.tx, revision)
	parents := make([]Parent, len(built))
	for i, p := range built {
		parents[i] = p.Parent
	}
	return parents, err
}

// sides returns both sides of the proof, without their rates. A parent's charges
// are rounded as the parent card says, because its buyer is charged like that.
func (tx *Tx) sides(ctx context.Context, c *Card, parents []RevisionParent) (sale rating.Side, bought []rating.Side, err error) {
	sale = rating.Side{Exchange: rating.Par}
	if sale.Charge, err = rating.NewRounding(c.ChargePrecision, c.ChargeRounding); err != nil {
		return sale, nil, err
	}
	for _, p := range parents {
		card, err := tx.Card(ctx, p.CardID)
		if err != nil {
			return sale, nil, err
		}
		var side rating.Side
		if side.Exchange, err = p.Rate(); err != nil {
			return sale, nil, err
		}
		if side.Charge, err = rating.NewRounding(card.ChargePrecision, card.ChargeRounding); err != nil {
			return sale, nil, err
		}
		bought = append(bought, side)
	}
	return sale, bought, nil
}

// readSides sets the sources of the rates of both sides. Outside of a transaction,
// both sides are read ahead. Call end after the last read.
func (a *site) readSides(
	ctx context.Context, revision string, sale *rating.Side, parents []RevisionParent, bought []rating.Side,
) (end func()) {
	readers := []*raterows.Reader{a.open(ctx, revision)}
	sale.Rows = readers[0].Source()
	for i, p := range parents {
		reader := a.open(ctx, p.RevisionID)
		bought[i].Rows = reader.Source()
		readers = append(readers, reader)
	}
	if a.tx != nil {
		return nothing
	}
	return raterows.Prefetch(readers...)
}

func (p *Proof) finding(f rating.Finding) Finding {
	found := Finding{Prefix: f.Prefix.String(), Sold: f.Sold.String(), Problem: ProblemNoRoute, Blocked: f.Blocked}
	if f.Problem == rating.Losing {
		found.Problem, found.Jurisdictions = ProblemLosing, f.Jurisdictions
		found.ParentID, found.Seconds, found.Loss = p.Parents[f.Parent].CardID, f.Seconds, int64(f.Loss)
	}
	return found
}
