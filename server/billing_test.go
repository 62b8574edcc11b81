package server

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/store"
	"resellerd/store/schema"
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
