package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/server/insight"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/storetest"
)

// lookAlikes are texts that look like an area or a type but are not one.
var lookAlikes = []string{
	"Carrier", "CARRIER", "carrier ", " carrier", "carrier\t", "carrier\n", "cаrrier", "carrier\u200b", "carri\u0435r", "caſrier",
	"carrier/", "/carrier", "carrier//rates", "carrier/..", "carrier/.", "..", "carrier.rates", "carrier%20", "ｃarrier",
	"USER", "User", "user ", " user", "uѕer", "user/", "CARD", "card/ ", "Card/provider", "Area", "AREA", "policy ", "*", "?",
	strings.Repeat("a", 201),
}

// asking is an evaluation request of a user about an area, or about a row of a
// type.
func asking(w *world, user, action, typ, id string) string {
	text, _ := json.Marshal(map[string]any{
		"subject":  map[string]any{"type": "user", "id": w.id(user)},
		"action":   map[string]any{"name": action},
		"resource": map[string]any{"type": typ, "id": id, "properties": map[string]any{"account_id": w.id("A")}},
		"context":  map[string]any{"reasons": true},
	})
	return string(text)
}

// wide hires ann, a user of A with every access that no ceiling closes.
func wide(w *world) { hire(w, "M", "A", "ann", store.Group{DefaultAccess: "crud"}) }

func TestALookAlikeOfAnAreaOrTypeIsDenied(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		wide(w)
		for user, names := range map[string][]string{"ann": lookAlikes, "m": lookAlikes[:3]} {
			for _, name := range names {
				for _, question := range []string{
					asking(w, user, "read", "area", name), asking(w, user, "delete", "area", name),
					asking(w, user, "read", name, "x_1"), asking(w, user, "create", name, "x_1"), asking(w, user, "preview", name, w.id("a")),
				} {
					got := w.do(user, "POST", "/access/v1/evaluation", question).want(200).body
					if got, _, _ := strings.Cut(got, `,"unknown":`); strings.TrimRight(got, "}") != `{"decision":false,"context":{"reasons":["unknown_area"]` {
						t.Errorf("%s: %s: %s", user, question, got)
					}
				}
			}
			for _, name := range []string{"cdr", "support-ticket/export", "a_b", strings.Repeat("a", 200)} {
				got := w.do(user, "POST", "/access/v1/evaluation", asking(w, user, "read", "area", name)).want(200).body
				if !strings.HasPrefix(got, `{"decision":true`) {
					t.Errorf("%s: %s: %s", user, name, got)
				}
			}
		}
		got := w.do("ann", "POST", "/access/v1/evaluation", asking(w, "ann", "read", "area", "carrier")).want(200).body
		if got != `{"decision":false,"context":{"reasons":["area_denied"]}}` {
			t.Errorf("the area itself: %s", got)
		}
	})
}

func TestALookAlikeOfAnAreaIsNotStored(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, name := range lookAlikes {
			rows, _ := json.Marshal(map[string]any{name: []string{"read"}})
			w.do("m", "POST", "/v1/groups", fmt.Sprintf(`{"name":"x","rows":%s}`, rows)).refused(422, "rows")
			w.do("m", "PATCH", "/v1/groups/{M.clerks}", fmt.Sprintf(`{"rows":%s}`, rows)).refused(422, "rows")
			if name == "*" {
				continue
			}
			w.do("m", "POST", "/v1/accounts", fmt.Sprintf(`{"name":"x","ceiling":%s}`, rows)).refused(422, "ceiling")
			w.do("m", "PATCH", "/v1/accounts/{A}", fmt.Sprintf(`{"ceiling":%s}`, rows)).refused(422, "ceiling")
		}
	})
}

// Rows and ceilings that were stored with such a name stay readable, and match
// nothing.
func TestAStoredLookAlikeMatchesNothing(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		hire(w, "M", "A", "ann", store.Group{Rows: store.Access{"customer": "r", "preview": "r", "user": "r"}})
		db := storetest.SQL(t, w.store)
		allowed := "ALTER TABLE group_rows DROP CONSTRAINT group_row_area"
		if w.store.Dialect() == "sqlite" {
			allowed = "PRAGMA ignore_check_constraints = 1"
		}
		for _, text := range []string{
			allowed,
			`INSERT INTO group_rows (group_id, area, access) VALUES ('` + w.id("ann.group") + `', 'Carrier', 'crud')`,
			`INSERT INTO group_rows (group_id, area, access) VALUES ('` + w.id("ann.group") + `', 'USER ', 'crud')`,
			`UPDATE accounts SET ceiling = '{"*":"crud","Customer":"","customer ":""}' WHERE id = '` + w.id("A") + `'`,
		} {
			if _, err := db.Exec(text); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
		if rows := w.get("m", "/v1/groups/{ann.group}").want(200).object()["rows"].(map[string]any); rows["Carrier"] == nil || rows["USER "] == nil {
			t.Errorf("not to be read: %v", rows)
		}
		for _, name := range []string{"Carrier", "USER ", "carrier", "Customer"} {
			if got := w.do("ann", "POST", "/access/v1/evaluation", asking(w, "ann", "read", "area", name)).body; strings.Contains(got, "true") {
				t.Errorf("%q: %s", name, got)
			}
		}
		access := w.get("ann", "/v1/me").want(200).object()["access"].(map[string]any)
		for area := range access {
			if !areas.Valid(area) {
				t.Errorf("/v1/me lists %q", area)
			}
		}
		if fmt.Sprint(access["customer"]) != "[read]" {
			t.Errorf("customer: %v", access["customer"])
		}
		w.get("m", "/v1/preview/{ann}").want(200)
		w.get("ann", "/v1/customers").want(200)
	})
}

// A comparing preview reports a difference in the area "*", which stands for all
// other areas.
func TestWhatHoldsEverywhereElseIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld)
	wide(w)
	hire(w, "M", "A", "low", store.Group{Rows: store.Access{"customer": "r"}})
	w.do("low", "GET", "/v1/customers", "", headerAs, w.id("ann")).refused(403, "")
	body := w.get("m", "/v1/preview/{low}?against={ann}").want(200).body
	var shown insight.Preview
	if err := json.Unmarshal([]byte(body), &shown); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(shown.Difference, func(d insight.AreaDifference) bool { return d.Area == "*" })
	if i < 0 || !slices.Equal(shown.Difference[i].Access.After, session.AccessActions) || len(shown.Difference[i].Access.Before) != 0 {
		t.Errorf("everywhere else: %+v", shown.Difference)
	}
}

// The store and the embedded policy accept the same names of areas.
func TestTheStoreAndThePolicyHaveOneGrammar(t *testing.T) {
	t.Parallel()
	w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld)
	names := map[string]bool{"a": true, "a/b": true, "A": true, "": true}
	for c := range rune(0x100) {
		names["a"+string(c)] = true
	}
	for _, name := range lookAlikes {
		names[name] = true
	}
	for _, n := range []int{199, 200, 201, 10_000} {
		names[strings.Repeat("x", n)], names[strings.Repeat("x/", n/2)+"y"] = true, true
	}
	a, err := w.server.shared.Users.Find(t.Context(), engineOf(t, 1), "", w.id("m"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		for _, resource := range []input.Resource{
			{Type: "area", ID: name},
			{Type: name, ID: "x", Properties: map[string]any{"account_id": w.id("M")}},
		} {
			if resource.Type == "" {
				continue // refused before any decision
			}
			d := engineOf(t, 1).Decide(t.Context(), &input.Input{
				Subject: input.Subject{Type: "user", ID: w.id("m"), Facts: a.Facts}, Action: input.Action{Name: "read"},
				Resource: resource, Context: input.Context{Time: w.clock()},
			})
			if unknown := slices.Contains(d.Reasons, "unknown_area"); unknown == areas.Valid(name) || d.Allow != areas.Valid(name) {
				t.Errorf("type %q, id %q: valid: %v; the policy says %v %v", resource.Type, resource.ID, areas.Valid(name), d.Allow, d.Reasons)
			}
		}
	}
}
