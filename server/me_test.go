package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"resellerd/policies"
	"resellerd/store"
)

// columnsOf are the columns of a type in an answer of /v1/me.
func (a answered) columnsOf(typ string) map[string][]string {
	a.t.Helper()
	all := map[string][]string{}
	of, has := a.want(200).object()["columns"].(map[string]any)[typ].(map[string]any)
	if !has {
		return nil
	}
	for use, names := range of {
		for _, name := range names.([]any) {
			all[use] = append(all[use], name.(string))
		}
	}
	return all
}

func TestAUserLearnsItsDefaultAccess(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for user, want := range map[string]string{"m": "[create read update delete]", "clerk": "[]", "a": "[]"} {
			if got := fmt.Sprint(w.get(user, "/v1/me").want(200).object()["default_access"]); got != want {
				t.Errorf("%s: %s, want %s", user, got, want)
			}
		}
		w.do("m", "POST", "/v1/groups", `{"name":"wide","default_access":["read","update"],"rows":{"cdr":[]},"lend_to":"all"}`).want(201)
		wide := w.get("m", "/v1/groups?name=wide").column("id")[0]
		w.do("m", "PATCH", "/v1/users/{a}", `{"groups":["`+wide+`"]}`).want(200)
		me := w.get("a", "/v1/me").want(200).object()
		if got := fmt.Sprint(me["default_access"], me["access"].(map[string]any)["cdr"]); got != "[read update] []" {
			t.Errorf("%s", got)
		}
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":{"*":["read"]}}`).want(200)
		if got := fmt.Sprint(w.get("a", "/v1/me").object()["default_access"]); got != "[read]" {
			t.Errorf("below a ceiling: %s", got)
		}
	})
}

// The names are those that GET on the rows shows.
func TestAUserLearnsItsNamesIfTheyAreShown(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		hire(w, "M", "A", "blind", store.Group{Rows: store.Access{"customer": "r"}})
		for _, user := range []string{"m", "a", "clerk", "blind"} {
			me := w.get(user, "/v1/me").want(200).object()
			own := func(path string) map[string]any {
				if got := w.get(user, path); got.status == 200 {
					return got.object()
				}
				return map[string]any{}
			}
			row, account := own("/v1/users/"+me["id"].(string)), own("/v1/accounts/"+me["account"].(map[string]any)["id"].(string))
			if me["name"] != row["name"] || me["account"].(map[string]any)["name"] != account["name"] ||
				me["account"].(map[string]any)["external_id"] != account["external_id"] {
				t.Errorf("%s: %v\n%v\n%v", user, me, row, account)
			}
		}
		if me := w.get("a", "/v1/me").object(); me["name"] == nil || me["account"].(map[string]any)["name"] == nil {
			t.Errorf("%v", me)
		}
		if me := w.get("blind", "/v1/me").object(); me["name"] != nil || me["account"].(map[string]any)["name"] != nil {
			t.Errorf("%v", me)
		}
	})
}

func TestAUserLearnsTheColumnsOfEachType(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		if got := w.get("a", "/v1/me").object()["columns"]; got != nil {
			t.Errorf("columns without a question: %v", got)
		}
		w.get("a", "/v1/me?columns=maybe").refused(422, "columns")
		w.get("a", "/v1/me?columns=true&columns=true").refused(422, "columns")
		reseller, master := w.get("a", "/v1/me?columns=true"), w.get("m", "/v1/me?columns=true")
		for _, c := range []struct {
			of          answered
			typ, use    string
			has, hasNot []string
		}{
			{reseller, "customer", "shows", []string{"id", "name", "cards", "created_at"}, []string{"tenant_id", "version"}},
			{reseller, "customer", "creates", []string{"account_id", "name", "external_id"}, []string{"id", "cards", "created_at"}},
			{reseller, "customer", "updates", []string{"name", "notes"}, []string{"account_id", "id", "cards"}},
			{reseller, "user", "creates", []string{"login", "groups"}, []string{"external_id"}},
			{reseller, "account", "updates", nil, []string{"name"}},
			{reseller, "group", "shows", []string{"rows", "name"}, []string{"lend"}},
			{master, "user", "creates", []string{"login", "groups", "external_id"}, nil},
			{master, "account", "updates", []string{"name", "ceiling", "external_id"}, []string{"kind", "parent_id"}},
			{master, "account", "creates", []string{"parent_id", "ceiling"}, []string{"created_at"}},
			{master, "rate", "shows", []string{"prefix", "cost"}, nil},
		} {
			got := c.of.columnsOf(c.typ)[c.use]
			for _, name := range c.has {
				if !slices.Contains(got, name) {
					t.Errorf("%s %s: %v lacks %s", c.typ, c.use, got, name)
				}
			}
			for _, name := range c.hasNot {
				if slices.Contains(got, name) {
					t.Errorf("%s %s: %v has %s", c.typ, c.use, got, name)
				}
			}
		}
		if got := w.get("clerk", "/v1/me?columns=true").columnsOf("audit"); got != nil {
			t.Errorf("columns of rows that the user may not read: %v", got)
		}
		row := w.get("a", "/v1/customers/{acme}").object()
		for name := range row {
			if !slices.Contains(reseller.columnsOf("customer")["shows"], name) {
				t.Errorf("a customer shows %s", name)
			}
		}
	})
}

// The columns of /v1/me are outer limits: no row shows another column, no write sets one
// that is not listed.
func TestNoRowShowsOrAcceptsWhatMeDoesNotList(t *testing.T) {
	t.Parallel()
	hidden := hidingEngine(t, "reseller/resource/customer/customer.rego", `"email", `, ``, "")
	for name, engine := range map[string]*policies.Engine{"the embedded policy": engineOf(t, 1), "a hidden column": hidden} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, engine, func(t *testing.T, fresh func() *world) {
				w := fresh()
				values := map[string]string{"name": `"Other"`, "email": `"other@x.example"`, "login": `"other@x.example"`, "status": `"suspended"`, "currency": `"USD"`,
					"external_id": `"other"`, "notes": `"other"`, "groups": `["{M.default}"]`, "ip_allow": `["10.0.0.0/8"]`, "time_zone": `"Europe/Berlin"`,
					"rows": `{"cdr":["read"]}`, "default_access": `["read"]`, "lend_to": `"all"`, "public_name": `"Other"`, "ceiling": `{"customer":["read"]}`,
					"public_notes": `"other"`, "tech_prefix": `"9#"`, "carrier": `"Other"`, "account_id": `"{A}"`, "parent_id": `"{A}"`}
				made := map[string]string{"customer": `"name":"New"`, "user": `"login":"new@x.example","groups":["{M.default}"]`, "group": `"name":"New"`,
					"account": `"name":"New"`, "card": `"name":"New","kind":"customer","currency":"EUR"`}
				rows := map[string][]string{"customer": {"acme", "bolt"}, "user": {"a2", "clerk"}, "group": {"M.default", "M.clerks"}, "account": {"A", "M"}, "card": {"retail", "gold"}}
				asked := 0
				for _, user := range []string{"m", "clerk", "a"} {
					me := w.get(user, "/v1/me?columns=true")
					for typ := range made {
						of, path := me.columnsOf(typ), "/v1/"+typ+"s"
						if got := w.get(user, path+"?limit=1000"); got.status == 200 {
							for _, row := range got.items() {
								for column := range row {
									if column != "etag" && !slices.Contains(of["shows"], column) {
										t.Errorf("%s: a %s shows %s", user, typ, column)
									}
								}
							}
						}
						for column, value := range values {
							field := fmt.Sprintf("%q:%s", column, value)
							if takes := w.server.takenBy("POST", path); takes[column] && !slices.Contains(of["creates"], column) && !strings.Contains(made[typ], `"`+column+`"`) {
								asked++
								if got := w.do(user, "POST", path, "{"+made[typ]+","+field+"}"); got.status < 400 {
									t.Errorf("%s creates a %s with %s: %s", user, typ, column, got.body)
								}
							}
							if takes := w.server.takenBy("PATCH", path+"/:id"); !takes[column] || slices.Contains(of["updates"], column) {
								continue
							}
							for _, row := range rows[typ] {
								asked++
								if got := w.do(user, "PATCH", path+"/{"+row+"}", "{"+field+"}"); got.status < 400 {
									t.Errorf("%s changes %s of %s: %s", user, column, row, got.body)
								}
							}
						}
					}
				}
				if asked < 20 {
					t.Errorf("only %d writes", asked)
				}
			})
		})
	}
}
