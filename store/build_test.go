package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"resellerd/policies/policiestest/depth"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/rating"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// rates is a sequence of rates.
func rates(all ...store.Rate) func(func(store.Rate, error) bool) {
	return func(yield func(store.Rate, error) bool) {
		for _, row := range all {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func priced(prefix, cost string) store.Rate {
	return store.Rate{Prefix: prefix, Name: "Supplier's " + prefix, Cost: must(schema.ParseMoney(cost)), MCD: 1, Pulse: 1}
}

func rule(match, typ, value string) store.ProfitRule {
	return store.ProfitRule{Match: match, Type: typ, Value: must(schema.ParseMoney(value)), Status: store.RuleProfit}
}

// active gives a card an active revision.
func active(tx *store.Tx, card string, all ...store.Rate) store.Revision {
	draft := must(tx.CreateRevision(ctx, card, rates(all...)))
	return must(tx.ActivateRevision(ctx, store.AllRates, card, draft.ID))
}

// stored reads the rates of a revision without the store.
func stored(t *testing.T, s *store.Store, revision string) []store.Rate {
	t.Helper()
	rows, err := storetest.SQL(t, s).Query("SELECT prefix, name, cost, inter, intra, mcd, pulse, connect, status FROM rates WHERE revision_id = '" +
		revision + "' ORDER BY prefix")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []store.Rate
	for rows.Next() {
		var r store.Rate
		var status string
		if err := rows.Scan(&r.Prefix, &r.Name, &r.Cost, &r.Inter, &r.Intra, &r.MCD, &r.Pulse, &r.Connect, &status); err != nil {
			t.Fatal(err)
		}
		r.Blocked = status == "blocked"
		all = append(all, r)
	}
	return all
}

// prices writes rates as "441=0.0112 Name".
func prices(all []store.Rate) (texts []string) {
	for _, r := range all {
		price := string(schema.AppendMoney(nil, r.Cost))
		if r.Blocked {
			price = "blocked"
		}
		texts = append(texts, r.Prefix+"="+price+" "+r.Name)
	}
	return texts
}

func TestACardIsBuiltFromAnAssignedOneWithTheOwnersNames(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		var built store.Built
		var parent store.Revision
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			parent = active(tx, c.sold.ID, priced("44", "0.01"), priced("441", "0.02"), priced("49", "0.03"))
			must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID}))
			mustDo(tx.SetParents(ctx, store.AllRates, c.resold.ID, []store.Parent{{CardID: c.sold.ID}}))
			mustDo(tx.SetProfitRules(ctx, c.resold.ID, []store.ProfitRule{rule("*", "percent", "12"), rule("^442", "absolute", "0.5"),
				{Match: "49", Status: store.RuleBlocked}}))
			mustDo(tx.SetDestinations(ctx, c.reseller.ID, []store.Destination{{Prefix: "442", Name: "London"}, {Prefix: "4", Name: "Europe"}}))
			built = must(tx.BuildRevision(ctx, store.AllRates, c.resold.ID))
		})
		want := []string{"44=0.0112 Europe", "441=0.0224 Europe", "442=0.5 London", "49=blocked Europe"}
		if got := prices(stored(t, s, built.Revision.ID)); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if built.Revision.Rows != 4 || built.Blocked != 1 || built.Borrowed != 0 || built.Revision.Status != store.RevisionDraft {
			t.Errorf("got %+v", built)
		}
		recipe, parents, err := s.Recipe(ctx, built.Revision.ID)
		if err != nil || recipe.Compact != "max" || len(recipe.Rules) != 3 || len(parents) != 1 || parents[0].RevisionID != parent.ID {
			t.Errorf("got %+v %+v %v", recipe, parents, err)
		}
	})
}

func TestWhatCannotBeAParentIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		dollars := newCard(c.master, schema.ProviderCard)
		dollars.Currency = "USD"
		incoming := newCard(c.master, schema.ProviderCard)
		incoming.Direction = "origination"
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			dollars, incoming = must(tx.CreateCard(ctx, dollars)), must(tx.CreateCard(ctx, incoming))
		})
		for name, test := range map[string]struct {
			card    string
			parents []store.Parent
			reason  string
		}{
			"absent":                {c.sold.ID, []store.Parent{{CardID: "crd_x"}}, ""},
			"itself":                {c.sold.ID, []store.Parent{{CardID: c.sold.ID}}, ""},
			"twice":                 {c.sold.ID, []store.Parent{{CardID: c.bought.ID}, {CardID: c.bought.ID}}, ""},
			"a provider's card":     {c.bought.ID, []store.Parent{{CardID: dollars.ID}}, ""},
			"not assigned":          {c.resold.ID, []store.Parent{{CardID: c.sold.ID}}, store.ReasonCardNotOwn},
			"upstream":              {c.resold.ID, []store.Parent{{CardID: c.bought.ID}}, store.ReasonCardNotOwn},
			"below":                 {c.sold.ID, []store.Parent{{CardID: c.resold.ID}}, store.ReasonCardNotOwn},
			"another direction":     {c.sold.ID, []store.Parent{{CardID: incoming.ID}}, ""},
			"another currency":      {c.sold.ID, []store.Parent{{CardID: dollars.ID}}, store.ReasonCurrencyMismatch},
			"a rate of nothing":     {c.sold.ID, []store.Parent{{CardID: dollars.ID, Exchange: "0"}}, ""},
			"a rate in exponents":   {c.sold.ID, []store.Parent{{CardID: dollars.ID, Exchange: "1e3"}}, ""},
			"a rate of its own":     {c.sold.ID, []store.Parent{{CardID: c.bought.ID, Exchange: "1"}}, ""},
			"another tenant's card": {c.sold.ID, []store.Parent{{CardID: foreignCard(t, s, c)}}, ""},
		} {
			err := c.write(func(tx *store.Tx) error { return tx.SetParents(ctx, store.AllRates, test.card, test.parents) })
			refused(t, err, fault.ErrInvalid, "parents")
			if got := reasonOf(err); got != test.reason {
				t.Errorf("%s: got reason %q of %v", name, got, err)
			}
		}
	})
}

func foreignCard(t *testing.T, s *store.Store, c *carrier) (id string) {
	mustWrite(t, s, c.stranger.ID, func(tx *store.Tx) {
		id = must(tx.CreateCard(ctx, newCard(c.stranger, schema.ProviderCard))).ID
	})
	return id
}

// TestStoredRevisionsAreWhatTheArithmeticBuilds builds random cards with up to
// three parents in the store, and again in memory with the stored recipe.
func TestStoredRevisionsAreWhatTheArithmeticBuilds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		for seed := range uint64(depth.Runs(4)) {
			w := drawWorkshop(rand.New(rand.NewPCG(7, seed)))
			built, err := w.build(c)
			if err != nil {
				t.Fatalf("world %d: %v", seed, err)
			}
			want, err := w.inMemory(t, s, built)
			if err != nil {
				t.Fatalf("world %d: %v", seed, err)
			}
			got := stored(t, s, built.Revision.ID)
			if fmt.Sprint(values(got)) != fmt.Sprint(values(want)) {
				t.Fatalf("world %d:\n got %v\nwant %v", seed, values(got), values(want))
			}
		}
	})
}

// drawnWorkshop is a card to be built.
type drawnWorkshop struct {
	parents [][]store.Rate
	rules   []store.ProfitRule
	compact string
}

func drawWorkshop(r *rand.Rand) drawnWorkshop {
	w := drawnWorkshop{compact: []string{"min", "max", "avg"}[r.IntN(3)]}
	for range 1 + r.IntN(3) {
		w.parents = append(w.parents, drawDeck(r))
	}
	for range r.IntN(5) {
		match := "^" + drawPrefix(r)
		switch r.IntN(3) {
		case 0:
			match = match[1:]
		case 1:
			match = "*"
		}
		rule := store.ProfitRule{Match: match, Status: store.RuleBlocked}
		if r.IntN(5) > 0 {
			rule = store.ProfitRule{Match: match, Type: []string{"absolute", "relative", "percent", "floor"}[r.IntN(4)],
				Value: r.Int64N(2e9), Status: store.RuleProfit, ApplyTo: []string{"", "cost", "inter,intra"}[r.IntN(3)]}
		}
		w.rules = append(w.rules, rule)
	}
	return w
}

func drawPrefix(r *rand.Rand) string {
	text := ""
	for range 1 + r.IntN(4) {
		text += string("147"[r.IntN(3)])
	}
	return text
}

func drawDeck(r *rand.Rand) (deck []store.Rate) {
	seen := map[string]bool{}
	for range r.IntN(40) {
		row := store.Rate{Prefix: drawPrefix(r), Name: fmt.Sprint("Place ", r.IntN(9)), Cost: r.Int64N(1e9), MCD: r.IntN(60),
			Pulse: 1 + r.IntN(60), Connect: r.Int64N(2) * r.Int64N(1e9), Blocked: r.IntN(6) == 0}
		if r.IntN(2) == 0 {
			row.Inter = ptr(r.Int64N(1e9))
		}
		if !seen[row.Prefix] {
			deck = append(deck, row)
		}
		seen[row.Prefix] = true
	}
	return deck
}

// build builds a new card of the carrier from new parents. The second parent has
// another currency.
func (w drawnWorkshop) build(c *carrier) (built store.Built, err error) {
	err = c.write(func(tx *store.Tx) error {
		var parents []store.Parent
		for i, deck := range w.parents {
			card, parent := newCard(c.master, schema.ProviderCard), store.Parent{}
			if i == 1 {
				card.Currency, parent.Exchange = "USD", "0.917345678"
			}
			parent.CardID = must(tx.CreateCard(ctx, card)).ID
			parents = append(parents, parent)
			active(tx, parent.CardID, deck...)
		}
		card := newCard(c.master, schema.CustomerCard)
		card.Compact = w.compact
		card = must(tx.CreateCard(ctx, card))
		mustDo(tx.SetParents(ctx, store.AllRates, card.ID, parents))
		mustDo(tx.SetProfitRules(ctx, card.ID, w.rules))
		built, err = tx.BuildRevision(ctx, store.AllRates, card.ID)
		return err
	})
	return built, err
}

func (w drawnWorkshop) inMemory(t *testing.T, s *store.Store, built store.Built) (all []store.Rate, err error) {
	recipe, parents, err := s.Recipe(ctx, built.Revision.ID)
	if err != nil {
		t.Fatal(err)
	}
	builder, err := recipe.Builder(parents)
	if err != nil {
		return nil, err
	}
	var sources []rating.Source
	for _, deck := range w.parents {
		sources = append(sources, rating.Rows(ratingRows(deck)))
	}
	err = builder.Run(sources, func(r rating.Row) error {
		row := store.Rate{Prefix: r.Prefix.String(), Cost: int64(r.Cost), MCD: int(r.MCD), Pulse: int(r.Pulse),
			Connect: int64(r.Connect), Blocked: r.Blocked}
		if inter, ok := r.Inter.Get(); ok {
			row.Inter = ptr(int64(inter))
		}
		if intra, ok := r.Intra.Get(); ok {
			row.Intra = ptr(int64(intra))
		}
		all = append(all, row)
		return nil
	})
	return all, err
}

// ratingRows converts rates for the arithmetic, in order.
func ratingRows(deck []store.Rate) (rows []rating.Row) {
	for _, r := range deck {
		row := rating.Row{Prefix: must(rating.ParsePrefix(r.Prefix)), Rate: rating.Rate{Cost: rating.Money(r.Cost), Connect: rating.Money(r.Connect),
			Increment: rating.Increment{MCD: uint32(r.MCD), Pulse: uint32(r.Pulse)}, Blocked: r.Blocked}}
		if r.Inter != nil {
			row.Inter = rating.Some(rating.Money(*r.Inter))
		}
		if r.Intra != nil {
			row.Intra = rating.Some(rating.Money(*r.Intra))
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b rating.Row) int {
		if a.Prefix < b.Prefix {
			return -1
		}
		return 1
	})
	return rows
}

// values formats rates without their names.
func values(all []store.Rate) (texts []string) {
	for _, r := range all {
		inter, intra := int64(-1), int64(-1)
		if r.Inter != nil {
			inter = *r.Inter
		}
		if r.Intra != nil {
			intra = *r.Intra
		}
		texts = append(texts, fmt.Sprint(r.Prefix, r.Cost, inter, intra, r.MCD, r.Pulse, r.Connect, r.Blocked))
	}
	return texts
}
