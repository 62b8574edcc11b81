package lookup

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/history"
	"resellerd/store/query"
	"resellerd/store/rating"
	"resellerd/store/schema"
)

// visibleCards holds the cards that a viewer sees, with the properties that
// look-ups need. It is immutable. It is valid for one epoch of the tracker, and
// until the next assignment begins or ends.
type visibleCards struct {
	epoch, until int64
	cards        []*visibleCard // sorted by id
	wanted       []wantedRates
	views        map[string]int
	past         bool // the revisions are those of a past time; without a key, they are not in memory
}

// visibleCard is a card in the form in which its viewer sees it, prepared for
// look-ups.
type visibleCard struct {
	View string
	// Role is the card's role for its viewer: "cost" for a card that the viewer
	// buys from, "sale" for a customer card of its own account, "below" for a
	// customer card of an account below.
	Role string

	head     []byte // the first members of the JSON object
	id       string // "" if it is not visible
	currency string
	charge   rating.Rounding // unset if it is not visible
	shows    rateColumnSet
	// These fields are for a built card of the viewer's own account whose parents
	// the viewer may see. parents are the visible ones; whole is true if all are
	// visible.
	parents []visibleParent
	tells   bool
	built   bool
	whole   bool
}

// visibleParent is a parent's index among the visible cards, and its exchange rate.
type visibleParent struct {
	at       int
	exchange rating.Exchange
}

// The roles of a card.
const (
	roleCost  = "cost"
	roleSale  = "sale"
	roleBelow = "below"
)

// rateColumnSet is the set of visible columns of a card's rates.
type rateColumnSet uint16

var rateBits = func() map[string]rateColumnSet {
	bits := map[string]rateColumnSet{}
	for i, name := range schema.RateType.Names() {
		bits[name] = 1 << i
	}
	return bits
}()

var (
	showsPrice  = rateBits["cost"] | rateBits["inter"] | rateBits["intra"]
	showsBilled = rateBits["mcd"] | rateBits["pulse"]
	showsCharge = showsPrice | showsBilled | rateBits["connect"] | rateBits["status"]
)

func (s rateColumnSet) all(of rateColumnSet) bool { return s&of == of }

// Query selects the cards to look up numbers on.
type Query struct {
	Cards query.Query // of type "card": the visible cards and their visible columns
	// Rates decides, for the same cards, which of their rate columns are visible.
	// Its type is "rate"; Parent is not needed.
	Rates   query.Query
	Account string // the viewer's own account
	// At asks for the rates and the rounding that were in force at that time, on the cards
	// that are visible now; 0 for now. A card of another account's has them for a time at
	// which it was assigned to Account.
	At schema.Micros
}

// lookupColumns are the columns of a card that a look-up shows or needs.
var lookupColumns = []string{"id", "account_id", "kind", "name", "currency", "charge_precision", "charge_rounding", "parents"}

// statements reduces the queries to what a look-up needs.
func (q Query) statements() (cards, rates query.Query) {
	cards, rates = q.Cards, q.Rates
	cards.Columns = slices.Clone(q.Cards.Columns)
	for i, group := range cards.Columns {
		cards.Columns[i].Names = slices.DeleteFunc(slices.Clone(group.Names), func(name string) bool {
			return !slices.Contains(lookupColumns, name)
		})
	}
	rates.Type = schema.CardType.Name
	return cards, rates
}

// visible returns the cards that the viewer sees, as of q.At.
func (f *Finder) visible(ctx context.Context, q Query) (*visibleCards, error) {
	now, err := f.visibleNow(ctx, q)
	if err != nil || q.At == 0 {
		return now, err
	}
	return f.asOf(ctx, now, q)
}

// visibleNow returns the cards that the viewer sees. It takes them from the cache as
// long as the data revision is unchanged.
func (f *Finder) visibleNow(ctx context.Context, q Query) (*visibleCards, error) {
	cards, rates := q.statements()
	key := append([]byte("visible\x00"), q.Account...)
	for _, part := range []*query.Query{&cards, &rates} {
		var err error
		if key, err = f.Query.AppendKey(append(key, 0), part); err != nil {
			return nil, err
		}
	}
	return history.Trusted(ctx, f.Cache, func(known history.State) (*visibleCards, error) {
		kept, _ := f.memory.get(string(key)).(*visibleCards)
		if kept != nil && kept.epoch == known.Epoch && (kept.until == 0 || f.Now().UnixMicro() < kept.until) {
			return kept, nil
		}
		fresh, at := &visibleCards{}, history.Observation{Known: known, At: time.Now()}
		err := f.Snapshot(ctx, &at, func(x dialect.Execer) error {
			*fresh = visibleCards{views: map[string]int{}}
			return f.loadVisible(ctx, x, fresh, &at, q, cards, rates)
		})
		if err != nil {
			return nil, err
		}
		if fresh.epoch, err = f.Tracker.EpochOf(at); fresh.epoch != 0 {
			f.memory.put(&memoryItem{key: string(key), value: fresh, bytes: fresh.bytes() + int64(len(key)) + itemBytes, losses: known.Losses})
		}
		return fresh, err
	})
}

// loadVisible finds the cards whose rates the viewer sees. It leaves out a card
// whose prefixes are hidden, because a match of a number would reveal them.
func (f *Finder) loadVisible(ctx context.Context, x dialect.Execer, into *visibleCards, at *history.Observation, q Query, cards, rates query.Query) error {
	heads, err := f.rateHeads(ctx, x, &rates)
	if err != nil {
		return err
	}
	err = f.Query.Stream(ctx, x, cards, func(row query.Row) error {
		if head, ok := heads[row.ID()]; ok && head.shows.all(rateBits["prefix"]) {
			into.add(newSeenCard(row, head, q.Account), row.ID(), head)
		}
		return nil
	})
	if err != nil {
		return err
	}
	// The data may be newer than the known history. The next assignment must then
	// be newer too.
	if _, err := f.Tracker.Observe(*at); err != nil {
		return err
	}
	if into.until, err = f.nextAssignment(ctx, x, at); err != nil {
		return err
	}
	return f.findParents(ctx, x, into)
}

// asOf returns the same cards with the revisions that were in force at a time, and with the
// rounding of charges of then.
func (f *Finder) asOf(ctx context.Context, now *visibleCards, q Query) (*visibleCards, error) {
	type period struct {
		CardID     string `db:"card_id"`
		RevisionID string `db:"revision_id"`
		Terms      string
		Assigned   int
	}
	ids := make([]string, len(now.wanted))
	for i, one := range now.wanted {
		ids[i] = one.card
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	all, err := dialect.SelectAll[period](ctx, f.Dialect, f.Pool, `SELECT p.card_id, p.revision_id, COALESCE(p.terms, '') AS terms,
			CASE WHEN EXISTS (SELECT 1 FROM assignments a WHERE a.card_id = p.card_id AND a.account_id = ?
				AND a.valid_from + 0 <= ? AND (a.valid_to IS NULL OR a.valid_to + 0 > ?)) THEN 1 ELSE 0 END AS assigned
		FROM revision_periods p WHERE `+f.Dialect.AnyOf("p.card_id", "SELECT v.value FROM "+f.Dialect.Texts("?"))+`
			AND p.active_from <= ? AND (p.active_to IS NULL OR p.active_to > ?)`, q.Account, q.At, q.At, string(list), q.At, q.At)
	if err != nil {
		return nil, err
	}
	then := map[string]period{}
	for _, p := range all {
		then[p.CardID] = p
	}
	past := &visibleCards{views: now.views, past: true}
	for i, one := range now.cards {
		card, wanted := *one, wantedRates{card: now.wanted[i].card}
		card.parents, card.built, card.whole = nil, false, true
		if p, is := then[wanted.card]; is && (card.View != schema.Translated || p.Assigned != 0) {
			if wanted.revision = p.RevisionID; p.RevisionID == now.wanted[i].revision {
				wanted = now.wanted[i]
			}
			if card.charge, err = chargeRounding(p.Terms, card.charge); err != nil {
				return nil, fmt.Errorf("revision %s: %w", p.RevisionID, err)
			}
		}
		past.cards, past.wanted = append(past.cards, &card), append(past.wanted, wanted)
	}
	return past, f.findParents(ctx, f.Pool, past)
}

// chargeRounding reads the rounding of charges from the terms of a revision, unless the
// viewer is not shown the present one.
func chargeRounding(terms string, now rating.Rounding) (rating.Rounding, error) {
	if now.Mode == 0 {
		return now, nil
	}
	var currency, direction, rounding, charge string
	var precision, decimals int
	if _, err := fmt.Sscan(terms, &currency, &direction, &precision, &rounding, &decimals, &charge); err != nil {
		return now, err
	}
	return rating.NewRounding(decimals, charge)
}

func (v *visibleCards) add(card *visibleCard, id string, head rateHead) {
	v.cards = append(v.cards, card)
	v.wanted = append(v.wanted, wantedRates{revision: head.revision, key: ratesKey(head.revision), card: id, rows: head.rows})
	v.views[card.View]++
}

func (v *visibleCards) bytes() int64 {
	total := int64(0)
	for i, card := range v.cards {
		total += int64(len(card.head)+2*len(v.wanted[i].revision)+24*len(card.parents)) + itemBytes
	}
	return total
}

// rateHead describes the visible part of a card's rates.
type rateHead struct {
	revision string // the active revision, or ""
	rows     int64
	shows    rateColumnSet
}

// rateHeads returns the cards with visible rates, by id.
func (f *Finder) rateHeads(ctx context.Context, x dialect.Execer, q *query.Query) (map[string]rateHead, error) {
	heads := map[string]rateHead{}
	err := f.Query.Heads(ctx, x, q, func(h query.Head) {
		seen := rateHead{revision: h.Revision, rows: h.Rows}
		for _, name := range h.Columns {
			seen.shows |= rateBits[name]
		}
		heads[h.ID] = seen
	})
	return heads, err
}

func newSeenCard(row query.Row, head rateHead, account string) *visibleCard {
	text := func(name string) string {
		v, _ := row.Value(name)
		value, _ := v.(string)
		return value
	}
	card := &visibleCard{
		View: row.View, id: text("id"), currency: text("currency"), shows: head.shows, whole: true,
		head: row.AppendMembers([]byte{'{'}, "id", "kind", "name", "currency"),
	}
	switch owner := text("account_id"); {
	case text("kind") == schema.ProviderCard:
		card.Role = roleCost
	case text("kind") == schema.CustomerCard && owner != "" && owner == account:
		card.Role = roleSale
	case text("kind") == schema.CustomerCard:
		card.Role = roleBelow
	}
	_, card.tells = row.Value("parents")
	if card.Role != "" {
		card.head = append(card.member("role"), `"`+card.Role+`"`...)
	}
	if v, ok := row.Value("charge_precision"); ok {
		decimals, _ := v.(int64)
		card.charge, _ = rating.NewRounding(int(decimals), text("charge_rounding")) // unset if it is not visible
	}
	return card
}

// member begins another member of the card's head.
func (c *visibleCard) member(name string) []byte {
	if len(c.head) > 1 {
		c.head = append(c.head, ',')
	}
	return append(c.head, `"`+name+`":`...)
}

// nextAssignment returns when the next assignment of any card begins or ends, 0 for
// never. It is computed once per epoch, in a snapshot whose history was read.
func (f *Finder) nextAssignment(ctx context.Context, x dialect.Execer, at *history.Observation) (int64, error) {
	return history.Cached(ctx, f.Cache, "next assignment", func(ctx context.Context, seen *history.Observation) (int64, int64, error) {
		*seen = *at
		now := f.Now().UnixMicro()
		var next *int64
		err := dialect.ReadOne(ctx, x, f.Dialect.Rebind(`SELECT min(at) FROM (SELECT min(valid_from) AS at FROM assignments WHERE valid_from > ?
			UNION ALL SELECT min(valid_to) FROM assignments WHERE valid_to > ?) m`), []any{now, now}, &next)
		if err != nil || next == nil {
			return 0, 0, rowsError(ctx, f.Dialect, "assignment", err)
		}
		return *next, *next, nil
	})
}
