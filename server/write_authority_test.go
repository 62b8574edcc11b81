package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/server/identity"
	"resellerd/store"
	"resellerd/store/seed"
)

// Every route that is not public authenticates its caller. No write is made in a
// preview or by a token without the scope. The test tries all routes of the
// table, with every body that the tests know.
func TestNoWriteIsMadeWithoutATokenAScopeOrOnesOwnEyes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld)
	for _, card := range []string{"gold", "retail"} {
		w.draft(card)
	}
	lacking := map[identity.Scope]*Server{identity.ScopeData: w.limited("write decide preview"), identity.ScopeWrite: w.limited("data decide preview"), identity.ScopeDecide: w.limited("data write preview"), identity.ScopePreview: w.limited("data write decide"), identity.ScopeFilter: w.limited("data write decide preview")}
	whole, before, tried := w.server, w.store.Revision(), 0
	for _, rt := range routes() {
		if rt.open == forAnyone || strings.HasPrefix(rt.path, forwardAuthPath) { // that has tests of its own
			continue
		}
		path := w.pathOf(rt.path)
		bodies := secretBodies[rt.method+" "+rt.path]
		if len(bodies) == 0 {
			bodies = []string{""}
		}
		for _, body := range bodies {
			tried++
			w.do("m", rt.method, path, body, "Authorization", "").want(401)
			w.do("m", rt.method, path, body, "Authorization", "Bearer nobodys").want(401)
			if w.server = lacking[rt.scope]; w.server != nil {
				w.do("m", rt.method, path, body).want(403)
			} else {
				t.Errorf("%s %s: no server lacks its scope", rt.method, rt.path)
			}
			w.server = whole
			if rt.method == "GET" {
				continue
			}
			if got := w.do("m", rt.method, path, body, headerAs, "{a}"); got.status != 403 && got.status != 400 {
				t.Errorf("with another's eyes: %s", got.alike())
			}
		}
	}
	if tried < 50 {
		t.Errorf("%d requests were tried", tried)
	}
	if after := w.store.Revision(); after != before {
		t.Errorf("something was written: the data revision went from %d to %d", before, after)
	}
}

// A user's own token acts for that user on every route, and for nobody else. It
// refuses the name, the preview or the address of another user, and does not
// exceed the user's rights. A user without rights makes none of the writes of
// the table, with every body that the tests know.
func TestAUsersOwnTokenWritesAsThatUserAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld)
	w.draft("gold")
	w.bare(t, "reader")
	keys, stranger := newIssuer(t), newIssuer(t)
	panel := w.server
	own, err := New(Config{JWT: jwtConfig(t, w.id("M"), keys.keys()), DecisionLog: "none"}, w.store, panel.engines, WithClock(w.clock))
	must(t, err)
	bearer := func(user string, sign signer, left time.Duration) string {
		body := claims(map[string]any{"sub": w.id(user), "exp": w.clock().Add(left).Unix()})
		return "Bearer " + token(t, map[string]any{"alg": "EdDSA", "kid": "d"}, body, sign)
	}
	before, tried := w.store.Revision(), 0
	w.server = own
	for _, rt := range routes() {
		if rt.open == forAnyone || rt.method == "GET" {
			continue
		}
		for _, body := range append([]string{""}, secretBodies[rt.method+" "+rt.path]...) {
			tried++
			path := w.pathOf(rt.path)
			reader := bearer("reader", keys.eddsa, time.Hour)
			for _, header := range []string{headerUser, headerAs, headerClientIP, headerUserJWT} {
				w.do("a", rt.method, path, body, "Authorization", reader, headerUser, "", header, "{m}").want(403)
			}
			w.do("a", rt.method, path, body, "Authorization", bearer("m", keys.eddsa, -time.Hour), headerUser, "").want(401)
			w.do("a", rt.method, path, body, "Authorization", bearer("m", stranger.eddsa, time.Hour), headerUser, "").want(401)
			if rt.open != asUser {
				continue
			}
			w.do("a", rt.method, path, body, "Authorization", bearer("nobody", keys.eddsa, time.Hour), headerUser, "").refused(403, "unknown_user")
			got := w.do("a", rt.method, path, body, "Authorization", reader, headerUser, "")
			if strings.HasPrefix(rt.path, "/v1/lookup") {
				continue // a read
			}
			if got.status != 403 && got.status != 404 && !refusesAll(rt.path, got) {
				t.Errorf("%s", got.alike())
			}
		}
	}
	if after := w.store.Revision(); tried < 40 || after != before {
		t.Errorf("%d requests were tried; the data revision went from %d to %d", tried, before, after)
	}
	w.do("a", "POST", "/v1/customers", `{"name":"own","currency":"EUR"}`, "Authorization", bearer("a", keys.eddsa, time.Hour), headerUser, "").want(201)
	w.server = panel
	entry := w.get("m", "/v1/audit?action=create").want(200).items()[0]
	if actor := fmt.Sprint(entry["actor"]); !strings.Contains(actor, w.id("a")) {
		t.Errorf("it was written as %s", actor)
	}
}

// bare creates a user of A whose group gives no access.
func (w *world) bare(t *testing.T, name string) {
	t.Helper()
	w.seed("M", seed.Group(name+".group", store.Group{AccountID: "A", Name: name}),
		seed.User(name, store.User{AccountID: "A", Login: name + "@example.com", ExternalID: name, Groups: []string{name + ".group"}}))
}

// pathOf returns a route's path with the ids of existing rows.
func (w *world) pathOf(path string) string {
	return strings.NewReplacer(":id", "{"+rowOf(path)+"}", ":account_id", "{A}", ":customer_id", "{acme}",
		":revision", "{gold.draft}", ":user", "{a}", ":letter", "{letter}").Replace(path)
}

// limited returns a server on the same store whose token has only these scopes.
func (w *world) limited(scopes string) *Server {
	w.t.Helper()
	s, err := New(Config{PanelTokens: worldToken + " " + scopes, DecisionLog: "none"}, w.store, w.server.engines, WithClock(w.clock))
	must(w.t, err)
	return s
}

// rowOf names an existing row for the path's first parameter.
func rowOf(path string) string {
	for part, name := range map[string]string{
		"/accounts/": "A", "/groups/": "M.full", "/users/": "a2", "/customers/": "acme", "/preview/": "a", "/webhooks/": "hook",
	} {
		if strings.Contains(path, part+":id") {
			return name
		}
	}
	return "gold"
}

// refusesAll reports whether a bulk request wrote nothing: its body has no rows, or each
// row is refused.
func refusesAll(path string, got answered) bool {
	if !strings.HasSuffix(path, "/bulk") {
		return false
	}
	if got.status != 200 {
		return got.status == 422
	}
	return !slices.ContainsFunc(got.items(), func(row map[string]any) bool {
		status, _ := row["status"].(float64)
		return status != 403 && status != 404
	})
}
