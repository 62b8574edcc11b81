package store

import (
	"context"
	"encoding/json"
	"fmt"

	"resellerd/store/dialect"
	"resellerd/store/rating"
	"resellerd/store/schema"
)

// Recipe is what a revision was built with, beside its parents.
type Recipe struct {
	Compact       string       `json:"compact"` // min, max or avg
	Rules         []ProfitRule `json:"rules"`
	RatePrecision int          `json:"rate_precision"`
	RateRounding  string       `json:"rate_rounding"`

	Blocked  int64 `json:"blocked"`  // rows that came out blocked
	Borrowed int64 `json:"borrowed"` // rows that are called as a parent calls them, for want of an own name

	// Grounds is a hash of all that the build rested on; "" of one that kept none.
	Grounds string `json:"grounds,omitempty"`
}

// RevisionParent is a parent of a built revision: the card, and which revision
// of it was active when it was built.
type RevisionParent struct {
	Parent
	RevisionID string `db:"parent_revision_id"`
}

func recipeOf(c *Card, rules []ProfitRule) Recipe {
	compact := c.Compact
	if compact == "" {
		compact = schema.DefaultCompact
	}
	return Recipe{Compact: compact, Rules: rules, RatePrecision: c.RatePrecision, RateRounding: c.RateRounding}
}

// routingOf is which parent a call on a card's rates is bought from.
func routingOf(c *Card) rating.Routing {
	if c.Routing == "cheapest" {
		return rating.Cheapest
	}
	return rating.Dearest
}

// Builder works the recipe's rates out, with the parents in the order given.
// It returns ErrInvalid for a recipe that was not made here.
func (r Recipe) Builder(parents []RevisionParent) (*rating.Builder, error) {
	build, err := r.build(parents)
	if err != nil {
		return nil, err
	}
	return rating.NewBuilder(build)
}

func (r Recipe) build(parents []RevisionParent) (b rating.Build, err error) {
	if b.Compact, err = rating.ParseCompact(r.Compact); err != nil {
		return b, err
	}
	if b.Rules, err = ratingRules(r.Rules); err != nil {
		return b, err
	}
	if b.Rounding, err = rating.NewRounding(r.RatePrecision, r.RateRounding); err != nil {
		return b, err
	}
	for _, p := range parents {
		rate, err := p.Rate()
		if err != nil {
			return b, err
		}
		b.Exchange = append(b.Exchange, rate)
	}
	return b, nil
}

const selectRevisionParents = `SELECT parent_id, parent_revision_id, COALESCE(exchange, '') AS exchange,
	COALESCE(exchange_at, 0) AS exchange_at FROM revision_parents WHERE revision_id = ? ORDER BY position`

// Recipe reads what a revision was built with and from. A revision that was
// not built has no parents. Both never change.
func (s *Store) Recipe(ctx context.Context, revision string) (Recipe, []RevisionParent, error) {
	return s.recipe(ctx, s.pool, revision)
}

// Recipe is Store.Recipe as the transaction sees it, without the parents.
func (tx *Tx) Recipe(ctx context.Context, revision string) (Recipe, error) {
	r, _, err := tx.store.recipe(ctx, tx.tx, revision)
	return r, err
}

func (s *Store) recipe(ctx context.Context, x dialect.Execer, revision string) (r Recipe, parents []RevisionParent, err error) {
	parents, err = dialect.SelectAll[RevisionParent](ctx, s.dialect, x, selectRevisionParents, revision)
	if err != nil || len(parents) == 0 {
		return r, nil, err
	}
	type kept struct{ Recipe string }
	text, err := dialect.SelectOne[kept](ctx, s.dialect, x, "SELECT recipe FROM revisions WHERE id = ?", revision)
	if err == nil {
		err = json.Unmarshal([]byte(text.Recipe), &r)
	}
	if err != nil {
		return r, nil, fmt.Errorf("recipe of revision %s: %w", revision, err)
	}
	return r, parents, nil
}

// keepParents stores a new draft with what it is built from.
func (tx *Tx) keepParents(ctx context.Context, draft *Revision, parents []RevisionParent) error {
	_, err := tx.execNamed(ctx, revisionsTable.insert, draft)
	if err != nil {
		return err
	}
	for i, p := range parents {
		_, err := tx.exec(ctx, `INSERT INTO revision_parents (revision_id, position, parent_id, parent_revision_id, exchange, exchange_at)
			VALUES (?, ?, ?, ?, NULLIF(?, ''), ?)`, draft.ID, i+1, p.CardID, p.RevisionID, p.Exchange, optional(p.ExchangeAt))
		if err != nil {
			return err
		}
	}
	return nil
}

// keepRecipe writes down how many rows a draft has, and what they were built
// with.
func (tx *Tx) keepRecipe(ctx context.Context, draft *Revision, r Recipe) error {
	text, err := json.Marshal(r)
	if err == nil {
		_, err = tx.exec(ctx, "UPDATE revisions SET row_count = ?, recipe = ? WHERE id = ?", draft.Rows, string(text), draft.ID)
	}
	return err
}

// buildOf is how a revision was built, and the revisions that it was built from;
// none where it was not built.
func (s *Store) buildOf(ctx context.Context, revision string) (rating.Build, []string, error) {
	recipe, parents, err := s.recipe(ctx, s.pool, revision)
	if err != nil || len(parents) == 0 {
		return rating.Build{}, nil, err
	}
	ids := make([]string, len(parents))
	for i, parent := range parents {
		ids[i] = parent.RevisionID
	}
	build, err := recipe.build(parents)
	return build, ids, err
}
