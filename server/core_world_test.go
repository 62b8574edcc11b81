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
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/store"
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
// carrier beside it.
type coreWorld struct {
	store                                  *store.Store
	master, reseller, below, closed, other store.Account
	staff, agent, clerk, low, gone, shut   store.User // by external id: staff agent clerk low gone shut
	stranger                               store.User
	customer, foreign                      store.Customer
	log                                    *coreLog
}

// coreLog is a log that a test may read while it is written.
type coreLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *coreLog) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *coreLog) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.b.String()
	s.b.Reset()
	return text
}

func newCoreWorld(t testing.TB, st *store.Store) *coreWorld {
	t.Helper()
	w := &coreWorld{store: st, log: &coreLog{}}
	ctx := context.Background()
	coreWrite(t, st, "", func(tx *store.Tx) (err error) {
		if w.other, err = tx.CreateAccount(ctx, store.Account{Kind: store.Master, Name: "Other"}); err != nil {
			return err
		}
		g, err := tx.CreateGroup(ctx, store.Group{AccountID: w.other.ID, Name: "All", DefaultAccess: "crud"})
		if err != nil {
			return err
		}
		w.stranger, err = tx.CreateUser(ctx, store.User{AccountID: w.other.ID, Login: "s@x.example", ExternalID: "stranger", Groups: []string{g.ID}})
		if err != nil {
			return err
		}
		w.foreign, err = tx.CreateCustomer(ctx, store.Customer{AccountID: w.other.ID, Name: "Foreign"})
		return err
	})
	coreWrite(t, st, "", func(tx *store.Tx) error { return w.carrier(ctx, tx) })
	return w
}

func coreWrite(t testing.TB, st *store.Store, tenant string, fn func(*store.Tx) error) {
	t.Helper()
	must(t, st.Write(context.Background(), tenant, fn))
}

func (w *coreWorld) carrier(ctx context.Context, tx *store.Tx) (err error) {
	account := func(into *store.Account, a store.Account) {
		if err == nil {
			*into, err = tx.CreateAccount(ctx, a)
		}
	}
	group := func(g store.Group) string {
		if err == nil {
			g, err = tx.CreateGroup(ctx, g)
		}
		return g.ID
	}
	user := func(into *store.User, in store.Account, name, group string) {
		if err == nil {
			*into, err = tx.CreateUser(ctx, store.User{AccountID: in.ID, Login: name + "@x.example", ExternalID: name, Groups: []string{group}})
		}
	}
	account(&w.master, store.Account{Kind: store.Master, Name: "Carrier", PublicName: "The Carrier"})
	account(&w.reseller, store.Account{ParentID: w.master.ID, Name: "Reseller"})
	account(&w.below, store.Account{ParentID: w.reseller.ID, Name: "Below"})
	account(&w.closed, store.Account{ParentID: w.master.ID, Name: "Closed", Status: store.Suspended})
	all := group(store.Group{AccountID: w.master.ID, Name: "All", DefaultAccess: "crud"})
	rows := store.Access{"customer": "crud", "user": "crud", "preview": "r", "cdr": "r"}
	agents := group(store.Group{AccountID: w.reseller.ID, Name: "Agents", Rows: rows})
	clerks := group(store.Group{AccountID: w.reseller.ID, Name: "Clerks", Rows: store.Access{"customer": "r"}})
	more := group(store.Group{AccountID: w.below.ID, Name: "More", Rows: store.Access{"customer": "r", "audit": "r"}})
	shut := group(store.Group{AccountID: w.closed.ID, Name: "Shut", DefaultAccess: "crud"})
	user(&w.staff, w.master, "staff", all)
	user(&w.agent, w.reseller, "agent", agents)
	user(&w.clerk, w.reseller, "clerk", clerks)
	user(&w.low, w.below, "low", more)
	user(&w.gone, w.reseller, "gone", agents)
	user(&w.shut, w.closed, "shut", shut)
	if err != nil {
		return err
	}
	off := store.Disabled
	if w.gone, err = tx.UpdateUser(ctx, w.gone.ID, store.UserPatch{Status: &off}); err != nil {
		return err
	}
	w.customer, err = tx.CreateCustomer(ctx, store.Customer{AccountID: w.reseller.ID, Name: "Customer", Notes: "planted-note"})
	return err
}

func coreEngine(t testing.TB, tree fs.FS) *EngineHolder {
	t.Helper()
	e, err := policies.Load(context.Background(), tree, policies.Options{Schema: Schema(), Source: "test", Timeout: time.Minute})
	must(t, err)
	h := &EngineHolder{}
	h.Swap(e)
	return h
}

// serve makes a server over the world with the embedded policy.
func (w *coreWorld) serve(t testing.TB, change func(*Config), opts ...Option) *Server {
	t.Helper()
	return w.serveTree(t, policies.Embedded(), change, opts...)
}

func (w *coreWorld) serveTree(t testing.TB, tree fs.FS, change func(*Config), opts ...Option) *Server {
	t.Helper()
	cfg := Config{DecisionLogMode: "sync", Limits: patient, PanelTokens: strings.Join([]string{
		wideToken, w.master.ID + ":" + boundToken, readToken + " data", decideToken + " decide"}, ",")}
	if change != nil {
		change(&cfg)
	}
	opts = append([]Option{WithDecisionWriter(w.log), WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))}, opts...)
	s, err := New(cfg, w.store, coreEngine(t, tree), opts...)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// eachCore runs the test over a world in every database.
func eachCore(t *testing.T, test func(t *testing.T, w *coreWorld)) {
	storetest.Each(t, func(t *testing.T, st *store.Store) { test(t, newCoreWorld(t, st)) })
}

// sqliteCore is for what has nothing to do with the database.
func sqliteCore(t testing.TB) *coreWorld {
	t.Helper()
	return newCoreWorld(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
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
	res, err := s.App().Test(req, -1)
	must(t, err)
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
	res, err := s.App().Test(req, -1)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	return knocked{res, string(text)}
}
