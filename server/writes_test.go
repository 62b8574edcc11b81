package server

import (
	"strings"
	"testing"
	"time"
)

func TestEveryNounIsMadeChangedAndRemoved(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			name, user, path, body, patch string
			shows                         map[string]any
			kept                          bool
		}{
			{"account", "m", "/v1/accounts", `{"name":"Foxtrot","public_name":"Fox","email":"f@example.com","currency":"USD","ceiling":{"*":["read"]},"external_id":"x-1"}`,
				`{"name":"Foxtrot Ltd","status":"suspended","ceiling":null}`,
				map[string]any{"name": "Foxtrot Ltd", "status": "suspended", "ceiling": nil, "currency": "USD", "kind": "reseller"}, true},
			{"group", "m", "/v1/groups", `{"name":"Support","default_access":["read"],"rows":{"cdr":["read"],"customer":[]},"lend_to":["{A}"]}`,
				`{"name":"Helpers","public_name":"Help","lend_to":"none"}`,
				map[string]any{"name": "Helpers", "public_name": "Help", "lend_to": "none"}, false},
			{"user", "a", "/v1/users", `{"login":"new@a.example","name":"New","groups":["{M.default}"],"time_zone":"Europe/Berlin","ip_allow":["10.0.0.0/8"]}`,
				`{"name":"Newer","status":"disabled","ip_allow":[]}`,
				map[string]any{"name": "Newer", "status": "disabled", "time_zone": "Europe/Berlin"}, false},
			{"customer", "a", "/v1/customers", `{"name":"New","email":"n@example.com","currency":"EUR","notes":"two\nlines"}`,
				`{"email":null,"status":"suspended"}`,
				map[string]any{"name": "New", "email": nil, "status": "suspended", "notes": "two\nlines"}, false},
			{"card of a reseller", "a", "/v1/cards", `{"name":"Mine","currency":"EUR","public_notes":"n"}`,
				`{"rate_precision":6,"rate_rounding":"up","direction":"origination"}`,
				map[string]any{"kind": "customer", "rate_precision": float64(6), "charge_precision": float64(4), "revision": nil}, false},
			{"provider card", "m", "/v1/cards", `{"kind":"provider","name":"Up","carrier":"Carrier","currency":"EUR"}`,
				`{"carrier":"Other"}`, map[string]any{"kind": "provider", "carrier": "Other"}, false},
		} {
			w.run(t, c.name, func(t *testing.T) {
				made := w.do(c.user, "POST", c.path, c.body).want(201)
				id := made.object()["id"].(string)
				if at := made.header.Get("Location"); at != c.path+"/"+id {
					t.Errorf("location %q", at)
				}
				got := w.get(c.user, c.path+"/"+id).want(200)
				if got.body != made.body || got.header.Get("ETag") != made.header.Get("ETag") {
					t.Errorf("made %s, then read %s", made.body, got.body)
				}
				w.pass(time.Second)
				changed := w.do(c.user, "PATCH", c.path+"/"+id, c.patch).want(200)
				for column, want := range c.shows {
					if changed.object()[column] != want {
						t.Errorf("%s is %v, want %v", column, changed.object()[column], want)
					}
				}
				if c.kept {
					w.do(c.user, "DELETE", c.path+"/"+id, "").want(405)
					return
				}
				w.do(c.user, "DELETE", c.path+"/"+id, "").want(204)
				w.get(c.user, c.path+"/"+id).want(404)
			})
		}
	})
}

func TestBodiesAreReadStrictly(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			name, body string
			status     int
			part       string
		}{
			{"not JSON", `{"name"`, 400, "bad_request"},
			{"a name twice", `{"name":"a","name":"b"}`, 400, "twice"},
			{"NUL", `{"name":"a\u0000"}`, 400, "NUL"},
			{"invalid UTF-8", "{\"name\":\"a\xff\"}", 400, "UTF-8"},
			{"no object", `["name"]`, 422, "object"},
			{"an unknown field", `{"name":"a","nome":"b"}`, 422, `"field":"nome"`},
			{"a field in another case", `{"name":"a","Notes":"b"}`, 422, `"field":"Notes"`},
			{"the tenant", `{"name":"a","tenant_id":"b"}`, 422, `"field":"tenant_id"`},
			{"a number for a text", `{"name":7}`, 422, `"field":"name"`},
			{"a control character", `{"name":"a\u0007"}`, 422, `"field":"name"`},
			{"an empty name", `{"name":" "}`, 422, `"field":"name"`},
			{"no name", `{"email":"a@example.com"}`, 422, `"field":"name"`},
			{"a broken address", `{"name":"a","email":"b"}`, 422, `"field":"email"`},
			{"a strange currency", `{"name":"a","currency":"QQQ"}`, 422, `"field":"currency"`},
			{"a strange status", `{"name":"a","status":"gone"}`, 422, `"field":"status"`},
		} {
			w.run(t, c.name, func(t *testing.T) {
				w.do("a", "POST", "/v1/customers", c.body).refused(c.status, c.part)
			})
		}
	})
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "POST", "/v1/customers", `{"name":"a"}`, "Content-Type", "text/plain").want(415)
		w.do("a", "POST", "/v1/customers", `{"name":"a"}`, "Content-Type", "application/merge-patch+json").want(415)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"a"}`, "Content-Type", "application/merge-patch+json").want(200)
	})
}

// A hidden column in a body gets the answer for an unknown field. The policy
// refuses a column that is shown and fixed.
func TestHiddenColumnsCannotBeWritten(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, field := range []string{"tenant_id", "depth", "version", "parent_id", "ceiling", "external_id"} {
			hidden := w.do("a", "PATCH", "/v1/accounts/{A}", `{"`+field+`":null}`)
			unknown := w.do("a", "PATCH", "/v1/accounts/{A}", `{"zz`+field[2:]+`":null}`)
			if got, want := hidden.alike(), strings.ReplaceAll(unknown.alike(), "zz"+field[2:], field); got != want {
				t.Errorf("%s: %s, want %s", field, got, want)
			}
		}
		w.do("m", "PATCH", "/v1/customers/{acme}", `{"id":"x"}`).refused(403, "column_not_writable")
		w.do("m", "PATCH", "/v1/users/{a}", `{"account_id":"{B}"}`).refused(403, "column_not_writable")
		w.do("m", "PATCH", "/v1/accounts/{M}", `{"status":"closed"}`).refused(403, "column_not_writable")
	})
}

func TestAWriteNeedsTheRowAsItWasSeen(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seen := w.get("a", "/v1/customers/{acme}").header.Get("ETag")
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"first"}`, "If-Match", seen).want(200)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"second"}`, "If-Match", seen).want(412)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"status":"gone"}`, "If-Match", seen).want(422)
		w.do("a", "DELETE", "/v1/customers/{acme}", "", "If-Match", seen).want(412)
		w.do("b", "DELETE", "/v1/customers/{acme}", "", "If-Match", seen).want(404)
		now := w.get("a", "/v1/customers/{acme}").header.Get("ETag")
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"third"}`, "If-Match", `"other", `+now).want(200)
		w.do("a", "DELETE", "/v1/customers/{acme}", "", "If-Match", "W/"+now).want(412)
		w.do("a", "DELETE", "/v1/customers/{acme}", "", "If-Match", "*").want(204)
	})
}

// An unseen change does not change the ETag. The test changes the private side
// of an assigned card.
func TestATagFollowsWhatIsShown(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		before := w.get("a", "/v1/cards/{gold}")
		w.pass(time.Minute)
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"notes":"changed","name":"changed","tech_prefix":"9"}`).want(200)
		if after := w.get("a", "/v1/cards/{gold}"); after.alike() != before.alike() {
			t.Errorf("%s\nwant\n%s", after.alike(), before.alike())
		}
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"public_notes":"changed"}`).want(200)
		if after := w.get("a", "/v1/cards/{gold}"); after.header.Get("ETag") == before.header.Get("ETag") {
			t.Error("the tag is the same after a change that is shown")
		}
	})
}

func TestARepeatedRequestIsDoneOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		key := []string{headerIdempotency, "key-1"}
		first := w.do("a", "POST", "/v1/customers", `{"name":"Once"}`, key...).want(201)
		again := w.do("a", "POST", "/v1/customers", `{"name":"Once"}`, key...).want(201)
		if first.alike() != again.alike() {
			t.Errorf("%s\nthen\n%s", first.alike(), again.alike())
		}
		if got := w.get("a", "/v1/customers?name=Once").items(); len(got) != 1 {
			t.Errorf("%d rows", len(got))
		}
		w.do("a", "POST", "/v1/customers", `{"name":"Twice"}`, key...).refused(422, headerIdempotency)
		other := w.do("a2", "POST", "/v1/customers", `{"name":"Once"}`, key...).want(201)
		if other.object()["id"] == first.object()["id"] {
			t.Error("another user's key is the same key")
		}
		path := "/v1/customers/" + first.object()["id"].(string)
		w.do("a", "DELETE", path, "", key...).want(204)
		w.do("a", "DELETE", path, "", key...).want(204)
		w.do("a", "DELETE", path, "", headerIdempotency, "key-2").want(404)
		w.pass(25 * time.Hour)
		late := w.do("a", "POST", "/v1/customers", `{"name":"Once"}`, key...).want(201)
		if late.object()["id"] == first.object()["id"] {
			t.Error("the key is remembered after a day")
		}
	})
}

func TestARepeatedRequestIsAuthorisedAgain(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		key := []string{headerIdempotency, "key-1"}
		w.do("a", "POST", "/v1/customers", `{"name":"Once"}`, key...).want(201)
		w.do("a", "DELETE", "/v1/customers/{apex}", "", key...).want(204)
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":{"*":["read"]}}`).want(200)
		w.do("a", "POST", "/v1/customers", `{"name":"Once"}`, key...).refused(403, "area_denied")
		w.do("a", "DELETE", "/v1/customers/{apex}", "", key...).refused(403, "area_denied")
	})
}

func TestConflictsAreRaisedByVisibleRowsAlone(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		taken := func(owner, name string) string { return secret(owner, "external "+name) }
		w.do("a", "POST", "/v1/customers", `{"name":"x","external_id":"`+taken("A", "acme")+`"}`).refused(409, "external_id")
		w.do("a", "POST", "/v1/customers", `{"name":"x","external_id":"`+taken("B", "bolt")+`"}`).want(201)
		w.do("a", "POST", "/v1/users", `{"login":"`+secret("A", "a2")+`@example.com","groups":["{M.default}"]}`).refused(409, "login")
		w.do("a", "POST", "/v1/users", `{"login":"`+secret("B", "b")+`@example.com","groups":["{M.default}"]}`).want(201)
		w.do("m", "POST", "/v1/accounts", `{"name":"x","external_id":"`+secret("M", "external A")+`"}`).refused(409, "external_id")
		w.do("m", "DELETE", "/v1/groups/{M.default}", "").refused(409, "Users are still")
		w.do("m", "PATCH", "/v1/groups/{M.default}", `{"lend_to":"none"}`).refused(409, "lend_to")
		w.do("a", "DELETE", "/v1/cards/{retail}", "").refused(409, "active revision")
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"currency":"USD"}`).refused(409, "currency")
	})
}

func TestAPreviewWritesNothing(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "POST", "/v1/customers", `{"name":"x"}`, headerAs, "{a}").want(403)
		w.do("m", "PATCH", "/v1/customers/{acme}", `{"name":"x"}`, headerAs, "{a}").want(403)
		own, seen := w.get("a", "/v1/customers?limit=1"), w.do("m", "GET", "/v1/customers?limit=1", "", headerAs, "{a}")
		if own.body != seen.want(200).body {
			t.Errorf("preview %s\nown %s", seen.body, own.body)
		}
	})
}
