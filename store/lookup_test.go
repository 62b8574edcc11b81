package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/lookup"
	"resellerd/store/query"
	"resellerd/store/rating"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

var lookupCardColumns = []string{"id", "kind", "name", "currency", "account_id", "charge_precision", "charge_rounding", "parents"}

var rateColumnNames = []string{"prefix", "name", "cost", "inter", "intra", "mcd", "pulse", "connect", "status"}

// looking is the look-up of a reseller with the cards of cards, and the columns
// that look-ups need.
func looking(account string) lookup.Query {
	q := cards(account)
	q.Columns = []query.Columns{{Names: lookupCardColumns, When: everything}}
	rates := q
	rates.Type, rates.Columns = "rate", []query.Columns{{Names: rateColumnNames, When: everything}}
	return lookup.Query{Cards: q, Rates: rates, Account: account}
}

// lookedUp returns the answer for one call as JSON.
func lookedUp(t testing.TB, s *store.Store, q lookup.Query, number string, seconds int) string {
	t.Helper()
	l, err := s.Lookup(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	call, err := lookup.NewCall(number, seconds, "")
	if err != nil {
		t.Fatal(err)
	}
	rated, err := l.Rate(ctx, call)
	if err != nil {
		t.Fatal(err)
	}
	return string(rated.AppendJSON(nil))
}

// warm loads everything that the viewers' look-ups need into the cache.
func warm(t testing.TB, s *store.Store, viewers ...string) {
	t.Helper()
	for _, account := range viewers {
		if _, err := s.Lookup(ctx, looking(account)); err != nil {
			t.Fatal(err)
		}
	}
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := s.WaitRates(waiting); err != nil {
		t.Fatal(err)
	}
}

// chain creates a carrier with a card built from two providers. The card is
// assigned to a reseller, whose own card is built from it. The decks are random,
// and there are rules and names of all kinds.
func chain(t *testing.T, s *store.Store, r *rand.Rand) *carrier {
	t.Helper()
	c := newCarrier(t, s)
	dollars := newCard(c.master, schema.ProviderCard)
	dollars.Currency, dollars.ChargePrecision = "USD", 2
	mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
		dollars = must(tx.CreateCard(ctx, dollars))
		active(tx, c.bought.ID, drawPlaces(r)...)
		active(tx, dollars.ID, drawPlaces(r)...)
		mustDo(tx.SetParents(ctx, store.AllRates, c.sold.ID, []store.Parent{{CardID: c.bought.ID}, {CardID: dollars.ID, Exchange: "0.9172"}}))
		mustDo(tx.SetProfitRules(ctx, c.sold.ID, []store.ProfitRule{rule("*", "percent", "12"), rule("^0", "absolute", "0.5"),
			rule("^97", "relative", "0.01"), {Match: "7", Status: store.RuleBlocked}}))
		mustDo(tx.SetDestinations(ctx, c.master.ID, []store.Destination{{Prefix: "79", Name: "Ours"}}))
		sold := must(tx.BuildRevision(ctx, store.AllRates, c.sold.ID))
		must(tx.ActivateAtLoss(ctx, store.AllRates, c.sold.ID, sold.Revision.ID))
		must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID}))
		mustDo(tx.SetParents(ctx, store.AllRates, c.resold.ID, []store.Parent{{CardID: c.sold.ID}}))
		mustDo(tx.SetProfitRules(ctx, c.resold.ID, []store.ProfitRule{rule("*", "floor", "0.002"), rule("^09", "percent", "3")}))
		resold := must(tx.BuildRevision(ctx, store.AllRates, c.resold.ID))
		must(tx.ActivateAtLoss(ctx, store.AllRates, c.resold.ID, resold.Revision.ID))
	})
	return c
}

func drawPlaces(r *rand.Rand) []store.Rate {
	seen, deck := map[string]bool{}, []store.Rate{}
	for range 60 {
		prefix := drawDigits(r, 1+r.IntN(5))
		if seen[prefix] {
			continue
		}
		seen[prefix] = true
		rate := store.Rate{Prefix: prefix, Name: "Place " + prefix[:1], Cost: int64(r.IntN(900)) * 12_345_678, MCD: r.IntN(60),
			Pulse: 1 + r.IntN(60), Connect: int64(r.IntN(3)) * 10_000_001, Blocked: r.IntN(6) == 0}
		if r.IntN(3) == 0 {
			inter := int64(r.IntN(900)) * 1e6
			rate.Inter = &inter
		}
		deck = append(deck, rate)
	}
	return deck
}

func drawDigits(r *rand.Rand, n int) string {
	var number strings.Builder
	for range n {
		number.WriteByte("079"[r.IntN(3)])
	}
	return number.String()
}

func TestALookUpIsTheSameFromMemoryAndFromTheDatabase(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := rand.New(rand.NewPCG(7, 1))
		c := chain(t, s, r)
		past := storetest.Open(t, storetest.URL(t, s), store.Options{RateMemory: -1})
		viewers := []string{c.master.ID, c.reseller.ID, c.sibling.ID}
		warm(t, s, viewers...)
		if m := s.RateMemory(); m.Revisions != 4 || m.Failures != 0 {
			t.Fatalf("got %+v", m)
		}
		for range depth.Runs(35) {
			number, seconds, account := drawDigits(r, 1+r.IntN(8)), r.IntN(200), pick(r, viewers)
			kept, read := lookedUp(t, s, looking(account), number, seconds), lookedUp(t, past, looking(account), number, seconds)
			if kept != read {
				t.Fatalf("%s of %s:\n%s\n%s", number, account, kept, read)
			}
		}
		if m, p := s.RateMemory(), past.RateMemory(); m.FromMemory == 0 || p.FromMemory+p.Bytes+p.Loads != 0 {
			t.Errorf("got %+v and %+v", m, p)
		}
	})
}

// Two of the four revisions are computed from their parents. They take no room in
// the cache, and equal the stored ones.
func TestABuiltRevisionIsWorkedOutAndNotKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := rand.New(rand.NewPCG(8, 1))
		c := chain(t, s, r)
		warm(t, s, c.master.ID)
		before := s.RateMemory()
		warm(t, s, c.reseller.ID) // only its own card is new, and it is computed from a cached one
		after := s.RateMemory()
		if after.Revisions != before.Revisions+1 {
			t.Fatalf("got %+v, then %+v", before, after)
		}
		if grown := after.Bytes - before.Bytes; grown > 3000 {
			t.Errorf("a revision that is worked out takes %d bytes", grown)
		}
		for _, row := range stored(t, s, activeOf(t, s, c.resold.ID)) {
			answer := lookedUp(t, s, looking(c.reseller.ID), row.Prefix, 60)
			if !strings.Contains(answer, fmt.Sprintf(`"prefix":%q,"destination":%q`, row.Prefix, row.Name)) {
				t.Errorf("%s is not in %s", row.Prefix, answer)
			}
		}
	})
}

func activeOf(t *testing.T, s *store.Store, card string) (id string) {
	t.Helper()
	row := storetest.SQL(t, s).QueryRow("SELECT id FROM revisions WHERE status = 'active' AND card_id = '" + card + "'")
	if err := row.Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// A reseller's look-up reads the card that was assigned to the reseller, but not
// the parents of that card.
func TestALookUpReadsNothingThatIsNotSeen(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := chain(t, s, rand.New(rand.NewPCG(9, 1)))
		warm(t, s, c.reseller.ID)
		if m := s.RateMemory(); m.Loads != 2 || m.Revisions != 2 {
			t.Errorf("got %+v", m)
		}
		warm(t, s, c.sibling.ID)
		if m := s.RateMemory(); m.Loads != 2 {
			t.Errorf("one who sees no card had %d revisions read", m.Loads)
		}
	})
}

func TestALookUpAgreesWithTheRowsThatAreStored(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := rand.New(rand.NewPCG(10, 1))
		c := chain(t, s, r)
		rows := stored(t, s, activeOf(t, s, c.sold.ID))
		for i := range 200 {
			if i == 100 {
				warm(t, s, c.reseller.ID)
			}
			number, seconds := drawDigits(r, 1+r.IntN(7)), r.IntN(200)
			answer := lookedUp(t, s, looking(c.reseller.ID), number, seconds)
			if want := expectedOf(t, rows, number, seconds); !strings.Contains(answer, want) {
				t.Fatalf("%s for %d s: no %s in\n%s", number, seconds, want, answer)
			}
		}
	})
}

// expectedOf returns the answer that the definition of a look-up demands for a
// card.
func expectedOf(t *testing.T, rows []store.Rate, number string, seconds int) string {
	t.Helper()
	longest := store.Rate{}
	for _, row := range rows {
		if strings.HasPrefix(number, row.Prefix) && len(row.Prefix) > len(longest.Prefix) {
			longest = row
		}
	}
	switch {
	case longest.Prefix == "":
		return `"role":"cost","status":"no_route"}`
	case longest.Blocked:
		return fmt.Sprintf(`"role":"cost","status":"blocked","prefix":%q,"destination":%q}`, longest.Prefix, longest.Name)
	}
	rate := rating.Rate{Cost: rating.Money(longest.Cost), Connect: rating.Money(longest.Connect),
		Increment: rating.Increment{MCD: uint32(longest.MCD), Pulse: uint32(longest.Pulse)}}
	charge, err := rate.Charge(rating.Indeterminate, uint32(seconds), rating.Rounding{Decimals: 4, Mode: rating.HalfUp})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`"role":"cost","status":"open","prefix":%q,"destination":%q,"rate":%q,"billed":%d,"charge":%q}`,
		longest.Prefix, longest.Name, rate.Cost, rate.Billed(uint32(seconds)), charge)
}

func TestALookUpFollowsEveryWrite(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		look := func() string { warm(t, s, c.reseller.ID); return lookedUp(t, s, looking(c.reseller.ID), "4420", 60) }
		if got := look(); !strings.Contains(got, `"cards":[{`) || !strings.Contains(got, "no_route") {
			t.Errorf("a card without rates: %s", got)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			active(tx, c.sold.ID, priced("44", "0.01"))
			must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID}))
		})
		if got := look(); !strings.Contains(got, `"charge":"0.01"`) {
			t.Errorf("assigned: %s", got)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { active(tx, c.sold.ID, priced("442", "0.02")) })
		if got := look(); !strings.Contains(got, `"charge":"0.02"`) || strings.Contains(got, `"0.01"`) {
			t.Errorf("a new revision: %s", got)
		}
		if m := s.RateMemory(); m.Revisions != 1 {
			t.Errorf("what is not active any more is kept: %+v", m)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { mustDo(tx.WithdrawCard(ctx, c.sold.ID, c.reseller.ID)) })
		if got := look(); strings.Contains(got, c.sold.ID) {
			t.Errorf("withdrawn: %s", got)
		}
	})
}

// handClock is a clock that a test moves while other goroutines read it.
type handClock struct{ at atomic.Int64 }

func (c *handClock) set(t time.Time) { c.at.Store(t.UnixMicro()) }

func (c *handClock) now() time.Time { return time.UnixMicro(c.at.Load()) }

// The cached visibility of cards ends with an assignment, although no write happens
// at that time.
func TestALookUpKnowsWhenAnAssignmentBeginsAndEnds(t *testing.T) {
	t.Parallel()
	var clock handClock
	clock.at.Store(worldNow)
	storetest.EachWith(t, store.Options{Now: clock.now}, func(t *testing.T, s *store.Store) {
		now := time.UnixMicro(worldNow)
		clock.set(now)
		c := newCarrier(t, s)
		begin, end := now.Add(time.Hour), now.Add(2*time.Hour)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			active(tx, c.sold.ID, priced("44", "0.01"))
			must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID,
				ValidFrom: schema.MicrosOf(begin), ValidTo: schema.MicrosOf(end)}))
		})
		for _, at := range []struct {
			now  time.Time
			seen bool
		}{{now, false}, {begin.Add(-time.Microsecond), false}, {begin, true}, {end.Add(-time.Microsecond), true}, {end, false}} {
			clock.set(at.now)
			got := lookedUp(t, s, looking(c.reseller.ID), "44", 60)
			if strings.Contains(got, c.sold.ID) != at.seen {
				t.Errorf("at %s: %s", at.now, got)
			}
		}
	})
}

// An assignment that another instance has just made ends on time, even if this
// instance reads it before it knows of that commit.
func TestALookUpKnowsTheEndOfAnAssignmentThatItHasNotHeardOf(t *testing.T) {
	t.Parallel()
	var clock handClock
	clock.at.Store(worldNow)
	storetest.EachWith(t, store.Options{Now: clock.now}, func(t *testing.T, other *store.Store) {
		now := time.UnixMicro(worldNow)
		clock.set(now)
		c := newCarrier(t, other)
		mustWrite(t, other, c.master.ID, func(tx *store.Tx) { active(tx, c.sold.ID, priced("44", "0.01")) })
		s := storetest.Open(t, storetest.URL(t, other), store.Options{Now: clock.now, Poll: time.Hour, MaxStale: time.Hour})
		lookedUp(t, s, looking(c.sibling.ID), "44", 60) // caches that no assignment ends
		end := now.Add(time.Hour)
		mustWrite(t, other, c.master.ID, func(tx *store.Tx) {
			must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID, ValidTo: schema.MicrosOf(end)}))
		})
		if got := lookedUp(t, s, looking(c.reseller.ID), "44", 60); !strings.Contains(got, c.sold.ID) {
			t.Fatalf("the new assignment is not read, so that nothing is shown here: %s", got)
		}
		clock.set(end)
		if got := lookedUp(t, s, looking(c.reseller.ID), "44", 60); strings.Contains(got, c.sold.ID) {
			t.Errorf("after its end: %s", got)
		}
	})
}

func TestWhatIsInUsePushesNothingOutThatIsInUse(t *testing.T) {
	t.Parallel()
	var clock handClock
	clock.at.Store(worldNow)
	storetest.EachWith(t, store.Options{Now: clock.now, RateMemory: 14_000}, func(t *testing.T, s *store.Store) {
		clock.set(time.UnixMicro(worldNow))
		c := newCarrier(t, s)
		deck := make([]store.Rate, 400)
		for i := range deck {
			deck[i] = priced(fmt.Sprint(1000+i), "0.01")
			deck[i].Name = "Somewhere"
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			active(tx, c.sold.ID, deck...)
			active(tx, c.resold.ID, deck...)
		})
		warm(t, s, c.reseller.ID)
		warm(t, s, c.master.ID) // its two revisions do not fit beside it
		m := s.RateMemory()
		if m.Revisions != 1 || m.Failures == 0 || m.Evictions != 0 || m.Bytes > m.Budget {
			t.Errorf("in use: %+v", m)
		}
		clock.set(clock.now().Add(2 * time.Minute))
		warm(t, s, c.master.ID)
		if m = s.RateMemory(); m.Revisions != 1 || m.Evictions == 0 || m.Bytes > m.Budget {
			t.Errorf("rested: %+v", m)
		}
		if got := lookedUp(t, s, looking(c.reseller.ID), "1399", 60); !strings.Contains(got, `"charge":"0.01"`) {
			t.Errorf("what was pushed out is read: %s", got)
		}
	})
}

// If the policy hides a column of a rate, no look-up shows the column or a value
// that depends on it.
func TestALookUpShowsWhatIsShown(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			active(tx, c.sold.ID, priced("44", "0.0123"))
			must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID}))
			active(tx, c.resold.ID)
		})
		without := func(from []string, names ...string) []query.Columns {
			kept := slices.DeleteFunc(slices.Clone(from), func(name string) bool { return slices.Contains(names, name) })
			return []query.Columns{{Names: kept, When: everything}}
		}
		for name, test := range map[string]struct {
			change func(*lookup.Query)
			absent []string
		}{
			"no prefix":      {func(q *lookup.Query) { q.Rates.Columns = without(rateColumnNames, "prefix") }, []string{`"prefix"`}},
			"no name":        {func(q *lookup.Query) { q.Rates.Columns = without(rateColumnNames, "name") }, []string{`"destination"`}},
			"no cost":        {func(q *lookup.Query) { q.Rates.Columns = without(rateColumnNames, "cost") }, []string{"0.0123", `"rate"`}},
			"no status":      {func(q *lookup.Query) { q.Rates.Columns = without(rateColumnNames, "status") }, []string{"0.0123", `"open"`}},
			"no pulse":       {func(q *lookup.Query) { q.Rates.Columns = without(rateColumnNames, "pulse") }, []string{`"billed"`, `"charge":"`}},
			"no connect":     {func(q *lookup.Query) { q.Rates.Columns = without(rateColumnNames, "connect") }, []string{`"charge":"`}},
			"no precision":   {func(q *lookup.Query) { q.Cards.Columns = without(lookupCardColumns, "charge_precision") }, []string{`"charge":"`}},
			"no card's name": {func(q *lookup.Query) { q.Cards.Columns = without(lookupCardColumns, "name") }, []string{`"name"`, "Provider card"}},
			"no currency":    {func(q *lookup.Query) { q.Cards.Columns = without(lookupCardColumns, "currency") }, []string{"EUR", `"cheapest":[{`}},
			"no kind":        {func(q *lookup.Query) { q.Cards.Columns = without(lookupCardColumns, "kind") }, []string{`"kind"`, `"role"`}},
			"no rates":       {func(q *lookup.Query) { q.Rates.Filter = predicate.Filter{} }, []string{c.sold.ID}},
			"no cards":       {func(q *lookup.Query) { q.Cards.Filter = predicate.Filter{} }, []string{c.sold.ID}},
			"no view":        {func(q *lookup.Query) { q.Cards.Views = nil }, []string{c.sold.ID}},
		} {
			whole := lookedUp(t, s, looking(c.reseller.ID), "44", 60)
			q := looking(c.reseller.ID)
			test.change(&q)
			got := lookedUp(t, s, q, "44", 60)
			for _, text := range test.absent {
				if strings.Contains(got, text) {
					t.Errorf("%s: %s in %s", name, text, got)
				}
				if !strings.Contains(whole, text) {
					t.Errorf("%s: no %s in %s", name, text, whole)
				}
			}
		}
	})
}

// The margin of a card reveals the costs of its parents. So only viewers who can
// see the parents see the margin.
func TestWhatACardEarnsIsSaidToThoseWhoSeeItsParents(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			active(tx, c.sold.ID, priced("44", "0.01"))
			must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID}))
			mustDo(tx.SetParents(ctx, store.AllRates, c.resold.ID, []store.Parent{{CardID: c.sold.ID}}))
			mustDo(tx.SetProfitRules(ctx, c.resold.ID, []store.ProfitRule{rule("*", "percent", "12")}))
			must(tx.ActivateRevision(ctx, store.AllRates, c.resold.ID, must(tx.BuildRevision(ctx, store.AllRates, c.resold.ID)).Revision.ID))
		})
		q := looking(c.reseller.ID)
		if got := lookedUp(t, s, q, "44", 60); !strings.Contains(got, `"earns":{"least":"0.0012","most":"0.0012"}`) {
			t.Errorf("with its parents: %s", got)
		}
		q.Cards.Columns = []query.Columns{{Names: lookupCardColumns[:len(lookupCardColumns)-1], When: everything}}
		if got := lookedUp(t, s, q, "44", 60); !strings.Contains(got, `"earns":null`) {
			t.Errorf("without: %s", got)
		}
	})
}

func TestCallsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]struct {
		number       string
		seconds      int
		jurisdiction string
		field        string
	}{
		"no number":            {"", 1, "", "number"},
		"a lone +":             {"+", 1, "", "number"},
		"two +":                {"++44", 1, "", "number"},
		"blanks":               {"44 20", 1, "", "number"},
		"letters":              {"44x", 1, "", "number"},
		"other digits":         {"٤٤", 1, "", "number"},
		"too long":             {strings.Repeat("4", 33), 1, "", "number"},
		"less than no time":    {"44", -1, "", "seconds"},
		"more than a day":      {"44", 86_401, "", "seconds"},
		"another jurisdiction": {"44", 1, "moon", "jurisdiction"},
	} {
		_, err := lookup.NewCall(call.number, call.seconds, call.jurisdiction)
		refused(t, err, fault.ErrInvalid, call.field)
		if call.number != "" && strings.Contains(err.Error(), call.number) && len(call.number) > 1 {
			t.Errorf("%s: the number is in %q", name, err)
		}
	}
	if call, err := lookup.NewCall("+442071234567", 0, ""); err != nil || call.Number != "442071234567" || call.Jurisdiction != "indeterminate" {
		t.Errorf("got %+v, %v", call, err)
	}
}
