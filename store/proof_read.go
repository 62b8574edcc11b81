package store

import (
	"context"
	"fmt"

	"resellerd/store/raterows"
	"resellerd/store/rating"
)

// PreparedProof is a proof that may begin. It holds the settings of both sides, but
// neither a transaction nor a connection.
type PreparedProof struct {
	store    *Store
	card     Card
	revision string
	parents  []RevisionParent
	sale     rating.Side
	bought   []rating.Side
}

// PrepareProof reads what a proof of a revision needs, except the rates. It returns
// the errors of ProveRevision, except those of report and of the rates.
func (tx *Tx) PrepareProof(ctx context.Context, rates RateAccess, card, id string) (*PreparedProof, error) {
	c, parents, err := tx.provable(ctx, rates, card, id)
	if err != nil {
		return nil, err
	}
	p := &PreparedProof{store: tx.store, card: c, revision: id, parents: parents}
	if len(parents) == 0 {
		return p, nil
	}
	if err := rates.readsSides(ctx, &c, parents); err != nil {
		return nil, err
	}
	if p.sale, p.bought, err = tx.sides(ctx, &c, parents); err != nil {
		return nil, fmt.Errorf("proof of revision %s: %w", id, err)
	}
	return p, nil
}

// Run makes the proof and calls report with each finding, as ProveRevision does. It
// holds no connection while report runs: rates of a revision do not change. It
// returns ErrNotFound if a revision is deleted before the end.
func (p *PreparedProof) Run(ctx context.Context, report func(Finding) error) (Proof, error) {
	proof := Proof{Parents: p.parents}
	if len(p.parents) == 0 {
		return proof, nil
	}
	s := p.store
	revisions := []string{p.revision}
	sale, bought := p.sale, append([]rating.Side(nil), p.bought...)
	sale.Rows = raterows.NewReader(ctx, s.dialect, s.pool, p.revision).Source()
	for i, parent := range p.parents {
		revisions = append(revisions, parent.RevisionID)
		bought[i].Rows = raterows.NewReader(ctx, s.dialect, s.pool, parent.RevisionID).Source()
	}
	sum, err := rating.Prove(sale, bought, routingOf(&p.card), func(f rating.Finding) error { return report(proof.finding(f)) })
	proof.Prefixes, proof.Losing, proof.NoRoute = sum.Prefixes, sum.Losing, sum.NoRoute
	if err != nil {
		return proof, fmt.Errorf("proof of revision %s: %w", p.revision, proofFault(err))
	}
	for _, id := range revisions {
		if err := s.query.There(ctx, s.pool, id); err != nil {
			return proof, fmt.Errorf("proof of revision %s: %w", p.revision, err)
		}
	}
	return proof, nil
}
