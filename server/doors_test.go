package server

import (
	"strings"
	"testing"

	"resellerd/store/storetest"
)

// Every route that is not open to anyone asks who is calling, and no write is
// made with another's eyes or by a token without the scope: of all routes of the
// table, with every body that their tests know.
func TestNoWriteIsMadeWithoutATokenAScopeOrOnesOwnEyes(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t), engineOf(t, 1), seedWorld)
	for _, card := range []string{"gold", "retail"} {
		w.draft(card)
	}
	lacking := map[scope]*Server{scopeData: w.limited("write decide preview"), scopeWrite: w.limited("data decide preview"), scopeDecide: w.limited("data write preview"), scopePreview: w.limited("data write decide")}
	whole, before, tried := w.server, w.store.Revision(), 0
	for _, rt := range routes() {
		if rt.open == doorPublic {
			continue
		}
		path := strings.NewReplacer(":id", "{"+rowOf(rt.path)+"}", ":account_id", "{A}", ":customer_id", "{acme}",
			":revision", "{gold.draft}", ":user", "{a}").Replace(rt.path)
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

// limited is a server before the same store whose token has these scopes alone.
func (w *world) limited(scopes string) *Server {
	w.t.Helper()
	s, err := New(Config{PanelTokens: worldToken + " " + scopes, DecisionLog: "none"}, w.store, w.server.engines, WithClock(w.clock))
	must(w.t, err)
	return s
}

// rowOf names a row that the path's first parameter may be.
func rowOf(path string) string {
	for part, name := range map[string]string{
		"/accounts/": "A", "/groups/": "M.full", "/users/": "a2", "/customers/": "acme", "/preview/": "a",
	} {
		if strings.Contains(path, part+":id") {
			return name
		}
	}
	return "gold"
}
