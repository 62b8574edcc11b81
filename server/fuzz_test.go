package server

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
)

// FuzzRequest sends reseller A's user requests that nobody has thought of. Whatever it
// sends, the answer is JSON where it says so, is no failure of the server, and holds
// nothing of the accounts that A does not see.
func FuzzRequest(f *testing.F) {
	var all []route
	for _, r := range routes() {
		if r.path != "/metrics" && !strings.Contains(r.path, "*") {
			all = append(all, r)
		}
	}
	for i := range all {
		f.Add(uint8(i), byte(i), "limit=2&sort=-name&count=true&name=a&as_of=2026-03-04T05:06:07Z", "", `{"name":"x"}`)
		f.Add(uint8(i), byte(0), "", "If-Match: \"x\"\nPrefer: return=minimal\nAccept: text/csv;q=0.5, */*", `{"items":[{"id":"cus_x","status":"active"}]}`)
	}
	f.Add(uint8(0), byte(0), "cursor=AAAA&filter=%5B%5D&number=4420", "Resellerd-At-Least: AAAA\nIdempotency-Key: k\nContent-Type: text/csv", "prefix,cost\n44,0.01\n")

	w := newWorld(f, databases(carriers, 0)["sqlite"](f), engineOf(f, 1), seedWorld)
	ids := []string{w.id("acme"), w.id("retail"), w.id("gold"), w.id("mega"), w.id("M"), w.id("A"), w.id("b"), "cus_x", "%00", ".."}
	app := w.server.App()
	f.Fuzz(func(t *testing.T, at uint8, of byte, query, headers, body string) {
		r := all[int(at)%len(all)]
		path := pathWith(r.path, ids, int(of))
		target := &url.URL{Path: path, RawQuery: query}
		req := httptest.NewRequest(r.method, "/", strings.NewReader(body))
		req.URL, req.RequestURI = target, ""
		req.Header.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		for line := range strings.SplitSeq(headers, "\n") {
			if name, value, ok := strings.Cut(line, ": "); ok && headerText.MatchString(name) && !strings.ContainsAny(value, "\r\x00") {
				req.Header.Set(name, value)
			}
		}
		req.Header.Set(fiber.HeaderAuthorization, "Bearer "+worldToken)
		req.Header.Set(headerUser, w.id("a"))
		res, err := app.Test(req, -1)
		if err != nil {
			return // not a request of HTTP
		}
		defer func() { must(t, res.Body.Close()) }()
		told, err := io.ReadAll(res.Body)
		must(t, err)
		if res.StatusCode >= http.StatusInternalServerError {
			t.Fatalf("%s %s: %d %s", r.method, target, res.StatusCode, told)
		}
		if found := leaked(string(told), "M", "B", "C", "N", "R"); found != nil {
			t.Fatalf("%s %s: %q in %s", r.method, target, found, told)
		}
		media, _, _ := strings.Cut(res.Header.Get(fiber.HeaderContentType), ";")
		if slices.Contains([]string{fiber.MIMEApplicationJSON, "application/problem+json"}, media) && r.method != http.MethodHead && len(told) > 0 && !json.Valid(told) {
			t.Fatalf("%s %s: not JSON: %q", r.method, target, told)
		}
	})
}

// pathWith fills the parameters of a route with ids.
func pathWith(pattern string, ids []string, first int) string {
	steps := strings.Split(pattern, "/")
	for i, step := range steps {
		if strings.HasPrefix(step, ":") {
			steps[i] = ids[(first+i)%len(ids)]
		}
	}
	return strings.Join(steps, "/")
}
