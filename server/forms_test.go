package server

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies/input"
	"resellerd/server/identity"
)

// A policy may tell a page from an export, a count and one row.
func TestPoliciesReadTheFormOfARequest(t *testing.T) {
	t.Parallel()
	tree := mapped(t).(fstest.MapFS)
	const file = "reseller/resource/customer/customer.rego"
	limited := bytes.Replace(tree[file].Data, []byte("\nvisible if {\n\treadable\n"),
		[]byte("\nvisible if {\n\treadable\n\tnot object.get(input.action, [\"properties\", \"form\"], \"\") in {\"export\", \"count\"}\n"), 1)
	if bytes.Equal(limited, tree[file].Data) {
		t.Fatal("the rule has changed")
	}
	tree[file] = &fstest.MapFile{Data: limited}
	eachCore(t, func(t *testing.T, w *coreWorld) {
		s := w.serveTree(t, tree, nil)
		row := `{"subject":{"type":"user","id":"agent"},"action":{"name":"read"%s},"resource":{"type":"customer","id":"` + w.ID("customer") + `"}}`
		for _, c := range []struct {
			what, method, path, body string
			headers                  []string
			status                   int
			text                     string
		}{
			{"a page", "GET", "/v1/customers", "", nil, 200, w.ID("customer")},
			{"one row", "GET", "/v1/customers/" + w.ID("customer"), "", nil, 200, w.ID("customer")},
			{"a page with a count", "GET", "/v1/customers?count=true", "", nil, 403, ""},
			{"an export", "GET", "/v1/customers", "", []string{"Accept: text/csv"}, 403, ""},
			{"an evaluation", "POST", "/access/v1/evaluation", fmt.Sprintf(row, ""), nil, 200, `"decision":true`},
			{"an evaluation of an export", "POST", "/access/v1/evaluation", fmt.Sprintf(row, `,"properties":{"form":"export"}`), nil, 200, `"decision":false`},
		} {
			headers := []string{wideToken}
			if c.method == "GET" {
				headers = append(headers, "Resellerd-User: agent")
			}
			got := knock(t, s, c.method, c.path, c.body, append(headers, c.headers...)...)
			if got.StatusCode != c.status || !strings.Contains(got.text, c.text) {
				t.Errorf("%s: %d %s, want %d with %s", c.what, got.StatusCode, got.text, c.status, c.text)
			}
		}
	})
}

// Every answer that is a file of rows is an export, whichever route gives it.
func TestFilesAreExports(t *testing.T) {
	t.Parallel()
	for _, rt := range bindRoutes(routes()) {
		want := input.FormExport
		switch {
		case rt.doc.tag == "lookup":
			want = input.FormLookup
		case rt.path == "/v1/changes":
			want = input.FormPage
		case rt.scope != identity.ScopeData:
			continue
		}
		for _, media := range rt.offers {
			if media == fiber.MIMEApplicationJSON {
				continue
			}
			if got := (&exchange{route: rt, media: media}).form(); got != want {
				t.Errorf("%s as %s has the form %s, want %s", rt.origin.Name, media, got, want)
			}
		}
	}
}
