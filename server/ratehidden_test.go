package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"resellerd/server/session"
	"resellerd/store"
)

// The policy hides rates, as a whole type or by columns. Two worlds that differ
// only in these rates give a user the same answers, byte for byte, whatever it
// reads and writes. A proof, build or comparison that needs the rates is refused
// before it starts.
func TestRatesThatThePolicyHidesChangeNoAnswer(t *testing.T) {
	oneAtATime(t)
	for i, h := range hidings {
		engine := hidingEngine(t, h.file, h.text, h.by, h.more)
		for name, url := range databases(carriers, i) {
			for _, c := range []struct{ side, card, bought string }{{"m", "gold", "upstream"}, {"a", "retail", "gold"}} {
				t.Run(fmt.Sprint(name, " ", h.name, " ", c.card), func(t *testing.T) {
					t.Parallel()
					cheap := newWorld(t, url(t), engine, costly(c.card, c.bought, h.inter, false))
					dear := newWorld(t, url(t), engine, costly(c.card, c.bought, h.inter, true))
					if n := toldApart(t, cheap, dear, c.side+".sees", c.card, c.bought); n < 12 {
						t.Errorf("who is shown the rates tells the worlds apart by %d answers only", n)
					}
					neverToldApart(t, cheap, dear, c.side+".hidden", c.card, c.bought)
				})
			}
		}
	}
}

// toldApart counts the reads that tell a user which world it is in.
func toldApart(t *testing.T, cheap, dear *world, user, card, bought string) (n int) {
	t.Helper()
	for i, ask := range asksOfRates {
		if !strings.HasPrefix(ask.route, "GET ") && !strings.HasSuffix(ask.route, "/proof") && !strings.HasSuffix(ask.path, "?mode=replace") {
			continue // it would change the data for the other user
		}
		one, two := askRates(cheap, user, card, bought, i), askRates(dear, user, card, bought, i)
		if strings.Contains(one.body, session.ReasonRatesHidden) {
			t.Errorf("%s %s: %s", ask.route, ask.path, one.body)
		}
		if withoutTag(one) != withoutTag(two) {
			n++
		}
	}
	return n
}

func neverToldApart(t *testing.T, cheap, dear *world, user, card, bought string) {
	t.Helper()
	refused := map[string]bool{}
	for i, ask := range asksOfRates {
		cheap.pass(time.Second)
		dear.pass(time.Second)
		one, two := askRates(cheap, user, card, bought, i), askRates(dear, user, card, bought, i)
		if one.alike() != two.alike() {
			t.Errorf("%s %s %s:\n%s\nand\n%s", ask.route, ask.path, ask.body, one.alike(), two.alike())
		}
		if why, and := cheap.decided(user, one), dear.decided(user, two); withoutTag(why) != withoutTag(and) {
			t.Errorf("why %s %s:\n%s\nand\n%s", ask.route, ask.path, withoutTag(why), withoutTag(and))
		}
		if one.status >= 500 {
			t.Errorf("%s %s: %s", ask.route, ask.path, one.body)
		}
		refused[ask.route] = refused[ask.route] || one.status == 403 && strings.Contains(one.body, `"reasons":["rates_hidden"]`)
		for _, told := range []string{`"stale":`, `"losses_accepted":`, `"held_reason":`, `"action":"accept_losses"`, `"created":`, `"losing"`, `"charge":"`} {
			if strings.Contains(one.body, told) && !strings.HasPrefix(ask.route, "GET /v1/preview") {
				t.Errorf("%s %s tells %s: %s", ask.route, ask.path, told, one.body)
			}
		}
	}
	for route, use := range rateUses {
		if use == usesRefused && !refused[route] {
			t.Errorf("%s: nothing was refused with rates_hidden", route)
		}
	}
}

// A user who has lost access to the rates cannot activate a revision by an
// earlier schedule. The revision is held, whether or not it would sell at a
// loss. A user who may read the rates is told the reason.
func TestAScheduleOfWhoIsNotShownTheRatesAnyMoreIsHeld(t *testing.T) {
	t.Parallel()
	h := hidings[1]
	eachDatabase(t, hidingEngine(t, h.file, h.text, h.by, h.more), func(t *testing.T, fresh func() *world) {
		for _, dear := range []bool{false, true} {
			w := fresh()
			eyed(w)
			w.do("a.sees", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"]}`).want(200)
			w.drafts("retail", "draft", map[bool]string{false: "9", true: "0"}[dear])
			path := "/v1/cards/{retail}/revisions/{retail.draft}"
			if dear { // it was not a loss when it was scheduled
				w.do("a.sees", "PATCH", "/v1/cards/{retail}", `{"parents":[],"accept_losses":true}`).want(200)
			}
			w.do("a.sees", "POST", path+"/activate", `{"live_at":"`+w.later(time.Hour)+`"}`).want(200)
			if dear {
				w.do("a.sees", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"]}`).want(200)
			}
			w.do("m", "PATCH", "/v1/users/{a.sees}", `{"groups":["{M.default}"]}`).want(200)
			w.pass(2 * time.Hour)
			w.passTime()
			held := w.get("m", path).want(200).object()
			if held["status"] != store.RevisionHeld || held["held_reason"] != session.ReasonRatesHidden {
				t.Errorf("got %v", held)
			}
			if seen := w.get("a.sees", path).want(200).object(); seen["status"] != store.RevisionHeld || seen["held_reason"] != nil {
				t.Errorf("got %v", seen)
			}
		}
	})
}

// A repeated request is authorised again. A user who has lost access to the
// rates does not get the result of its build or import.
func TestARepeatedRequestTellsNothingOfRatesThatAreHiddenSince(t *testing.T) {
	t.Parallel()
	h := hidings[1]
	eachDatabase(t, hidingEngine(t, h.file, h.text, h.by, h.more), func(t *testing.T, fresh func() *world) {
		w := fresh()
		eyed(w)
		w.do("a.sees", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"]}`).want(200)
		build := func() answered {
			return w.do("a.sees", "POST", "/v1/cards/{retail}/build", `{}`, headerIdempotency, "build")
		}
		load := func() answered {
			got, _ := w.importInto("a.sees", "retail", "mode=replace&apply=true", deckOne, headerIdempotency, "import")
			return got
		}
		build().want(201)
		load().want(200)
		build().want(201)
		load().refused(200, `"created":`)
		w.do("m", "PATCH", "/v1/users/{a.sees}", `{"groups":["{M.default}"]}`).want(200)
		build().refused(403, session.ReasonRatesHidden)
		load().refused(403, session.ReasonRatesHidden)
	})
}

// A running rebuild refuses the remaining cards as soon as the rates are hidden
// from its user.
func TestARebuildEndsInRefusalsOnceTheRatesAreHidden(t *testing.T) {
	t.Parallel()
	h := hidings[1]
	eachDatabase(t, hidingEngine(t, h.file, h.text, h.by, h.more), func(t *testing.T, fresh func() *world) {
		w := fresh()
		eyed(w)
		w.resold("EUR", "", "one", "two")
		w.reprice(200_000_000)
		r := &inquiry{s: w.server, Session: session.Session{Shared: w.server.shared, Ctx: tctx, Engine: w.server.engines.Current(), From: session.Origin{Name: "rebuild"}, DecisionID: "narrowed"}}
		r.Caller.UserRef = w.id("a.sees")
		must(t, r.LoadUser())
		cards, err := r.shownStale(nil)
		must(t, err)
		var results []string
		_, err = r.rebuild(rebuilding{cards: cards}, func(one rebuiltBody, _ *rebuildBody) error {
			if results = append(results, one.Result); one.refusalBody != nil {
				results = append(results, one.Reasons...)
			}
			if len(results) == 1 {
				w.do("m", "PATCH", "/v1/users/{a.sees}", `{"groups":["{M.default}"]}`).want(200)
			}
			return nil
		})
		must(t, err)
		if fmt.Sprint(results) != "[built refused rates_hidden]" {
			t.Errorf("got %v", results)
		}
	})
}
