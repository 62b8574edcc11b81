package store

import (
	"context"
	"encoding/json"
	"fmt"

	"resellerd/store/dialect"
	"resellerd/store/rating"
	"resellerd/store/schema"
)

// Recipe holds the inputs of a built revision, except its parents.
type Recipe struct {
	Compact       string       `json:"compact"` // min, max or avg
	Rules         []ProfitRule `json:"rules"`
	RatePrecision int          `json:"rate_precision"`
	RateRounding  string       `json:"rate_rounding"`

	Blocked  int64 `json:"blocked"`  // blocked rows of the result
	Borrowed int64 `json:"borrowed"` // rows that have a parent's name, because the owner has none

	// Grounds is a hash of all inputs of the build; "" if the build stored none.
	Grounds string `json:"grounds,omitempty"`
}

// RevisionParent is a parent of a built revision: the card, and the revision that
// was active at the time of the build.
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

// routingOf returns which parent a call on the card's rates is bought from.
func routingOf(c *Card) rating.Routing {
	if c.Routing == "cheapest" {
		return rating.Cheapest
	}
	return rating.Dearest
}

// Builder returns a builder of the recipe's rates. The parents of each row must
// come in the given order. It returns ErrInvalid for a recipe that this package did
// not make.
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

// Recipe reads the recipe and the parents of a revision. A revision that was not
// built has no parents. Neither ever changes.
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

// keepParents stores the parents of a new draft.
func (tx *Tx) keepParents(ctx context.Context, draft *Revision, parents []RevisionParent) error {
	for i, p := range parents {
		_, err := tx.exec(ctx, `INSERT INTO revision_parents (revision_id, position, parent_id, parent_revision_id, exchange, exchange_at)
			VALUES (?, ?, ?, ?, NULLIF(?, ''), ?)`, draft.ID, i+1, p.CardID, p.RevisionID, p.Exchange, optional(p.ExchangeAt))
		if err != nil {
			return err
		}
	}
	return nil
}

// keepRecipe stores a draft's number of rows and its recipe.
func (tx *Tx) keepRecipe(ctx context.Context, draft *Revision, r Recipe) error {
	text, err := json.Marshal(r)
	if err == nil {
		_, err = tx.exec(ctx, "UPDATE revisions SET row_count = ?, recipe = ? WHERE id = ?", draft.Rows, string(text), draft.ID)
	}
	return err
}

// buildOf returns the build of a revision and the ids of its parent revisions.
// There are no ids if the revision was not built.
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
