package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/store"
	"resellerd/store/storetest"
)

func TestAResellerBuildsFromItsProviderCardAndActivates(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"],"compact":"min","profit_rules":[{"match":"*","type":"percent","value":"12"}]}`).want(200)
		card := w.get("a", "/v1/cards/{retail}").want(200).object()
		if got, want := fmt.Sprint(card["parents"]), "[map[card_id:"+w.id("gold")+" exchange:<nil> exchange_at:<nil> name:Public gold]]"; got != want {
			t.Errorf("parents %s, want %s", got, want)
		}
		w.do("a", "PUT", "/v1/destinations", `{"items":[{"prefix":"49","name":"Germany, fixed"},{"prefix":"4","name":"Europe"}]}`).want(200)
		built := w.do("a", "POST", "/v1/cards/{retail}/build", `{"activate":true}`).want(201).object()
		if built["rows"] != 3.0 || built["status"] != "active" || built["borrowed_names"] != 0.0 {
			t.Errorf("built %v", built)
		}
		var rates []string
		for _, rate := range w.get("a", "/v1/cards/{retail}/rates").items() {
			rates = append(rates, fmt.Sprint(rate["prefix"], " ", rate["cost"], " ", rate["name"]))
		}
		if got := fmt.Sprint(rates); got != "[44 0.0413 Europe 49 0.0138 Germany, fixed 491 0.0276 Germany, fixed]" {
			t.Errorf("rates %s", got)
		}
		proof := w.do("a", "POST", "/v1/cards/{retail}/proof", "").want(200).object()
		if proof["prefixes"] != 3.0 || proof["losing"] != 0.0 || proof["no_route"] != 0.0 {
			t.Errorf("proof %v", proof)
		}
	})
}

func TestABuildIsAnsweredAgainWhenItIsRepeated(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"]}`).want(200)
		first := w.do("a", "POST", "/v1/cards/{retail}/build", `{}`, headerIdempotency, "once").want(201)
		again := w.do("a", "POST", "/v1/cards/{retail}/build", `{}`, headerIdempotency, "once").want(201)
		if first.body != again.body || !strings.Contains(first.body, `"warnings":["borrowed_names"]`) {
			t.Errorf("%s\n%s", first.body, again.body)
		}
	})
}

func TestWhatIsSoldAtALossIsFoundAndRefused(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"],"profit_rules":[{"match":"491","type":"absolute","value":"0.02"}]}`).want(200)
		w.do("a", "POST", "/v1/cards/{retail}/build", `{"activate":true}`).refused(409, store.ReasonSellsAtLoss)
		w.do("a", "POST", "/v1/cards/{retail}/build", `{"activate":true,"accept_losses":true}`).refused(403, "area_denied")
		draft := w.do("a", "POST", "/v1/cards/{retail}/build", ``).want(201).object()["revision_id"]
		proof := w.do("a", "POST", "/v1/cards/{retail}/proof?limit=1", fmt.Sprintf(`{"revision_id":%q}`, draft)).want(200).object()
		item, err := json.Marshal(proof["items"].([]any)[0])
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`{"jurisdictions":["indeterminate","inter","intra"],"loss":"0.0001","parent":{"card_id":%q,"name":"Public gold"},"prefix":"491","problem":"losing","seconds":1,"sold_by":"491"}`, w.id("gold"))
		if proof["losing"] != 1.0 || proof["findings"] != 1.0 || string(item) != want {
			t.Errorf("proof %v\n%s\n%s", proof, item, want)
		}
		lines := strings.Split(strings.TrimSpace(w.do("a", "POST", "/v1/cards/{retail}/proof", fmt.Sprintf(`{"revision_id":%q}`, draft), "Accept", mediaNDJSON).want(200).body), "\n")
		if len(lines) != 2 || !strings.Contains(lines[1], `"findings":1`) {
			t.Errorf("lines %q", lines)
		}
	})
}

func TestLossesAcceptedByABuildAreWrittenDown(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		accepted := func() int { return len(w.get("m", "/v1/audit?action=accept_losses").want(200).items()) }
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"parents":["{upstream}"],"profit_rules":[{"match":"*","type":"percent","value":"10"}]}`).want(200)
		w.do("m", "POST", "/v1/cards/{gold}/build", `{"activate":true,"accept_losses":true}`).want(201)
		if n := accepted(); n != 0 {
			t.Errorf("without a loss: %d entries", n)
		}
		w.do("m", "PUT", "/v1/cards/{gold}/profit-rules", `{"items":[{"match":"*","type":"absolute","value":"0"}]}`).want(200)
		w.do("m", "POST", "/v1/cards/{gold}/build", `{"activate":true,"accept_losses":true}`).want(201)
		if n := accepted(); n != 1 {
			t.Errorf("at a loss: %d entries", n)
		}
	})
}

// A user who may read provider cards is told of staleness, holds and accepted
// losses of its own cards. The policy's tests check that other users are not
// told.
func TestWhoSeesItsParentsIsToldOfThem(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		card := w.get("a", "/v1/cards/{retail}").want(200).object()
		revision := w.get("a", "/v1/cards/{retail}/revisions").want(200).items()[0]
		for name, object := range map[string]map[string]any{"stale": card, "held_reason": revision, "losses_accepted": revision} {
			if _, shown := object[name]; !shown {
				t.Errorf("who sees its parents is not shown %s", name)
			}
		}
	})
}

func TestWhoDoesNotSeeAParentCanNeitherNameItNorBuildFromIt(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, card := range []string{"upstream", "silver", "bronze", "bulk", "foreign", "nobody"} {
			got := w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{`+card+`}"]}`).refused(422, "has a card that does not exist")
			if absent := w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{never}"]}`); got.alike() != absent.alike() {
				t.Errorf("%s:\n%s\n%s", card, got.alike(), absent.alike())
			}
		}
		w.do("m", "PATCH", "/v1/cards/{silver}", `{"parents":["{retail}"]}`).refused(422, store.ReasonCardNotOwn)
		w.do("m", "PATCH", "/v1/cards/{silver}", `{"parents":["{upstream}"]}`).want(200)
		if _, shown := w.get("clerk", "/v1/cards/{silver}").want(200).object()["parents"]; shown {
			t.Error("who sees no provider cards is shown what a card is built from")
		}
		w.do("clerk", "POST", "/v1/cards/{silver}/proof", "").refused(403, "area_denied")
		w.do("clerk", "POST", "/v1/cards/{silver}/build", "").refused(403, "area_denied")
		w.do("a", "POST", "/v1/cards/{gold}/build", "").refused(403, "card_not_own")
		w.do("a", "POST", "/v1/cards/{gold}/proof", "").refused(403, "card_not_own")
		w.get("a", "/v1/cards/{gold}/profit-rules").refused(403, "card_not_own")
		w.do("a", "PUT", "/v1/cards/{gold}/profit-rules", `{"items":[]}`).refused(403, "card_not_own")
		w.do("a", "POST", "/v1/cards/{silver}/proof", "").want(404)
		w.get("a", "/v1/cards/{silver}/profit-rules").want(404)
		w.do("a", "PUT", "/v1/cards/{silver}/profit-rules", `{"items":[]}`).want(404)
	})
}

func TestAParentThatWasWithdrawnKeepsItsPlaceWithoutAName(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"]}`).want(200)
		w.write(w.id("M"), func(tx *store.Tx) error { return tx.WithdrawCard(context.Background(), w.id("gold"), w.id("A")) })
		if got := w.get("a", "/v1/cards/{retail}").want(200).body; strings.Contains(got, "Public gold") || !strings.Contains(got, w.id("gold")) {
			t.Errorf("got %s", got)
		}
		w.do("a", "POST", "/v1/cards/{retail}/build", "").refused(409, store.ReasonWithdrawn)
		w.do("a", "POST", "/v1/cards/{retail}/proof", "").refused(409, store.ReasonWithdrawn)
		w.do("a", "POST", "/v1/cards/{retail}/proof", "", "Accept", mediaNDJSON).refused(409, store.ReasonWithdrawn)
	})
}

func TestProfitRulesAreReplacedAsShown(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		rules := `{"items":[{"match":"^49","type":"percent","value":"12.5","apply_to":["cost","intra"],"status":"profit","mcd":30,"pulse":6,"connect":"0.01","precision":2,"rounding":"up"},` +
			`{"match":"44","type":null,"value":null,"apply_to":null,"status":"blocked","mcd":null,"pulse":null,"connect":null,"precision":null,"rounding":null}]}`
		put := w.do("a", "PUT", "/v1/cards/{retail}/profit-rules", rules).want(200)
		if put.body != rules {
			t.Errorf("got %s", put.body)
		}
		got := w.get("a", "/v1/cards/{retail}/profit-rules").want(200)
		if got.body != rules || got.header.Get("ETag") != put.header.Get("ETag") {
			t.Errorf("got %s", got.body)
		}
		w.do("a", "PUT", "/v1/cards/{retail}/profit-rules", got.body, "If-Match", got.header.Get("ETag")).want(200)
		w.do("a", "PUT", "/v1/cards/{retail}/profit-rules", `{"items":[]}`, "If-Match", `"other"`).want(412)
		for body, part := range map[string]string{
			`{}`: "is missing",
			`{"items":[{"match":"*","type":"percent","value":12}]}`:                     "items[0].value",
			`{"items":[{"match":"*","type":"percent","value":"12","colour":"red"}]}`:    "items[0].colour",
			`{"items":[{"match":"4x","type":"percent","value":"12"}]}`:                  "items[0].match is not",
			`{"items":[{"match":"*","type":"percent","value":"-101"}]}`:                 "items[0].value is too small",
			`{"items":[{"match":"*","type":"percent","value":"1","precision":2}]}`:      "items[0].rounding is missing",
			`{"items":[{"match":"*","status":"blocked","mcd":1}]}`:                      "items[0] does not fit together: a blocking rule",
			`{"items":[{"match":"*","type":"percent","value":"1","apply_to":["mcd"]}]}`: "items[0].apply_to names",
		} {
			w.do("a", "PUT", "/v1/cards/{retail}/profit-rules", body).refused(422, part)
		}
		w.do("m", "PUT", "/v1/cards/{retail}/profit-rules", `{"items":[]}`).refused(403, "card_not_own")
		w.do("m", "PUT", "/v1/cards/{upstream}/profit-rules", rules).want(404)
		// Every fault of every rule is told at once, of the form and of the values.
		const wrong = `[{"match":"4x","type":"half","value":"1"},{"match":"*","type":"percent","value":"1","pulse":0,"mcd":-1},{"match":"*","type":"floor","value":"1","mcd":1},{"match":"*","type":"percent","value":7,"colour":"red"}]`
		for path, field := range map[string]string{"PUT /v1/cards/{retail}/profit-rules": "items", "PATCH /v1/cards/{retail}": "profit_rules"} {
			method, path, _ := strings.Cut(path, " ")
			bare := strings.Replace(wrong, `,"colour":"red"`, "", 1)
			for body, last := range map[string]string{strings.Replace(bare, "7", `"7"`, 1): "", wrong: "/3/value"} {
				var got []string
				for _, e := range w.do("a", method, path, `{"`+field+`":`+body+`}`).want(422).object()["errors"].([]any) {
					got = append(got, e.(map[string]any)["pointer"].(string))
				}
				for _, want := range []string{"/0/match", "/0/type", "/1/mcd", "/1/pulse", "/2", last} {
					if want != "" && (method == "PUT" || last == "") && !slices.Contains(got, "/"+field+want) {
						t.Errorf("%s %s: no /%s%s in %v", method, path, field, want, got)
					}
				}
			}
		}
	})
}

func TestDestinationsAreTheOwnAccountsAlone(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PUT", "/v1/destinations", `{"items":[{"prefix":"49","name":"Germany"},{"prefix":"44","name":"UK"},{"prefix":"1","name":"USA"}]}`).want(200)
		page := w.get("a", "/v1/destinations?limit=2&count=true").want(200)
		if got := page.column("prefix"); fmt.Sprint(got) != "[1 44]" || page.object()["total"] != 3.0 {
			t.Errorf("got %s", page.body)
		}
		next := w.get("a", "/v1/destinations?limit=2&cursor="+page.object()["next"].(string))
		if got := next.column("name"); fmt.Sprint(got) != "[Germany]" || next.object()["next"] != nil {
			t.Errorf("got %s", next.body)
		}
		for _, user := range []string{"b", "m", "r"} {
			if got := w.get(user, "/v1/destinations").items(); len(got) != 0 {
				t.Errorf("%s sees %v", user, got)
			}
		}
		w.do("a", "PUT", "/v1/destinations", `{"items":[{"prefix":"49","name":"x"},{"prefix":"49","name":"y"}]}`).refused(422, "twice")
		w.do("a", "PUT", "/v1/destinations", `{"items":[{"prefix":"+49","name":"x"}]}`).refused(422, "items[0].prefix")
		w.do("clerk", "PUT", "/v1/destinations", `{"items":[]}`).refused(403, "area_denied")
		if got := w.get("a", "/v1/destinations").items(); len(got) != 3 {
			t.Errorf("got %v", got)
		}
	})
}

func TestEveryStaleCardIsRebuiltByItself(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"]}`).want(200)
		w.do("a", "POST", "/v1/cards/{retail}/build", `{"activate":true}`).want(201)
		lossy := w.do("a", "POST", "/v1/cards", `{"name":"lossy","currency":"EUR","parents":["{gold}"]}`).want(201).object()["id"].(string)
		w.do("a", "POST", "/v1/cards/"+lossy+"/build", `{"activate":true}`).want(201)
		w.do("a", "PUT", "/v1/cards/"+lossy+"/profit-rules", `{"items":[{"match":"49","type":"absolute","value":"0"}]}`).want(200)
		w.pass(1)
		w.write(w.id("M"), func(tx *store.Tx) error {
			rev, err := tx.CreateRevision(context.Background(), w.id("gold"), oneRate("Germany"))
			if err == nil {
				_, err = tx.ActivateRevision(context.Background(), store.AllRates, w.id("gold"), rev.ID)
			}
			return err
		})
		got := w.do("a", "POST", "/v1/cards/rebuild", `{"activate":true}`).want(200).object()
		if got["cards"] != 2.0 || got["built"] != 1.0 || got["refused"] != 1.0 {
			t.Errorf("got %v", got)
		}
		lines := strings.Split(strings.TrimSpace(w.do("a", "POST", "/v1/cards/rebuild", `{"activate":true}`, "Accept", mediaNDJSON).want(200).body), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], store.ReasonSellsAtLoss) || lines[1] != `{"cards":1,"built":0,"already_built":0,"fresh":0,"refused":1}` {
			t.Errorf("got %q", lines)
		}
		if none := w.do("b", "POST", "/v1/cards/rebuild", `{}`).want(200).object(); none["cards"] != 0.0 {
			t.Errorf("got %v", none)
		}
		w.do("clerk", "POST", "/v1/cards/rebuild", `{}`).refused(403, "area_denied")
	})
}

// A proof must not wait for a second connection while it holds one. Otherwise as
// many proofs as there are connections would wait for each other forever.
func TestAProofWaitsForNoSecondConnection(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"],"profit_rules":[{"match":"*","type":"percent","value":"12"}]}`).want(200)
		w.do("a", "POST", "/v1/cards/{retail}/build", `{"activate":true}`).want(201)
		narrow := storetest.Open(t, storetest.URL(t, w.store), store.Options{Now: w.clock, MaxConns: 1})
		s, err := New(Config{PanelTokens: worldToken, DecisionLog: "none", Limits: Limits{Request: 30 * time.Second}}, narrow, w.server.engines,
			WithClock(w.clock), WithLogger(slog.New(slog.DiscardHandler)))
		must(t, err)
		w.server = s
		for _, accept := range []string{fiber.MIMEApplicationJSON, mediaNDJSON} {
			w.do("a", "POST", "/v1/cards/{retail}/proof", "", "Accept", accept).want(200)
		}
	})
}
