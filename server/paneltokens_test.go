package server

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// panels returns a server with these lines of panel tokens.
func (w *world) panels(lines ...string) *Server {
	w.t.Helper()
	s, err := New(Config{PanelTokens: w.expand(strings.Join(lines, ",")), DecisionLog: "none", Limits: patient}, w.store, w.server.engines, WithClock(w.clock))
	must(w.t, err)
	return s
}

func bearerOf(token string) []string { return []string{"Authorization", "Bearer " + token} }

// A token for an account acts for its users and for those below. Other users are
// unknown to it, as are users that do not exist.
func TestAPanelTokenActsForUsersOfItsAccountAlone(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		w.do("m", "POST", "/v1/accounts", `{"name":"AA","parent_id":"{A}"}`).want(201)
		w.server = w.panels("of-a-reseller data decide write account={A}", "of-resellers data decide resellers-only", "of-all data decide")
		absent := w.do("nobody", "GET", "/v1/me", "", bearerOf("of-a-reseller")...).refused(403, session.ReasonUnknownUser)
		ask := func(user, token string) answered {
			return w.do("", "POST", "/access/v1/evaluation", `{"subject":{"type":"user","id":"{`+user+`}"},"action":{"name":"read"},"resource":{"type":"area","id":"customer"}}`,
				append(bearerOf(token), headerUser, "")...).want(200)
		}
		for user, allowed := range map[string]map[string]bool{
			"a": {"of-a-reseller": true, "of-resellers": true}, "b": {"of-resellers": true}, "m": {}, "r": {"of-resellers": true}, "n": {},
		} {
			for _, token := range []string{"of-a-reseller", "of-resellers"} {
				got := w.do(user, "GET", "/v1/me", "", bearerOf(token)...)
				decided := strings.Contains(ask(user, token).body, `"decision":true`)
				if decided != allowed[token] {
					t.Errorf("%s is asked about through %s: %v", user, token, decided)
				}
				if allowed[token] {
					got.want(200)
					continue
				}
				if got.alike() != absent.alike() {
					t.Errorf("%s through %s: %s\nabsent: %s", user, token, got.alike(), absent.alike())
				}
			}
			w.do(user, "GET", "/v1/me", "", bearerOf("of-all")...).want(200)
		}
	})
}

// Searches for users and filters by external ids are asked by a panel, not by a user. A
// token for an account, or for resellers, learns only of users and accounts that it may
// act for.
func TestSearchesAndFiltersStayWithinTheAccountsOfAPanelToken(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		w.server = w.panels("of-a-reseller data decide filter account={A}", "of-resellers data decide filter resellers-only", "of-all data decide filter write")
		_, err := storetest.SQL(t, w.store).ExecContext(t.Context(), "UPDATE accounts SET external_id = 'number of ' || id WHERE parent_id IS NULL")
		must(t, err)
		for account, master := range map[string]string{"A": "M", "B": "M", "R": "N"} {
			w.seed(master, seed.Group(account+".calls", store.Group{AccountID: account, Name: "Calls", Rows: store.Access{"cdr": "r", "customer": "r"}}),
				userRow(account, "caller"+account, account+".calls"))
		}
		users := map[string][]string{"A": {"callerA", "a"}, "B": {"callerB", "b"}, "R": {"callerR", "r"}, "M": {"m"}, "N": {"n"}}
		for token, reached := range map[string]string{"of-a-reseller": "A", "of-resellers": "ABR", "of-all": "ABRMN"} {
			ask := func(path, body string) string {
				return w.do("", "POST", path, body, append(bearerOf(token), headerUser, "")...).want(200).body
			}
			found := ask("/access/v1/search/subject", `{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"area","id":"customer"}}`)
			for account, of := range users {
				reach := strings.Contains(reached, account)
				for _, user := range of {
					if strings.Contains(found, w.id(user)) != reach {
						t.Errorf("%s finds %s of %s: %s", token, user, account, found)
					}
				}
				filter := ask("/v1/filters", `{"user":"{`+of[0]+`}","area":"cdr","dialect":"sqlite","accounts":"external_id",`+cdrColumns+`}`)
				for _, other := range []string{"A", "B", "R"} {
					if strings.Contains(filter, "external "+other) != (reach && account == other) {
						t.Errorf("%s filters for %s of %s: %s", token, of[0], account, filter)
					}
				}
			}
		}
	})
}

func TestAPanelTokenExpiresAndBelongsToNetworks(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		// Requests of these tests come from 0.0.0.0.
		w.server = w.panels("passing data expires="+w.clock().Add(time.Hour).UTC().Format(time.RFC3339Nano), "near data from=0.0.0.0/8", "far data from=192.0.2.0/24")
		wrong := w.do("m", "GET", "/v1/me", "", bearerOf("none-of-them")...).want(401)
		w.do("m", "GET", "/v1/me", "", bearerOf("passing")...).want(200)
		w.pass(time.Hour)
		for _, token := range []string{"passing", "far"} {
			if got := w.do("m", "GET", "/v1/me", "", bearerOf(token)...).want(401); withoutDetail(got) != withoutDetail(wrong) {
				t.Errorf("%s: %s\nwrong: %s", token, got.alike(), wrong.alike())
			}
		}
		w.do("m", "GET", "/v1/me", "", bearerOf("near")...).want(200)
	})
}

// Refusals of a panel token are counted under its name, and the log names it. Answers do
// not.
func TestARefusedPanelTokenIsNamedAndCounted(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		var log coreLog
		s, err := New(Config{PanelTokens: "passing data name=shop expires=" + w.clock().UTC().Format(time.RFC3339Nano) + ",far data name=till from=192.0.2.0/24,any data name=desk",
			DecisionLog: "none", Limits: patient}, w.store, w.server.engines, WithClock(w.clock), WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		must(t, err)
		w.server = s
		for _, c := range []struct {
			token, name, reason, origin string
			status                      int
		}{{"passing", "shop", "expired", "", 401}, {"far", "till", "network", "", 401}, {"any", "desk", "origin", "null", 403}} {
			got := w.do("m", "GET", "/v1/me", "", append(bearerOf(c.token), "Origin", c.origin)...).want(c.status)
			if strings.Contains(fmt.Sprint(got.body, got.header), c.name) {
				t.Errorf("%s: the answer names it: %s", c.token, got.body)
			}
			line := log.take()
			if !strings.Contains(line, "level=WARN") || !strings.Contains(line, "caller="+c.name) || !strings.Contains(line, c.reason) {
				t.Errorf("%s: logged %s", c.token, line)
			}
			counted := `resellerd_panel_token_refusals_total{name="` + c.name + `",reason="` + c.reason + `"} 1`
			if lines := metricLines(w.get("", "/metrics").body, "resellerd_panel_token_refusals_total"); !slices.Contains(lines, counted) {
				t.Errorf("%s: counted %q", c.token, lines)
			}
		}
	})
}

func withoutDetail(a answered) string {
	body, _, _ := strings.Cut(a.alike(), `"detail"`)
	return body
}

// A page in a browser that holds a panel token is refused, whatever it asks for. A
// user's own token is not.
func TestAPanelTokenIsRefusedFromAPageInABrowser(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for _, origin := range []string{"https://panel.example", "null"} {
			w.do("m", "GET", "/v1/me", "", "Origin", origin).refused(403, "Origin")
			w.do("m", "POST", "/v1/customers", `{"name":"x"}`, "Origin", origin).refused(403, "Origin")
		}
		i := newIssuer(t)
		w.server = w.jwtServer(t, i, w.id("M"))
		w.do("m", "GET", "/v1/me", "", "Authorization", "Bearer "+i.token(t, w.id("m")), headerUser, "", "Origin", "https://panel.example").want(200)
	})
}

// Requests are counted by the name of their token. Two tokens may have one name. The
// name is in the audit trail, for the carrier alone.
func TestThePanelOfARequestIsNamed(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		w.server = w.panels("old-secret data write name=shop", "new-secret data write name=shop", "without-a-name data")
		for _, token := range []string{"old-secret", "new-secret"} {
			w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"by `+token+`"}`, bearerOf(token)...).want(200)
		}
		const metric = "resellerd_panel_token_requests_total"
		if lines := metricLines(w.get("", "/metrics").body, metric); !slices.Equal(lines, []string{metric + `{name="shop"} 2`}) {
			t.Errorf("counted %q", lines)
		}
		for user, want := range map[string]any{"m": "shop", "a": nil} {
			entries := w.do(user, "GET", "/v1/audit?action=update", "", bearerOf("without-a-name")...).items()
			if len(entries) != 2 || entries[0]["panel"] != want || entries[1]["panel"] != want {
				t.Errorf("%s sees %v", user, entries)
			}
		}
		if lines := metricLines(w.get("", "/metrics").body, metric); len(lines) != 2 {
			t.Errorf("counted %q", lines)
		}
	})
}
