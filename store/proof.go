package store

import (
	"context"
	"errors"
	"fmt"

	"resellerd/store/fault"
	"resellerd/store/raterows"
	"resellerd/store/rating"
	"resellerd/store/schema"
)

// The problems that a proof finds.
const (
	ProblemLosing  = "losing"   // a call costs more than it sells for
	ProblemNoRoute = "no_route" // open for sale, and no parent is open
)

// Proof says how a revision stands against what its calls are bought for.
type Proof struct {
	Parents  []RevisionParent // what it was held against; none: there is nothing to buy from
	Prefixes int              // of both sides, those open for sale
	Losing   int              // prefixes, in whichever jurisdiction
	NoRoute  int              // prefixes
	First    Finding          // the first losing one, where there is one
}

// Finding is a problem with a prefix. A losing one has a finding for each
// jurisdiction that loses.
type Finding struct {
	Prefix  string // of either side
	Sold    string // the prefix of the row that it sells by
	Problem string // ProblemLosing or ProblemNoRoute
	Blocked bool   // of no_route: a parent blocks it; else none knows it

	Jurisdiction string
	ParentID     string // the parent with the greatest loss there
	Seconds      uint32 // the shortest losing call; 0 for only those of over two hours
	Loss         int64  // of that call, in the card's currency; of a minute where Seconds is 0
}

// ProveRevision holds a revision of a card of the tenant against the active
// revisions of the card's parents as they stand now, or those it was built
// from where the card has none any more; see rating.Prove for what is proved.
// report, which may be nil, is called with each finding in the order of
// prefixes; its error ends the proof and is returned.
//
// It returns
//   - ErrNotFound when the card or the revision is absent
//   - ErrRatesHidden, as MayProve does, before anything is compared
//   - ErrConflict when there is no cost to compare with: a parent was withdrawn
//     (ReasonWithdrawn), has no active revision, or is in another currency
//     without an exchange rate
func (tx *Tx) ProveRevision(ctx context.Context, rates RateAccess, card, id string, report func(Finding) error) (Proof, error) {
	c, parents, err := tx.provable(ctx, rates, card, id)
	if err != nil {
		return Proof{}, err
	}
	return tx.proveAgainst(ctx, rates, &c, id, parents, report)
}

func (tx *Tx) proveAgainst(ctx context.Context, rates RateAccess, c *Card, id string, parents []RevisionParent, report func(Finding) error) (Proof, error) {
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
	if done, ok := tx.proved[id]; ok && done.on == proof.stand(sale, bought, routingOf(c)) {
		proof.Prefixes = done.prefixes
		return proof, nil
	}
	end, err := tx.readSides(ctx, id, &sale, proof.Parents, bought, report == nil)
	if err != nil {
		return proof, fmt.Errorf("proof of revision %s: %w", id, err)
	}
	defer end()
	sum, err := rating.Prove(sale, bought, routingOf(c), func(f rating.Finding) error {
		if proof.First.Problem == "" && f.Problem == rating.Losing {
			proof.First = proof.finding(f)
		}
		if report == nil {
			return nil
		}
		return report(proof.finding(f))
	})
	proof.Prefixes, proof.Losing, proof.NoRoute = sum.Prefixes, sum.Losing, sum.NoRoute
	if err != nil {
		return proof, fmt.Errorf("proof of revision %s: %w", id, proofFault(err))
	}
	return proof, nil
}

// keptProof is a proof without findings that was made while a revision was built,
// and all it rests on.
type keptProof struct {
	on       string
	prefixes int
}

// stand is what a proof of a revision rests on, beside its rates.
func (p *Proof) stand(sale rating.Side, sides []rating.Side, routing rating.Routing) string {
	text := fmt.Sprint(p.Parents, routing, sale.Charge)
	for _, side := range sides {
		text += fmt.Sprint(side.Charge, side.Exchange)
	}
	return text
}

// Provable returns the error, if any, that ProveRevision would return before
// the first finding.
func (tx *Tx) Provable(ctx context.Context, rates RateAccess, card, id string) error {
	_, _, err := tx.provable(ctx, rates, card, id)
	return err
}

// provable finds what a revision is to be held against.
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

// proofFault is a charge that is out of range, as a fault of the card.
func proofFault(err error) error {
	if errors.Is(err, rating.ErrOverflow) {
		return fault.Conflict("", "the charge of a call is out of range")
	}
	return err
}

// boughtFrom finds what calls on a revision are bought from: the card's parents,
// or where it has none any more, those that the revision was built from.
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

// builtFrom is what a revision was built from; nothing for an imported one.
func (tx *Tx) builtFrom(ctx context.Context, revision string) ([]Parent, error) {
	_, built, err := tx.store.recipe(ctx, tx.tx, revision)
	parents := make([]Parent, len(built))
	for i, p := range built {
		parents[i] = p.Parent
	}
	return parents, err
}

// sides are both sides of the proof, without their rates. A parent's charges
// are rounded as its card says, which is what its buyer is shown.
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

// readSides has the rates of both sides read: side by side where they are read
// swiftly and the parents can be read by another connection. Who takes findings
// may do so slowly, and does not keep the others from that connection.
func (tx *Tx) readSides(
	ctx context.Context, revision string, sale *rating.Side, parents []RevisionParent, bought []rating.Side, swiftly bool,
) (end func(), err error) {
	own := tx.reader(ctx, revision)
	sale.Rows = own.Source()
	readers := make([]*raterows.Reader, len(parents))
	for i, p := range parents {
		readers[i] = tx.reader(ctx, p.RevisionID)
		bought[i].Rows = readers[i].Source()
	}
	if !swiftly {
		return nothing, nil
	}
	parallel, letGo, err := tx.readInParallel(ctx, readers)
	if err != nil || !parallel {
		return letGo, err
	}
	rest := raterows.Prefetch(append(readers, own)...)
	return func() { rest(); letGo() }, nil
}

func (p *Proof) finding(f rating.Finding) Finding {
	found := Finding{Prefix: f.Prefix.String(), Sold: f.Sold.String(), Problem: ProblemNoRoute, Blocked: f.Blocked}
	if f.Problem == rating.Losing {
		found.Problem, found.Jurisdiction = ProblemLosing, f.Jurisdiction.String()
		found.ParentID, found.Seconds, found.Loss = p.Parents[f.Parent].CardID, f.Seconds, int64(f.Loss)
	}
	return found
}
