package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// fewRates draws rates from a few prefixes and values, so that two draws differ in
// every way.
func fewRates(r *rand.Rand) map[string]store.Rate {
	rates := map[string]store.Rate{}
	price := func() *int64 {
		if r.IntN(2) == 0 {
			return nil
		}
		return ptr(r.Int64N(3))
	}
	for range r.IntN(400) {
		prefix := strconv.Itoa(100 + r.IntN(300))
		rates[prefix] = store.Rate{
			Prefix: prefix, Name: pick(r, []string{"", "", "A"}), Cost: r.Int64N(3), Inter: price(), Intra: price(),
			MCD: r.IntN(2), Pulse: 1 + r.IntN(2), Connect: r.Int64N(2), Blocked: r.IntN(6) == 0,
		}
	}
	return rates
}

// importOf is an import whose rates add adds.
func importOf(card, base string, add func(to *store.Importer) error) store.Import {
	return store.Import{Card: card, Base: base, Read: func(_ context.Context, _ store.Card, _ time.Time, to *store.Importer) error { return add(to) }}
}

// imported returns the expected rates and counts of an import of given over base.
func imported(base, given map[string]store.Rate, amends bool) (after map[string]store.Rate, sum store.DiffSum) {
	after = maps.Clone(given)
	if amends {
		for prefix, rate := range base {
			if _, there := given[prefix]; !there {
				after[prefix] = rate
			}
		}
	}
	counts := map[string]*int64{
		store.RateCreated: &sum.Created, store.RateRemoved: &sum.Removed, store.RateUp: &sum.Up,
		store.RateDown: &sum.Down, store.RateChanged: &sum.Changed, store.RateUnchanged: &sum.Unchanged,
	}
	values := func(from map[string]store.Rate, prefix string) []any {
		if rate, there := from[prefix]; there {
			return schema.NewRateValues().Append(nil, &rate)
		}
		return nil
	}
	for prefix := range base {
		*counts[store.CompareRates(values(base, prefix), values(after, prefix))]++
	}
	for prefix := range after {
		if values(base, prefix) == nil {
			sum.Created++
		}
	}
	return after, sum
}

func TestAnImportCountsWhatTheDifferenceOfTwoRevisionsDoes(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		r := rand.New(rand.NewPCG(7, 7))
		var all store.DiffSum
		for round := range 20 {
			base, given, amends := fewRates(r), fewRates(r), r.IntN(2) == 0
			want, wantSum := imported(base, given, amends)
			var inForce store.Revision
			var drafts []store.Imported
			mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
				inForce = active(tx, c.bought.ID, slices.Collect(maps.Values(base))...)
				named := ""
				if amends {
					named = inForce.ID
				}
				drafts = must(tx.Import(ctx, store.AllRates, importOf(c.bought.ID, named, func(to *store.Importer) error {
					for _, rate := range given {
						mustDo(to.Add(0, rate))
					}
					return nil
				})))
			})
			if len(given) > 0 {
				if len(drafts) != 1 || *drafts[0].Changes != wantSum || drafts[0].Revision.Rows != int64(len(want)) {
					t.Fatalf("round %d, amends %v: got %+v, want %+v of %d rows", round, amends, drafts, wantSum, len(want))
				}
				stands, err := c.Diff(ctx, store.AllRates, c.bought.ID, inForce.ID, drafts[0].Revision.ID, "", func(store.RateChange) error { return nil })
				if err != nil || stands != wantSum {
					t.Errorf("round %d: the difference is %+v, the import counted %+v: %v", round, stands, wantSum, err)
				}
			}
			all.Created, all.Removed, all.Up = all.Created+wantSum.Created, all.Removed+wantSum.Removed, all.Up+wantSum.Up
			all.Down, all.Changed, all.Unchanged = all.Down+wantSum.Down, all.Changed+wantSum.Changed, all.Unchanged+wantSum.Unchanged
		}
		if all.Created*all.Removed*all.Up*all.Down*all.Changed*all.Unchanged == 0 {
			t.Errorf("something never happened: %+v", all)
		}
	})
}

// A replacement whose file has no names keeps those of the prefixes that stay.
func TestAReplacementWithoutNamesKeepsThem(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			active(tx, c.bought.ID, store.Rate{Prefix: "44", Name: "UK", Cost: 1, MCD: 1, Pulse: 1}, store.Rate{Prefix: "49", Name: "Germany", Cost: 1, MCD: 1, Pulse: 1})
			var given uint16
			for _, column := range store.RateColumns([]string{"cost", "mcd", "pulse"}) {
				given |= 1 << column
			}
			drafts := must(tx.Import(ctx, store.AllRates, importOf(c.bought.ID, "", func(to *store.Importer) error {
				mustDo(to.Put(0, store.RateGiven{Rate: store.Rate{Prefix: "44", Cost: 5, Pulse: 1}, Given: given}))
				mustDo(to.Put(0, store.RateGiven{Rate: store.Rate{Prefix: "49", Cost: 1, Pulse: 1}, Given: given}))
				return to.Put(0, store.RateGiven{Rate: store.Rate{Prefix: "33", Cost: 1, Pulse: 1}, Given: given})
			})))
			if want := (store.DiffSum{Created: 1, Up: 1, Unchanged: 1}); *drafts[0].Changes != want {
				t.Errorf("%+v", drafts[0].Changes)
			}
		})
	})
}

// Rates for several moments are added alternately. Each draft holds all rates that
// are in force at its moment.
func TestAnImportForSeveralMomentsHoldsWhatIsInForceThen(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		const rows = 3000 // per moment; more than a batch
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			from := [3]schema.Micros{0, hour(1), hour(2)}
			drafts := must(tx.Import(ctx, store.AllRates, importOf(c.bought.ID, "", func(to *store.Importer) error {
				for i := range rows {
					for moment := range from {
						rate := store.Rate{Prefix: strconv.Itoa(10_000 + i*(moment+1)), Cost: int64(moment), Pulse: 1}
						mustDo(to.Add(from[moment], rate))
					}
				}
				return nil
			})))
			inForce := map[string]bool{}
			for moment, draft := range drafts {
				for i := range rows {
					inForce[strconv.Itoa(10_000+i*(moment+1))] = true
				}
				if draft.At != from[moment] || draft.Revision.Rows != int64(len(inForce)) {
					t.Errorf("moment %d: %+v, want %d rows", moment, draft, len(inForce))
				}
			}
			if len(drafts) != 3 {
				t.Errorf("%d drafts", len(drafts))
			}
		})
	})
}

// A replacement that gives a prefix only from a later date changes nothing about it before. Then the new price is compared
// with the old one.
func TestAReplacementKeepsARateUntilTheDateOfItsNewOne(t *testing.T) {
	t.Parallel()
	rate := func(prefix string, cost int64) store.Rate { return store.Rate{Prefix: prefix, Cost: cost, Pulse: 1} }
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			active(tx, c.bought.ID, rate("44", 10), rate("4479", 900), rate("49", 1000), rate("33", 5), rate("34", 6))
			gone := store.RateGiven{Rate: rate("34", 0), Removed: true}
			what := importOf(c.bought.ID, "", func(to *store.Importer) error {
				mustDo(to.Add(0, rate("44", 10)))
				mustDo(to.Add(hour(1), rate("4479", 950)))
				mustDo(to.Put(hour(1), gone))
				return to.Add(hour(2), rate("49", 1))
			})
			what.RowTimes, what.Preview = 3, true
			drafts := must(tx.Import(ctx, store.AllRates, what))
			want := []store.DiffSum{{Removed: 1, Unchanged: 4}, {Up: 1, Removed: 1, Unchanged: 2}, {Down: 1, Unchanged: 2}}
			doubtful := []string{"[]", "[]", "[{49 1000 1 false }]"}
			for d, draft := range drafts {
				if *draft.Changes != want[d] || fmt.Sprint(draft.Doubtful) != doubtful[d] {
					t.Errorf("draft %d: %+v %v", d, *draft.Changes, draft.Doubtful)
				}
			}
		})
	})
}

// Each draft of a replacement holds, for each prefix, the last rate that the file gives until then. Before the first one it
// holds the rate in force.
func TestEachDraftOfAReplacementHoldsWhatIsInForceThen(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(14, 4))
	moments := []schema.Micros{0, hour(1), hour(2), hour(3)}
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		kept := 0
		for round := range 30 {
			base := fewRates(r)
			given, back := make([]map[string]store.Rate, len(moments)), make([]map[string]store.Rate, len(moments))
			for n := range moments {
				given[n], back[n] = fewRates(r), map[string]store.Rate{}
				for prefix, rate := range given[n] {
					if r.IntN(8) == 0 { // a line that contradicts another one
						back[n][prefix] = rate
						delete(given[n], prefix)
					}
				}
			}
			var drafts []store.Imported
			mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
				active(tx, c.bought.ID, slices.Collect(maps.Values(base))...)
				drafts = must(tx.Import(ctx, store.AllRates, importOf(c.bought.ID, "", func(to *store.Importer) error {
					for n, at := range moments {
						for _, rate := range given[n] {
							mustDo(to.Add(at, rate))
						}
						for prefix, rate := range back[n] {
							mustDo(to.Add(at, rate))
							mustDo(to.Replace(at, prefix, nil))
						}
					}
					return nil
				})))
			})
			for _, draft := range drafts {
				want := map[string]store.Rate{}
				for prefix, rate := range base {
					first, until := schema.Micros(-1), schema.Micros(-1) // the file gives the prefix, and it gives it a rate that stands
					for n, at := range moments {
						_, stands := given[n][prefix]
						if _, taken := back[n][prefix]; !stands && !taken {
							continue
						}
						if until = at; first < 0 {
							first = at
						}
						if stands {
							break
						}
					}
					if first > drafts[0].At && draft.At < until {
						want[prefix] = rate
						kept++
					}
				}
				for n, at := range moments {
					if at <= draft.At {
						maps.Copy(want, given[n])
					}
				}
				got := map[string]store.Rate{}
				for _, rate := range stored(t, c.Store, draft.Revision.ID) {
					got[rate.Prefix] = rate
				}
				maps.DeleteFunc(want, func(prefix string, rate store.Rate) bool {
					is, there := got[prefix]
					if there = there && reflect.DeepEqual(is, rate); there {
						delete(got, prefix)
					}
					return there
				})
				if len(got)+len(want) > 0 {
					t.Fatalf("round %d, at %d: also got %+v, and lacks %+v", round, draft.At, got, want)
				}
			}
		}
		if kept == 0 {
			t.Error("no rate was kept")
		}
	})
}

// If the database refuses an import half-way, the import returns the error, and its
// transaction ends.
func TestAnImportThatIsRefusedHalfWayEnds(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		for _, twice := range []int{1, 1500, 4999} {
			err := c.Write(ctx, c.master.ID, func(tx *store.Tx) error {
				_, err := tx.Import(ctx, store.AllRates, importOf(c.bought.ID, "", func(to *store.Importer) error {
					for i := range 5000 {
						if err := to.Add(0, store.Rate{Prefix: fmt.Sprint(10_000 + i%twice), Pulse: 1}); err != nil {
							return err
						}
					}
					return nil
				}))
				return err
			})
			if err == nil {
				t.Errorf("a prefix is there twice after %d rows, and it is no error", twice)
			}
		}
		if n := count(t, c.Store, "SELECT count(*) FROM revisions WHERE status = 'draft'"); n != 0 {
			t.Errorf("%d drafts were left", n)
		}
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) { drafted(tx, c.bought.ID, "0.02") }) // no lock is left
	})
}

// An amendment gives some columns of a rate. The others stay as they are, also the status.
func TestAnAmendmentChangesTheColumnsThatItGives(t *testing.T) {
	t.Parallel()
	column := func(name string) uint16 { return 1 << store.RateColumns([]string{name})[0] }
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		rate := func(prefix string, cost int64, blocked bool) store.Rate {
			return store.Rate{Prefix: prefix, Name: "N" + prefix, Cost: cost, MCD: 60, Pulse: 60, Connect: 5, Blocked: blocked}
		}
		var base store.Revision
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			base = active(tx, c.bought.ID, rate("44", 1, false), rate("4420", 1, false), rate("44161", 1, false), rate("442012", 1, false), rate("4479", 9, true), rate("49", 1, false))
		})
		given := func(prefix string, cost int64, names ...string) store.RateGiven {
			g := store.RateGiven{Rate: store.Rate{Prefix: prefix, Cost: cost, Pulse: 1}}
			for _, name := range names {
				g.Given |= column(name)
			}
			return g
		}
		drafts, err := importLong(c.Store, c.master.ID, importOf(c.bought.ID, base.ID, func(to *store.Importer) error {
			for _, g := range []store.RateGiven{given("44", 2, "cost"), given("4420", 3, "cost"), given("4479", 10, "cost"), given("33", 3, "cost"), {Rate: store.Rate{Prefix: "49"}, Removed: true}} {
				if err := to.Put(0, g); err != nil {
					return err
				}
			}
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		want := store.DiffSum{Created: 1, Up: 3, Removed: 1, Unchanged: 2}
		if *drafts[0].Changes != want || fmt.Sprint(drafts[0].Longer, drafts[0].Longers) != "[{4420 1} {44 2}] 2" {
			t.Errorf("%+v %v", *drafts[0].Changes, drafts[0].Longer)
		}
		got := map[string]store.Rate{}
		for _, r := range stored(t, c.Store, drafts[0].Revision.ID) {
			got[r.Prefix] = r
		}
		raised := rate("4479", 10, true)
		if got["4479"] != raised || got["33"] != (store.Rate{Prefix: "33", Cost: 3, Pulse: 1}) || got["44"] != rate("44", 2, false) || len(got) != 6 {
			t.Errorf("%+v", got)
		}
		_, err = importLong(c.Store, c.master.ID, importOf(c.bought.ID, base.ID, func(to *store.Importer) error {
			return to.Put(0, given("34", 0, "name"))
		}))
		if err == nil {
			t.Error("a new prefix without a price is accepted")
		}
	})
}

func TestAMinimumOfNothingBillsLikeOneOfAStep(t *testing.T) {
	t.Parallel()
	values := func(cost int64, mcd, pulse int, name string) []any {
		return schema.NewRateValues().Append(nil, &store.Rate{Prefix: "44", Name: name, Cost: cost, MCD: mcd, Pulse: pulse})
	}
	blocked := func(of []any) []any {
		of[store.RateColumns([]string{"status"})[0]] = "blocked"
		return of
	}
	for _, tc := range []struct {
		before, after []any
		want          string
	}{
		{values(1, 1, 1, ""), values(5, 0, 1, ""), store.RateUp},
		{values(1, 1, 1, ""), values(1, 0, 1, ""), store.RateUnchanged},
		{values(1, 0, 60, ""), values(1, 60, 60, ""), store.RateUnchanged},
		{values(2, 60, 60, ""), values(1, 60, 61, ""), store.RateUp},
		{values(2, 60, 60, ""), values(1, 0, 60, ""), store.RateDown},
		{values(1, 60, 60, "a"), values(1, 0, 60, "b"), store.RateChanged},
		{blocked(values(9, 1, 1, "")), values(50, 1, 1, ""), store.RateUp},
		{blocked(values(9, 1, 1, "")), values(9, 1, 1, ""), store.RateChanged},
		{blocked(values(9, 1, 1, "")), values(5, 1, 1, ""), store.RateChanged},
		{values(9, 1, 1, ""), blocked(values(50, 1, 1, "")), store.RateChanged},
		{blocked(values(9, 1, 1, "")), blocked(values(50, 1, 1, "")), store.RateUp},
	} {
		if got := store.CompareRates(tc.before, tc.after); got != tc.want {
			t.Errorf("%v to %v: %s, want %s", tc.before, tc.after, got, tc.want)
		}
	}
}

// A prefix that is opened is compared with the price that it had, and a fee that rises with the fee before.
func TestAnOpenedPrefixAndADearerFeeAreCompared(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			base := active(tx, c.bought.ID, store.Rate{Prefix: "4479", Cost: 950, Pulse: 1, Blocked: true},
				store.Rate{Prefix: "4480", Pulse: 1, Blocked: true}, store.Rate{Prefix: "49", Cost: 10, Pulse: 1, Connect: 5})
			what := importOf(c.bought.ID, base.ID, func(to *store.Importer) error {
				for _, rate := range []store.Rate{{Prefix: "4479", Cost: 9, Pulse: 1}, {Prefix: "4480", Cost: 9, Pulse: 1}, {Prefix: "49", Cost: 10, Pulse: 1, Connect: 5000}} {
					mustDo(to.Add(0, rate))
				}
				return nil
			})
			what.RowTimes, what.Preview = 3, true
			got := fmt.Sprint(must(tx.Import(ctx, store.AllRates, what))[0].Doubtful)
			if want := "[{4479 950 9 false } {49 15 5010 true }]"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	})
}

// A blocked prefix without a price has no price to be opened at.
func TestABlockedPrefixWithoutAPriceIsNotOpenedByItsStatusAlone(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			base := active(tx, c.bought.ID, store.Rate{Prefix: "4479", Cost: 950, Pulse: 1, Blocked: true}, store.Rate{Prefix: "4480", Pulse: 1, Blocked: true})
			for prefix, refused := range map[string]bool{"4479": false, "4480": true} {
				what := importOf(c.bought.ID, base.ID, func(to *store.Importer) error {
					return to.Put(0, store.RateGiven{Rate: store.Rate{Prefix: prefix, Pulse: 1}, Given: 1 << store.RateColumns([]string{"status"})[0]})
				})
				what.Preview = true
				if _, err := tx.Import(ctx, store.AllRates, what); errors.Is(err, fault.ErrInvalid) != refused {
					t.Errorf("%s: %v", prefix, err)
				}
			}
		})
	})
}

// An amendment may give new prefixes without a price, and open a blocked one that has none. Their lines are refused; the
// others are imported. What a later record of the same prefix replaces is not refused.
func TestAnAmendmentRefusesTheLinesThatNeedAPrice(t *testing.T) {
	t.Parallel()
	name, status, cost := uint16(1)<<store.RateColumns([]string{"name"})[0], uint16(1)<<store.RateColumns([]string{"status"})[0], uint16(1)<<store.RateColumns([]string{"cost"})[0]
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		var base store.Revision
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			base = active(tx, c.bought.ID, store.Rate{Prefix: "44", Cost: 5, Pulse: 1}, store.Rate{Prefix: "4480", Pulse: 1, Blocked: true})
		})
		rate := func(prefix string, given uint16, line uint32) store.RateGiven {
			return store.RateGiven{Rate: store.Rate{Prefix: prefix, Cost: 7, Name: "N", Pulse: 1}, Given: given, Line: line}
		}
		for _, preview := range []bool{true, false} {
			var refused []string
			what := importOf(c.bought.ID, base.ID, func(to *store.Importer) error {
				refused = nil
				for _, g := range []store.RateGiven{rate("44", name, 2), rate("33", name, 3), rate("4480", status, 4), rate("34", name, 5), rate("35", name, 6), rate("36", name, 7), rate("37", cost, 8)} {
					mustDo(to.Put(0, g))
				}
				priced := rate("34", name|cost, 9)
				mustDo(to.Replace(0, "34", &priced))
				mustDo(to.Replace(0, "35", nil))
				return to.Put(hour(1), rate("36", name, 10))
			})
			what.Preview, what.Refuse = preview, func(line uint32, column, reason string) error {
				refused = append(refused, fmt.Sprint(line, " ", column, " ", reason))
				return nil
			}
			drafts, err := importLong(c.Store, c.master.ID, what)
			want := []string{"3 cost is missing, and the card has no prefix 33", "7 cost is missing, and the card has no prefix 36",
				"10 cost is missing, and the card has no prefix 36", "4 cost is missing, and the prefix 4480, which would be opened, has no price"}
			if err != nil || !slices.Equal(refused, want) || len(drafts) != 2 || *drafts[0].Changes != (store.DiffSum{Created: 2, Changed: 1, Unchanged: 1}) {
				t.Errorf("%v %q %+v", err, refused, drafts)
			}
			if !preview {
				if got := len(stored(t, c.Store, drafts[0].Revision.ID)); got != 4 {
					t.Errorf("%d rates", got)
				}
			}
		}
	})
}

// A blocked prefix that an import leaves without a rate is listed if an open shorter one applies then.
func TestAnImportListsTheBlockedPrefixesThatItOpens(t *testing.T) {
	t.Parallel()
	rate := func(prefix string, blocked bool) store.Rate {
		return store.Rate{Prefix: prefix, Cost: 5, Pulse: 1, Blocked: blocked}
	}
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		var base store.Revision
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			base = active(tx, c.bought.ID, rate("44", false), rate("4479", true), rate("447900", true), rate("4980", true), rate("33", true), rate("336", true))
		})
		for _, tc := range []struct {
			name  string
			keeps []store.Rate
			amend []string // prefixes to remove
			opens map[string]bool
			want  string
		}{
			{"a replacement without them", []store.Rate{rate("44", false)}, nil, nil, "[{4479 44 5} {447900 44 5}]"},
			{"a replacement with a new shorter prefix", []store.Rate{rate("49", false)}, nil, nil, "[{4980 49 5}]"},
			{"a replacement that keeps a shorter block", []store.Rate{rate("44", false), rate("4479", true), rate("33", true)}, nil, nil, "[]"},
			{"a replacement that opens them itself", []store.Rate{rate("44", false), rate("4479", false), rate("447900", false)}, nil, nil, "[]"},
			{"a replacement without any shorter prefix", []store.Rate{rate("7", false)}, nil, nil, "[]"},
			{"a replacement that is confirmed", []store.Rate{rate("44", false)}, nil, map[string]bool{"4479": true}, "[{447900 44 5}]"},
			{"an amendment that removes one", nil, []string{"4479"}, nil, "[{4479 44 5}]"},
			{"an amendment that removes one below a block", nil, []string{"447900", "336"}, nil, "[]"},
			{"an amendment that removes the block above too", []store.Rate{rate("3", false)}, []string{"33", "336"}, nil, "[{33 3 5} {336 3 5}]"},
		} {
			of := ""
			if tc.amend != nil {
				of = base.ID
			}
			what := importOf(c.bought.ID, of, func(to *store.Importer) error {
				for _, rate := range tc.keeps {
					mustDo(to.Add(0, rate))
				}
				for _, prefix := range tc.amend {
					mustDo(to.Put(0, store.RateGiven{Rate: store.Rate{Prefix: prefix}, Removed: true}))
				}
				return nil
			})
			what.Preview, what.Opens = true, tc.opens
			drafts, err := importLong(c.Store, c.master.ID, what)
			if err != nil || len(drafts) != 1 {
				t.Fatalf("%s: %v", tc.name, err)
			}
			if got := drafts[0].Opened; fmt.Sprint(got) != tc.want || drafts[0].Opens != int64(len(got)) {
				t.Errorf("%s: %v, want %s", tc.name, got, tc.want)
			}
		}
	})
}

// No number that was blocked is open after an import, unless the import says so for the prefix that is opened, or lists it.
func TestEachNumberThatAnImportOpensIsListedOrSaid(t *testing.T) {
	t.Parallel()
	said := uint16(1) << store.RateColumns([]string{"status"})[0]
	r := rand.New(rand.NewPCG(7, 9))
	digits := func(most int) string {
		text := ""
		for range 1 + r.IntN(most) {
			text += pick(r, []string{"4", "7"})
		}
		return text
	}
	draw := func() map[string]store.Rate {
		rates := map[string]store.Rate{}
		for range r.IntN(8) {
			prefix := digits(4)
			rates[prefix] = store.Rate{Prefix: prefix, Cost: 5, Pulse: 1, Blocked: r.IntN(2) == 0}
		}
		return rates
	}
	applies := func(rates map[string]store.Rate, number string) (store.Rate, bool) {
		for n := len(number); n > 0; n-- {
			if rate, there := rates[number[:n]]; there {
				return rate, true
			}
		}
		return store.Rate{}, false
	}
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		found := 0
		for round := range 200 {
			before, gives, amends := draw(), draw(), r.IntN(2) == 0
			before["447"] = store.Rate{Prefix: "447", Cost: 5, Pulse: 1, Blocked: true}
			var base store.Revision
			mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
				base = active(tx, c.bought.ID, slices.Collect(maps.Values(before))...)
			})
			after, told, of := map[string]store.Rate{}, map[string]bool{}, ""
			if amends {
				after, of = maps.Clone(before), base.ID
			}
			changes := []store.RateGiven{}
			for prefix, rate := range gives {
				g := store.RateGiven{Rate: rate, Given: ^uint16(0)}
				was, there := after[prefix]
				switch {
				case r.IntN(3) > 0 || rate.Blocked:
					told[prefix], after[prefix] = true, rate
				case amends && there && r.IntN(2) == 0:
					g.Removed = true
					delete(after, prefix)
				default:
					g.Given &^= said
					if rate.Blocked = there && was.Blocked; !amends {
						rate.Blocked = false
					}
					after[prefix] = rate
				}
				changes = append(changes, g)
			}
			what := importOf(c.bought.ID, of, func(to *store.Importer) error {
				for _, g := range changes {
					mustDo(to.Put(0, g))
				}
				return nil
			})
			what.Preview = true
			drafts, err := importLong(c.Store, c.master.ID, what)
			if err != nil {
				t.Fatal(err)
			}
			if len(drafts) == 0 {
				continue
			}
			listed := map[string]bool{}
			for _, o := range drafts[0].Opened {
				listed[o.Prefix] = true
				was, _ := applies(before, o.Prefix)
				if is, there := applies(after, o.Prefix); !was.Blocked || !there || is.Blocked || is.Prefix != o.Under {
					t.Errorf("round %d: %+v, which was %+v and is %+v", round, o, was, is)
				}
			}
			for n := range 32 {
				number := strings.NewReplacer("0", "4", "1", "7").Replace(fmt.Sprintf("%05b", n))
				was, _ := applies(before, number)
				is, there := applies(after, number)
				if !was.Blocked || !there || is.Blocked {
					continue
				}
				found++
				opened := slices.ContainsFunc(slices.Collect(maps.Keys(listed)), func(prefix string) bool { return strings.HasPrefix(number, prefix) })
				if !opened && !(len(is.Prefix) >= len(was.Prefix) && told[is.Prefix]) {
					t.Errorf("round %d: %s was blocked by %s, and %s opens it unasked: %v", round, number, was.Prefix, is.Prefix, drafts[0].Opened)
				}
			}
		}
		if found == 0 {
			t.Error("no number was opened")
		}
	})
}
