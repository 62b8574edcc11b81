package server

import (
	"fmt"
	"testing"

	"resellerd/store"
)

// retailOnGold makes the reseller's card sell gold at ten percent on top.
func (w *world) retailOnGold() {
	w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"],"profit_rules":[{"match":"*","type":"percent","value":"10"}]}`).want(200)
	w.do("a", "POST", "/v1/cards/{retail}/build", `{"activate":true}`).want(201)
}

func TestAChangeOfChargesAtALossIsForWhoMayAcceptIt(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.retailOnGold()
		const cruder = `{"charge_precision":2,"charge_rounding":"down"`
		w.do("a", "PATCH", "/v1/cards/{retail}", cruder+`}`).refused(409, store.ReasonSellsAtLoss)
		w.do("a", "PATCH", "/v1/cards/{retail}", cruder+`,"accept_losses":true}`).refused(403, "area_denied")
		w.do("a", "PATCH", "/v1/cards/{retail}", cruder+`,"accept_losses":1}`).refused(422, "accept_losses")
		w.do("a", "PATCH", "/v1/cards/{retail}", cruder+`}`, "If-Match", `"another"`).refused(412, "precondition_failed")
		if card := w.get("a", "/v1/cards/{retail}").want(200).object(); card["charge_precision"] != 4.0 || len(card["parents"].([]any)) != 1 {
			t.Errorf("refused, and changed: %v", card)
		}
	})
}

func TestLossesAcceptedByAChangeOfACardAreWrittenDown(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		accepted := func(want int) {
			t.Helper()
			if n := len(w.get("m", "/v1/audit?action=accept_losses").want(200).items()); n != want {
				t.Errorf("%d entries, want %d", n, want)
			}
		}
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"parents":["{upstream}"],"profit_rules":[{"match":"*","type":"percent","value":"10"}]}`).want(200)
		w.do("m", "POST", "/v1/cards/{gold}/build", `{"activate":true}`).want(201)
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"charge_precision":6,"accept_losses":true}`).want(200)
		accepted(0)
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"charge_precision":0,"charge_rounding":"down","accept_losses":true}`).want(200)
		accepted(1)
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"public_notes":"of no account","accept_losses":true}`).want(200)
		accepted(1)
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"parents":[],"accept_losses":true}`).want(200)
		accepted(1)
		w.do("m", "PATCH", "/v1/cards/{silver}", `{"parents":["{upstream}"]}`).want(200)
		w.do("m", "PATCH", "/v1/cards/{silver}", `{"parents":[]}`).refused(409, store.ReasonNotProven)
		w.do("m", "PATCH", "/v1/cards/{silver}", `{"parents":[],"accept_losses":true}`).want(200)
		accepted(2)
		w.do("m", "POST", "/v1/cards", `{"name":"New","currency":"EUR","accept_losses":true}`).refused(422, "accept_losses")
	})
}

func TestARefusalNamesTheFirstLossToWhoSeesTheCosts(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"],"profit_rules":[{"match":"491","type":"absolute","value":"0.02"}]}`).want(200)
		const first = "accept_losses is needed because calls to 1 of the prefixes would sell at a loss. The first is 491: a call of 1 s loses 0.0001"
		draft := w.do("a", "POST", "/v1/cards/{retail}/build", `{}`).want(201).object()["revision_id"].(string)
		at := "/v1/cards/{retail}/revisions/" + draft + "/activate"
		w.do("a", "POST", at, "").refused(409, first)
		w.do("a", "POST", at, `{"live_at":"`+w.later(9e12)+`"}`).refused(409, first)
		w.do("a", "POST", "/v1/cards/{retail}/build", `{"activate":true}`).refused(409, first)
	})
}

func TestWhoIsNotShownTheCostsLearnsNothingOfThemByChangingCharges(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"parents":["{upstream}"],"profit_rules":[{"match":"*","type":"percent","value":"10"}]}`).want(200)
		w.do("m", "POST", "/v1/cards/{gold}/build", `{"activate":true}`).want(201)
		sellers := w.do("m", "POST", "/v1/groups", `{"name":"Sellers","rows":{"card/customer":["read","update"],"card/loss":["update"]}}`).want(201).object()
		w.do("m", "PATCH", "/v1/users/{clerk}", `{"groups":["`+sellers["id"].(string)+`"]}`).want(200)
		w.do("clerk", "PATCH", "/v1/cards/{gold}", `{"name":"Renamed"}`).want(200)
		for _, change := range []string{
			`"charge_precision":0,"charge_rounding":"down"`, `"charge_precision":6`, `"routing":"cheapest"`, `"direction":"origination"`,
		} {
			w.do("clerk", "PATCH", "/v1/cards/{gold}", "{"+change+"}").refused(403, "area_denied")
			w.do("clerk", "PATCH", "/v1/cards/{gold}", "{"+change+`,"accept_losses":true}`).refused(403, "area_denied")
		}
	})
}

func TestALossThatIsNotToldOfHasNoPrefixAndNoAmount(t *testing.T) {
	t.Parallel()
	loss := &store.LossError{Losing: 7, First: store.Finding{Prefix: "491", Seconds: 1, Loss: 100}}
	told := problemOf(loss)
	if told.kind.status != 409 || told.detail != "accept_losses is needed because calls would sell for less than they cost." || fmt.Sprint(told.reasons) != "[sells_at_loss]" {
		t.Errorf("got %+v", told)
	}
}
