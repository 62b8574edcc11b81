package server

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"resellerd/server/insight"
	"resellerd/store/storetest"
)

// rehearsalAnswer is the answer to a dry run.
type rehearsalAnswer struct{ insight.Rehearsal }

func (a answered) rehearsal() rehearsalAnswer {
	a.t.Helper()
	var d rehearsalAnswer
	if err := json.Unmarshal([]byte(a.want(200).body), &d); err != nil {
		a.t.Fatalf("%s: %v: %s", a.what, err, a.body)
	}
	return d
}

func (d rehearsalAnswer) of(id string) insight.UserDifference {
	i := slices.IndexFunc(d.Users, func(u insight.UserDifference) bool { return u.User == id })
	if i < 0 {
		return insight.UserDifference{}
	}
	return d.Users[i]
}

func TestARehearsalSaysWhatAWriteWouldChangeForWhom(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		d := w.do("m", "PATCH", "/v1/groups/{M.default}?dry_run=true", `{"rows":{"card/customer":["read"],"customer":[]}}`).rehearsal()
		a := d.of(w.id("a"))
		if len(d.Users) != 6 || a.Withheld {
			t.Fatalf("users %+v", d)
		}
		customers := differing1(a.Areas, "customer")
		if customers.Access == nil || len(customers.Access.Before) != 4 || len(customers.Access.After) != 0 ||
			customers.Visible == nil || *customers.Visible != (insight.VisibleChange{Before: 2, After: 0}) || len(customers.Disappear) != 2 {
			t.Errorf("customers %+v", customers)
		}
		d = w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{A}?dry_run=true", "").rehearsal()
		cards := differing1(d.of(w.id("a")).Areas, "card/provider")
		if len(d.Users) != 2 || !slices.Equal(cards.Appear, []string{w.id("bronze")}) || *cards.Visible != (insight.VisibleChange{Before: 1, After: 2}) {
			t.Errorf("an assignment: %+v", d)
		}
		d = w.do("m", "DELETE", "/v1/cards/{gold}/assignments/{A}?dry_run=true", "").rehearsal()
		if cards := differing1(d.of(w.id("a2")).Areas, "card/provider"); !slices.Equal(cards.Disappear, []string{w.id("gold")}) {
			t.Errorf("a withdrawal: %+v", d)
		}
		d = w.do("m", "PATCH", "/v1/accounts/{A}?dry_run=true", `{"ceiling":{"*":["read"]}}`).rehearsal()
		if users := differing1(d.of(w.id("a")).Areas, "user"); users.Access == nil || !slices.Equal(users.Access.After, []string{"read"}) {
			t.Errorf("a ceiling: %+v", d)
		}
		d = w.do("m", "PATCH", "/v1/accounts/{A}?dry_run=true", `{"status":"suspended"}`).rehearsal()
		if customers := differing1(d.of(w.id("a")).Areas, "customer"); customers.Visible == nil || customers.Visible.After != 0 {
			t.Errorf("a suspension: %+v", d)
		}
		d = w.do("a", "POST", "/v1/users?dry_run=true", `{"login":"new@x.example","groups":["{M.default}"]}`).rehearsal()
		if len(d.Users) != 1 || differing1(d.Users[0].Areas, "customer").Visible == nil {
			t.Errorf("a new user: %+v", d)
		}
		d = w.do("a", "DELETE", "/v1/users/{a2}?dry_run=true", "").rehearsal()
		if customers := differing1(d.of(w.id("a2")).Areas, "customer"); customers.Visible == nil || *customers.Visible != (insight.VisibleChange{Before: 2, After: 0}) {
			t.Errorf("a user less: %+v", d)
		}
		if d = w.do("m", "POST", "/v1/groups?dry_run=true", `{"name":"empty"}`).rehearsal(); len(d.Users) != 0 {
			t.Errorf("a new group: %+v", d)
		}
	})
}

func TestARehearsalTellsNothingOfThoseWhoCouldNotBePreviewed(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		d := w.do("clerk", "PATCH", "/v1/users/{a2}?dry_run=true", `{"time_zone":"Europe/Berlin"}`)
		if d.status == 200 && (len(d.rehearsal().Users) != 1 || !d.rehearsal().Users[0].Withheld) {
			t.Errorf("to one who may not preview: %s", d.body)
		}
		x := w.do("clerk", "PATCH", "/v1/users/{clerk}?dry_run=true", `{"time_zone":"Europe/Berlin"}`).rehearsal()
		if len(x.Users) != 1 || x.Users[0].Withheld || len(x.Users[0].Areas) != 0 {
			t.Errorf("of oneself: %+v", x)
		}
	})
}

// A dry run is refused like the write, and leaves nothing behind.
func TestARehearsalEndsAsTheWriteWouldAndLeavesNothing(t *testing.T) {
	oneAtATime(t)
	eachWorld(t, func(t *testing.T, w *world) {
		rows := func() string {
			text := ""
			db := storetest.SQL(t, w.store)
			for _, table := range []string{"accounts", "groups", "group_rows", "users", "user_groups", "assignments", "audit_entries", "idempotency_keys"} {
				var n int
				must(t, db.QueryRow("SELECT count(*) FROM "+table).Scan(&n))
				text += fmt.Sprintf("%s %d\n", table, n)
			}
			return text
		}
		for _, c := range []struct{ user, method, path, body, header, value string }{
			{"a", "PATCH", "/v1/groups/{M.full}", `{"name":"x"}`, "", ""},
			{"a", "PATCH", "/v1/groups/{M.default}", `{"name":"x"}`, "", ""},
			{"m", "PATCH", "/v1/groups/{M.default}", `{"nonsense":1}`, "", ""},
			{"m", "PATCH", "/v1/groups/{M.default}", `{"name":"x"}`, "If-Match", `"other"`},
			{"m", "PATCH", "/v1/groups/{M.default}", `{"name":"x"}`, headerIdempotency, "once"},
			{"m", "DELETE", "/v1/groups/{M.default}", "", "", ""},
			{"a", "POST", "/v1/users", `{"login":"` + secret("A", "a2") + `@example.com","groups":["{M.default}"]}`, "", ""},
			{"a", "POST", "/v1/users", `{"login":"new@x.example","groups":["{M.full}"]}`, "", ""},
			{"a", "POST", "/v1/users", `{"login":"new@x.example","groups":["{M.default}"]}`, headerIdempotency, "twice"},
			{"a", "PATCH", "/v1/users/{a2}", `{"groups":[]}`, "", ""},
			{"a", "PATCH", "/v1/users/{b}", `{"name":"x"}`, "", ""},
			{"m", "PUT", "/v1/cards/{gold}/assignments/{R}", "", "", ""},
			{"m", "PUT", "/v1/cards/{upstream}/assignments/{A}", "", "", ""},
			{"m", "PATCH", "/v1/accounts/{A}", `{"currency":"USD"}`, "", ""},
			{"clerk", "POST", "/v1/groups", `{"name":"x","rows":{"audit":["read"]}}`, "", ""},
			{"m", "PATCH", "/v1/groups/{M.default}", `{"broken`, "", ""},
		} {
			before, revision := rows(), w.store.Revision()
			dry := w.do(c.user, c.method, c.path+"?dry_run=true", c.body, c.header, c.value)
			if got := rows(); got != before || w.store.Revision() != revision {
				t.Errorf("%s %s: left\n%s after\n%s, revision %d after %d", c.method, c.path, got, before, w.store.Revision(), revision)
			}
			real := w.do(c.user, c.method, c.path, c.body, c.header, c.value)
			if dry.status != real.status && (dry.status != 200 || real.status > 204) || real.status > 204 && dry.alike() != real.alike() {
				t.Errorf("%s %s %s: rehearsed %s\nwritten %s", c.method, c.path, c.body, dry.alike(), real.alike())
			}
		}
	})
}

func TestADryRunIsAskedForInPlainWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld)
	before := w.store.Revision()
	w.do("m", "PATCH", "/v1/groups/{M.default}?dry_run", `{"name":"changed"}`).refused(422, "dry_run")
	for _, path := range []string{"/v1/groups/{M.default}?dry_run=1", "/v1/groups/{M.default}?dry_run=TRUE",
		"/v1/groups/{M.default}?dry_run=true&dry_run=false", "/v1/customers/{acme}?dry_run=true", "/v1/cards/{gold}?dry_run=yes"} {
		w.do("m", "PATCH", path, `{"name":"changed"}`).refused(422, `"field":"dry_run"`)
	}
	for _, path := range []string{"/v1/cards/rebuild?dry_run=true", "/v1/customers/bulk?dry_run=1", "/v1/cards/{gold}/import?mode=replace&dry_run="} {
		w.do("m", "POST", path, `{}`).refused(422, `"field":"dry_run"`)
	}
	if w.store.Revision() != before {
		t.Error("something was written")
	}
	w.do("m", "PATCH", "/v1/groups/{M.default}?dry_run=false", `{"name":"changed"}`).want(200)
	if w.store.Revision() == before {
		t.Error("nothing was written")
	}
}
