package server

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/store"
	"resellerd/store/history"
	"resellerd/store/schema"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// A world is a store with two carriers in it and a server before it.
//
//	M, a master          users m (everything), clerk (some areas only)
//	  A, a reseller      users a, a2 (default reseller); customers acme, apex; card retail
//	  B, a reseller      users b, b2; customers bolt, brio; card bulk
//	  C, a reseller      users c, c2; customer crux; no card assigned
//	N, a master          users n, nclerk
//	  R, a reseller      users r, r2; customer rune
//
// M has the provider cards upstream and upstream2, and the customer cards gold
// (assigned to A and B), silver (to B) and bronze (to nobody); its customer
// mega is on gold; its webhook hook, which is paused, is told what a sees. N has the provider card foreign and the customer card
// nickel, assigned to R.
//
// Every private text holds a secret that names its owner: secret("M", …).
// Ids follow from these names, so that two worlds can be compared.
type world struct {
	t      testing.TB
	store  *store.Store
	server *Server
	names  seed.Names
	mu     sync.Mutex
	now    time.Time

	measured bool // the test measures memory: requests are not held to the OpenAPI document, whose checks keep theirs
}

// worldStart is when the first row of a world is made.
var worldStart = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

const worldToken = "panel-token-of-the-tests"

// eachWorld runs a test on a world in either database; in quick tests, in one.
func eachWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	eachWorldWith(t, 1, test)
}

// eachWorldWith is eachWorld with another max_depth.
func eachWorldWith(t *testing.T, maxDepth int, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			test(t, newWorld(t, url(t), engineOf(t, maxDepth), seedWorld))
		})
	}
}

// patient are limits for tests that do not hold how fast the machine is.
var patient = Limits{Request: 5 * time.Minute, Write: 5 * time.Minute}

// newWorld opens a fresh store, has fill make its rows, and puts a server before it.
func newWorld(t testing.TB, url string, engine *policies.Engine, fill func(w *world), opts ...Option) *world {
	t.Helper()
	return newWorldOn(t, url, engine, fill, nil, opts...)
}

// newWorldOn is newWorld with store.Options.Wrap.
func newWorldOn(t testing.TB, url string, engine *policies.Engine, fill func(w *world),
	wrap func(driver.Connector) driver.Connector, opts ...Option,
) *world {
	t.Helper()
	w := &world{t: t, now: worldStart}
	w.store = storetest.Open(t, url, store.Options{Now: w.clock, NewID: w.names.NewID, Wrap: wrap})
	fill(w)
	opts = append([]Option{
		WithClock(w.clock), WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
	}, opts...)
	held := &EngineHolder{}
	held.Swap(engine)
	s, err := New(Config{PanelTokens: worldToken, DecisionLog: "none", Limits: patient}, w.store, held, opts...)
	if err != nil {
		t.Fatal(err)
	}
	w.server = s
	return w
}

// run is t.Run for a case that leaves the world as the others need it.
func (w *world) run(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		whole := w.t
		w.t = t
		defer func() { w.t = whole }()
		test(t)
	})
}

var engines sync.Map

// engineOf is the embedded policy with another max_depth, loaded once.
func engineOf(t testing.TB, maxDepth int) *policies.Engine {
	t.Helper()
	load, _ := engines.LoadOrStore(maxDepth, sync.OnceValues(func() (*policies.Engine, error) {
		tree, err := treeWithDepth(maxDepth)
		if err != nil {
			return nil, err
		}
		return policies.Load(context.Background(), tree, policies.Options{
			Schema: Schema(), Source: "embedded", Timeout: time.Minute})
	}))
	engine, err := load.(func() (*policies.Engine, error))()
	if err != nil {
		t.Fatalf("policy: %v", err)
	}
	return engine
}

var depthLimit = regexp.MustCompile(`"max_depth": *\d+`)

func treeWithDepth(maxDepth int) (fs.FS, error) {
	tree := fstest.MapFS{}
	err := fs.WalkDir(policies.Embedded(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(policies.Embedded(), path)
		if path == "data.json" {
			text = depthLimit.ReplaceAll(text, fmt.Appendf(nil, `"max_depth": %d`, maxDepth))
		}
		tree[path] = &fstest.MapFile{Data: text}
		return err
	})
	return tree, err
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// name has what is made next be called so; its id follows from the name.
func (w *world) name(name string) { w.names.Next(name) }

// call gives a name to an id that the server made.
func (w *world) call(name, id string) { w.names.Call(name, id) }

// id is the id of what was given this name; a name that nothing has is the id
// of something that is not there.
func (w *world) id(name string) string { return w.names.ID(name) }

// secret is a text that only the owner's side may see.
func secret(owner, what string) string { return "planted-" + strings.ToLower(owner) + "-" + what }

// leaked finds secrets of these owners in what was sent.
func leaked(text string, owners ...string) []string {
	var found []string
	for _, owner := range owners {
		if at := strings.Index(text, "planted-"+strings.ToLower(owner)+"-"); at >= 0 {
			found = append(found, text[at:min(len(text), at+40)])
		}
	}
	return found
}

// write changes the store past the server.
func (w *world) write(tenant string, fn func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.store.Write(context.Background(), tenant, fn); err != nil {
		w.t.Fatalf("seed: %v", err)
	}
}

// seed makes rows in a tenant, or a master with its tenant, in one transaction.
func (w *world) seed(tenant string, rows ...seed.Row) {
	w.t.Helper()
	if tenant != "" {
		tenant = w.id(tenant)
	}
	w.write(tenant, func(tx *store.Tx) error { return seed.Make(context.Background(), tx, &w.names, rows...) })
}

// answered is what a request got.
type answered struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   string
}

// do sends a request as a user, by the names of the world: "{acme}" in a path,
// a body or a header stands for an id. A header without a value is not sent.
func (w *world) do(user, method, path, body string, headers ...string) answered {
	w.t.Helper()
	path, body = w.expand(path), w.expand(body)
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, path, reader)
	req.Header.Set("Authorization", "Bearer "+worldToken)
	req.Header.Set(headerUser, w.id(user))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if req.Header.Del(headers[i]); headers[i+1] != "" {
			req.Header.Set(headers[i], w.expand(headers[i+1]))
		}
	}
	res := w.send(req)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("%s %s: body: %v", method, path, err)
	}
	return answered{t: w.t, what: user + ": " + method + " " + path, status: res.StatusCode, header: res.Header, body: string(text)}
}

func (w *world) send(req *http.Request) *http.Response {
	w.t.Helper()
	if !w.measured {
		return send(w.t, w.server, req)
	}
	res, err := w.server.App().Test(req, -1)
	must(w.t, err)
	return res
}

var placeholder = regexp.MustCompile(`\{[A-Za-z][A-Za-z0-9.]*\}`)

func (w *world) expand(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string { return w.id(name[1 : len(name)-1]) })
}

func (w *world) get(user, path string) answered { w.t.Helper(); return w.do(user, "GET", path, "") }

// want fails the test unless the answer has the status, and returns it.
func (a answered) want(status int) answered {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d: %s", a.what, a.status, status, a.body)
	}
	return a
}

// refused is want with a reason or a field in the problem.
func (a answered) refused(status int, part string) answered {
	a.t.Helper()
	a.want(status)
	if !strings.Contains(a.body, part) {
		a.t.Fatalf("%s: problem without %q: %s", a.what, part, a.body)
	}
	return a
}

// object is the body as JSON.
func (a answered) object() map[string]any {
	a.t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(a.body), &object); err != nil {
		a.t.Fatalf("%s: %v: %s", a.what, err, a.body)
	}
	return object
}

// items are the rows of a list.
func (a answered) items() []map[string]any {
	a.t.Helper()
	var page struct{ Items []map[string]any }
	if err := json.Unmarshal([]byte(a.want(200).body), &page); err != nil {
		a.t.Fatalf("%s: %v: %s", a.what, err, a.body)
	}
	return page.Items
}

// column lists one column of a list, in its order.
func (a answered) column(name string) []string {
	a.t.Helper()
	values := []string{}
	for _, item := range a.items() {
		text, _ := item[name].(string)
		values = append(values, text)
	}
	return values
}

var decisionIDs = regexp.MustCompile(`"decision_id":"[^"]*"`)

// alike is an answer without what is the request's own.
func (a answered) alike() string {
	header := a.header.Clone()
	for _, own := range []string{"Date", headerDecisionID, headerPolicy, headerRevision} {
		header.Del(own)
	}
	body := decisionIDs.ReplaceAllString(a.body, "")
	if strings.Contains(a.what, "/v1/audit/export") { // its cursor holds the number of a commit, sealed
		body = cursorsOf.ReplaceAllString(body, "")
	}
	return fmt.Sprintf("%d %v %s", a.status, header, body)
}

// carriers are databases with the two carriers in them.
var carriers = storetest.NewTemplate(func(t testing.TB, url string) {
	w := &world{t: t, now: worldStart}
	s, err := store.Open(context.Background(), url, store.Options{Now: w.clock, NewID: w.names.NewID})
	if err != nil {
		t.Fatal(err)
	}
	w.store = s
	w.fill()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	seeded.Store(w)
})

// seeded is the world that carriers were last filled by: it knows the ids.
var seeded atomic.Pointer[world]

// seedWorld makes the two carriers, unless the database has them.
func seedWorld(w *world) {
	if !carriers.Copied(storetest.URL(w.t, w.store)) {
		w.fill()
		return
	}
	from := seeded.Load()
	w.names.Learn(&from.names)
	w.now = from.now
	<-w.store.Newer(history.DataRevision{}) // the writer of these rows would know its revision
}

func (w *world) fill() {
	seedMaster(w, "M", "Meridian")
	seedMaster(w, "N", "Northwind")
	for _, of := range []struct{ master, name string }{{"M", "A"}, {"M", "B"}, {"M", "C"}, {"N", "R"}} {
		w.seed(of.master, resellerRows(of.master, of.name)...)
	}
	seedCustomers(w, "M", "M", "mega")
	seedCustomers(w, "M", "A", "acme", "apex")
	seedCustomers(w, "M", "B", "bolt", "brio")
	seedCustomers(w, "M", "C", "crux")
	seedCustomers(w, "N", "R", "rune")
	seedCard(w, "M", "M", "upstream", schema.ProviderCard)
	seedCard(w, "M", "M", "upstream2", schema.ProviderCard)
	seedCard(w, "M", "M", "gold", schema.CustomerCard, "A", "B")
	seedCard(w, "M", "M", "silver", schema.CustomerCard, "B")
	seedCard(w, "M", "M", "bronze", schema.CustomerCard)
	seedCard(w, "M", "A", "retail", schema.CustomerCard)
	seedCard(w, "M", "B", "bulk", schema.CustomerCard)
	seedCard(w, "N", "N", "foreign", schema.ProviderCard)
	seedCard(w, "N", "N", "nickel", schema.CustomerCard, "R")
	w.seed("M", seed.Put("gold", "mega"), seed.Put("retail", "acme"), seed.Put("bulk", "bolt"))
	w.seed("M", seed.Webhook("hook", store.Webhook{AccountID: "M", UserID: "a", URL: "https://" + secret("M", "hook") + ".example/", Status: schema.Paused, Secret: secret("M", "sealed")}))
}

// seedMaster makes a master with its groups full, clerks and default, and a
// user in each of the first two.
func seedMaster(w *world, name, public string) {
	low, clerk := strings.ToLower(name), "clerk"
	if name != "M" {
		clerk = low + clerk
	}
	lent := store.DefaultResellerGroup()
	lent.AccountID, lent.Name = name, secret(name, "resellers")
	w.seed("",
		seed.Account(name, store.Account{
			Kind: store.Master, Name: secret(name, "company"), PublicName: public, Currency: "EUR",
			Email: secret(name, "office") + "@example.com"}),
		seed.Group(name+".full", store.Group{AccountID: name, Name: secret(name, "full access"), DefaultAccess: "crud"}),
		seed.Group(name+".clerks", store.Group{AccountID: name, Name: secret(name, "clerks"),
			Rows: store.Access{"account": "r", "customer": "ru", "card/customer": "r", "group": "cru", "user": "crud"}}),
		seed.Group(name+".default", lent),
		userRow(name, low, name+".full"), userRow(name, clerk, name+".clerks"))
}

func userRow(account, name, group string) seed.Row {
	return seed.User(name, store.User{
		AccountID: account, Login: secret(account, name) + "@example.com", Name: secret(account, "name of "+name),
		ExternalID: secret(account, "external "+name), Groups: []string{group}})
}

// resellerRows are an account below a master, with two users.
func resellerRows(master, name string) []seed.Row {
	low := strings.ToLower(name)
	return []seed.Row{
		seed.Account(name, store.Account{
			ParentID: master, Name: secret(name, "company"), PublicName: "Public " + name, Currency: "EUR",
			Email: secret(name, "office") + "@example.com", ExternalID: secret(master, "external "+name)}),
		userRow(name, low, master+".default"), userRow(name, low+"2", master+".default"),
	}
}

func seedCustomers(w *world, tenant, account string, names ...string) {
	for _, name := range names {
		w.seed(tenant, seed.Customer(name, store.Customer{
			AccountID: account, Name: secret(account, name), Email: secret(account, name) + "@example.com",
			ExternalID: secret(account, "external "+name), Notes: secret(account, "notes on "+name), Currency: "EUR"}))
		w.pass(time.Second)
	}
}

// seedCard makes a card with an active revision of three rates.
func seedCard(w *world, tenant, account, name, kind string, assigned ...string) {
	card := store.NewCard()
	card.Kind, card.AccountID, card.Currency = kind, account, "EUR"
	card.Name, card.Notes, card.TechPrefix = secret(account, name), secret(account, "notes on "+name), "77#"
	card.ExternalID = secret(account, "external "+name)
	card.PublicName, card.PublicNotes = "Public "+name, "To whom it may concern"
	if kind == schema.ProviderCard {
		card.Carrier, card.PublicName, card.PublicNotes = secret(account, "carrier"), "", ""
	}
	w.seed(tenant, seed.Card(name, card), seed.Rates(name, someRates(account, kind)), seed.Assign(name, assigned...))
	w.pass(time.Second)
}

// draft gives a card a draft that costs twice as much, called "CARD.draft".
func (w *world) draft(card string) {
	w.t.Helper()
	w.drafts(card, "draft", "0.05")
}

// drafts gives a card a draft of one rate, called "CARD.NAME".
func (w *world) drafts(card, name, cost string) {
	w.t.Helper()
	price, err := schema.ParseMoney(cost)
	if err != nil {
		w.t.Fatal(err)
	}
	tenant := w.id("M")
	if card == "nickel" || card == "foreign" {
		tenant = w.id("N")
	}
	w.write(tenant, func(tx *store.Tx) error {
		r, err := tx.CreateRevision(context.Background(), w.id(card), func(yield func(store.Rate, error) bool) {
			yield(store.Rate{Prefix: "49", Name: "Germany", Cost: price, Pulse: 1}, nil)
		})
		w.call(card+"."+name, r.ID)
		return err
	})
}

func someRates(account, kind string) iter.Seq2[store.Rate, error] {
	title := "Germany"
	if kind == schema.ProviderCard {
		title = secret(account, "route")
	}
	return func(yield func(store.Rate, error) bool) {
		for i, prefix := range []string{"49", "491", "44"} {
			rate := store.Rate{Prefix: prefix, Name: title, Cost: int64(i+1) * 123_000_000, MCD: 1, Pulse: 1}
			if !yield(rate, nil) {
				return
			}
		}
	}
}
