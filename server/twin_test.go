package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/server/feed"
	"resellerd/server/webhook"
	"resellerd/store"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// twin is one of two worlds that a viewer must not be able to tell apart. The
// data that it may see is the same in both; the rest is drawn anew for each. Ids
// depend on the names of things, never on the order of creation.
type twin struct {
	t      *testing.T
	store  *store.Store
	server *Server
	db     *sql.DB // bypasses the store
	eyes   eyes

	seed   uint64 // of both worlds
	side   uint64 // of this one
	mu     sync.Mutex
	now    time.Time
	scope  string // the name of what is created next
	made   map[string]int
	serial int
	told   string // the last cursor of an answer about changes
	ended  string // the last cursor of an export of audit entries
}

// twinStart is the time when requests begin. All other data was created earlier.
var twinStart = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// namingToken is the token of a panel that may set external ids.
const namingToken = "naming-token-of-the-tests"

// newTwin opens a store, fills it for its viewer's eyes, and creates a server
// for it. Worlds with the same seed and different sides are twins.
func newTwin(t *testing.T, url string, engine *policies.Engine, viewer twinViewer, seed, side uint64, opts ...Option) *twin {
	t.Helper()
	w := newTwinStore(t, url, viewer, seed, side)
	held := &EngineHolder{}
	held.Swap(engine)
	opts = append([]Option{WithClock(w.clock), WithIDs(w.requestID), WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))}, opts...)
	s, err := New(Config{PanelTokens: worldToken + "," + namingToken + " " + identityScopes, DecisionLog: "none", Limits: patient}, w.store, held, opts...)
	if err != nil {
		t.Fatal(err)
	}
	w.server = s
	return w
}

// newTwinStore is newTwin without a server.
func newTwinStore(t *testing.T, url string, viewer twinViewer, seed, side uint64) *twin {
	t.Helper()
	w := &twin{
		t: t, eyes: viewer.eyes, seed: seed, side: side, now: twinStart, made: map[string]int{},
	}
	w.store = storetest.Open(t, url, store.Options{Now: w.clock, NewID: w.newID, MaxChanges: fewChanges})
	w.sameKey()
	w.fill()
	w.at(twinStart)
	return w
}

// sameKey gives the store the same key as its twin.
func (w *twin) sameKey() {
	w.t.Helper()
	mark := "?"
	if w.store.Dialect() == "postgres" {
		mark = "$1"
	}
	key := sha256.Sum256([]byte("the key of both worlds"))
	w.db = storetest.SQL(w.t, w.store)
	for _, statement := range []string{
		"DELETE FROM settings WHERE name = 'store_key' AND value <> " + mark,
		"INSERT INTO settings (name, value) VALUES ('store_key', " + mark + ")",
	} {
		if _, err := w.db.Exec(statement, key[:]); err != nil {
			w.t.Fatalf("store key: %v", err)
		}
	}
}

func (w *twin) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *twin) at(moment time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = moment
}

// begin sets the name of what is created next.
func (w *twin) begin(scope string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scope, w.made = scope, map[string]int{}
}

// newID returns the id of the next thing of a kind under the current name.
func (w *twin) newID(kind string) string {
	if kind == "change" { // several commits have one name
		return store.RandomID(kind)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	name := w.scope
	if n := w.made[kind]; n > 0 {
		name = fmt.Sprintf("%s/%d", name, n)
	}
	w.made[kind]++
	return idOf(kind, name)
}

// idOf returns the id of the thing with this kind and name in either world,
// whether it exists or not.
func idOf(kind, name string) string { return seed.ID(kind, name) }

func (w *twin) requestID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serial++
	return fmt.Sprintf("request%d", w.serial)
}

// asked is one request, the same for both worlds.
type asked struct {
	method, path, body string
	header             []string // names and values
}

func (a asked) String() string {
	text := a.method + " " + a.path
	for i := 0; i+1 < len(a.header); i += 2 {
		text += "\n  " + a.header[i] + ": " + a.header[i+1]
	}
	return text + "\n  " + a.body
}

// ask sends a request under the world's n-th name, so that its new rows have the
// same ids in both worlds.
func (w *twin) ask(n int, a asked) answered {
	w.t.Helper()
	w.begin(requestName(n))
	w.mu.Lock()
	w.serial = n * 1000
	w.mu.Unlock()
	var body io.Reader
	if a.body != "" {
		body = strings.NewReader(a.body)
	}
	path := strings.NewReplacer("after={told}", "after="+w.told, "after={ended}", "after="+w.ended).Replace(a.path)
	req := httptest.NewRequest(a.method, strings.Replace(path, "after=&", "", 1), body)
	req.Header.Set("Authorization", "Bearer "+worldToken)
	for i := 0; i+1 < len(a.header); i += 2 {
		if a.header[i] == "Authorization" {
			req.Header.Del("Authorization")
		}
		req.Header.Add(a.header[i], a.header[i+1])
	}
	res := send(w.t, w.server, req)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("%v: body: %v", a, err)
	}
	got := answered{t: w.t, what: a.String(), status: res.StatusCode, header: res.Header, body: string(text)}
	if strings.HasPrefix(a.path, "/v1/changes?after={told}") {
		w.keepTold(&got)
	}
	if strings.HasPrefix(a.path, "/v1/audit/export") {
		w.keepEnded(&got)
	}
	return got
}

// cursorsOf are the cursors of exports. They hold numbers of commits, which differ between
// the worlds.
var cursorsOf = regexp.MustCompile(`"cursor":"([^"]*)"`)

// keepEnded keeps the cursor of an export, and leaves its length in the answer.
func (w *twin) keepEnded(got *answered) {
	found := cursorsOf.FindStringSubmatch(got.body)
	if got.status != http.StatusOK || found == nil {
		return
	}
	w.ended = found[1]
	got.body = strings.Replace(got.body, found[0], fmt.Sprintf(`"cursor":"%d bytes"`, len(w.ended)), 1)
}

// hook makes a webhook of the viewer, with the same secret in both worlds.
func (w *twin) hook(viewer twinViewer, url string) {
	w.t.Helper()
	account, name, _ := strings.Cut(viewer.name, ".")
	master := account
	for twinParents[master] != "" {
		master = twinParents[master]
	}
	w.begin("hook of the viewer")
	err := w.store.Write(context.Background(), accountID(master), func(tx *store.Tx) error {
		id := tx.NewWebhookID()
		secret := w.server.sealSecret(id, webhook.Secret("the secret of both worlds"))
		_, err := tx.CreateWebhook(context.Background(), store.Webhook{ID: id, AccountID: accountID(master), UserID: userID(account, name), URL: url, Secret: secret})
		return err
	})
	must(w.t, err)
}

// fewChanges is store.Options.MaxChanges of the worlds.
const fewChanges = 100

// flood changes rows that the viewer does not see: in one world more of them in a commit
// than are stored one by one, and more in all than are read for one answer; in the other
// one a single row.
func (w *twin) flood() {
	w.t.Helper()
	owner, rows := "B", 1
	if w.eyes.within("B") || w.eyes.own == "M" {
		owner = "N"
	}
	if w.eyes.own == "B" {
		owner = "A"
	}
	master := owner
	for twinParents[master] != "" {
		master = twinParents[master]
	}
	if w.side == 1 {
		rows = fewChanges + 10
	}
	w.begin("flood")
	var ids []string
	must(w.t, w.store.Write(tctx, accountID(master), func(tx *store.Tx) error {
		for n := range rows {
			c, err := tx.CreateCustomer(tctx, store.Customer{AccountID: accountID(owner), Name: fmt.Sprint("one of many ", n)})
			if err != nil {
				return err
			}
			ids = append(ids, c.ID)
		}
		return nil
	}))
	must(w.t, w.store.Write(tctx, accountID(master), func(tx *store.Tx) error {
		for _, id := range ids {
			if err := tx.DeleteCustomer(tctx, id, 0); err != nil {
				return err
			}
		}
		return nil
	}))
	must(w.t, w.store.Write(tctx, accountID(master), func(tx *store.Tx) error {
		_, err := tx.CreateCustomer(tctx, store.Customer{AccountID: accountID(owner), Name: "the last of many"})
		return err
	}))
	if w.side != 1 {
		return
	}
	_, err := w.db.Exec(`INSERT INTO changes (tenant_id, revision, type, id, mark, at, changed, row_before, row_after)
		WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10100)
		SELECT c.tenant_id, c.revision, 'customer', 'cus_' || n.x, c.mark, c.at, c.changed, c.row_before, c.row_after
		FROM n, (SELECT * FROM changes WHERE type = 'customer' ORDER BY revision DESC LIMIT 1) c`)
	must(w.t, err)
}

// delivered lets the world deliver, and returns what the receiver got. The ids of messages
// are random, and the items are in order; see keepTold.
func (w *twin) delivered(r *receiving) string {
	w.t.Helper()
	w.mu.Lock()
	w.serial += 1e6 // no request asks about these decisions
	w.mu.Unlock()
	for range 2 {
		_, err := w.server.hooks.Round(context.Background())
		must(w.t, err)
		w.server.hooks.Wait()
	}
	var text strings.Builder
	for _, d := range r.take() {
		sortItems(d.message.Data.Items)
		fmt.Fprintf(&text, "%+v\n", d.message)
	}
	return text.String()
}

func sortItems(items []feed.Item) {
	slices.SortFunc(items, func(a, b feed.Item) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID)) })
}

// keepTold keeps the cursor of an answer about changes. It leaves the length of the
// cursor in the answer, and orders the items: how many rows a commit of a bulk request
// takes depends on the machine's speed.
func (w *twin) keepTold(got *answered) {
	var body changesBody
	if got.status != http.StatusOK || json.Unmarshal([]byte(got.body), &body) != nil {
		return
	}
	w.told = body.Cursor
	body.Cursor = fmt.Sprint(len(body.Cursor), " bytes")
	sortItems(body.Items)
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	got.body = string(text)
}

func requestName(n int) string { return fmt.Sprintf("request %d", n) }

// notCovered are the headers that non-interference does not cover.
var notCovered = []string{"Date", headerDecisionID, headerPolicy, headerRevision}

// bytesOf returns everything in an answer that must be the same.
func bytesOf(a answered) string {
	header := a.header.Clone()
	for _, name := range notCovered {
		header.Del(name)
	}
	var text strings.Builder
	fmt.Fprintln(&text, a.status)
	if err := header.Write(&text); err != nil {
		a.t.Fatal(err)
	}
	return text.String() + "\n" + decisionIDs.ReplaceAllString(a.body, "")
}

// statusClass classifies answers, to count those that a run has got.
func statusClass(a answered) string {
	if a.status == http.StatusOK && strings.Contains(a.body, `"decision":`) {
		return a.body[:min(len(a.body), 16)]
	}
	return fmt.Sprint(a.status)
}
