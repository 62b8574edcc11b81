package server

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

const panelPage = "https://panel.example.com"

func (w *world) corsServer(t *testing.T, i *issuer) *Server {
	t.Helper()
	cfg := Config{JWT: jwtConfig(t, w.id("M"), i.keys()), PanelTokens: worldToken, DecisionLog: "none",
		CORSOrigins: []string{panelPage, "http://localhost:3000"}, MetricsListen: "127.0.0.1:0"}
	must(t, cfg.Validate())
	s, err := New(cfg, w.store, w.server.engines, WithClock(func() time.Time { return jwtNow }), WithLogger(slog.New(slog.DiscardHandler)))
	must(t, err)
	return s
}

// A page of a configured origin may send a user's own token and read the answer. No
// other page may, and no page may use a panel token.
func TestPagesOfConfiguredOriginsReadAnswers(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		i := newIssuer(t)
		w.server = w.corsServer(t, i)
		own := "Bearer " + i.token(t, w.id("a"))
		for origin, allowed := range map[string]bool{panelPage: true, "http://localhost:3000": true, "https://panel.example.com.evil.example": false,
			"https://evil.example": false, "null": false, "http://panel.example.com": false} {
			want := map[bool]string{true: origin}[allowed]
			asked := w.do("a", "OPTIONS", "/v1/customers", "", "Authorization", "", headerUser, "", "Origin", origin,
				"Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "authorization,if-match").want(204)
			if got := asked.header.Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s may ask as %q", origin, got)
			}
			if methods := asked.header.Get("Access-Control-Allow-Methods"); allowed && !strings.Contains(methods, "PATCH") {
				t.Errorf("methods %q", methods)
			}
			for path, status := range map[string]int{"/v1/customers": 200, "/v1/customers/absent": 404, "/v1/nowhere": 404} {
				got := w.do("a", "GET", path, "", "Authorization", own, headerUser, "", "Origin", origin).want(status)
				if had := got.header.Get("Access-Control-Allow-Origin"); had != want {
					t.Errorf("%s reads %s as %q", origin, path, had)
				}
				if got.header.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(got.header.Get("Vary"), "Origin") {
					t.Errorf("%s: %v", path, got.header)
				}
			}
			w.do("a", "GET", "/v1/me", "", "Origin", origin).want(403) // the world's panel token
		}
		for _, path := range []string{"/metrics", "/readyz"} {
			w.do("a", "GET", path, "").want(404)
		}
	})
}

func TestOriginsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	valid := Config{CORSOrigins: []string{panelPage}, MetricsListen: "127.0.0.1:9090", JWT: jwtConfig(t, "", newIssuer(t).keys())}
	must(t, valid.Validate())
	for _, origin := range []string{"*", "null", "", "panel.example.com", panelPage + "/", panelPage + "/a", "https://*.example.com", "https://Panel.example.com",
		"https://panel.example.com:443", "ftp://panel.example.com", "https://user@panel.example.com"} {
		cfg := valid
		cfg.CORSOrigins = []string{origin}
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "cors origin") {
			t.Errorf("%q: %v", origin, err)
		}
	}
	for name, change := range map[string]func(*Config){
		"no address for metrics": func(c *Config) { c.MetricsListen = "" },
		"no key set":             func(c *Config) { c.JWT.JWKS = "" },
	} {
		cfg := valid
		change(&cfg)
		if err := cfg.Validate(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Answers that depend on the caller are in no cache. The description of the API is the
// same for everyone.
func TestOnlyPublicAnswersMayBeKept(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			method, path, user string
			status             int
		}{
			{"GET", "/v1/me", "a", 200}, {"GET", "/v1/customers", "a", 200}, {"GET", "/v1/customers/{acme}", "a", 200}, {"GET", "/v1/customers/absent", "a", 404},
			{"GET", "/v1/nowhere", "a", 404}, {"PUT", "/v1/customers", "a", 405}, {"GET", "/v1/me", "nobody", 403}, {"HEAD", "/v1/customers", "a", 200},
			{"POST", "/v1/customers", "a", 201}, {"DELETE", "/v1/customers/{acme}", "a", 204}, {"GET", "/metrics", "a", 200}, {"GET", "/readyz", "a", 200},
		} {
			body := map[bool]string{true: `{"name":"New"}`}[c.method == "POST"]
			got := w.do(c.user, c.method, c.path, body).want(c.status)
			if kept := got.header.Get("Cache-Control"); kept != "no-store" {
				t.Errorf("%s %s: Cache-Control %q", c.method, c.path, kept)
			}
		}
		stream := w.do("a", "GET", "/v1/customers", "", "Accept", mediaCSV).want(200)
		if kept := stream.header.Get("Cache-Control"); kept != "no-store" {
			t.Errorf("a stream: Cache-Control %q", kept)
		}
		for _, path := range []string{"/openapi.json", "/docs", "/docs/server.md", "/llms.txt"} {
			if kept := w.get("a", path).want(200).header.Get("Cache-Control"); kept != "" {
				t.Errorf("%s: Cache-Control %q", path, kept)
			}
		}
	})
}
