package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"resellerd/store/dialect"
	"resellerd/store/schema"
)

// grounds are all inputs of a build. Equal grounds give equal rates.
type grounds struct {
	Recipe  Recipe           // without its results
	Parents []RevisionParent // each with its active revision
	Names   []Destination    // the owner's names of destinations
}

// grounds returns the inputs that a build of the card would have now.
func (tx *Tx) grounds(ctx context.Context, c *Card) (g grounds, err error) {
	if g.Parents, err = tx.sourcesOf(ctx, c); err != nil {
		return g, err
	}
	rules, err := tx.profitRules(ctx, c.ID)
	if err != nil {
		return g, err
	}
	if g.Names, err = tx.Destinations(ctx, c.AccountID); err != nil {
		return g, err
	}
	g.Recipe = recipeOf(c, rules)
	g.Recipe.Grounds, err = g.hash()
	return g, err
}

// groundsVersion must change when the same grounds give other rates.
const groundsVersion = "1 "

func (g *grounds) hash() (string, error) {
	text, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("grounds of a build: %w", err)
	}
	sum := sha256.Sum256(append([]byte(groundsVersion), text...))
	return hex.EncodeToString(sum[:]), nil
}

// BuiltAlready finds the newest built revision of a card of the tenant that is a
// draft or scheduled. It reports whether a build would have the same result now:
// the active revisions of the same parents, and the same exchange rates, rules,
// rounding and names. If there is no such revision, built is the zero value. It
// returns the errors that BuildRevision returns for the card and its parents.
func (tx *Tx) BuiltAlready(ctx context.Context, rates RateAccess, card string) (built Built, same bool, err error) {
	c, err := tx.builtCard(ctx, rates, card)
	if err != nil {
		return Built{}, false, err
	}
	g, err := tx.grounds(ctx, &c)
	if err != nil {
		return Built{}, false, fmt.Errorf("card %s: %w", card, err)
	}
	newest, err := dialect.SelectAll[Revision](ctx, tx.store.dialect, tx.tx, revisionsTable.query+` WHERE card_id = ? AND origin = ?
		AND status IN (?, ?) ORDER BY created_at DESC, id DESC LIMIT 1`, card, OriginBuild, RevisionDraft, RevisionScheduled)
	if err != nil || len(newest) == 0 {
		return Built{}, false, err
	}
	built.Revision = newest[0]
	if built.Recipe, err = tx.Recipe(ctx, built.Revision.ID); err != nil {
		return Built{}, false, err
	}
	return built, built.Grounds == g.Recipe.Grounds, nil
}

// StaleCards lists the stale customer cards of an account, ordered by id. The
// caller must decide who may know of each card.
func (s *Store) StaleCards(ctx context.Context, account string) ([]string, error) {
	type ref struct{ ID string }
	cards, err := dialect.SelectAll[ref](ctx, s.dialect, s.pool,
		"SELECT id FROM cards WHERE account_id = ? AND kind = ? AND stale IS NOT NULL ORDER BY id", account, schema.CustomerCard)
	if err != nil {
		return nil, fmt.Errorf("stale cards: %w", err)
	}
	ids := make([]string, len(cards))
	for i, c := range cards {
		ids[i] = c.ID
	}
	return ids, nil
}
