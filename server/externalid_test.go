package server

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"resellerd/server/insight"
	"resellerd/store"
)

// identityScopes are the scopes of a panel that sets its users' external ids.
const identityScopes = "data decide filter preview write identity"

// A reseller's user sets no external id. It gets the same answer whether the id
// is free, taken or malformed.
func TestAResellersUserGivesNobodyAnExternalID(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		names := []any{"free", secret("A", "external a"), secret("M", "external m"), secret("B", "external b"), "usr_x", "blank ", 5}
		ask := func(name any) []answered {
			body := bodyOf(t, map[string]any{"external_id": name, "login": "x@example.com", "groups": []string{w.id("M.default")}})
			account := bodyOf(t, map[string]any{"name": "Foxtrot", "user": map[string]any{"external_id": name, "login": "x@example.com"},
				"group": map[string]any{"template": "default-reseller", "name": "First"}})
			return []answered{
				w.do("a", "PATCH", "/v1/users/{a2}", bodyOf(t, map[string]any{"external_id": name})),
				w.do("a", "PATCH", "/v1/users/{a2}?dry_run=true", bodyOf(t, map[string]any{"external_id": name})),
				w.do("a", "POST", "/v1/users", body),
				w.do("a", "POST", "/v1/accounts", account),
			}
		}
		want := ask(names[0])
		for _, got := range want[:3] {
			got.refused(403, "scope identity").refused(403, `"field":"external_id"`)
		}
		want[3].want(403)
		for _, name := range names[1:] {
			for i, got := range ask(name) {
				if got.alike() != want[i].alike() {
					t.Errorf("%v: %s\nwant %s", name, got.alike(), want[i].alike())
				}
			}
		}
		w.do("a", "PATCH", "/v1/users/{a2}", `{"external_id":null}`).refused(403, "scope identity")
		w.do("a", "PATCH", "/v1/users/{a2}", `{"external_id":"`+secret("A", "external a2")+`","name":"Same"}`).want(200)
		w.do("a", "POST", "/v1/users", `{"login":"x@example.com","external_id":null,"groups":["{M.default}"]}`).want(201)
		for _, user := range []string{"a2", "m"} {
			w.do("m", "GET", "/v1/me", "", headerUser, secret(map[string]string{"a2": "A", "m": "M"}[user], "external "+user)).refused(200, w.id(user))
		}
	})
}

func TestTheMastersUsersAndPanelsWithTheScopeNameUsers(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		plain, panel := w.server, w.limited(identityScopes)
		w.do("m", "PATCH", "/v1/users/{a2}", `{"external_id":"panel-1"}`).refused(200, `"external_id":"panel-1"`)
		w.do("m", "POST", "/v1/users", `{"login":"x@example.com","external_id":"panel-2","groups":["{M.full}"]}`).want(201)
		w.do("m", "POST", "/v1/accounts", `{"name":"E","group":{"template":"default-reseller","name":"E"},"user":{"login":"e@example.com","external_id":"panel-3"}}`).want(201)
		w.server = panel
		w.do("a", "PATCH", "/v1/users/{a2}", `{"external_id":"Panel-1"}`).want(200)
		w.do("a", "POST", "/v1/users", `{"login":"y@example.com","external_id":"panel-1","groups":["{M.default}"]}`).want(201)
		w.do("a", "PATCH", "/v1/users/{a2}", `{"external_id":null}`).want(200)
		w.do("clerk", "PATCH", "/v1/users/{m}", `{"external_id":"panel-4"}`).refused(403, insight.ReasonExceeds)
		for _, name := range []string{"", "free", "usr_x"} {
			w.do("clerk", "PATCH", "/v1/users/{a2}", `{"external_id":"`+name+`"}`).want(403)
		}
		for name, id := range map[string]string{
			"an id of a user": store.RandomID("user"), "like an id": "acc_1", "blank behind": "panel-1 ", "blank before": " panel-1",
			"another alphabet": "pаnel", "too long": strings.Repeat("x", 256), "a tab": "a\tb",
		} {
			w.server = plain
			one := w.do("m", "PATCH", "/v1/users/{a2}", bodyOf(t, map[string]any{"external_id": id})).refused(422, `"field":"external_id"`)
			w.server = panel
			two := w.do("a", "PATCH", "/v1/users/{a2}", bodyOf(t, map[string]any{"external_id": id})).refused(422, `"field":"external_id"`)
			if one.alike() != two.alike() {
				t.Errorf("%s: %s\nor %s", name, one.alike(), two.alike())
			}
		}
	})
}

// Users who may set external ids learn that one is taken, but not by whom.
func TestATakenExternalIDNamesNoRow(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		w.server = w.limited(identityScopes)
		taken := []string{secret("A", "external a"), secret("B", "external b"), secret("M", "external m")}
		for _, ask := range []func(id string) answered{
			func(id string) answered { return w.do("a", "PATCH", "/v1/users/{a2}", `{"external_id":"`+id+`"}`) },
			func(id string) answered { return w.do("m", "PATCH", "/v1/users/{a2}", `{"external_id":"`+id+`"}`) },
			func(id string) answered {
				return w.do("a", "POST", "/v1/users", `{"login":"x@example.com","external_id":"`+id+`","groups":["{M.default}"]}`)
			},
			func(id string) answered {
				return w.do("m", "POST", "/v1/accounts", `{"name":"E","group":{"name":"E"},"user":{"login":"e@example.com","external_id":"`+id+`"}}`)
			},
		} {
			want := ask(taken[0]).refused(409, `"reasons":["external_id_taken"]`).refused(409, `external_id","decision_id`)
			if leaked(want.body, "A", "B", "M") != nil {
				t.Error(want.body)
			}
			for _, id := range taken[1:] {
				if got := ask(id); got.alike() != want.alike() {
					t.Errorf("%s\nwant %s", got.alike(), want.alike())
				}
			}
		}
		w.do("m", "PATCH", "/v1/users/{a2}", `{"external_id":"`+taken[0]+`"}`, "If-Match", `"old"`).want(412)
		w.do("m", "PATCH", "/v1/users/{a2}", `{"external_id":"`+secret("N", "external n")+`"}`).want(200)
	})
}

// With its own token, a user of the master can set external ids, and a
// reseller's user cannot.
func TestAUsersOwnTokenNamesUsersOnlyForTheMaster(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		i := newIssuer(t)
		w.server = w.jwtServer(t, i, w.id("M"))
		as := func(user string) []string {
			return []string{"Authorization", "Bearer " + i.token(t, w.id(user)), headerUser, ""}
		}
		w.do("a", "GET", "/v1/users/{a2}", "", as("a")...).want(200)
		w.do("a", "PATCH", "/v1/users/{a2}", `{"name":"x"}`, as("a")...).want(200)
		w.do("a", "PATCH", "/v1/users/{a2}", `{"external_id":"x"}`, as("a")...).refused(403, "scope identity")
		w.do("a", "POST", "/v1/users", `{"login":"x@example.com","external_id":"x","groups":["{M.default}"]}`, as("a")...).
			refused(403, "scope identity")
		w.do("a", "POST", "/v1/users", `{"login":"x@example.com","groups":["{M.default}"]}`, as("a")...).want(201)
		w.do("m", "PATCH", "/v1/users/{a2}", `{"external_id":"x"}`, as("m")...).want(200)
	})
}

func bodyOf(t *testing.T, fields map[string]any) string {
	t.Helper()
	text, err := json.Marshal(fields)
	must(t, err)
	return string(text)
}

// A token without a list of scopes lacks the scope identity. The server warns
// the operator about that.
func TestATokenWithoutAListOfScopesIsWarnedAbout(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	for tokens, warned := range map[string]bool{
		"secret": true, w.ID("master") + ":secret": true, w.ID("master") + ":secret data write": false, "a data,b": true, "a " + identityScopes: false,
	} {
		var log bytes.Buffer
		_, err := New(Config{PanelTokens: tokens, DecisionLog: "none"}, w.store, &EngineHolder{}, WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		must(t, err)
		if got := strings.Contains(log.String(), "every scope except identity"); got != warned {
			t.Errorf("%s: warned %v, want %v: %s", tokens, got, warned, log.String())
		}
	}
}

// A reseller that sees all customer cards of its account gives them external ids. It
// learns only of cards that it sees.
func TestAResellerGivesItsOwnCustomerCardAnExternalID(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"external_id":"R-1"}`).refused(200, `"external_id":"R-1"`)
		w.do("a", "POST", "/v1/cards", `{"name":"x","currency":"EUR","external_id":"R-1"}`).refused(409, `"field":"external_id"`)
		w.do("a", "POST", "/v1/cards", `{"name":"x","currency":"EUR","external_id":"R-2"}`).refused(201, `"external_id":"R-2"`)
		for _, taken := range []string{secret("M", "external gold"), secret("M", "external upstream"), secret("B", "external bulk")} {
			w.do("a", "POST", "/v1/cards", `{"name":"x","currency":"EUR","external_id":"`+taken+`"}`).want(201)
		}
		w.do("a", "PATCH", "/v1/cards/{gold}", `{"external_id":"R-3"}`).refused(403, "card_not_own")
	})
}
