package server

import (
	"slices"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/storetest"
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

// Who is not shown a currency is not told that it differs.
func TestAHiddenCurrencyIsNotAskedAbout(t *testing.T) {
	t.Parallel()
	engine := engineBut(t, "reseller/resource/account/shown.rego", `"email", "currency", "status"`, `"email", "status"`)
	eachDatabase(t, engine, func(t *testing.T, fresh func() *world) {
		w := fresh()
		for _, currency := range []string{"USD", "EUR"} {
			made := w.do("m", "POST", "/v1/accounts", `{"name":"Made"}`).want(201).object()
			w.call("Made", made["id"].(string))
			_, err := storetest.SQL(t, w.store).Exec("UPDATE accounts SET currency = '" + currency + "' WHERE id = '" + w.id("Made") + "'")
			must(t, err)
			w.call("Fresh", w.do("m", "POST", "/v1/cards", `{"name":"Fresh","currency":"EUR"}`).want(201).object()["id"].(string))
			w.do("m", "PUT", "/v1/cards/{Fresh}/assignments/{Made}", "{}").want(200)
			w.do("m", "PATCH", "/v1/cards/{Fresh}", `{"currency":"GBP"}`).want(200)
		}
	})
	engine = engineBut(t, "reseller/resource/card/shown.rego", `"carrier", "currency", "direction"`, `"carrier", "direction"`)
	eachDatabase(t, engine, func(t *testing.T, fresh func() *world) {
		w := fresh()
		for _, currency := range []string{"USD", "EUR"} { // retail is in EUR
			w.do("a", "PATCH", "/v1/customers/{acme}", `{"currency":"`+currency+`"}`).want(200)
		}
	})
}

// An account or a customer with another currency than the card is linked only if the
// request accepts it. Existing links stay.
func TestAnotherCurrencyIsAcceptedInWords(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		dollar := w.do("m", "POST", "/v1/accounts", `{"name":"Dollar","currency":"USD"}`).want(201).object()
		w.call("Dollar", dollar["id"].(string))
		without := w.do("m", "POST", "/v1/accounts", `{"name":"Without"}`).want(201).object()
		w.call("Without", without["id"].(string))
		for path, body := range map[string]string{"/v1/cards/{bronze}/assignments/{Dollar}": "{}", "/v1/cards/{bronze}/assignments/{Dollar}?dry_run=true": "{}"} {
			w.do("m", "PUT", path, body).refused(409, `"reasons":["currency_mismatch"]`).refused(409, `"field":"accept_currency"`)
			w.do("m", "PUT", path, `{"accept_currency":false}`).refused(409, "currency_mismatch")
			w.do("m", "PUT", path, `{"accept_currency":"yes"}`).refused(422, "accept_currency")
		}
		w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{Without}", "{}").want(200)
		w.do("m", "PATCH", "/v1/accounts/{Without}", `{"currency":"USD"}`).refused(409, "currency_mismatch")
		w.do("m", "PATCH", "/v1/accounts/{Without}?dry_run=true", `{"currency":"USD"}`).refused(409, "currency_mismatch")
		hire(w, "M", "M", "dark", store.Group{Rows: store.Access{"account": "crud"}})
		w.do("dark", "PATCH", "/v1/accounts/{Without}?dry_run=true", `{"currency":"USD"}`).want(200)
		w.do("m", "PATCH", "/v1/accounts/{Without}?dry_run=true", `{"currency":"USD","accept_currency":true}`).want(200)
		w.do("m", "PATCH", "/v1/accounts/{Without}", `{"currency":"EUR"}`).want(200)
		w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{C}", "{}").want(200)
		w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{Dollar}", `{"accept_currency":true}`).want(200)

		w.do("a", "PATCH", "/v1/customers/{apex}", `{"currency":"USD"}`).want(200) // it is on no card
		w.do("a", "PUT", "/v1/cards/{retail}/customers/{apex}", "{}").refused(409, "currency_mismatch")
		w.do("a", "PUT", "/v1/cards/{retail}/customers/{apex}", `{"accept_currency":true}`).want(200)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"currency":"USD"}`).refused(409, "currency_mismatch")
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"currency":"EUR","name":"Same"}`).want(200)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"currency":"USD","accept_currency":true}`).want(200)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"currency":"USD","name":"Kept"}`).want(200)

		card := w.do("a", "POST", "/v1/cards", `{"name":"Own","currency":"EUR"}`).want(201).object()
		w.call("Own", card["id"].(string))
		w.do("a", "PATCH", "/v1/cards/{Own}", `{"currency":"GBP"}`).want(200) // nobody is on it
		w.do("a", "PATCH", "/v1/cards/{Own}", `{"currency":"EUR"}`).want(200)
		w.do("a", "PUT", "/v1/cards/{Own}/customers/{apex}", `{"accept_currency":true}`).want(200)
		w.do("a", "PATCH", "/v1/cards/{Own}", `{"currency":"GBP"}`).refused(409, `"reasons":["currency_mismatch"]`).refused(409, `"field":"accept_currency"`)
		w.do("a", "PATCH", "/v1/cards/{Own}", `{"name":"Mine"}`).want(200)
		w.do("a", "PATCH", "/v1/cards/{Own}", `{"currency":"GBP","accept_currency":true}`).want(200)
		w.do("a", "PATCH", "/v1/cards/{Own}", `{"currency":"USD"}`).want(200) // as the customer
		hire(w, "M", "A", "seller", store.Group{Rows: store.Access{"card/customer": "crud"}})
		w.do("seller", "PATCH", "/v1/cards/{Own}", `{"currency":"GBP"}`).want(200) // it sees no customers
		w.do("a", "DELETE", "/v1/cards/{Own}/customers/{apex}", "").want(204)
		house := w.do("m", "POST", "/v1/cards", `{"name":"House","currency":"USD"}`).want(201).object()
		w.call("House", house["id"].(string))
		w.do("m", "PUT", "/v1/cards/{House}/assignments/{Dollar}", "{}").want(200)
		w.do("m", "PATCH", "/v1/cards/{House}", `{"currency":"EUR"}`).refused(409, "currency_mismatch")
		w.do("m", "PATCH", "/v1/cards/{House}", `{"currency":"EUR","accept_currency":true}`).want(200)
		w.do("m", "DELETE", "/v1/cards/{House}/assignments/{Dollar}", "").want(204)

		hire(w, "M", "A", "blind", store.Group{Rows: store.Access{"customer": "crud"}})
		w.do("blind", "PATCH", "/v1/customers/{acme}", `{"currency":"GBP"}`).want(200)

		found, err := w.store.CurrencyMismatches(tctx)
		must(t, err)
		var rows []string
		for _, one := range found {
			rows = append(rows, one.CardID+" "+one.Type+" "+one.ID+" "+one.Card+" "+one.Other)
		}
		want := []string{w.id("bronze") + " account " + w.id("Dollar") + " EUR USD",
			w.id("retail") + " customer " + w.id("acme") + " EUR GBP", w.id("retail") + " customer " + w.id("apex") + " EUR USD"}
		slices.Sort(rows)
		slices.Sort(want)
		if !slices.Equal(rows, want) {
			t.Errorf("listed %q\nwant %q", rows, want)
		}
	})
}
