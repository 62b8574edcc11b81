package server

import (
	"testing"
	"time"
)

func TestACardIsAssignedAndWithdrawn(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.get("c", "/v1/cards/{bronze}").want(404)
		w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{C}", "").want(200)
		w.get("c", "/v1/cards/{bronze}").want(200)
		if got := w.get("m", "/v1/cards/{bronze}/assignments").column("account_id"); len(got) != 1 || got[0] != w.id("C") {
			t.Errorf("assignments %v", got)
		}
		w.do("m", "DELETE", "/v1/cards/{bronze}/assignments/{C}", "").want(204)
		w.do("m", "DELETE", "/v1/cards/{bronze}/assignments/{C}", "").want(404)
		w.pass(time.Second)
		w.get("c", "/v1/cards/{bronze}").want(404)
	})
}

func TestAnAssignmentHoldsForItsTime(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		from, to := w.clock().Add(time.Hour), w.clock().Add(2*time.Hour)
		w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{C}",
			`{"valid_from":"`+from.Format(time.RFC3339)+`","valid_to":"`+to.Format(time.RFC3339)+`"}`).want(200)
		for _, c := range []struct {
			pass   time.Duration
			status int
		}{{0, 404}, {61 * time.Minute, 200}, {time.Hour, 404}} {
			w.pass(c.pass)
			w.get("c", "/v1/cards/{bronze}").want(c.status)
		}
		w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{C}", `{"valid_to":"2020-01-01T00:00:00Z"}`).refused(422, "valid_to")
		w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{C}", `{"valid_to":"soon"}`).refused(422, "valid_to")
	})
}

// An account does not see the links of a card that was assigned to it: neither
// the other accounts that have it, nor the customers on it.
func TestAnAssignedCardDoesNotShowItsLinks(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.get("a", "/v1/cards/{gold}/assignments").refused(403, "card_not_own")
		w.get("a", "/v1/cards/{gold}/customers").refused(403, "card_not_own")
		w.get("a", "/v1/cards/{silver}/assignments").want(404)
		w.get("a", "/v1/cards/{silver}/customers").want(404)
		w.do("a", "DELETE", "/v1/cards/{gold}/assignments/{A}", "").refused(403, "card_not_own")
		if got := w.get("m", "/v1/cards/{gold}/customers").column("customer_id"); len(got) != 1 || got[0] != w.id("mega") {
			t.Errorf("customers on the card: %v", got)
		}
	})
}

func TestACustomerIsPutOnACardOfItsOwnAccount(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PUT", "/v1/cards/{retail}/customers/{apex}", "").want(200)
		if got := w.get("a", "/v1/cards/{retail}/customers").column("customer_id"); len(got) != 2 {
			t.Errorf("customers on the card: %v", got)
		}
		cards, _ := w.get("a", "/v1/customers/{apex}").object()["cards"].([]any)
		if len(cards) != 1 || cards[0] != w.id("retail") {
			t.Errorf("cards of the customer: %v", cards)
		}
		w.do("a", "DELETE", "/v1/cards/{retail}/customers/{apex}", "").want(204)
		w.do("m", "PUT", "/v1/cards/{gold}/customers/{acme}", "").refused(422, "customer_id")
		w.do("m", "PUT", "/v1/cards/{retail}/customers/{acme}", "").refused(403, "card_not_own")
		w.do("a", "PUT", "/v1/cards/{retail}/customers/{bolt}", "").want(404)
	})
}
