package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/store"
	"resellerd/store/history"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// Tokens of the tests' panels.
const (
	wideToken   = "store-wide-token"
	boundToken  = "bound-token"
	readToken   = "read-only-token"
	decideToken = "decide-only-token"
)

// coreWorld is a carrier with a reseller and a reseller below that, and another
// carrier beside it. Users are named by their external ids:
//
//	master          staff (everything); customer of the reseller: customer
//	  reseller      agent, clerk (reads customers), gone (disabled)
//	    below       low
//	  closed        shut; the account is suspended
//	other           stranger (everything); customer foreign
type coreWorld struct {
	*seed.Names

	store *store.Store
	log   *coreLog
}

// coreLog is a log that a test may read while it is written.
type coreLog struct {
	mu       sync.Mutex
	b        bytes.Buffer
	profiles strings.Builder // all that were read
}

func (s *coreLog) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// take returns the entries since the last call, without the profiles and answers.
func (s *coreLog) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, entries := s.b.String(), strings.Builder{}
	s.b.Reset()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, `{"event":"profile"`) || strings.HasPrefix(line, `{"event":"answer"`) {
			s.profiles.WriteString(line)
			continue
		}
		entries.WriteString(line)
	}
	return entries.String()
}

// withProfiles is take after all profiles that the log has written until now.
func (s *coreLog) withProfiles() string {
	entries := s.take()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.profiles.String() + entries
}

// cores are databases with the rows of a coreWorld in them.
var cores = storetest.NewTemplate(func(t testing.TB, url string) {
	names := &seed.Names{}
	st, err := store.Open(context.Background(), url, store.Options{NewID: names.NewID})
	must(t, err)
	must(t, seed.Fill(context.Background(), st, names, coreRows()...))
	must(t, st.Close())
	coreNames.Store(names)
})

// coreNames are those of cores. Ids follow from the names, so that they are the
// same in every copy.
var coreNames atomic.Pointer[seed.Names]

// newCoreWorld is the world of a store that is a copy of cores, or empty.
func newCoreWorld(t testing.TB, st *store.Store) *coreWorld {
	t.Helper()
	w := &coreWorld{Names: &seed.Names{}, store: st, log: &coreLog{}}
	if !cores.Copied(storetest.URL(t, st)) {
		w.Names = storetest.Fill(t, st, coreRows()...)
		return w
	}
	w.Learn(coreNames.Load())
	<-st.Newer(history.DataRevision{}) // the writer of these rows would know its revision
	return w
}

func coreWrite(t testing.TB, st *store.Store, tenant string, fn func(*store.Tx) error) {
	t.Helper()
	must(t, st.Write(context.Background(), tenant, fn))
}

// seed makes rows in the tenant of a master.
func (w *coreWorld) seed(t testing.TB, master string, rows ...seed.Row) {
	t.Helper()
	coreWrite(t, w.store, w.ID(master), func(tx *store.Tx) error { return seed.Make(tctx, tx, w.Names, rows...) })
}

func coreRows() []seed.Row {
	user := func(name, account, group string) seed.Row {
		u := store.User{AccountID: account, Login: name + "@x.example", ExternalID: name, Groups: []string{group}}
		if name == "gone" {
			u.Status = store.Disabled
		}
		return seed.User(name, u)
	}
	return []seed.Row{
		seed.Account("other", store.Account{Kind: store.Master, Name: "Other"}),
		seed.Group("others", store.Group{AccountID: "other", Name: "All", DefaultAccess: "crud"}),
		seed.User("stranger", store.User{AccountID: "other", Login: "s@x.example", ExternalID: "stranger", Groups: []string{"others"}}),
		seed.Customer("foreign", store.Customer{AccountID: "other", Name: "Foreign"}),

		seed.Account("master", store.Account{Kind: store.Master, Name: "Carrier", PublicName: "The Carrier"}),
		seed.Account("reseller", store.Account{ParentID: "master", Name: "Reseller"}),
		seed.Account("below", store.Account{ParentID: "reseller", Name: "Below"}),
		seed.Account("closed", store.Account{ParentID: "master", Name: "Closed", Status: store.Suspended}),
		seed.Group("all", store.Group{AccountID: "master", Name: "All", DefaultAccess: "crud"}),
		seed.Group("agents", store.Group{AccountID: "reseller", Name: "Agents",
			Rows: store.Access{"customer": "crud", "user": "crud", "preview": "r", "cdr": "r"}}),
		seed.Group("clerks", store.Group{AccountID: "reseller", Name: "Clerks", Rows: store.Access{"customer": "r"}}),
		seed.Group("more", store.Group{AccountID: "below", Name: "More", Rows: store.Access{"customer": "r", "audit": "r"}}),
		seed.Group("shuts", store.Group{AccountID: "closed", Name: "Shut", DefaultAccess: "crud"}),
		user("staff", "master", "all"), user("agent", "reseller", "agents"), user("clerk", "reseller", "clerks"),
		user("low", "below", "more"), user("gone", "reseller", "agents"), user("shut", "closed", "shuts"),
		seed.Customer("customer", store.Customer{AccountID: "reseller", Name: "Customer", Notes: "planted-note"}),
	}
}

func coreEngine(tree fs.FS) (*policies.Engine, error) {
	return policies.Load(context.Background(), tree, policies.Options{Schema: Schema(), Source: "test", Timeout: time.Minute})
}

// embeddedEngine is the embedded policy, loaded once.
var embeddedEngine = sync.OnceValues(func() (*policies.Engine, error) { return coreEngine(policies.Embedded()) })

// serve makes a server over the world with the embedded policy.
func (w *coreWorld) serve(t testing.TB, change func(*Config), opts ...Option) *Server {
	t.Helper()
	e, err := embeddedEngine()
	must(t, err)
	return w.serveEngine(t, e, change, opts...)
}

func (w *coreWorld) serveTree(t testing.TB, tree fs.FS, change func(*Config), opts ...Option) *Server {
	t.Helper()
	e, err := coreEngine(tree)
	must(t, err)
	return w.serveEngine(t, e, change, opts...)
}

func (w *coreWorld) serveEngine(t testing.TB, engine *policies.Engine, change func(*Config), opts ...Option) *Server {
	t.Helper()
	held := &EngineHolder{}
	held.Swap(engine)
	cfg := Config{DecisionLogMode: "sync", Limits: patient, PanelTokens: strings.Join([]string{
		wideToken, w.ID("master") + ":" + boundToken, readToken + " data", decideToken + " decide"}, ",")}
	if change != nil {
		change(&cfg)
	}
	opts = append([]Option{WithDecisionWriter(w.log), WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))}, opts...)
	s, err := New(cfg, w.store, held, opts...)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// eachCore runs the test over a world in every database.
func eachCore(t *testing.T, test func(t *testing.T, w *coreWorld)) {
	t.Helper()
	for name, url := range databases(cores, turn(t)) {
		t.Run(name, func(t *testing.T) { test(t, newCoreWorld(t, storetest.Open(t, url(t), store.Options{}))) })
	}
}

// sqliteCore is for what has nothing to do with the database.
func sqliteCore(t testing.TB) *coreWorld {
	t.Helper()
	return newCoreWorld(t, storetest.Open(t, cores.SQLite(t), store.Options{}))
}

// knocked is an answer, read.
type knocked struct {
	*http.Response
	text string
}

func (a knocked) json(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.text), &v); err != nil {
		t.Fatalf("%d %q: %v", a.StatusCode, a.text, err)
	}
	return v
}

// knock sends a request. Headers are "Name: value" lines; a bare word is a token.
func knock(t testing.TB, s *Server, method, path, body string, headers ...string) knocked {
	t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, ok := strings.Cut(h, ": ")
		if !ok {
			name, value = "Authorization", "Bearer "+h
		}
		req.Header.Add(name, value)
	}
	res := send(t, s, req)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	return knocked{res, string(text)}
}

// knockPlain is knock without a content type of its own.
func knockPlain(t testing.TB, s *Server, path, body string, headers ...string) knocked {
	t.Helper()
	req := httptest.NewRequest("POST", path, strings.NewReader(body))
	for _, h := range headers {
		name, value, ok := strings.Cut(h, ": ")
		if !ok {
			name, value = "Authorization", "Bearer "+h
		}
		req.Header.Add(name, value)
	}
	res := send(t, s, req)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	return knocked{res, string(text)}
}
