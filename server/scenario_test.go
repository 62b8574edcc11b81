package server

import (
	"slices"
	"testing"
)

// The test follows the five steps by which a carrier takes on a reseller.
func TestACarrierTakesOnAReseller(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		group := w.do("m", "POST", "/v1/groups/default-reseller", "").want(200).object() // the world has it
		w.call("first.group", group["id"].(string))
		if group["lend_to"] != "all" || group["template"] != "default-reseller" {
			t.Fatalf("default group: %v", group)
		}
		w.name("D")
		w.do("m", "POST", "/v1/accounts", `{"name":"Delta Talk","public_name":"Delta","currency":"EUR"}`).want(201)
		w.name("d")
		w.do("m", "POST", "/v1/users", `{"account_id":"{D}","external_id":"panel-17","login":"d@delta.example","groups":["{first.group}"]}`).want(201)
		w.name("d2")
		made := w.do("d", "POST", "/v1/users", `{"login":"d2@delta.example","name":"Second","groups":["{first.group}"]}`).want(201).object()
		if made["account_id"] != w.id("D") {
			t.Fatalf("the reseller's user belongs to %v", made["account_id"])
		}
		w.do("m", "PUT", "/v1/cards/{gold}/assignments/{D}", "").want(200)
		card := w.get("d2", "/v1/cards/{gold}").want(200).object()
		if card["kind"] != "provider" || card["name"] != "Public gold" || card["carrier"] != "Meridian" {
			t.Fatalf("the assigned card is seen as %v", card)
		}
		if rates := w.get("d2", "/v1/cards/{gold}/rates").column("cost"); len(rates) != 3 {
			t.Fatalf("rates: %v", rates)
		}
	})
}

func TestEachStepsMistakeIsRefused(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			name, user, method, path, body string
			status                         int
			part                           string
		}{
			{"a reseller makes no default group", "a", "POST", "/v1/groups/default-reseller", "", 403, "area_denied"},
			{"a reseller makes no account", "a", "POST", "/v1/accounts", `{"name":"Sub","currency":"EUR"}`, 403, "area_denied"},
			{"no account hangs deeper than the limit", "m", "POST", "/v1/accounts", `{"parent_id":"{A}","name":"Sub"}`, 403, "max_depth"},
			{"a user without a group is not stored", "m", "POST", "/v1/users", `{"account_id":"{A}","login":"x@a.example"}`, 422, `"field":"groups"`},
			{"a user with no groups is not stored", "m", "POST", "/v1/users", `{"account_id":"{A}","login":"x@a.example","groups":[]}`, 422, `"field":"groups"`},
			{"a reseller's user is not put in the master's full group", "m", "POST", "/v1/users", `{"account_id":"{A}","login":"x@a.example","groups":["{M.full}"]}`, 403, "group_not_lent"},
			{"a reseller does not know the master's full group", "a", "POST", "/v1/users", `{"login":"x@a.example","groups":["{M.full}"]}`, 422, "has a group that does not exist"},
			{"a reseller makes no user for another", "a", "POST", "/v1/users", `{"account_id":"{B}","login":"x@b.example","groups":["{M.default}"]}`, 422, "does not name an account"},
			{"a card is not assigned to another tenant's account", "m", "PUT", "/v1/cards/{gold}/assignments/{R}", "", 404, "not_found"},
			{"a provider card is not assigned", "m", "PUT", "/v1/cards/{upstream}/assignments/{A}", "", 403, "card_not_customer"},
			{"a reseller assigns no card on that is not its own", "a", "PUT", "/v1/cards/{gold}/assignments/{A}", "", 403, "card_not_own"},
			{"a reseller puts no customer on an assigned card", "a", "PUT", "/v1/cards/{gold}/customers/{acme}", "", 403, "card_not_own"},
			{"a customer is not moved to another reseller", "m", "PATCH", "/v1/customers/{acme}", `{"account_id":"{B}"}`, 403, "customer_owner_immutable"},
		} {
			w.run(t, c.name, func(t *testing.T) {
				w.do(c.user, c.method, c.path, c.body).refused(c.status, c.part)
			})
		}
	})
}

func TestAnAccountComesWithItsFirstGroupAndUserOrNotAtAll(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		before := len(w.get("m", "/v1/accounts").items())
		w.do("m", "POST", "/v1/accounts",
			`{"name":"Echo","group":{"template":"default-reseller","name":"Echo's"},"user":{"login":"not an address"}}`).
			refused(422, `"field":"user.login"`)
		if after := len(w.get("m", "/v1/accounts").items()); after != before {
			t.Fatalf("%d accounts after a refusal, %d before", after, before)
		}
		made := w.do("m", "POST", "/v1/accounts",
			`{"name":"Echo","group":{"template":"default-reseller","name":"Echo's"},"user":{"login":"e@echo.example","external_id":"echo-1"}}`).
			want(201).object()
		users := w.get("m", "/v1/users?account_id="+made["id"].(string)).items()
		if len(users) != 1 {
			t.Fatalf("users of the new account: %v", users)
		}
		w.call("e", users[0]["id"].(string))
		groups := w.get("e", "/v1/groups").items()
		if !slices.ContainsFunc(groups, func(g map[string]any) bool { return g["id"] == users[0]["groups"].([]any)[0] }) {
			t.Fatalf("the first user sees the groups %v and is in %v", groups, users[0]["groups"])
		}
		w.do("e", "POST", "/v1/customers", `{"name":"First"}`).want(201)
	})
}
