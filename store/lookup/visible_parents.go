package lookup

import (
	"context"
	"encoding/json"

	"resellerd/store/dialect"
	"resellerd/store/rating"
)

// findParents finds the parents, among the visible cards, of the viewer's own
// built cards.
func (f *Finder) findParents(ctx context.Context, x dialect.Execer, v *visibleCards) error {
	places, own := map[string]int{}, map[string]*visibleCard{}
	var revisions []string
	for i, card := range v.cards {
		places[v.wanted[i].card] = i
		if card.Role == roleSale && card.tells && v.wanted[i].revision != "" {
			own[v.wanted[i].revision] = card
			revisions = append(revisions, v.wanted[i].revision)
		}
	}
	if len(own) == 0 {
		return nil
	}
	list, err := json.Marshal(revisions)
	if err != nil {
		return err
	}
	all, err := dialect.SelectAll[builtFromCard](ctx, f.Dialect, x, `SELECT p.revision_id, p.parent_id, COALESCE(p.exchange, '') AS exchange
		FROM revision_parents p WHERE `+f.Dialect.AnyOf("p.revision_id", "SELECT v.value FROM "+f.Dialect.Texts("?"))+`
		ORDER BY p.revision_id, p.position`, string(list))
	if err != nil {
		return err
	}
	for _, m := range all {
		own[m.Revision].addParent(v, m, places)
	}
	return nil
}

// builtFromCard is a card that a revision was built from.
type builtFromCard struct {
	Revision string `db:"revision_id"`
	CardID   string `db:"parent_id"`
	Exchange string // "" if both have the same currency
}

// addParent adds a parent to a card if the viewer sees the parent and its
// costs. If not, it marks the card as not whole. So it does for a past time if the viewer
// sees no rates of the parent at that time.
func (c *visibleCard) addParent(v *visibleCards, p builtFromCard, places map[string]int) {
	c.built = true
	at, seen := places[p.CardID]
	if !seen || v.cards[at].Role != roleCost || !v.cards[at].shows.all(showsCharge) || v.past && v.wanted[at].revision == "" {
		c.whole = false
		return
	}
	exchange, err := rating.ExchangeOf(p.Exchange)
	if err != nil || p.Exchange == "" && v.cards[at].currency != c.currency {
		c.whole = false
		return
	}
	c.parents = append(c.parents, visibleParent{at, exchange})
}
