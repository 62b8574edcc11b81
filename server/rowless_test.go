package server

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/server/insight"
)

// rowlessTree allows whoever the store knows to read and update cards of two assigned
// accounts. No filter could say so: it counts, and splits texts.
const rowlessTree = `# METADATA
# title: Decisions
# custom: {rows: none}
package reseller.main

default allow := false

decision := {"allow": allow, "reasons": reasons}

reasons contains "not_so" if not allow

allow if {
	input.subject.user
	input.resource.type == "card"
	input.action.name in {"read", "update"}
	count([a | some a in input.resource.assigned_to; startswith(a, "acc_")]) > 1
	every part in split(input.resource.direction, "") { part == lower(part) }
}
`

// A tree that shows no rows decides every single question. Over HTTP, stored lists and
// rows are refused, and searches for stored rows find none.
func TestATreeWithoutRowsAnswersOverHTTP(t *testing.T) {
	t.Parallel()
	engine, err := policies.Load(context.Background(), fstest.MapFS{"reseller/main/main.rego": {Data: []byte(rowlessTree)}},
		policies.Options{Schema: Schema(), Timeout: time.Minute})
	must(t, err)
	eachDatabase(t, engine, func(t *testing.T, fresh func() *world) {
		w := fresh()
		ask := func(path, body string) answered { return w.do("", "POST", path, body, headerUser, "") }
		for card, allowed := range map[string]bool{"gold": true, "silver": false, "retail": false} {
			one := fmt.Sprintf(`{"subject":{"type":"user","id":"{b}"},"action":{"name":"read"},"resource":{"type":"card","id":"{%s}"}}`, card)
			for range 2 { // the second time from memory
				ask("/access/v1/evaluation", one).refused(200, fmt.Sprintf(`"decision":%v`, allowed))
			}
		}
		before := w.store.Revision()
		for _, path := range []string{"/v1/cards", "/v1/cards?count=true", "/v1/customers", "/v1/accounts", "/v1/groups", "/v1/users", "/v1/audit", "/v1/webhooks"} {
			got := w.get("b", path).want(403)
			if found := leaked(got.body, "M", "A", "B"); found != nil {
				t.Errorf("%s tells %s", path, found)
			}
		}
		for _, accept := range []string{mediaCSV, mediaNDJSON} {
			w.do("b", "GET", "/v1/customers", "", "Accept", accept).want(403)
		}
		for _, c := range [][2]string{{"GET", "/v1/cards/{gold}"}, {"GET", "/v1/cards/{gold}/rates"}, {"PATCH", "/v1/cards/{gold}"}} {
			body := map[string]string{"PATCH": `{"name":"x"}`}[c[0]]
			if got := w.do("b", c[0], c[1], body); got.status != 403 && got.status != 404 {
				t.Errorf("%s %s: %d %s", c[0], c[1], got.status, got.body)
			}
		}
		for _, typ := range []string{"card", "customer", "user"} {
			got := ask("/access/v1/search/resource", `{"subject":{"type":"user","id":"{b}"},"action":{"name":"read"},"resource":{"type":"`+typ+`"}}`).want(200)
			if !strings.Contains(got.body, `"results":[]`) {
				t.Errorf("found %s of %s", got.body, typ)
			}
		}
		if after := w.store.Revision(); after != before {
			t.Errorf("something was written: %v, then %v", before, after)
		}
		me := w.get("b", "/v1/me?columns=true").want(200).object()
		if columns, _ := me["columns"].(map[string]any); len(columns) != 0 {
			t.Errorf("columns %v", columns)
		}
		w.get("b", "/v1/changes").want(200)
	})
}

// The explanation of an empty list, and of a refusal, names the condition that failed. It
// is the same for an answer from memory.
func TestEmptyListsAndRefusalsAreExplainedByTheirCondition(t *testing.T) {
	t.Parallel()
	const file, text = "reseller/resource/customer/customer.rego", "visible if {\n\treadable"
	engine := hidingEngine(t, file, text, "visible if {\n\tinput.context.client_ip == \"203.0.113.9\"\n\treadable", "")
	eachDatabase(t, engine, func(t *testing.T, fresh func() *world) {
		w := fresh()
		last := func(by answered) (*insight.Grounds, string) {
			t.Helper()
			g := w.decided("m", by).explanation().Policy
			if g == nil || len(g.Failed) == 0 {
				t.Fatalf("%s: explained %+v", by.what, g)
			}
			return g, g.Failed[len(g.Failed)-1].Text
		}
		for name, c := range map[string]struct {
			ask   func() answered
			fails string
		}{
			"a list that is empty for everybody": {func() answered { return w.get("a", "/v1/customers") }, "client_ip"},
			"a list without access":              {func() answered { return w.get("clerk", "/v1/audit") }, "input.subject.access"},
			"a row":                              {func() answered { return w.get("a", "/v1/customers/{acme}") }, "client_ip"},
			"a write":                            {func() answered { return w.do("clerk", "DELETE", "/v1/groups/{M.default}", "") }, "letter"},
		} {
			first, text := last(c.ask())
			if !strings.Contains(text, c.fails) {
				t.Errorf("%s: explained by %q, want %q", name, text, c.fails)
			}
			again, _ := last(c.ask())
			if fmt.Sprint(first) != fmt.Sprint(again) {
				t.Errorf("%s: from memory explained by\n%v, before by\n%v", name, again, first)
			}
		}
		w.do("a", "GET", "/v1/customers", "", headerClientIP, "203.0.113.9").want(200)
		for _, user := range []string{"a", "clerk"} { // without the area policy
			if x := w.decided(user, w.get(user, "/v1/customers")).explanation(); x.Policy != nil {
				t.Errorf("%s is shown the policy's source: %+v", user, x.Policy)
			}
		}
	})
}
