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

// Built is a newly built draft and its recipe.
type Built struct {
	Revision Revision
	Recipe
}

// BuildRevision creates a draft of a customer card of the tenant. It applies the
// card's profit rules to the active revisions of its parents, and stores the recipe
// with the draft.
//
// It returns
//   - ErrNotFound for an unknown card
//   - ErrRatesHidden, as MayProve does, before it reads any rate
//   - ErrInvalid, with the prefix, if a rule makes a price negative or a price is
//     out of range
//   - ErrConflict if the card is not a customer card
//   - ErrConflict if the card has no parents, or a parent has no active revision,
//     is in another currency without an exchange rate, or is not assigned any more
//     (ReasonWithdrawn)
//
// After an error, roll the transaction back.
func (tx *Tx) BuildRevision(ctx context.Context, rates RateAccess, card string) (Built, error) {
	c, err := tx.builtCard(ctx, rates, card)
	if err != nil {
		return Built{}, err
	}
	w, err := tx.newBuildRun(ctx, rates, &c)
	if err != nil {
		return Built{}, fmt.Errorf("card %s: %w", card, err)
	}
	built, err := longWork(ctx, tx, dialect.Building, "the build of card "+card, w.recipe.Grounds, w.run)
	if err != nil {
		return Built{}, err
	}
	if err := tx.takeBuilt(ctx, &c, &built); err != nil {
		return Built{}, fmt.Errorf("card %s: %w", card, err)
	}
	return built.Built, nil
}

// stagedBuild is a build whose draft has no card yet.
type stagedBuild struct {
	Built
	parents []RevisionParent
	proof   *result // the proof that was made meanwhile; nil if it has findings
}

// takeBuilt makes a draft the card's, with its recipe.
func (tx *Tx) takeBuilt(ctx context.Context, c *Card, built *stagedBuild) error {
	built.Revision.CardID = c.ID
	err := tx.take(ctx, &built.Revision)
	if err == nil {
		err = tx.keepParents(ctx, &built.Revision, built.parents)
	}
	if err == nil {
		err = tx.keepRecipe(ctx, &built.Revision, built.Recipe)
	}
	if err == nil && built.proof != nil {
		tx.work.done[proofOf(built.Revision.ID)] = *built.proof
	}
	return err
}

// builtCard reads a card of the tenant, and refuses one that may not be built.
func (tx *Tx) builtCard(ctx context.Context, rates RateAccess, card string) (Card, error) {
	c, err := tx.Card(ctx, card)
	if err == nil && c.Kind != schema.CustomerCard {
		err = fmt.Errorf("card %s: %w", card, fault.Conflict("kind", "must be customer: only customer cards can be built"))
	}
	if err == nil {
		err = tx.mayProve(ctx, rates, &c, "")
	}
	return c, err
}

// buildFault turns an arithmetic error into an ErrInvalid about the profit rules.
func buildFault(err error) error {
	switch {
	case errors.Is(err, rating.ErrNegative), errors.Is(err, rating.ErrOverflow), errors.Is(err, rating.ErrInvalid):
		return fault.Invalid("profit_rules", "cannot be applied: "+plainText(err))
	}
	return err
}

// buildRun is a prepared build.
type buildRun struct {
	tx      *Tx
	card    *Card
	recipe  Recipe
	parents []RevisionParent
	builder *rating.Builder
	below   []rating.Prefix // prefixes that the rules add
	names   naming
	prover  *rating.Prover // nil after the first finding
	on      string         // the inputs of the proof

	blocked int64 // the blocked rows so far
}

func (tx *Tx) newBuildRun(ctx context.Context, rates RateAccess, c *Card) (*buildRun, error) {
	g, err := tx.grounds(ctx, c)
	if err == nil {
		err = rates.readsSides(ctx, c, g.Parents)
	}
	if err != nil {
		return nil, err
	}
	w := &buildRun{tx: tx, card: c, recipe: g.Recipe, parents: g.Parents}
	build, err := w.recipe.build(w.parents)
	if err != nil {
		return nil, err
	}
	w.below = build.Rules.Below()
	if w.builder, err = rating.NewBuilder(build); err != nil {
		return nil, err
	}
	w.names.own = g.Names
	return w, w.readyProof(ctx)
}

// readyProof prepares a proof that runs during the build, so that activation need
// not read both sides again.
func (w *buildRun) readyProof(ctx context.Context) error {
	proof := Proof{Parents: w.parents}
	sale, bought, err := w.tx.sides(ctx, w.card, w.parents)
	if err != nil {
		return err
	}
	w.on = proof.stand(sale, bought, routingOf(w.card))
	w.prover, err = rating.NewProver(sale, bought, routingOf(w.card), func(rating.Finding) error { return errStopped })
	return err
}

// prove adds a row to the proof. The first finding ends the proof: such a revision
// is proved again, from the start, when somebody asks for the result.
func (w *buildRun) prove(row *rating.Row, found []*rating.Row) {
	if w.prover != nil && w.prover.Row(row.Prefix, row, found) != nil {
		w.prover = nil
	}
}

// proof returns the finished proof, or nil if it has findings.
func (w *buildRun) proof() *result {
	if w.prover == nil {
		return nil
	}
	return &result{w.on, Proof{Parents: w.parents, Prefixes: w.prover.Summary().Prefixes}}
}

// sourcesOf finds the card's parents and their active revisions.
func (tx *Tx) sourcesOf(ctx context.Context, c *Card) ([]RevisionParent, error) {
	parents, err := tx.parents(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	if len(parents) == 0 {
		return nil, fault.Conflict("parents", "is empty: the card has nothing to build from")
	}
	all := make([]RevisionParent, len(parents))
	for i, p := range parents {
		if all[i], err = tx.sourceOf(ctx, c, p); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (tx *Tx) sourceOf(ctx context.Context, c *Card, p Parent) (RevisionParent, error) {
	source := RevisionParent{Parent: p}
	parent, err := tx.Card(ctx, p.CardID)
	if errors.Is(err, fault.ErrNotFound) {
		return source, errWithdrawn
	}
	if err != nil {
		return source, err
	}
	usable, err := tx.usable(ctx, c, &parent)
	if err == nil && !usable {
		err = errWithdrawn
	}
	if err == nil {
		err = asConflict(fits(p, c, &parent))
	}
	if err != nil {
		return source, err
	}
	active, err := tx.activeRevision(ctx, p.CardID)
	if err == nil && active.ID == "" {
		err = fault.Conflict("parents", "has a card without an active revision")
	}
	source.RevisionID = active.ID
	return source, err
}

var errWithdrawn error = &ReasonError{ReasonWithdrawn, fault.Conflict("parents", "has a card that is no longer assigned")}

// asConflict turns an ErrInvalid into an ErrConflict: the value would be invalid in
// a new row, but this row is stored already.
func asConflict(err error) error {
	var reason *ReasonError
	if errors.As(err, &reason) {
		return &ReasonError{reason.Code, asConflict(reason.Err)}
	}
	var field *fault.FieldError
	if errors.As(err, &field) {
		return fault.Conflict(field.Field, field.Text)
	}
	return err
}

// run computes the rows of a new draft, and stages them.
func (w *buildRun) run(ctx context.Context, at *site) (stagedBuild, error) {
	built := stagedBuild{parents: w.parents}
	built.Revision = Revision{ID: at.store.newID("revision"), Status: RevisionDraft, Origin: OriginBuild, CreatedAt: w.tx.now}
	for _, p := range w.parents {
		w.names.parents = append(w.names.parents, at.open(ctx, p.RevisionID))
	}
	if at.tx == nil {
		defer raterows.Prefetch(w.names.parents...)()
	}
	err := at.fill(ctx, []*Revision{&built.Revision}, func(ctx context.Context, emit func([]any) error) error {
		return w.rows(ctx, &built.Revision, emit)
	})
	if err != nil {
		return built, fmt.Errorf("card %s: %w", w.card.ID, buildFault(at.store.dialect.TranslateIn(ctx, err)))
	}
	w.recipe.Blocked, w.recipe.Borrowed = w.blocked, w.names.borrowed
	built.Recipe, built.proof = w.recipe, w.proof()
	return built, nil
}

// rows computes every row, in the order of prefixes.
func (w *buildRun) rows(ctx context.Context, draft *Revision, emit func([]any) error) error {
	sources := make([]rating.Source, len(w.parents))
	for i, reader := range w.names.parents {
		reader.EndWith(ctx)
		sources[i] = reader.Source()
	}
	id, row, values := any(draft.ID), make([]any, 0, len(rateColumns)), schema.NewRateValues()
	return rating.Normalise(sources, w.below, func(p rating.Prefix, found []*rating.Row) error {
		rate, err := w.builder.Row(p, found)
		if err != nil {
			return fmt.Errorf("prefix %s: %w", p, err)
		}
		sold := rating.Row{Prefix: p, Rate: rate}
		w.prove(&sold, found)
		stored := RateOf(sold, w.names.of(p, found))
		if stored.Blocked {
			w.blocked++
		}
		draft.Rows++
		row = values.Append(append(row[:0], id), &stored)
		return emit(row)
	})
}

// RateOf converts a computed row and its name to a stored rate.
func RateOf(r rating.Row, name string) Rate {
	return Rate{
		Prefix: r.Prefix.String(), Name: name, Cost: int64(r.Cost), Inter: price(r.Inter), Intra: price(r.Intra),
		MCD: int(r.MCD), Pulse: int(r.Pulse), Connect: int64(r.Connect), Blocked: r.Blocked,
	}
}

func price(m rating.Optional[rating.Money]) *int64 {
	amount, ok := m.Get()
	if !ok {
		return nil
	}
	n := int64(amount)
	return &n
}
