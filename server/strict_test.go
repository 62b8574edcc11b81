package server

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// routed calls test with each route of the data API, and a path of it whose rows m
// sees and may write.
func routed(w *world, test func(rt route, path string)) {
	w.t.Helper()
	routedTo(w, func(rt route) bool { return strings.HasPrefix(rt.path, "/v1/") }, test)
}

// routedTo is routed for the routes that are meant.
func routedTo(w *world, meant func(route) bool, test func(rt route, path string)) {
	w.t.Helper()
	for _, rt := range routes() {
		if !meant(rt) {
			continue
		}
		path := rt.path
		for _, fill := range [][2]string{
			{"/v1/accounts/:id", "/v1/accounts/{A}"}, {"/v1/groups/:id", "/v1/groups/{M.default}"}, {"/v1/users/:id", "/v1/users/{a2}"},
			{"/v1/customers/:id", "/v1/customers/{mega}"}, {"/v1/cards/:id", "/v1/cards/{gold}"}, {":account_id", "{C}"}, {"/v1/webhooks/:id", "/v1/webhooks/{hook}"}, {":letter", "{letter}"},
			{":customer_id", "{mega}"}, {":revision", "{gold.revision}"}, {"/v1/preview/:user", "/v1/preview/{a}"}, {"/v1/decisions/:id", "/v1/decisions/x"}, {"/docs/:page", "/docs/server.md"},
		} {
			path = strings.Replace(path, fill[0], fill[1], 1)
		}
		test(rt, path)
	}
}

func TestEveryRouteRefusesAParameterItDoesNotKnow(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		before := w.store.Revision()
		routed(w, func(rt route, path string) {
			if rt.path == "/v1/decisions/:id" || rt.path == "/v1/lookup" && rt.method == "GET" {
				path += "?number=1"
				path = strings.Replace(path, "/x?number=1", "/x?", 1)
			}
			for _, name := range []string{"dryRun", "dry-run", "zz"} {
				mark := "?"
				if strings.Contains(path, "?") {
					mark = "&"
				}
				told := `"field":"` + name + `"`
				if rt.doc.tag == "lookup" { // it may be the number of a call
					told = "request takes"
				}
				w.do("m", rt.method, path+mark+name+"=true", sentTo(rt)).refused(422, told)
			}
		})
		if after := w.store.Revision(); after != before {
			t.Errorf("something was written: %v, then %v", before, after)
		}
	})
}

// sentTo returns a body that a route reads.
func sentTo(rt route) string {
	if rt.doc.body == nil {
		return ""
	}
	bodies := secretBodies[rt.method+" "+rt.path]
	if i := slices.IndexFunc(bodies, func(body string) bool { return !strings.Contains(body, "X") }); i >= 0 {
		return bodies[i]
	}
	return bodies[0]
}

func TestEveryRouteRefusesAFieldItDoesNotKnow(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		before := w.store.Revision()
		routed(w, func(rt route, path string) {
			if rt.doc.upload {
				return
			}
			body := sentTo(rt)
			if body == "" {
				body = "{}"
			}
			body = strings.ReplaceAll(strings.Replace(strings.TrimSuffix(body, "}")+`,"dry_run":true}`, "{,", "{", 1), `"X"`, `"{A}"`)
			w.do("m", rt.method, path, body).refused(422, `"field":"dry_run"`)
		})
		if after := w.store.Revision(); after != before {
			t.Errorf("something was written: %v, then %v", before, after)
		}
	})
}

// A decision point of AuthZEN ignores what it does not know, and the description of the API ignores parameters.
func TestRoutesOutsideOfTheDataAPIIgnoreWhatTheyDoNotKnow(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		seen := 0
		routedTo(w, negotiates, func(rt route, path string) {
			if strings.HasPrefix(path, "/v1/") || path == metadataPath { // it needs another setting
				return
			}
			body := strings.NewReplacer(`"X"`, `"{gold}"`, `{USER}`, `{m}`).Replace(sentTo(rt))
			if body != "" {
				body = `{"zz":{},` + body[1:]
			}
			w.do("m", rt.method, path+"?zz=1", body).want(200)
			seen++
		})
		if seen < 9 {
			t.Errorf("%d routes", seen)
		}
	})
}

// negotiates reports whether a route looks at Accept: all do but those of machines that watch the server, and those that
// answer proxies without a body.
func negotiates(rt route) bool {
	return rt.path != forwardAuthPath && !(&boundRoute{route: rt}).probe()
}

func TestEveryRouteRefusesAMediaTypeItDoesNotServe(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		before := w.store.Revision()
		routedTo(w, negotiates, func(rt route, path string) {
			w.do("m", rt.method, path, sentTo(rt), "Accept", "image/png").refused(406, "not_acceptable")
		})
		if after := w.store.Revision(); after != before {
			t.Errorf("something was written: %v, then %v", before, after)
		}
		for _, accept := range []string{"", "*/*", "application/json", "application/json; charset=utf-8", "application/*;q=0.5", "image/png, application/json;q=0.1"} {
			w.do("m", "GET", "/v1/customers", "", "Accept", accept).want(200)
		}
	})
}

// A path that does not exist gets another answer than a row that does not.
func TestAnUnknownPathIsNotAnAbsentRow(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.get("m", "/v1/customers/{nobody}").refused(404, `"urn:resellerd:problem:not_found"`)
		w.get("m", "/v1/customer/{mega}").refused(404, `"urn:resellerd:problem:unknown_route"`)
	})
	s := sqliteCore(t).serve(t, func(c *Config) { c.MetricsListen = "127.0.0.1:0" })
	res, err := s.App().Test(httptest.NewRequest("GET", "/metrics", nil), -1)
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != 404 {
		t.Errorf("%d", res.StatusCode)
	}
}
