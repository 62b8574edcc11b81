package server

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/store"
)

func TestTheDefaultResellerIsMadeOnce(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const path = "/v1/groups/default-reseller"
		seeded := w.get("m", "/v1/groups?template=default-reseller").items()
		if len(seeded) != 1 {
			t.Fatalf("%d groups", len(seeded))
		}
		again := w.do("m", "POST", path, `{}`).want(200)
		if again.object()["id"] != seeded[0]["id"] || again.header.Get("ETag") != seeded[0]["etag"] {
			t.Errorf("not the group of the account: %s", again.body)
		}
		w.do("m", "POST", path, "").want(200)
		first := w.do("m", "POST", path, `{"name":"Gold","lend_to":"none"}`).want(201)
		second := w.do("m", "POST", path, `{"name":"Gold","lend_to":"none"}`).want(200)
		if first.body != second.body {
			t.Errorf("%s\nthen\n%s", first.body, second.body)
		}
		differs := w.do("m", "POST", path, `{"name":"Gold","lend_to":"all","rows":{}}`).faults(409, "/lend_to", "/rows")
		if way := differs.object()["in_the_way"].(map[string]any); way["id"] != first.object()["id"] || way["type"] != "group" {
			t.Errorf("%s", differs.body)
		}
		if got := w.get("m", "/v1/groups?template=default-reseller").items(); len(got) != 2 {
			t.Errorf("%d groups", len(got))
		}
		w.do("m", "POST", path, `{"account_id":"{A}"}`).want(201)
		w.do("m", "POST", path, `{"account_id":"{A}"}`).want(200)
		w.do("a", "POST", path, `{}`).refused(403, "area_denied")
		w.do("m", "POST", path, `{"nome":1}`).faults(422, "/nome")
		if got := w.get("m", "/v1/audit?action=create&limit=1000"); strings.Count(got.body, `"type":"group"`) != 2 {
			t.Errorf("audited: %s", got.body)
		}
		w.do("m", "POST", path+"?dry_run=true", `{}`).want(200)
	})
}

func TestANewAccountNamesItsGroupAndUser(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		const body = `{"name":"Fresh","group":{"name":"staff","template":"default-reseller","rows":{"cdr":["read"],"sip-admin":["read"]}},"user":{"login":"boss@example.com"}}`
		key := []string{headerIdempotency, "key-1"}
		made := w.do("m", "POST", "/v1/accounts", body, key...).want(201)
		ids := made.object()
		user := w.get("m", "/v1/users/"+ids["user_id"].(string)).want(200).object()
		group := w.get("m", "/v1/groups/"+ids["group_id"].(string)).want(200).object()
		if user["account_id"] != ids["id"] || user["groups"].([]any)[0] != group["id"] || group["name"] != "staff" {
			t.Errorf("%s: %v, %v", made.body, user, group)
		}
		row := w.get("m", "/v1/accounts/"+ids["id"].(string)).want(200)
		if row.header.Get("ETag") != made.header.Get("ETag") {
			t.Error("the ids are part of the tag")
		}
		again := w.do("m", "POST", "/v1/accounts", body, key...).want(201)
		if again.alike() != made.alike() {
			t.Errorf("%s\nthen\n%s", made.body, again.body)
		}
		if got := warnings(made); len(got) != 1 || got[0] != "/group/rows/sip-admin" {
			t.Errorf("warnings %v", got)
		}
		w.do("m", "DELETE", "/v1/users/"+ids["user_id"].(string), "").want(204)
		if again := w.do("m", "POST", "/v1/accounts", body, key...).want(201).object(); again["user_id"] != nil || again["group_id"] == nil {
			t.Errorf("a deleted user is named: %v", again)
		}
		alone := w.do("m", "POST", "/v1/accounts", `{"name":"Alone"}`).want(201)
		if got := w.get("m", "/v1/accounts/"+alone.object()["id"].(string)); got.body != alone.body {
			t.Errorf("%s, want %s", alone.body, got.body)
		}
	})
}

func warnings(a answered) (pointers []string) {
	list, _ := a.object()["warnings"].([]any)
	for _, one := range list {
		pointers = append(pointers, one.(map[string]any)["pointer"].(string))
	}
	return pointers
}

func TestAnAreaThatNothingNamesIsAWarning(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		made := w.do("m", "POST", "/v1/groups", `{"name":"x","rows":{"sip-admin":["read"],"custmer/did":["read"],"customer/did":["read"],"card":["read"],"cdr":[],"carrier/x":["read"]}}`).want(201)
		if got := strings.Join(warnings(made), " "); got != "/rows/custmer~1did /rows/sip-admin" {
			t.Errorf("warnings %s", got)
		}
		path := "/v1/groups/" + made.object()["id"].(string)
		got := w.get("m", path).want(200)
		if got.header.Get("ETag") != made.header.Get("ETag") || warnings(got) != nil {
			t.Errorf("%s", got.body)
		}
		changed := w.do("m", "PATCH", path, `{"rows":{"fax":["read"],"policy":["read"]}}`).want(200)
		if got := strings.Join(warnings(changed), " "); got != "/rows/fax" {
			t.Errorf("warnings %s", got)
		}
		if got := warnings(w.do("m", "PATCH", path, `{"rows":{}}`).want(200)); got != nil {
			t.Errorf("warnings %s", got)
		}
	})
}

// What the carrier's policy keeps from its resellers is not told by the warnings that a
// reseller gets.
func TestWarningsTellNoHiddenArea(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		hire(w, "M", "A", "chief", office())
		named := func(user, area string) bool {
			return warnings(w.do(user, "POST", "/v1/groups", `{"name":"x","rows":{"`+area+`":[]}}`).want(201)) == nil
		}
		for area, chief := range map[string]bool{"breakout": false, "breakouu": false, "scriptforge/x": false, "customer/did": true, "cdr": true} {
			if master := named("m", area); master != (area != "breakouu") {
				t.Errorf("%s: named to the master: %t", area, master)
			}
			if got := named("chief", area); got != chief {
				t.Errorf("%s: named to the reseller: %t", area, got)
			}
		}
	})
}

// A conflict names the row in the way only to users who are shown the row and the column.
func TestAConflictNamesTheRowThatIsShown(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		holder := func(a answered) any {
			way, _ := a.want(409).object()["in_the_way"].(map[string]any)
			return way["id"]
		}
		apex := `{"name":"x","external_id":"` + secret("A", "external apex") + `"}`
		for _, a := range []answered{
			w.do("a", "POST", "/v1/customers", apex), w.do("a", "PATCH", "/v1/customers/{acme}", apex),
			w.do("m", "POST", "/v1/customers", apex[:len(apex)-1]+`,"account_id":"{A}"}`),
		} {
			if holder(a) != w.id("apex") {
				t.Errorf("%s", a.body)
			}
		}
		login := strings.ToUpper(secret("A", "a2")) + "@example.com"
		for _, a := range []answered{
			w.do("a", "POST", "/v1/users", `{"login":"`+login+`","groups":["{M.default}"]}`), w.do("a", "PATCH", "/v1/users/{a}", `{"login":"`+login+`"}`),
		} {
			if holder(a) != w.id("a2") {
				t.Errorf("%s", a.body)
			}
		}
		card := `{"name":"x","currency":"EUR","external_id":"` + secret("A", "external retail") + `"}`
		if a := w.do("a", "POST", "/v1/cards", card); holder(a) != w.id("retail") {
			t.Errorf("%s", a.body)
		}
	})
	eachWorld(t, func(t *testing.T, w *world) {
		tree, err := treeWithDepth(1)
		must(t, err)
		files := tree.(fstest.MapFS)
		const path = "reseller/resource/user/user.rego"
		files[path] = &fstest.MapFile{Data: []byte(strings.Replace(string(files[path].Data), "visible if {", "visible if {\n\tnot input.resource.status == \"disabled\"", 1))}
		engine, err := policies.Load(t.Context(), files, policies.Options{Schema: Schema(), Timeout: time.Minute})
		must(t, err)
		w.server.engines.Swap(engine)
		login := `{"login":"` + strings.ToUpper(secret("A", "a2")) + `@example.com"}`
		w.do("a", "PATCH", "/v1/users/{a}", login).refused(409, w.id("a2"))
		w.write(w.id("M"), func(tx *store.Tx) error {
			status := store.Disabled
			_, err := tx.UpdateUser(t.Context(), w.id("a2"), store.UserPatch{Status: &status})
			return err
		})
		if got := w.do("a", "PATCH", "/v1/users/{a}", login).want(409); strings.Contains(got.body, "in_the_way") {
			t.Errorf("a user out of sight is named: %s", got.body)
		}
	})
}

// A conflict names every value that is taken, not only the first that the database finds.
func TestAConflictNamesAllTakenValues(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		login, external := secret("A", "a")+"@example.com", secret("B", "external b")
		user := fmt.Sprintf(`"login":%q,"external_id":%q`, strings.ToUpper(login), external)
		for _, got := range []answered{
			w.do("m", "POST", "/v1/users", `{"account_id":"{A}","groups":["{M.default}"],`+user+`}`),
			w.do("m", "PATCH", "/v1/users/{a2}", `{`+user+`}`),
		} {
			got.faults(409, "/login", "/external_id").refused(409, "external_id_taken")
			if way, _ := got.object()["in_the_way"].(map[string]any); way["id"] != w.id("a") {
				t.Errorf("%s: in the way %v", got.what, way)
			}
		}
		w.do("m", "PATCH", "/v1/users/{a2}", `{"name":"x",`+fmt.Sprintf(`"login":%q`, login)+`}`).faults(409, "/login")
		w.do("m", "PATCH", "/v1/users/{a2}", fmt.Sprintf(`{"external_id":%q}`, external)).faults(409, "/external_id")
		w.do("m", "PATCH", "/v1/users/{a}", fmt.Sprintf(`{"login":%q,"name":"same"}`, strings.ToUpper(login))).want(200)
		first := fmt.Sprintf(`,"group":{"template":"default-reseller","name":"First"},"user":{"login":%q,"external_id":%q}`, login, external)
		w.do("m", "POST", "/v1/accounts", fmt.Sprintf(`{"name":"New","external_id":%q%s}`, secret("M", "external A"), first)).
			faults(409, "/external_id", "/user/external_id")
		w.do("m", "POST", "/v1/accounts", `{"name":"New"`+first+`}`).faults(409, "/user/external_id")
		w.do("a", "PATCH", "/v1/users/{a2}", `{`+user+`}`).want(403)
	})
}
