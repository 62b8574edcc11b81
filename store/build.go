package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"resellerd/store/rating"
)

// Built is a draft that was built, and its recipe.
type Built struct {
	Revision Revision
	Recipe
}

// BuildRevision makes a new draft of a customer card of the tenant from the
// active revisions of its parents, by its profit rules, and keeps the recipe
// with it.
//
// It returns ErrNotFound for an unknown card; ErrInvalid, with the prefix, where
// a rule takes off more than a price has or a price is out of range; and
// ErrConflict when there is nothing to build from: no parents, one without an
// active revision, one in another currency without an exchange rate, or one
// that is not assigned any more (ReasonWithdrawn). After an error the
// transaction can only be given up.
func (tx *Tx) BuildRevision(ctx context.Context, card string) (Built, error) {
	c, err := tx.Card(ctx, card)
	if err != nil {
		return Built{}, err
	}
	if c.Kind != CustomerCard {
		return Built{}, fmt.Errorf("card %s: %w", card, conflict("kind", "only customer cards are built"))
	}
	w, err := tx.workshop(ctx, &c)
	if err != nil {
		return Built{}, fmt.Errorf("card %s: %w", card, err)
	}
	built, err := w.run(ctx)
	if err != nil {
		return Built{}, fmt.Errorf("card %s: %w", card, tx.refused(ctx, buildFault(err)))
	}
	return built, nil
}

// buildFault is what the arithmetic refuses, as a fault of the rules.
func buildFault(err error) error {
	switch {
	case errors.Is(err, rating.ErrNegative), errors.Is(err, rating.ErrOverflow), errors.Is(err, rating.ErrInvalid):
		return invalid("profit_rules", err.Error())
	}
	return err
}

// workshop is a build made ready.
type workshop struct {
	tx      *Tx
	card    *Card
	recipe  Recipe
	parents []RevisionParent
	builder *rating.Builder
	below   []rating.Prefix // prefixes that rules add
	names   naming
}

func (tx *Tx) workshop(ctx context.Context, c *Card) (*workshop, error) {
	parents, err := tx.sourcesOf(ctx, c)
	if err != nil {
		return nil, err
	}
	rules, err := tx.profitRules(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	w := &workshop{tx: tx, card: c, recipe: c.recipe(rules), parents: parents}
	build, err := w.recipe.build(parents)
	if err != nil {
		return nil, err
	}
	w.below = build.Rules.Below()
	if w.builder, err = rating.NewBuilder(build); err != nil {
		return nil, err
	}
	w.names.own, err = tx.Destinations(ctx, c.AccountID)
	for _, p := range parents {
		w.names.parents = append(w.names.parents, tx.reader(ctx, p.RevisionID))
	}
	return w, err
}

func (tx *Tx) reader(ctx context.Context, revision string) *rateReader {
	return &rateReader{ctx: ctx, store: tx.store, x: tx.tx, revision: revision}
}

// sourcesOf finds the card's parents and their active revisions.
func (tx *Tx) sourcesOf(ctx context.Context, c *Card) ([]RevisionParent, error) {
	parents, err := tx.parents(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	if len(parents) == 0 {
		return nil, conflict("parents", "there are none to build from")
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
	if errors.Is(err, ErrNotFound) {
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
		err = asConflict(p.fits(c, &parent))
	}
	if err != nil {
		return source, err
	}
	active, err := tx.activeRevision(ctx, p.CardID)
	if err == nil && active.ID == "" {
		err = conflict("parents", "one has no active revision")
	}
	source.RevisionID = active.ID
	return source, err
}

var errWithdrawn error = &ReasonError{ReasonWithdrawn, conflict("parents", "one is not assigned any more")}

// asConflict says of a stored row what would be invalid in a new one.
func asConflict(err error) error {
	var reason *ReasonError
	if errors.As(err, &reason) {
		return &ReasonError{reason.Code, asConflict(reason.Err)}
	}
	var field *FieldError
	if errors.As(err, &field) {
		return conflict(field.Field, field.Text)
	}
	return err
}

func (w *workshop) run(ctx context.Context) (Built, error) {
	draft := Revision{ID: w.tx.store.newID("revision"), CardID: w.card.ID, Status: RevisionDraft, Origin: OriginBuild, CreatedAt: w.tx.now}
	err := w.tx.keepParents(ctx, &draft, w.parents)
	if err == nil {
		err = w.write(ctx, &draft)
	}
	w.recipe.Borrowed = w.names.borrowed
	if err == nil {
		err = w.tx.keepRecipe(ctx, &draft, w.recipe)
	}
	return Built{Revision: draft, Recipe: w.recipe}, err
}

// turn is how many rows are worked out, and then written, at a time: parents
// are read by the connection that is written to.
const turn = 10_000

func (w *workshop) write(ctx context.Context, draft *Revision) error {
	next, stop := iter.Pull2(w.rates)
	defer stop()
	for {
		batch, err := take(next, turn)
		if err != nil || len(batch) == 0 {
			return err
		}
		for i := range batch {
			if batch[i].Blocked {
				w.recipe.Blocked++
			}
		}
		n, err := w.tx.store.dialect.bulkInsert(ctx, w.tx.tx, "rates", rateColumns, func() ([]any, error) {
			if len(batch) == 0 {
				return nil, io.EOF
			}
			row := batch[0].columns(draft.ID)
			batch = batch[1:]
			return row, nil
		})
		if err != nil {
			return err
		}
		draft.Rows += n
	}
}

func take(next func() (Rate, error, bool), most int) (batch []Rate, err error) {
	for len(batch) < most {
		rate, err, more := next()
		if err != nil || !more {
			return batch, err
		}
		batch = append(batch, rate)
	}
	return batch, nil
}

// rates works every row out, in the order of their prefixes; an error is the
// last.
func (w *workshop) rates(yield func(Rate, error) bool) {
	err := w.each(func(rate Rate) error {
		if !yield(rate, nil) {
			return errStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		yield(Rate{}, err)
	}
}

func (w *workshop) each(emit func(Rate) error) error {
	sources := make([]rating.Source, len(w.parents))
	for i, reader := range w.names.parents {
		sources[i] = reader.source()
	}
	return rating.Normalise(sources, w.below, func(p rating.Prefix, found []*rating.Row) error {
		rate, err := w.builder.Row(p, found)
		if err != nil {
			return fmt.Errorf("prefix %s: %w", p, err)
		}
		return emit(storedRate(p, rate, w.names.of(p, found)))
	})
}

func storedRate(p rating.Prefix, r rating.Rate, name string) Rate {
	return Rate{
		Prefix: p.String(), Name: name, Cost: int64(r.Cost), Inter: price(r.Inter), Intra: price(r.Intra),
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
