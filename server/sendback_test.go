package server

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// pointers are the JSON pointers of a problem, in the order of the answer.
func (a answered) pointers() (all []string) {
	a.t.Helper()
	var p problemBody
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		a.t.Fatalf("%s: %v: %s", a.what, err, a.body)
	}
	for _, one := range p.Errors {
		if one.Detail == "" {
			a.t.Errorf("%s: a fault without a text: %s", a.what, a.body)
		}
		all = append(all, one.Pointer)
	}
	return all
}

// faults fails the test unless the problem has exactly these pointers, in any order.
func (a answered) faults(status int, want ...string) answered {
	a.t.Helper()
	got := a.want(status).pointers()
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		a.t.Errorf("%s: faults of %v, want %v: %s", a.what, got, want, a.body)
	}
	return a
}

func asText(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const mergePatchType = "application/merge-patch+json"

// sentBack are rows that their users may change, with a column that is writable.
var sentBack = []struct{ user, path, column string }{
	{"m", "/v1/accounts/{A}", "name"}, {"m", "/v1/groups/{M.default}", "name"},
	{"m", "/v1/users/{a}", "name"}, {"a", "/v1/users/{a2}", "name"}, {"a", "/v1/customers/{acme}", "name"},
	{"m", "/v1/customers/{acme}", "name"}, {"m", "/v1/cards/{gold}", "name"}, {"a", "/v1/cards/{retail}", "name"},
}

// A client sends back what it read, with a change, as GET on the row, a list and expand
// show it.
func TestAnAnswerCanBeSentBack(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "PATCH", "/v1/groups/{M.default}", `{"lend_to":["{A}"]}`)
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"],"profit_rules":[{"match":"*","type":"percent","value":"900"}]}`).want(200)
		for _, c := range sentBack {
			w.run(t, c.user+" "+c.path, func(t *testing.T) {
				for i, media := range []string{"application/json", mergePatchType} {
					w.pass(time.Second)
					row := w.get(c.user, c.path).want(200)
					same := w.do(c.user, "PATCH", c.path, row.body, "Content-Type", media).want(200)
					if same.body != row.body {
						t.Errorf("%s\nthen\n%s", row.body, same.body)
					}
					listed := w.get(c.user, w.collectionOf(c.path)+"?id="+row.object()["id"].(string)+"&expand="+expandOf(row)).items()[0]
					listed[c.column] = "changed " + string(rune('0'+i))
					changed := w.do(c.user, "PATCH", c.path, asText(t, listed), "Content-Type", media).want(200)
					if changed.object()[c.column] != listed[c.column] {
						t.Errorf("not changed: %s", changed.body)
					}
					stale := w.do(c.user, "PATCH", c.path, asText(t, listed), "Content-Type", media)
					stale.want(412)
				}
			})
		}
	})
}

// collectionOf is the path of the list that has a row.
func (w *world) collectionOf(path string) string {
	return path[:len("/v1/")+slices.Index([]byte(path[len("/v1/"):]), '/')]
}

// expandOf names a reference that the row has.
func expandOf(row answered) string {
	for _, name := range []string{"account_id", "parent_id", "groups", "cards"} {
		if _, has := row.object()[name]; has {
			return map[string]string{"account_id": "account", "parent_id": "parent"}[name] + map[string]string{"groups": "groups", "cards": "cards"}[name]
		}
	}
	return ""
}

// A column that no update writes gets one answer, whoever refuses it.
func TestAReadOnlyColumnIsNamed(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, c := range []struct{ user, path, body, reason, pointer string }{
			{"a", "/v1/customers/{acme}", `{"id":"x"}`, "column_not_writable", "/id"},
			{"a", "/v1/customers/{acme}", `{"created_at":"2026-01-01T00:00:00Z","name":"x"}`, "column_not_writable", "/created_at"},
			{"a", "/v1/customers/{acme}", `{"cards":[]}`, "column_not_writable", "/cards"},
			{"m", "/v1/customers/{acme}", `{"account_id":"{B}"}`, "customer_owner_immutable", "/account_id"},
			{"m", "/v1/groups/{M.default}", `{"template":"x"}`, "column_not_writable", "/template"},
			{"m", "/v1/users/{a}", `{"account_id":null}`, "column_not_writable", "/account_id"},
			{"a", "/v1/accounts/{A}", `{"status":"closed","name":"x"}`, "column_not_writable", "/status"},
			{"a", "/v1/accounts/{A}", `{"kind":"master"}`, "column_not_writable", "/kind"},
			{"a", "/v1/cards/{retail}", `{"revision":null}`, "column_not_writable", "/revision"},
			{"a", "/v1/cards/{retail}", `{"etag":7}`, "column_not_writable", "/etag"},
			{"a", "/v1/customers/{acme}", `{"expanded":{"account":{"name":"x"}}}`, "column_not_writable", "/expanded"},
			{"a", "/v1/customers/{acme}", `{"expanded":7}`, "column_not_writable", "/expanded"},
		} {
			for _, media := range []string{"application/json", mergePatchType} {
				w.do(c.user, "PATCH", c.path, c.body, "Content-Type", media).refused(403, c.reason).faults(403, c.pointer)
			}
		}
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"id":"x","updated_at":null,"cards":["x"],"nome":"x"}`).faults(403, "/id", "/updated_at", "/cards")
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"etag":"\"other\""}`).want(412)
		w.do("a", "POST", "/v1/customers", `{"name":"x","etag":"x"}`).faults(422, "/etag")
	})
}

// Under application/json a column is replaced whole. A merge patch changes the members of
// an object, as RFC 7396 says.
func TestAPatchReplacesOrMerges(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		made := w.do("m", "POST", "/v1/groups", `{"name":"g","rows":{"cdr":["read"],"customer":["read"],"card":[]}}`).want(201).object()
		group := "/v1/groups/" + made["id"].(string)
		rows := func(a answered) string { return asText(t, a.want(200).object()["rows"]) }
		for _, c := range []struct{ media, body, want string }{
			{mergePatchType, `{"rows":{"cdr":["create","read"],"customer":null,"fax":["read"]}}`, `{"card":[],"cdr":["create","read"],"fax":["read"]}`},
			{mergePatchType, `{"rows":{"none":null}}`, `{"card":[],"cdr":["create","read"],"fax":["read"]}`},
			{mergePatchType, `{"rows":{}}`, `{"card":[],"cdr":["create","read"],"fax":["read"]}`},
			{mergePatchType + "; charset=utf-8", `{"rows":{"card":null}}`, `{"cdr":["create","read"],"fax":["read"]}`},
			{"application/json", `{"rows":{"customer":["read"]}}`, `{"customer":["read"]}`},
			{"application/json", `{"rows":{}}`, `{}`},
			{mergePatchType, `{"rows":{"cdr":["read"],"fax":["read"]}}`, `{"cdr":["read"],"fax":["read"]}`},
			{mergePatchType, `{"rows":null}`, `{}`},
		} {
			if got := rows(w.do("m", "PATCH", group, c.body, "Content-Type", c.media)); got != c.want {
				t.Errorf("%s %s: %s, want %s", c.media, c.body, got, c.want)
			}
		}
		w.do("m", "PATCH", group, `{"rows":{"cdr":null}}`).faults(422, "/rows/cdr")
		for path, wrong := range map[string][2]string{
			group: {`{"rows":{"cdr":"read"},"name":null,"x":null}`, "/rows/cdr /name /x"}, "/v1/accounts/{A}": {`{"ceiling":{"cdr":["fly"],"fax":null},"status":"asleep"}`, "/ceiling/cdr /status"},
			"/v1/users/{a2}": {`{"group_ends":{"{M.default}":"soon"},"login":7}`, "/group_ends/{M.default} /login"}, "/v1/customers/{acme}": {`{"status":null}`, "/status"},
			"/v1/cards/{gold}": {`{"currency":"euro","parents":null}`, "/parents /currency"}, "/v1/webhooks/{hook}": {`{"url":"http://x.example/"}`, "/url"},
		} { // the document refuses the same
			w.do("m", "PATCH", path, wrong[0], "Content-Type", mergePatchType).faults(422, strings.Fields(w.expand(wrong[1]))...)
		}
		ceiling := func(body, media string) string {
			return asText(t, w.do("m", "PATCH", "/v1/accounts/{A}", body, "Content-Type", media).want(200).object()["ceiling"])
		}
		if got := ceiling(`{"ceiling":{"*":["read"]}}`, mergePatchType); got != `{"*":["read"]}` {
			t.Errorf("a ceiling from none is %s", got)
		}
		if got := ceiling(`{"ceiling":{"cdr":["read"]}}`, mergePatchType); got != `{"*":["read"],"cdr":["read"]}` {
			t.Errorf("a merged ceiling is %s", got)
		}
		if got := ceiling(`{"ceiling":{"cdr":["read"]}}`, "application/json"); got != `{"cdr":["read"]}` {
			t.Errorf("a replaced ceiling is %s", got)
		}
		if got := ceiling(`{"ceiling":null}`, mergePatchType); got != `null` {
			t.Errorf("a removed ceiling is %s", got)
		}
		w.do("a", "POST", "/v1/customers", `{"name":"x"}`, "Content-Type", mergePatchType).want(415)
		key := []string{headerIdempotency, "key-1"}
		w.do("m", "PATCH", group, `{"rows":{"cdr":["read"]}}`, key...).want(200)
		w.do("m", "PATCH", group, `{"rows":{"cdr":["read"]}}`, append(key, "Content-Type", mergePatchType)...).refused(422, headerIdempotency)
	})
}

// Without its row, an area gets the default, which may be wider.
func TestNobodyRemovesARowThatDeniesWhatTheyLack(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "POST", "/v1/groups", `{"name":"most","default_access":["create","read","update","delete"],"rows":{"carrier":[],"routing":["read"]}}`).want(201)
		most := w.get("m", "/v1/groups?name=most").column("id")[0]
		made := w.do("m", "POST", "/v1/users", `{"login":"deputy@example.com","groups":["`+most+`"]}`).want(201).object()
		w.call("deputy", made["id"].(string))
		for _, rows := range []map[string]any{
			{"carrier": []string{}, "routing": []string{}, "fax": []string{}}, {"carrier": []string{}, "routing": []string{"read"}},
		} {
			g := w.do("m", "POST", "/v1/groups", asText(t, map[string]any{"name": "x", "default_access": []string{"read", "update"}, "rows": rows})).want(201)
			path := "/v1/groups/" + g.object()["id"].(string)
			for _, area := range []string{"carrier", "routing"} {
				less := maps.Clone(rows)
				delete(less, area)
				w.do("deputy", "PATCH", path, asText(t, map[string]any{"rows": less})).refused(403, "exceeds_delegation")
				w.do("deputy", "PATCH", path, `{"rows":{"`+area+`":null}}`, "Content-Type", mergePatchType).refused(403, "exceeds_delegation")
			}
			w.do("deputy", "PATCH", path, `{"rows":{}}`).refused(403, "exceeds_delegation")
			w.do("deputy", "PATCH", path, `{"rows":{"fax":null,"cdr":["read"]}}`, "Content-Type", mergePatchType).want(200)
		}
	})
}

func TestParentsAreIDsAndObjects(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{A}", "").want(200)
		w.do("m", "PUT", "/v1/cards/{silver}/assignments/{A}", "").want(200)
		mixed := `["{gold}",{"card_id":"{bronze}","name":"x","exchange_at":null},"{silver}"]`
		made := w.do("a", "POST", "/v1/cards", `{"name":"x","currency":"EUR","parents":`+mixed+`}`).want(201).object()
		if got := made["parents"].([]any); len(got) != 3 {
			t.Errorf("parents %v", got)
		}
		path := "/v1/cards/" + made["id"].(string)
		w.do("a", "PATCH", path, `{"parents":["{gold}"]}`).want(200)
		changed := w.do("a", "PATCH", path, `{"parents":`+mixed+`}`).want(200).object()
		if got := changed["parents"].([]any); len(got) != 3 {
			t.Errorf("parents %v", got)
		}
		w.do("a", "PATCH", path, `{"parents":["{gold}",7,{"card_id":"{bronze}","nome":"x"}],"name":"x"}`).faults(422, "/parents", "/parents/2/nome")
	})
}
