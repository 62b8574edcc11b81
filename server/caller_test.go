package server

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"resellerd/server/identity"
	"resellerd/server/transport"
	"resellerd/store"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// withoutIDs returns an answer without the ids of the request.
func withoutIDs(t *testing.T, a knocked) string {
	t.Helper()
	body := a.json(t)
	delete(body, "decision_id")
	text, err := json.Marshal(body)
	must(t, err)
	return fmt.Sprint(a.StatusCode, " ", string(text))
}

func TestWhoIsCalling(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	for name, c := range map[string]struct {
		headers []string
		status  int
		code    string
	}{
		"a panel for its user":             {[]string{wideToken, "Resellerd-User: agent"}, 200, ""},
		"by the user's id":                 {[]string{wideToken, "Resellerd-User: " + w.ID("agent")}, 200, ""},
		"a bound token for its tenant":     {[]string{boundToken, "Resellerd-User: agent"}, 200, ""},
		"a scheme in small letters":        {[]string{"Authorization: bearer " + wideToken, "Resellerd-User: agent"}, 200, ""},
		"nobody":                           {nil, 401, "unauthorized"},
		"no user":                          {[]string{wideToken}, 401, "unauthorized"},
		"a wrong token":                    {[]string{"wrong-token", "Resellerd-User: agent"}, 401, "unauthorized"},
		"an empty token":                   {[]string{"Authorization: Bearer ", "Resellerd-User: agent"}, 401, "unauthorized"},
		"another scheme":                   {[]string{"Authorization: Basic " + wideToken, "Resellerd-User: agent"}, 401, "unauthorized"},
		"two tokens":                       {[]string{wideToken, readToken, "Resellerd-User: agent"}, 401, "unauthorized"},
		"two users":                        {[]string{wideToken, "Resellerd-User: agent", "Resellerd-User: staff"}, 400, "bad_request"},
		"two users, the first empty":       {[]string{wideToken, "Resellerd-User: ", "Resellerd-User: agent"}, 400, "bad_request"},
		"a preview hidden by an empty one": {[]string{wideToken, "Resellerd-User: staff", "Resellerd-As: ", "Resellerd-As: agent"}, 400, "bad_request"},
		"a user too long":                  {[]string{wideToken, "Resellerd-User: " + strings.Repeat("x", 300)}, 400, "bad_request"},
		"an unknown user":                  {[]string{wideToken, "Resellerd-User: nobody"}, 403, "unknown_user"},
		"a disabled user":                  {[]string{wideToken, "Resellerd-User: gone"}, 403, "unknown_user"},
		"a user of a suspended account":    {[]string{wideToken, "Resellerd-User: shut"}, 403, "unknown_user"},
		"another tenant's, by a bound one": {[]string{boundToken, "Resellerd-User: stranger"}, 403, "unknown_user"},
		"another tenant's id, bound":       {[]string{boundToken, "Resellerd-User: " + w.ID("stranger")}, 403, "unknown_user"},
		"a token without the scope":        {[]string{decideToken, "Resellerd-User: agent"}, 403, "forbidden"},
		"a user's token that is none":      {[]string{wideToken, "Resellerd-User-JWT: a.b.c"}, 401, "unauthorized"},
	} {
		a := knock(t, s, "GET", "/v1/me", "", c.headers...)
		code := ""
		if a.StatusCode != 200 {
			code = strings.TrimPrefix(a.json(t)["type"].(string), problemType)
		}
		if a.StatusCode != c.status || code != c.code {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.text)
		}
		if (a.StatusCode == 401) != (a.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: WWW-Authenticate %q", name, a.Header.Get("WWW-Authenticate"))
		}
	}
}

// Only the log tells why a user is refused.
func TestRefusedUsersAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	eachCore(t, func(t *testing.T, w *coreWorld) {
		for tenant, account := range map[string]string{"master": "reseller", "other": "other"} { // a user of the same name in each tenant
			w.seed(t, tenant, seed.Group("twins of "+account, store.Group{AccountID: account, Name: "Twins", DefaultAccess: "r"}),
				seed.User("twin of "+account, store.User{AccountID: account, Login: "twin@x.example", ExternalID: "twin", Groups: []string{"twins of " + account}}))
		}
		s := w.serve(t, nil)
		w.log.take()
		want := ""
		for user, reason := range map[string]string{
			"nobody": "unknown_user", "twin": "unknown_user", "stranger": "unknown_user",
			"gone": "user_disabled", "shut": "account_suspended",
		} {
			token := boundToken
			if user == "twin" { // ambiguous only if the token is bound to no tenant
				token = wideToken
			}
			a := knock(t, s, "GET", "/v1/me", "", token, "Resellerd-User: "+user)
			if got := withoutIDs(t, a); want == "" {
				want = got
			} else if got != want {
				t.Errorf("%s: %s, want %s", user, got, want)
			}
			var entry struct {
				DecisionID string `json:"decision_id"`
				Reasons    []string
			}
			must(t, json.Unmarshal([]byte(w.log.take()), &entry))
			if len(entry.Reasons) != 1 || entry.Reasons[0] != reason || entry.DecisionID != a.json(t)["decision_id"] {
				t.Errorf("%s: logged %+v, want %s", user, entry, reason)
			}
		}
	})
}

func jwtServer(t *testing.T, w *coreWorld, i *issuer, require bool) *Server {
	t.Helper()
	return w.serve(t, func(c *Config) {
		c.JWT = jwtConfig(t, w.ID("master"), i.keys())
		c.JWT.RequireUser = require
	}, WithClock(func() time.Time { return jwtNow }))
}

func (i *issuer) token(t *testing.T, sub string) string {
	t.Helper()
	return token(t, map[string]any{"alg": "EdDSA", "kid": "d"}, claims(map[string]any{"sub": sub}), i.eddsa)
}

func TestAUsersTokenOpensItsOwnDoorsOnly(t *testing.T) {
	t.Parallel()
	w, i := sqliteCore(t), newIssuer(t)
	s := jwtServer(t, w, i, false)
	agent := i.token(t, "agent")
	about := func(typ, id string) string {
		return evaluationBody(fmt.Sprintf(`{"type":%q,"id":%q}`, typ, id), `{"name":"read"}`, `{"type":"area","id":"cdr"}`)
	}
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
	}{
		"its own data":               {"GET", "/v1/me", "", []string{agent}, 200},
		"with a user named":          {"GET", "/v1/me", "", []string{agent, "Resellerd-User: agent"}, 403},
		"with a client address":      {"GET", "/v1/me", "", []string{agent, "Resellerd-Client-IP: 192.0.2.1"}, 403},
		"as another":                 {"GET", "/v1/me", "", []string{agent, "Resellerd-As: clerk"}, 403},
		"with a revision":            {"GET", "/v1/me", "", []string{agent, "Resellerd-At-Least: x"}, 403},
		"of an unknown user":         {"GET", "/v1/me", "", []string{i.token(t, "nobody")}, 403},
		"of a disabled user":         {"GET", "/v1/me", "", []string{i.token(t, "gone")}, 403},
		"forged":                     {"GET", "/v1/me", "", []string{newIssuer(t).token(t, "agent")}, 401},
		"a question about itself":    {"POST", "/access/v1/evaluation", about("user", "agent"), []string{agent}, 200},
		"about itself by id":         {"POST", "/access/v1/evaluation", about("user", w.ID("agent")), []string{agent}, 200},
		"about another":              {"POST", "/access/v1/evaluation", about("user", "clerk"), []string{agent}, 403},
		"about one who is not there": {"POST", "/access/v1/evaluation", about("user", "absent"), []string{agent}, 403},
		"about another kind":         {"POST", "/access/v1/evaluation", about("service", "agent"), []string{agent}, 403},
	} {
		a := knock(t, s, c.method, c.path, c.body, c.headers...)
		if a.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.text)
		}
		for _, h := range []string{headerDecisionID, headerPolicy, headerRevision} {
			if a.Header.Get(h) != "" {
				t.Errorf("%s: a user was sent %s", name, h)
			}
		}
	}
}

func TestARequiredUserTokenTiesThePanelToItsUser(t *testing.T) {
	t.Parallel()
	w, i := sqliteCore(t), newIssuer(t)
	s := jwtServer(t, w, i, true)
	beside := "Resellerd-User-JWT: " + i.token(t, "agent")
	about := func(id string) string {
		return evaluationBody(fmt.Sprintf(`{"type":"user","id":%q}`, id), `{"name":"read"}`, `{"type":"area","id":"cdr"}`)
	}
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
	}{
		"without it":           {"GET", "/v1/me", "", []string{wideToken, "Resellerd-User: agent"}, 401},
		"with it":              {"GET", "/v1/me", "", []string{wideToken, beside}, 200},
		"for the same user":    {"GET", "/v1/me", "", []string{wideToken, beside, "Resellerd-User: agent"}, 200},
		"for another":          {"GET", "/v1/me", "", []string{wideToken, beside, "Resellerd-User: staff"}, 401},
		"a question about it":  {"POST", "/access/v1/evaluation", about("agent"), []string{wideToken, beside}, 200},
		"about another":        {"POST", "/access/v1/evaluation", about("staff"), []string{wideToken, beside}, 403},
		"about nobody's token": {"POST", "/access/v1/evaluation", about("agent"), []string{wideToken}, 401},
	} {
		if a := knock(t, s, c.method, c.path, c.body, c.headers...); a.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.text)
		}
	}
}

func TestPanelsReadTheirOwnHeaders(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	a := knock(t, s, "GET", "/v1/me", "", wideToken, "Resellerd-User: agent")
	for _, h := range []string{headerDecisionID, headerPolicy, headerRevision} {
		if a.Header.Get(h) == "" {
			t.Errorf("%s is missing", h)
		}
	}
	seen := a.Header.Get(headerRevision)
	elsewhere := w.store.DataRevision()
	elsewhere.Mark[0]++
	ahead := elsewhere
	ahead.N += 1000
	old := s.sealer.Seal("revision", nil, binary.BigEndian.AppendUint64(nil, uint64(elsewhere.N)))
	for name, c := range map[string]struct {
		revision string
		status   int
	}{
		"what was seen": {seen, 200}, "rubbish": {"12", 400},
		"of a lost commit":  {s.sealer.SealRevision(elsewhere), 409},
		"which is not here": {s.sealer.SealRevision(ahead), 409},
		"in the old form":   {old, 409},
	} {
		s.cfg.Limits.AtLeast = 50 * time.Millisecond
		if a := knock(t, s, "GET", "/v1/me", "", wideToken, "Resellerd-User: agent", "Resellerd-At-Least: "+c.revision); a.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.text)
		} else if c.status == 409 && !strings.Contains(a.text, `"type":"urn:resellerd:problem:revision_lost"`) {
			t.Errorf("%s: %s", name, a.text)
		}
	}
}

// A write on another replica is visible here if the request names its revision.
func TestReadYourWritesOnAnotherReplica(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	here := w.serve(t, nil)
	second := *w
	second.store = storetest.Open(t, storetest.URL(t, w.store), store.Options{Poll: time.Hour})
	there := second.serve(t, nil)
	off := store.Disabled
	coreWrite(t, w.store, w.ID("master"), func(tx *store.Tx) error {
		_, err := tx.UpdateUser(tctx, w.ID("clerk"), store.UserPatch{Status: &off})
		return err
	})
	revision := knock(t, here, "GET", "/v1/me", "", wideToken, "Resellerd-User: agent").Header.Get(headerRevision)
	a := knock(t, there, "GET", "/v1/me", "", wideToken, "Resellerd-User: clerk", "Resellerd-At-Least: "+revision)
	if a.StatusCode != 403 {
		t.Errorf("a disabled user is answered %d %s", a.StatusCode, a.text)
	}
}

func TestNobodyIsLetInWithoutAPolicy(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	s.engines = &EngineHolder{}
	for _, path := range []string{"/v1/me", "/readyz"} {
		if a := knock(t, s, "GET", path, "", wideToken, "Resellerd-User: agent"); a.StatusCode != 503 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if a := knock(t, s, "GET", "/livez", ""); a.StatusCode != 200 {
		t.Errorf("livez: %d", a.StatusCode)
	}
}

func TestAServerThatNobodyCouldCallDoesNotStart(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	for name, cfg := range map[string]Config{
		"nothing": {}, "blank lines": {PanelTokens: " , "},
		"a JWT without its issuer": {JWT: identity.JWT{JWKS: "x", Audience: "a"}},
		"half a certificate":       {PanelTokens: "t", TLS: transport.TLS{Cert: "x"}},
		"a key set that is absent": {JWT: identity.JWT{JWKS: "/absent.json", Issuer: "i", Audience: "a"}},
		"keys over plain http":     {JWT: identity.JWT{JWKS: "http://id.example/jwks", Issuer: "i", Audience: "a"}},
		"an unknown log mode":      {PanelTokens: "t", DecisionLogMode: "maybe"},
	} {
		if _, err := New(cfg, w.store, &EngineHolder{}); err == nil {
			t.Errorf("%s: started", name)
		}
	}
}
