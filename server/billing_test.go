package server

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/store"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// laterEnds are the ends of what was in force at a time, which come later.
var laterEnds = regexp.MustCompile(`"(valid_to|active_to)":(null|"[^"]*")`)

// What a past call was rated by stays the same, whatever is changed later: the customer's
// card, the card's revision, and how the card charges.
func TestBillingOfThePastStays(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := rand.New(rand.NewPCG(depth.FirstSeed(), 4))
		w.rates("retail", store.Rate{Prefix: "49", Cost: 100, Pulse: 1})
		seedCard(w, "M", "A", "second", schema.CustomerCard)
		past := map[time.Time]string{}
		at := func(moment time.Time) string {
			body := w.get("a", "/v1/customers/{acme}/billing?at="+moment.Format(time.RFC3339Nano)).want(200).body
			return laterEnds.ReplaceAllString(body, "")
		}
		for range depth.Runs(30) {
			w.pass(time.Duration(1+r.IntN(3600)) * time.Second)
			moment := w.clock()
			past[moment] = at(moment)
			w.pass(time.Second)
			card := []string{"retail", "second"}[r.IntN(2)]
			switch r.IntN(4) {
			case 0:
				w.do("a", "PUT", "/v1/cards/{"+card+"}/customers/{acme}", "").want(200)
			case 1:
				w.do("a", "DELETE", "/v1/cards/{"+card+"}/customers/{acme}", "")
			case 2:
				w.do("a", "PATCH", "/v1/cards/{"+card+"}", fmt.Sprintf(`{"charge_precision":%d}`, 3+r.IntN(5))).want(200)
			case 3:
				w.rates(card, store.Rate{Prefix: "49", Cost: 100 + int64(r.IntN(100)), Pulse: 1})
			}
			for moment, was := range past {
				if is := at(moment); is != was {
					t.Fatalf("RESELLERD_TEST_SEED=%d: at %s it was %s, and is %s", depth.FirstSeed(), moment, was, is)
				}
			}
		}
		w.get("b", "/v1/customers/{acme}/billing").want(404)
		w.get("a", "/v1/customers/{acme}/billing?at="+w.later(time.Hour)).refused(422, "future")
	})
}

// All cards of a customer are told, page by page, whichever of them the reader does not see.
func TestBillingIsToldPageByPage(t *testing.T) {
	t.Parallel()
	engine := withoutRows(t)
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, url(t), engine, func(w *world) {
				seedWorld(w)
				hire(w, "M", "A", "a.without.gold", store.Group{DefaultAccess: "crud"})
			})
			var all []string
			for n := range 12 {
				card := fmt.Sprint("card", n)
				seedCard(w, "M", "A", card, schema.CustomerCard)
				w.do("a", "PUT", "/v1/cards/{"+card+"}/customers/{acme}", "").want(200)
				all = append(all, w.id(card))
			}
			for n := range 5 {
				w.do("a", "PATCH", "/v1/cards/{"+fmt.Sprint("card", 2*n)+"}", `{"name":"planted-m-gold"}`).want(200)
			}
			pages := func(user string, limit int) (ids []string) {
				path := fmt.Sprintf("/v1/customers/{acme}/billing?limit=%d", limit)
				for next := ""; ; {
					page := w.get(user, path+next).want(200)
					ids = append(ids, page.column("card_id")...)
					w.pass(time.Second) // all pages are about one time
					cursor, more := page.object()["next"].(string)
					if !more {
						return ids
					}
					next = "&cursor=" + cursor
				}
			}
			slices.Sort(all)
			whole := pages("a", 1000)
			for _, limit := range []int{1, 2, 3, 7, 12} {
				if got := pages("a", limit); !slices.Equal(got, whole) {
					t.Errorf("in pages of %d: %v", limit, got)
				}
				if got := pages("a.without.gold", limit); len(got) != len(whole)-5 || slices.ContainsFunc(got, func(id string) bool { return !slices.Contains(whole, id) }) {
					t.Errorf("without the hidden cards, in pages of %d: %v", limit, got)
				}
			}
			for _, id := range all {
				if !slices.Contains(whole, id) {
					t.Errorf("%s is not told", id)
				}
			}
			w.get("a", "/v1/customers/{acme}/billing?count=true").refused(422, "count")
		})
	}
}

// An answer needs as many statements however many of the cards the reader does not see.
func TestBillingDoesNotTellHowManyCardsAreHidden(t *testing.T) {
	t.Parallel()
	engine := withoutRows(t)
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int64
			heard := storetest.Statements{Before: func(text string) {
				if strings.Contains(text, "card_customers") || strings.Contains(text, "cards") {
					n.Add(1)
				}
			}}
			w := newWorldOn(t, url(t), engine, func(w *world) {
				seedWorld(w)
				hire(w, "M", "A", "a.without.gold", store.Group{DefaultAccess: "crud"})
			}, heard.Wrap)
			for n := range 12 {
				card := fmt.Sprint("card", n)
				seedCard(w, "M", "A", card, schema.CustomerCard)
				w.do("a", "PUT", "/v1/cards/{"+card+"}/customers/{acme}", "").want(200)
			}
			count := func() int64 {
				w.get("a.without.gold", "/v1/customers/{acme}/billing?limit=1").want(200)
				n.Store(0)
				if got := w.get("a.without.gold", "/v1/customers/{acme}/billing?limit=1").want(200).items(); len(got) != 1 {
					t.Fatalf("%d cards", len(got))
				}
				return n.Load()
			}
			none := count()
			for n := range 11 {
				w.do("a", "PATCH", "/v1/cards/{"+fmt.Sprint("card", n)+"}", `{"name":"planted-m-gold"}`).want(200)
			}
			if hidden := count(); hidden != none || none == 0 {
				t.Errorf("%d statements, and %d if no card is hidden", hidden, none)
			}
		})
	}
}

// What a policy hides of a card or of its revision, the billing of its customers hides, too.
func TestBillingHidesWhatTheCardHides(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ file, text, by, column string }{
		{"reseller/resource/card/shown.rego", `"charge_precision", `, ``, "charge_precision"},
		{"reseller/resource/revision/revision.rego", `"deactivated_at", `, ``, "active_to"},
	} {
		w := newWorld(t, storetest.SQLite(t), hidingEngine(t, test.file, test.text, test.by, ""), seedWorld)
		w.rates("retail", store.Rate{Prefix: "49", Cost: 100, Pulse: 1})
		w.do("a", "PUT", "/v1/cards/{retail}/customers/{acme}", "").want(200)
		items := w.get("a", "/v1/customers/{acme}/billing").want(200).items()
		if len(items) != 1 {
			t.Fatalf("%d cards", len(items))
		}
		revision, _ := items[0]["revision"].(map[string]any)
		if _, shown := revision[test.column]; shown || revision["currency"] == nil || revision["active_from"] == nil {
			t.Errorf("without %s: %v", test.text, revision)
		}
	}
}

// Older programs write no terms of periods, and change those of a revision in its place.
func TestTermsOfOlderProgramsAreKept(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		db := storetest.SQL(t, w.store)
		told := func() (precisions []string) {
			rows, err := db.Query("SELECT COALESCE(terms, '-') FROM revision_periods WHERE card_id = '" + w.id("retail") + "' ORDER BY active_from")
			must(t, err)
			defer rows.Close()
			for rows.Next() {
				var text string
				must(t, rows.Scan(&text))
				precisions = append(precisions, strings.Fields(text + " - - - - -")[4])
			}
			return precisions
		}
		w.rates("retail", store.Rate{Prefix: "49", Cost: 100, Pulse: 1})
		w.pass(time.Hour)
		w.rates("retail", store.Rate{Prefix: "49", Cost: 200, Pulse: 1})
		first := told()
		exec := func(text string) {
			t.Helper()
			_, err := db.Exec(text)
			must(t, err)
		}
		exec("UPDATE revisions SET terms = 'EUR termination 4 half_up 9 half_up' WHERE status = 'active' AND card_id = '" + w.id("retail") + "'")
		if got := told(); got[len(got)-1] != "9" || !slices.Equal(got[:len(got)-1], first[:len(first)-1]) {
			t.Errorf("after a change by an older program: %v, before: %v", got, first)
		}
		exec("INSERT INTO revision_periods (card_id, active_from, active_to, revision_id) SELECT card_id, 1, 2, id FROM revisions WHERE status = 'active' AND card_id = '" + w.id("retail") + "'")
		if got := told(); got[0] != "9" {
			t.Errorf("a period of an older program: %v", got)
		}
	})
}
