package server

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
)

// mapped is the embedded tree with data for gateways and proxies.
func mapped(t testing.TB) fs.FS {
	t.Helper()
	tree := fstest.MapFS{}
	must(t, fs.WalkDir(policies.Embedded(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(policies.Embedded(), path)
		tree[path] = &fstest.MapFile{Data: text}
		return err
	}))
	var data, more map[string]any
	must(t, json.Unmarshal(tree["data.json"].Data, &data))
	must(t, json.Unmarshal([]byte(`{
		"gateway": {"identities": ["identity"], "routes": {
			"/customers/{customerId}": {
				"GET": [{"action": "read", "type": "customer", "id": "{customerId}", "area": "customer"}],
				"POST": [{"action": "update", "type": "customer", "id": "{customerId}"}, {"action": "delete", "type": "customer", "id": "{customerId}"}]},
			"/cdrs": {"GET": [{"action": "read", "area": "cdr"}], "DELETE": [{"action": "delete", "area": "cdr"}]}}},
		"areas": {"/cdr": "cdr", "/cdr/*": "cdr", "/customers/{id}": "customer", "/admin/*": "policy",
			"/index.php?module=cdr": "cdr", "/index.php?module=policy": "policy"},
		"catalog": {"action": {"download": {"access": "read"}}}}`), &more))
	maps.Copy(data, more)
	text, err := json.Marshal(data)
	must(t, err)
	tree["data.json"] = &fstest.MapFile{Data: text}
	return tree
}

// The bodies that published gateways send.
func gatewayBody(subject, method, template, properties string) string {
	return fmt.Sprintf(`{"subject":{"type":"identity","id":%q},"action":{"name":%q},"resource":{"type":"route","id":%q%s},"context":{}}`, subject, method, template, properties)
}

func routeProperties(path, params string) string {
	return fmt.Sprintf(`,"properties":{"uri":"https://host%s","schema":"https","hostname":"host","path":%q,"params":%s,"ip":"192.0.2.7"}`, path, path, params)
}

func TestGatewaysAskAsTheyAre(t *testing.T) {
	t.Parallel()
	eachCore(t, func(t *testing.T, w *coreWorld) {
		i := newIssuer(t)
		s := w.serveTree(t, mapped(t), func(c *Config) { c.JWT = jwtConfig(t, w.ID("master"), i.keys()) }, WithClock(func() time.Time { return jwtNow }))
		customer, foreign := w.ID("customer"), w.ID("foreign")
		ofRow := func(id string) string {
			return routeProperties("/customers/"+id+"?x=1", fmt.Sprintf(`{"customerId":%q}`, id))
		}
		for name, c := range map[string]struct{ subject, method, template, properties, want string }{
			"a row of its own":             {"agent", "GET", "/customers/{customerId}", ofRow(customer), "true"},
			"by the user's id":             {w.ID("agent"), "GET", "/customers/{customerId}", ofRow(customer), "true"},
			"another tenant's row":         {"agent", "GET", "/customers/{customerId}", ofRow(foreign), "false []"},
			"a row that is not there":      {"agent", "GET", "/customers/{customerId}", ofRow("17"), "false []"},
			"a form, with every right":     {"agent", "POST", "/customers/{customerId}", ofRow(customer), "true"},
			"a form, without a right":      {"clerk", "POST", "/customers/{customerId}", ofRow(customer), `false ["area_denied"]`},
			"a reader":                     {"clerk", "GET", "/customers/{customerId}", ofRow(customer), "true"},
			"a template alone":             {"agent", "GET", "/customers/{customerId}", "", "true"},
			"no row is known":              {"agent", "POST", "/customers/{customerId}", "", `false ["unmapped"]`},
			"an area":                      {"agent", "GET", "/cdrs", routeProperties("/cdrs", "{}"), "true"},
			"an area without the letter":   {"agent", "DELETE", "/cdrs", "", `false ["area_denied"]`},
			"another method":               {"agent", "PATCH", "/cdrs", "", `false ["unmapped"]`},
			"another template":             {"agent", "GET", "/cards", "", `false ["unmapped"]`},
			"the path says something else": {"agent", "GET", "/customers/{customerId}", routeProperties("/customers/"+foreign, fmt.Sprintf(`{"customerId":%q}`, customer)), `false ["unmapped"]`},
			"a path in two readings":       {"agent", "GET", "/customers/{customerId}", routeProperties("/customers/x/../"+customer, fmt.Sprintf(`{"customerId":%q}`, customer)), `false ["unmapped"]`},
			"an unknown subject":           {"nobody", "GET", "/cdrs", "", `false ["unknown_user"]`},
			"a disabled subject":           {"gone", "GET", "/cdrs", "", `false ["user_disabled"]`},
			"an area without any access":   {"clerk", "GET", "/cdrs", "", `false ["area_denied"]`},
		} {
			got := knock(t, s, "POST", "/access/v1/evaluation", gatewayBody(c.subject, c.method, c.template, c.properties), wideToken, "Resellerd-Reasons: true")
			decision, reasons, _ := strings.Cut(c.want, " ")
			if reasons == "" {
				reasons = "[]"
			}
			if want := fmt.Sprintf(`{"decision":%s,"context":{"reasons":%s}}`, decision, reasons); got.StatusCode != 200 || got.text != want {
				t.Errorf("%s: %d %s, want %s", name, got.StatusCode, got.text, want)
			}
		}
		other := strings.Replace(gatewayBody("agent", "GET", "/cdrs", ""), `"identity"`, `"service"`, 1)
		if got := knock(t, s, "POST", "/access/v1/evaluation", other, wideToken).text; got != `{"decision":false}` {
			t.Errorf("a type of subjects that is no identity: %s", got)
		}
		own := gatewayBody("agent", "GET", "/cdrs", "")
		if a := knock(t, s, "POST", "/access/v1/evaluation", own, i.token(t, "agent")); a.StatusCode != 200 || a.text != `{"decision":true}` {
			t.Errorf("a user about itself: %d %s", a.StatusCode, a.text)
		}
		for _, template := range []string{"/cdrs", "/unmapped"} {
			if a := knock(t, s, "POST", "/access/v1/evaluation", gatewayBody("clerk", "GET", template, ""), i.token(t, "agent")); a.StatusCode != 403 {
				t.Errorf("a user about another: %d %s", a.StatusCode, a.text)
			}
		}
	})
}

// Searches find routes and methods, too, and an action that data adds is one.
func TestSearchesOfRoutes(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serveTree(t, mapped(t), nil)
	for body, want := range map[string]string{
		`resource {"subject":{"type":"identity","id":"agent"},"action":{"name":"GET"},"resource":{"type":"route"}}`:   `"results":[{"type":"route","id":"/cdrs"},{"type":"route","id":"/customers/{customerId}"}]`,
		`resource {"subject":{"type":"identity","id":"clerk"},"action":{"name":"GET"},"resource":{"type":"route"}}`:   `"results":[{"type":"route","id":"/customers/{customerId}"}]`,
		`action {"subject":{"type":"identity","id":"agent"},"resource":{"type":"route","id":"/cdrs"}}`:                `"results":[{"name":"GET"}]`,
		`action {"subject":{"type":"identity","id":"agent"},"resource":{"type":"route","id":"/unmapped"}}`:            `"results":[]`,
		`action {"subject":{"type":"user","id":"agent"},"resource":{"type":"area","id":"cdr"}}`:                       `"results":[{"name":"download"},{"name":"read"}]`,
		`action {"subject":{"type":"user","id":"clerk"},"resource":{"type":"area","id":"cdr"}}`:                       `"results":[]`,
		`subject {"subject":{"type":"identity"},"action":{"name":"DELETE"},"resource":{"type":"route","id":"/cdrs"}}`: fmt.Sprintf(`{"type":"identity","id":%q}`, w.ID("staff")),
	} {
		part, body, _ := strings.Cut(body, " ")
		if a := knock(t, s, "POST", "/access/v1/search/"+part, body, wideToken, "Resellerd-Reasons: true"); a.StatusCode != 200 || !strings.Contains(a.text, want) {
			t.Errorf("%s: %d %s, want %s", body, a.StatusCode, a.text, want)
		}
	}
}
