package server

import (
	"encoding/json"
	"testing"
	"time"
)

func TestEveryWriteIsWrittenDown(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		made := w.do("a", "POST", "/v1/customers", `{"name":"Seen"}`).want(201).object()
		w.pass(time.Second)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"Seen too","notes":"n"}`).want(200)
		w.pass(time.Second)
		w.do("a", "DELETE", "/v1/customers/{apex}", "").want(204)
		w.pass(time.Second)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"status":"gone"}`).want(422)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"Seen too"}`).want(200)
		entries := w.get("a", "/v1/audit?sort=at").items()
		if len(entries) != 3 {
			t.Fatalf("%d entries: %v", len(entries), entries)
		}
		for i, want := range []struct{ action, id string }{
			{"create", made["id"].(string)}, {"update", w.id("acme")}, {"delete", w.id("apex")},
		} {
			e := entries[i]
			resource, _ := e["resource"].(map[string]any)
			if e["action"] != want.action || resource["id"] != want.id || resource["type"] != "customer" ||
				e["actor"] != w.id("a") || e["account"] != w.id("A") {
				t.Errorf("entry %d: %v", i, e)
			}
		}
		change, _ := json.Marshal(entries[1]["change"])
		want := `{"name":{"after":"Seen too","before":"` + secret("A", "acme") + `"},"notes":{"after":"n","before":"` + secret("A", "notes on acme") + `"}}`
		if string(change) != want {
			t.Errorf("change %s\nwant %s", change, want)
		}
	})
}

func TestAnEntryIsReadByThoseWhoseSubtreeMadeIt(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "PATCH", "/v1/customers/{acme}", `{"name":"by the master"}`).want(200)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"by the reseller"}`).want(200)
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"notes":"private"}`).want(200)
		for user, want := range map[string]int{"m": 3, "a": 1, "b": 0, "n": 0} {
			if got := w.get(user, "/v1/audit").items(); len(got) != want {
				t.Errorf("%s sees %d entries, want %d", user, len(got), want)
			}
		}
	})
}

// A change shows only the columns that its reader may see on the row. The notes
// on a card of an account below belong to its owner.
func TestAChangeIsCutToItsReadersView(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"notes":"private to A","public_notes":"open"}`).want(200)
		for user, sees := range map[string]bool{"a": true, "m": false} {
			change := w.get(user, "/v1/audit").items()[0]["change"].(map[string]any)
			if _, ok := change["notes"]; ok != sees {
				t.Errorf("%s: change %v", user, change)
			}
			if _, ok := change["public_notes"]; !ok {
				t.Errorf("%s: change %v", user, change)
			}
		}
	})
}

func TestARefusedWriteLeavesNothing(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("a", "POST", "/v1/users", `{"login":"x@x.example","groups":["{M.full}"]}`).want(422)
		w.do("clerk", "PATCH", "/v1/users/{m}", `{"login":"mine@example.com"}`).want(403)
		if got := w.get("m", "/v1/audit").items(); len(got) != 0 {
			t.Errorf("entries %v", got)
		}
		if login := w.get("m", "/v1/users/{m}").object()["login"]; login != secret("M", "m")+"@example.com" {
			t.Errorf("login %v", login)
		}
	})
}
