package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/store"
)

// card finds a card by its id in the answer to a look-up.
func (a answered) card(id string) map[string]any {
	a.t.Helper()
	cards, _ := a.want(200).object()["cards"].([]any)
	for _, item := range cards {
		if card, _ := item.(map[string]any); card["id"] == id {
			return card
		}
	}
	a.t.Fatalf("%s: no card %s in %s", a.what, id, a.body)
	return nil
}

func TestALookUpIsInItsReadersTerms(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		got := w.get("a", "/v1/lookup?number=%2B491711&seconds=60")
		bought := got.card(w.id("gold"))
		if bought["name"] != "Public gold" || bought["kind"] != "provider" || bought["role"] != "cost" || bought["charge"] != "0.0246" ||
			bought["prefix"] != "491" || bought["destination"] != "Germany" || bought["billed"] != float64(60) {
			t.Errorf("bought %v", bought)
		}
		if sold := got.card(w.id("retail")); sold["role"] != "sale" || sold["earns"] != nil || sold["charge"] != "0.0246" {
			t.Errorf("sold %v", sold)
		}
		if n := len(got.object()["cards"].([]any)); n != 2 {
			t.Errorf("%d cards: %s", n, got.body)
		}
		if found := leaked(got.body, "m", "b", "c", "n", "r"); found != nil {
			t.Errorf("leaked %v", found)
		}
		whole := w.get("m", "/v1/lookup?number=49")
		for name, role := range map[string]string{"upstream": "cost", "gold": "sale", "bronze": "sale", "retail": "below", "bulk": "below"} {
			if card := whole.card(w.id(name)); card["role"] != role {
				t.Errorf("%s: %v", name, card)
			}
		}
		if none := w.get("c", "/v1/lookup?number=49"); !strings.HasSuffix(none.want(200).body, `"cards":[],"cheapest":[]}`) {
			t.Errorf("one without cards: %s", none.body)
		}
	})
}

func TestALookUpTellsBlockedFromNoRoute(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.rates("gold", store.Rate{Prefix: "49", Name: "Germany", Cost: 1e8, Pulse: 1}, store.Rate{Prefix: "4917", Name: "Mobile", Pulse: 1, Blocked: true})
		if got := w.get("a", "/v1/lookup?number=49171").card(w.id("gold")); got["status"] != "blocked" || got["prefix"] != "4917" || got["charge"] != nil {
			t.Errorf("blocked: %v", got)
		}
		got := w.get("a", "/v1/lookup?number=1").card(w.id("gold"))
		if _, has := got["prefix"]; has || got["status"] != "no_route" {
			t.Errorf("no route: %v", got)
		}
	})
}

// rates gives a card an active revision with these rates.
func (w *world) rates(card string, all ...store.Rate) {
	w.t.Helper()
	w.write(w.id("M"), func(tx *store.Tx) error {
		ctx := context.Background()
		revision, err := tx.CreateRevision(ctx, w.id(card), func(yield func(store.Rate, error) bool) {
			for _, rate := range all {
				if !yield(rate, nil) {
					return
				}
			}
		})
		if err == nil {
			_, err = tx.ActivateRevision(ctx, store.AllRates, w.id(card), revision.ID)
		}
		return err
	})
}

// built builds a card from its parents and activates the result.
func (w *world) built(card string, rules []store.ProfitRule, parents ...store.Parent) {
	w.t.Helper()
	w.write(w.id("M"), func(tx *store.Tx) error {
		ctx := context.Background()
		if err := tx.SetParents(ctx, store.AllRates, w.id(card), parents); err != nil {
			return err
		}
		if err := tx.SetProfitRules(ctx, w.id(card), rules); err != nil {
			return err
		}
		made, err := tx.BuildRevision(ctx, store.AllRates, w.id(card))
		if err == nil {
			_, err = tx.ActivateAtLoss(ctx, store.AllRates, w.id(card), made.Revision.ID)
		}
		return err
	})
}

var tenPercent = []store.ProfitRule{{Match: "*", Type: "percent", Value: 10e10, Status: store.RuleProfit}}

func TestALookUpSaysWhatAnOwnCardEarns(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.rates("upstream", store.Rate{Prefix: "49", Name: "x", Cost: 1e8, MCD: 60, Pulse: 60}, store.Rate{Prefix: "7", Name: "x", Cost: 1e8, Pulse: 1, Blocked: true})
		w.rates("upstream2", store.Rate{Prefix: "491", Name: "x", Cost: 2e8, Pulse: 1})
		w.built("bronze", tenPercent, store.Parent{CardID: w.id("upstream")}, store.Parent{CardID: w.id("upstream2")})
		got := w.get("m", "/v1/lookup?number=4915&seconds=30")
		// The card charges 0.022 per minute, at least one minute. It buys at
		// 0.01 per minute, or half a minute at 0.02.
		if card := got.card(w.id("bronze")); card["charge"] != "0.022" || !same(card["earns"], map[string]any{"least": "0.012", "most": "0.012"}) {
			t.Errorf("built: %v", card)
		}
		got = w.get("m", "/v1/lookup?number=4915&seconds=60")
		if card := got.card(w.id("bronze")); !same(card["earns"], map[string]any{"least": "0.002", "most": "0.012"}) {
			t.Errorf("built: %v", card)
		}
		if card := w.get("m", "/v1/lookup?number=7").card(w.id("bronze")); card["status"] != "blocked" {
			t.Errorf("blocked: %v", card)
		}
		cheapest, _ := got.object()["cheapest"].([]any)
		if !same(cheapest, []any{map[string]any{"currency": "EUR", "id": w.id("upstream"), "charge": "0.01"}}) {
			t.Errorf("cheapest %v", cheapest)
		}
	})
}

// A look-up of a past call gives the rates, the rounding and the earnings of then, whatever is
// changed later, and nothing of a card that was not assigned then.
func TestALookUpOfThePastStays(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		r := rand.New(rand.NewPCG(depth.FirstSeed(), 31))
		w.rates("upstream", store.Rate{Prefix: "49", Name: "x", Cost: 1e8, Pulse: 1})
		w.built("bronze", tenPercent, store.Parent{CardID: w.id("upstream")})
		w.rates("gold", store.Rate{Prefix: "49", Name: "x", Cost: 3e8, Pulse: 1})
		w.pass(time.Minute)
		ask := func(user string, at time.Time) string {
			when := at.UTC().Format(time.RFC3339Nano)
			one := w.get(user, "/v1/lookup?number=4915&seconds=30&at="+when).want(200).body
			all := w.do(user, "POST", "/v1/lookup?at="+when, `{"numbers":[{"number":"4915","seconds":30}]}`).want(200).body
			if !strings.Contains(all, one) {
				t.Fatalf("many: %s, one: %s", all, one)
			}
			return one
		}
		was := map[time.Time][2]string{}
		for range depth.Runs(12) {
			moment := w.clock()
			was[moment] = [2]string{ask("m", moment), ask("a", moment)}
			if now := w.get("m", "/v1/lookup?number=4915&seconds=30").want(200).body; now != was[moment][0] {
				t.Fatalf("at the present time %s, and now %s", was[moment][0], now)
			}
			w.pass(time.Minute)
			switch r.IntN(4) {
			case 0:
				w.rates("gold", store.Rate{Prefix: "49", Name: "x", Cost: int64(1+r.IntN(9)) * 1e8, Pulse: 1})
			case 1:
				w.do("m", "PATCH", "/v1/cards/{gold}", fmt.Sprintf(`{"charge_precision":%d}`, 1+r.IntN(8))).want(200)
			case 2:
				w.rates("upstream", store.Rate{Prefix: "49", Name: "x", Cost: int64(1+r.IntN(9)) * 1e7, Pulse: 1})
			case 3:
				w.built("bronze", tenPercent, store.Parent{CardID: w.id("upstream")})
			}
			w.pass(time.Minute)
			for at, then := range was {
				if is := [2]string{ask("m", at), ask("a", at)}; is != then {
					t.Fatalf("RESELLERD_TEST_SEED=%d: at %s it was %v, and is %v", depth.FirstSeed(), at, then, is)
				}
			}
		}
		before := w.clock()
		w.rates("silver", store.Rate{Prefix: "49", Name: "x", Cost: 1e8, Pulse: 1})
		w.pass(time.Hour)
		w.do("m", "PUT", "/v1/cards/{silver}/assignments/{A}", "").want(200)
		w.pass(time.Minute)
		if got := w.get("a", "/v1/lookup?number=4915&at="+before.Add(time.Minute).UTC().Format(time.RFC3339)).card(w.id("silver")); got["charge"] != nil {
			t.Errorf("a card before it was assigned: %v", got)
		}
		if got := w.get("a", "/v1/lookup?number=4915").card(w.id("silver")); got["charge"] == nil {
			t.Errorf("the card now: %v", got)
		}
	})
}

// The cost of a withdrawn card is unknown. So are the earnings of a card that is
// built from it.
func TestNothingIsSaidToBeEarnedByACardThatWasWithdrawn(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.built("retail", tenPercent, store.Parent{CardID: w.id("gold")})
		if card := w.get("a", "/v1/lookup?number=49").card(w.id("retail")); !same(card["earns"], map[string]any{"least": "0.0012", "most": "0.0012"}) {
			t.Errorf("assigned: %v", card)
		}
		if card := w.get("m", "/v1/lookup?number=49").card(w.id("retail")); card["earns"] != nil {
			t.Errorf("of a card below: %v", card)
		}
		w.write(w.id("M"), func(tx *store.Tx) error { return tx.WithdrawCard(context.Background(), w.id("gold"), w.id("A")) })
		card := w.get("a", "/v1/lookup?number=49").card(w.id("retail"))
		if earns, said := card["earns"]; !said || earns != nil || card["charge"] != "0.0135" {
			t.Errorf("withdrawn: %v", card)
		}
	})
}

// Earnings of a past time are unknown if a parent was not assigned then, although it is now.
func TestNothingIsSaidToBeEarnedBeforeAParentWasAssigned(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.rates("silver", store.Rate{Prefix: "49", Name: "x", Cost: 1e9, Pulse: 1})
		w.do("m", "PUT", "/v1/cards/{silver}/assignments/{A}", "").want(200)
		w.built("retail", tenPercent, store.Parent{CardID: w.id("gold")}, store.Parent{CardID: w.id("silver")})
		w.do("m", "DELETE", "/v1/cards/{silver}/assignments/{A}", "").want(204)
		w.pass(time.Hour)
		then := w.clock()
		w.pass(time.Hour)
		w.do("m", "PUT", "/v1/cards/{silver}/assignments/{A}", "").want(200)
		w.pass(time.Second)
		if card := w.get("a", "/v1/lookup?number=49").card(w.id("retail")); card["earns"] == nil {
			t.Errorf("now: %v", card)
		}
		card := w.get("a", "/v1/lookup?number=49&at="+then.UTC().Format(time.RFC3339)).card(w.id("retail"))
		if earns, said := card["earns"]; !said || earns != nil || card["charge"] == nil {
			t.Errorf("before the parent was assigned: %v", card)
		}
	})
}

// A look-up of the past is refused to readers without rates before its time is read, and takes
// few numbers.
func TestLookUpsOfThePastAreBounded(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		hire(w, "M", "A", "a.nothing", store.Group{DefaultAccess: "", Rows: store.Access{"customer": "r"}})
		for _, at := range []string{"x", w.later(time.Hour)} {
			w.get("a.nothing", "/v1/lookup?number=49&at="+at).refused(403, "")
			w.do("a.nothing", "POST", "/v1/lookup?at="+at, `{"numbers":[{"number":"49"}]}`).refused(403, "")
			w.get("a", "/v1/lookup?number=49&at="+at).refused(422, "at")
		}
		when := w.clock().UTC().Format(time.RFC3339)
		w.pass(time.Minute)
		for n, status := range map[int]int{100: 200, 101: 422} {
			body := `{"numbers":[` + strings.Repeat(`{"number":"49"},`, n-1) + `{"number":"49"}]}`
			w.do("a", "POST", "/v1/lookup", body).want(200)
			w.do("a", "POST", "/v1/lookup?at="+when, body).want(status)
		}
	})
}

func same(got, want any) bool {
	a, err := json.Marshal(got)
	b, other := json.Marshal(want)
	return err == nil && other == nil && bytes.Equal(a, b)
}

func TestManyNumbersAreLookedUpAtOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		body := `{"numbers":[{"number":"491"},{"number":"+44","seconds":7,"jurisdiction":"inter"},{"number":"1"}]}`
		got := w.do("a", "POST", "/v1/lookup", body).want(200)
		items := got.items()
		if len(items) != 3 || items[1]["number"] != "44" || items[1]["seconds"] != float64(7) || items[1]["jurisdiction"] != "inter" {
			t.Fatalf("got %s", got.body)
		}
		for i, query := range []string{"number=491", "number=44&seconds=7&jurisdiction=inter", "number=1"} {
			if one := w.get("a", "/v1/lookup?"+query).want(200).object(); !same(items[i], one) {
				t.Errorf("number %d: %v, alone %v", i, items[i], one)
			}
		}
		lines := strings.Split(strings.TrimSpace(w.do("a", "POST", "/v1/lookup", body, "Accept", mediaNDJSON).want(200).body), "\n")
		if len(lines) != 4 || lines[3] != `{"rows":3}` {
			t.Errorf("lines %v", lines)
		}
	})
}

func TestLookUpsAreReadStrictly(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, c := range []struct{ query, part string }{
			{"", "number"}, {"number=", "number"}, {"number=4x", "number"}, {"number=44&number=49", "more than once"},
			{"number=44&seconds=x", "seconds"}, {"number=44&seconds=-1", "seconds"}, {"number=44&seconds=86401", "seconds"},
			{"number=44&jurisdiction=moon", "jurisdiction"}, {"number=44&limit=1", "takes only"}, {"number=4%204", "number"},
		} {
			w.get("a", "/v1/lookup?"+c.query).refused(422, c.part)
		}
		w.get("a", "/v1/lookup?number=+44").want(200)
		for _, c := range []struct{ body, part string }{
			{`{}`, "numbers"}, {`{"numbers":[]}`, "numbers"}, {`{"numbers":["44"]}`, "numbers.0"}, {`{"numbers":[{"number":"44"},{"number":"x"}]}`, "numbers.1.number"},
			{`{"numbers":[{"number":"44","second":1}]}`, "numbers.0.second"}, {`{"numbers":[{"number":"44"}],"seconds":1}`, "seconds"},
			{`{"numbers":[` + strings.Repeat(`{"number":"44"},`, 1000) + `{"number":"44"}]}`, "1 to 1000"},
		} {
			w.do("a", "POST", "/v1/lookup", c.body).refused(422, c.part)
		}
		w.do("a", "POST", "/v1/lookup", `{"numbers":[{"number":"44"}]}`, "Accept", "image/png").want(406)
		w.do("m", "POST", "/v1/lookup", `{"numbers":[{"number":"44"}]}`, headerAs, "{a}").want(403)
		w.do("m", "GET", "/v1/lookup?number=49", "", headerAs, "{a}").want(200)
	})
}

// A called number is personal data: only the answer holds it.
func TestNumbersAreInNoLog(t *testing.T) {
	t.Parallel()
	var decisions, process bytes.Buffer
	w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld, WithDecisionWriter(&decisions),
		WithLogger(slog.New(slog.NewTextHandler(&process, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	const number = "491715550123"
	w.get("a", "/v1/lookup?number="+number).want(200)
	w.get("a", "/v1/lookup?number="+number+"x").want(422)
	w.get("a", "/v1/lookup?"+number).want(422)
	w.do("a", "POST", "/v1/lookup", `{"numbers":[{"number":"`+number+`"},{"number":"`+number+`x"}]}`).want(422)
	w.do("a", "POST", "/v1/lookup", `{"numbers":[{"number":"`+number+`"}]}`).want(200)
	must(t, w.server.Close()) // writes the waiting entries
	for name, log := range map[string]string{"decisions": decisions.String(), "process": process.String()} {
		if log == "" || strings.Contains(log, number) {
			t.Errorf("%s: %s", name, log)
		}
	}
	for line := range strings.Lines(decisions.String()) {
		if !strings.Contains(line, `"result":{"answer":`) && !strings.HasPrefix(line, `{"event":`) {
			t.Errorf("not a list's entry: %s", line)
		}
	}
}

func TestANumberIsLookedUpAsItIsDialled(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		want := w.get("a", "/v1/lookup?number=491").want(200)
		for _, q := range []string{"%2B491", "00491", "011491&exit=011", "491&exit=011"} {
			if got := w.get("a", "/v1/lookup?number="+q).want(200); got.body != want.body || got.object()["number"] != "491" {
				t.Errorf("%s: %s, want %s", q, got.body, want.body)
			}
		}
		for _, q := range []string{"00", "011491&exit=00", "%2B00491x"} {
			w.get("a", "/v1/lookup?number="+q).refused(422, "")
		}
		got := w.do("a", "POST", "/v1/lookup", `{"numbers":[{"number":"00491"},{"number":"011491","exit":"011"}]}`).want(200)
		for _, item := range got.items() {
			if item["number"] != "491" {
				t.Errorf("%s", got.body)
			}
		}
		w.do("a", "POST", "/v1/lookup", `{"numbers":[{"number":"491","exit":"00"}]}`).refused(422, "exit")
	})
}
