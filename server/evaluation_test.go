package server

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// scenario is the policy of AuthZEN's own examples: users whom the store does
// not know, with a catalog inside the policy.
var scenario = fstest.MapFS{
	"reseller/main/main.rego": {Data: []byte(`package reseller.main

default allow := false

known if {
	input.subject.type == "user"
	input.resource.type == "record"
	data.catalog.user[input.subject.id]
	data.catalog.record[input.resource.id]
}

archived if input.resource.properties.status == "archived"

archived if data.catalog.record[input.resource.id].status == "archived"

admin if input.subject.properties.role == "admin"

admin if data.catalog.user[input.subject.id].role == "admin"

allow if {
	known
	input.action.name == "read"
	input.resource.id == "record-1"
}

allow if {
	known
	input.action.name == "write"
	input.subject.id == "alice"
	input.resource.id == "record-1"
	not archived
}

allow if {
	known
	input.action.name == "write"
	archived
	admin
}

allow if {
	known
	input.action.name == "delete"
	input.subject.id == "alice"
	input.resource.id == "record-1"
	input.action.properties.soft == true
}

reasons contains "not_granted" if not allow

decision := {"allow": allow, "reasons": reasons}
`)},
	"data.json": {Data: []byte(`{"catalog": {
		"user": {"alice": {}, "bob": {"role": "admin"}},
		"record": {"record-1": {"status": "active"}, "record-2": {"status": "archived"}},
		"action": {"write": {}}
	}}`)},
}

func evaluationBody(subject, action, resource string) string {
	return fmt.Sprintf(`{"subject":%s,"action":%s,"resource":%s}`, subject, action, resource)
}

func TestAuthZENScenario(t *testing.T) {
	t.Parallel()
	const (
		alice = `{"type":"user","id":"alice"}`
		bob   = `{"type":"user","id":"bob"}`
		r1    = `{"type":"record","id":"record-1"}`
		r2    = `{"type":"record","id":"record-2"}`
	)
	s := sqliteCore(t).serveTree(t, scenario, nil)
	for name, c := range map[string]struct {
		subject, action, resource string
		want                      bool
	}{
		"alice may read record-1":                {alice, `{"name":"read"}`, r1, true},
		"alice may write record-1":               {alice, `{"name":"write"}`, r1, true},
		"bob may read record-1":                  {bob, `{"name":"read"}`, r1, true},
		"bob may not write record-1":             {bob, `{"name":"write"}`, r1, false},
		"alice may not write it when archived":   {alice, `{"name":"write"}`, `{"type":"record","id":"record-1","properties":{"status":"archived"}}`, false},
		"alice as admin may write it archived":   {`{"type":"user","id":"alice","properties":{"role":"admin"}}`, `{"name":"write"}`, `{"type":"record","id":"record-1","properties":{"status":"archived"}}`, true},
		"alice may not write archived record-2":  {alice, `{"name":"write"}`, r2, false},
		"bob, an admin, may write record-2":      {bob, `{"name":"write"}`, r2, true},
		"alice may delete it softly":             {alice, `{"name":"delete","properties":{"soft":true}}`, r1, true},
		"alice may not delete it hard":           {alice, `{"name":"delete","properties":{"soft":false}}`, r1, false},
		"alice may not delete it without a word": {alice, `{"name":"delete"}`, r1, false},
		"an unknown subject may not":             {`{"type":"user","id":"carol"}`, `{"name":"read"}`, r1, false},
		"an unknown resource may not":            {alice, `{"name":"read"}`, `{"type":"record","id":"record-9"}`, false},
		"an unknown type may not":                {alice, `{"name":"read"}`, `{"type":"thing","id":"record-1"}`, false},
		"an unknown action may not":              {alice, `{"name":"dance"}`, r1, false},
		"unknown fields are ignored":             {`{"type":"user","id":"alice","x":{"y":1}}`, `{"name":"read","z":null}`, r1, true},
	} {
		body := evaluationBody(c.subject, c.action, c.resource)
		for range 2 { // the second answer must be the same
			a := knock(t, s, "POST", "/access/v1/evaluation", body, decideToken, "X-Request-ID: r-1")
			if want := fmt.Sprintf(`{"decision":%v}`, c.want); a.StatusCode != 200 || a.text != want {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.text)
			}
			if a.Header.Get("X-Request-ID") != "r-1" || a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: headers %v", name, a.Header)
			}
		}
	}
}

func TestEvaluationSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := sqliteCore(t).serveTree(t, scenario, nil)
	const subject, action, resource = `"subject":{"type":"user","id":"alice"}`, `"action":{"name":"read"}`, `"resource":{"type":"record","id":"record-1"}`
	for body, want := range map[string]string{
		``:   "JSON",
		`{}`: "subject is missing",
		`[]`: "must be an object",
		`{"subject":"alice",` + action + `,` + resource + `}`:                                    "subject must be an object",
		`{"subject":null,` + action + `,` + resource + `}`:                                       "subject must be an object",
		`{"subject":{"id":"alice"},` + action + `,` + resource + `}`:                             "subject.type is missing",
		`{"subject":{"type":"user"},` + action + `,` + resource + `}`:                            "subject.id is missing",
		`{"subject":{"type":"user","id":1},` + action + `,` + resource + `}`:                     "subject.id must be a string",
		`{"subject":{"type":"user","id":""},` + action + `,` + resource + `}`:                    "subject.id is empty",
		`{` + subject + `,` + resource + `}`:                                                     "action is missing",
		`{` + subject + `,"action":{},` + resource + `}`:                                         "action.name is missing",
		`{` + subject + `,"action":{"name":123},` + resource + `}`:                               "action.name must be a string",
		`{` + subject + `,"action":"read",` + resource + `}`:                                     "action must be an object",
		`{` + subject + `,` + action + `}`:                                                       "resource is missing",
		`{` + subject + `,` + action + `,"resource":{"type":"record"}}`:                          "resource.id is missing",
		`{` + subject + `,` + action + `,"resource":{"id":"record-1"}}`:                          "resource.type is missing",
		`{` + subject + `,` + action + `,"resource":{"type":"record","id":"x","properties":[]}}`: "properties must be an object",
		`{` + subject + `,` + action + `,` + resource + `,"context":"x"}`:                        "context must be an object",
		`{` + subject + `,` + subject + `,` + action + `,` + resource + `}`:                      "more than once",
		`{"Subject":{"type":"user","id":"alice"},` + action + `,` + resource + `}`:               "subject is missing",
		`{"subject":{"type":"user","id":"ali\u0000ce"},` + action + `,` + resource + `}`:         "NUL",
		`{` + subject + `,` + action + `,` + resource + `} trailing`:                             "after the value",
		`{` + subject + `,` + action + `,` + resource:                                            "JSON",
	} {
		a := knock(t, s, "POST", "/access/v1/evaluation", body, decideToken, "Content-Type: application/json")
		detail, _ := a.json(t)["detail"].(string)
		if a.StatusCode != 400 || !strings.Contains(detail, want) {
			t.Errorf("%s: %d %q, want %q", body, a.StatusCode, detail, want)
		}
	}
}

func TestEvaluationTakesOnlyJSON(t *testing.T) {
	t.Parallel()
	s := sqliteCore(t).serveTree(t, scenario, nil)
	body := evaluationBody(`{"type":"user","id":"alice"}`, `{"name":"read"}`, `{"type":"record","id":"record-1"}`)
	for mediaType, want := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "Application/JSON": 200,
		"text/plain": 400, "application/jsonx": 400, "application/x-www-form-urlencoded": 400, "": 400,
	} {
		req := []string{decideToken}
		if mediaType != "" {
			req = append(req, "Content-Type: "+mediaType)
		}
		a := knockPlain(t, s, "/access/v1/evaluation", body, req...)
		if a.StatusCode != want {
			t.Errorf("%q: %d %s", mediaType, a.StatusCode, a.text)
		}
	}
}

func TestReasonsAreToldOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	s := sqliteCore(t).serveTree(t, scenario, nil)
	ask1 := func(context string, headers ...string) string {
		body := evaluationBody(`{"type":"user","id":"bob"}`, `{"name":"write"}`, `{"type":"record","id":"record-1"}`)
		if context != "" {
			body = body[:len(body)-1] + `,"context":` + context + `}`
		}
		return knock(t, s, "POST", "/access/v1/evaluation", body, append(headers, decideToken)...).text
	}
	const told = `{"decision":false,"context":{"reasons":["not_granted"]}}`
	for name, c := range map[string]struct{ got, want string }{
		"not asked":        {ask1(""), `{"decision":false}`},
		"asked not to":     {ask1(`{"reasons":false}`), `{"decision":false}`},
		"asked in context": {ask1(`{"reasons":true}`), told},
		"asked by header":  {ask1("", "Resellerd-Reasons: true"), told},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s", name, c.got)
		}
	}
}

func TestEvaluationsAboutTheStoresOwnRows(t *testing.T) {
	t.Parallel()
	eachCore(t, func(t *testing.T, w *coreWorld) {
		s := w.serve(t, nil)
		const none = `{"decision":false,"context":{"reasons":[]}}`
		for name, c := range map[string]struct{ token, subject, action, typ, id, want string }{
			"own customer":                    {wideToken, "agent", "read", "customer", w.ID("customer"), `{"decision":true,"context":{"reasons":[]}}`},
			"the id of the subject works too": {wideToken, w.ID("agent"), "update", "customer", w.ID("customer"), `{"decision":true,"context":{"reasons":[]}}`},
			"the master's view":               {boundToken, "staff", "read", "customer", w.ID("customer"), `{"decision":true,"context":{"reasons":[]}}`},
			"visible but not to be changed":   {wideToken, "clerk", "update", "customer", w.ID("customer"), `{"decision":false,"context":{"reasons":["area_denied"]}}`},
			"another tenant's customer":       {wideToken, "agent", "read", "customer", w.ID("foreign"), none},
			"a customer that is not there":    {wideToken, "agent", "read", "customer", "cus_absent", none},
			"a user, without the area":        {wideToken, "clerk", "read", "user", w.ID("agent"), `{"decision":false,"context":{"reasons":["area_denied"]}}`},
			"no user, without the area":       {wideToken, "clerk", "read", "user", "usr_absent", `{"decision":false,"context":{"reasons":["area_denied"]}}`},
			"the other's, by the other":       {wideToken, "stranger", "read", "customer", w.ID("foreign"), `{"decision":true,"context":{"reasons":[]}}`},
			"the other, by a bound token":     {boundToken, "stranger", "read", "customer", w.ID("foreign"), `{"decision":false,"context":{"reasons":["unknown_user"]}}`},
			"an area of the panel":            {wideToken, "agent", "read", "area", "cdr", `{"decision":true,"context":{"reasons":[]}}`},
			"an area it lacks":                {wideToken, "agent", "update", "area", "cdr", `{"decision":false,"context":{"reasons":["area_denied"]}}`},
			"a row without an owner":          {wideToken, "agent", "read", "cdr", "row-1", `{"decision":false,"context":{"reasons":["owner_unknown"]}}`},
			"an unknown subject":              {wideToken, "nobody", "read", "area", "cdr", `{"decision":false,"context":{"reasons":["unknown_user"]}}`},
			"a disabled subject":              {wideToken, "gone", "read", "area", "cdr", `{"decision":false,"context":{"reasons":["user_disabled"]}}`},
			"a subject of a held account":     {wideToken, "shut", "read", "area", "cdr", `{"decision":false,"context":{"reasons":["account_suspended"]}}`},
		} {
			body := evaluationBody(fmt.Sprintf(`{"type":"user","id":%q}`, c.subject), fmt.Sprintf(`{"name":%q}`, c.action), fmt.Sprintf(`{"type":%q,"id":%q}`, c.typ, c.id))
			a := knock(t, s, "POST", "/access/v1/evaluation", body, c.token, "Resellerd-Reasons: true")
			if a.StatusCode != 200 || a.text != c.want {
				t.Errorf("%s: %d %s, want %s", name, a.StatusCode, a.text, c.want)
			}
		}
	})
}

// For a row that the panel keeps, the policy decides by the owner that the panel
// sends.
func TestEvaluationsAboutThePanelsRows(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	for owner, want := range map[string]bool{w.ID("reseller"): true, w.ID("below"): true, w.ID("master"): false, w.ID("other"): false, "acc_absent": false} {
		body := evaluationBody(`{"type":"user","id":"agent"}`, `{"name":"read"}`, fmt.Sprintf(`{"type":"cdr","id":"1","properties":{"account_id":%q}}`, owner))
		if a := knock(t, s, "POST", "/access/v1/evaluation", body, wideToken); a.text != fmt.Sprintf(`{"decision":%v}`, want) {
			t.Errorf("owner %s: %s", owner, a.text)
		}
	}
}
