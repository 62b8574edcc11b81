package store

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"resellerd/store/fault"
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
	built, err := w.run(ctx)
	if err != nil {
		return Built{}, fmt.Errorf("card %s: %w", card, tx.refused(ctx, buildFault(err)))
	}
	return built, nil
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

// errStopped ends a build or a proof whose results are not needed any more.
var errStopped = errors.New("stopped")

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
	for _, p := range w.parents {
		w.names.parents = append(w.names.parents, tx.reader(ctx, p.RevisionID))
	}
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

// keepProof keeps a proof without findings until the transaction ends.
func (w *buildRun) keepProof(revision string) {
	if w.prover == nil {
		return
	}
	if w.tx.proved == nil {
		w.tx.proved = map[string]keptProof{}
	}
	w.tx.proved[revision] = keptProof{w.on, w.prover.Summary().Prefixes}
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

func (w *buildRun) run(ctx context.Context) (Built, error) {
	draft := Revision{ID: w.tx.store.newID("revision"), CardID: w.card.ID, Status: RevisionDraft, Origin: OriginBuild, CreatedAt: w.tx.now}
	err := w.tx.keepParents(ctx, &draft, w.parents)
	if err == nil {
		err = w.write(ctx, &draft)
	}
	w.recipe.Borrowed = w.names.borrowed
	if err == nil {
		err = w.tx.keepRecipe(ctx, &draft, w.recipe)
	}
	if err == nil {
		w.keepProof(draft.ID)
	}
	return Built{Revision: draft, Recipe: w.recipe}, err
}

// write computes the rows and stores them. It does both in parallel if another
// connection can read the parents, and otherwise alternates.
func (w *buildRun) write(ctx context.Context, draft *Revision) error {
	parallel, end, err := w.tx.readInParallel(ctx, w.names.parents)
	if err != nil {
		return err
	}
	defer end()
	if !parallel {
		return w.writeInTurns(ctx, draft)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for _, reader := range w.names.parents {
		reader.EndWith(ctx)
	}
	batches := w.batches(ctx)
	err = w.insert(ctx, draft, func() ([]Rate, error) {
		batch := <-batches
		return batch.rates, batch.err
	})
	stop()
	for range batches { // wait until the other goroutine has released its connection
	}
	return err
}

// ratesBatch is a batch of rows, or the error that ended them.
type ratesBatch struct {
	rates []Rate
	err   error
}

// batches computes the rows in a separate goroutine, which ends with ctx.
func (w *buildRun) batches(ctx context.Context) <-chan ratesBatch {
	out := make(chan ratesBatch, 4)
	go func() {
		defer close(out)
		next, stop := iter.Pull2(w.rates)
		defer stop()
		for {
			rates, err := nextRates(next, besideTurn)
			select {
			case out <- ratesBatch{rates, err}:
			case <-ctx.Done():
				return
			}
			if err != nil || len(rates) == 0 {
				return
			}
		}
	}()
	return out
}

const (
	besideTurn = 1_000  // rows in a batch of a parallel build
	turn       = 10_000 // rows that are computed before they are written
)

func (w *buildRun) writeInTurns(ctx context.Context, draft *Revision) error {
	next, stop := iter.Pull2(w.rates)
	defer stop()
	for {
		batch, err := nextRates(next, turn)
		if err != nil || len(batch) == 0 {
			return err
		}
		once := batch
		err = w.insert(ctx, draft, func() ([]Rate, error) {
			some := once
			once = nil
			return some, nil
		})
		if err != nil {
			return err
		}
	}
}

// insert writes batches of rows until more returns an empty one.
func (w *buildRun) insert(ctx context.Context, draft *Revision, more func() ([]Rate, error)) error {
	var batch []Rate
	id, columns, values := any(draft.ID), make([]any, 0, len(rateColumns)), schema.NewRateValues()
	n, err := w.tx.store.dialect.BulkInsert(ctx, w.tx.tx, "rates", rateColumns, func() ([]any, error) {
		if len(batch) == 0 {
			var err error
			if batch, err = more(); err != nil {
				return nil, err
			}
			if len(batch) == 0 {
				return nil, nil
			}
		}
		rate := &batch[0]
		batch = batch[1:]
		if rate.Blocked {
			w.recipe.Blocked++
		}
		return values.Append(append(columns, id), rate), nil
	})
	draft.Rows += n
	return err
}

func nextRates(next func() (Rate, error, bool), most int) ([]Rate, error) {
	batch := make([]Rate, 0, most)
	for len(batch) < most {
		rate, err, more := next()
		if err != nil || !more {
			return batch, err
		}
		batch = append(batch, rate)
	}
	return batch, nil
}

// rates computes every row, in the order of prefixes. It yields an error last.
func (w *buildRun) rates(yield func(Rate, error) bool) {
	err := w.each(func(rate Rate) error {
		if !yield(rate, nil) {
			return errStopped
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStopped) {
		yield(Rate{}, err)
	}
}

func (w *buildRun) each(emit func(Rate) error) error {
	sources := make([]rating.Source, len(w.parents))
	for i, reader := range w.names.parents {
		sources[i] = reader.Source()
	}
	return rating.Normalise(sources, w.below, func(p rating.Prefix, found []*rating.Row) error {
		rate, err := w.builder.Row(p, found)
		if err != nil {
			return fmt.Errorf("prefix %s: %w", p, err)
		}
		row := rating.Row{Prefix: p, Rate: rate}
		w.prove(&row, found)
		return emit(RateOf(row, w.names.of(p, found)))
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
