package server

import (
	"errors"
	"io"
	"maps"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/store"
	"resellerd/store/fault"
)

// secretBodies are the bodies that are sent to every route that takes one. A new
// route must be added here: see knockEverywhere.
var secretBodies = map[string][]string{
	"POST /v1/accounts":                               {`{"name":"x","parent_id":"X"}`, `{"name":"x","external_id":"S","group":{"name":"x"},"user":{"login":"q@x.example"}}`, `{"name":"x"}`},
	"PATCH /v1/accounts/:id":                          {`{"name":"changed"}`, `{"external_id":"S"}`, `{"ceiling":{}}`},
	"POST /v1/groups":                                 {`{"name":"x","account_id":"X"}`, `{"name":"x","lend_to":["X"]}`, `{"name":"S","rows":{"carrier":["read"]}}`},
	"POST /v1/groups/default-reseller":                {`{"account_id":"X"}`, `{}`},
	"PATCH /v1/groups/:id":                            {`{"name":"changed"}`, `{"lend_to":["X"]}`},
	"POST /v1/users":                                  {`{"login":"q@x.example","groups":["X"]}`, `{"login":"S@example.com","external_id":"S","groups":["{M.default}"],"account_id":"X"}`},
	"PATCH /v1/users/:id":                             {`{"name":"changed"}`, `{"groups":["X"]}`, `{"external_id":"S"}`},
	"POST /v1/customers":                              {`{"name":"x","account_id":"X"}`, `{"name":"x","external_id":"S"}`},
	"PATCH /v1/customers/:id":                         {`{"name":"changed"}`, `{"account_id":"X"}`, `{"external_id":"S"}`},
	"POST /v1/customers/bulk":                         {`{"items":[{"name":"x","account_id":"X"},{"name":"x","external_id":"S"},{"name":"y"}]}`},
	"PATCH /v1/customers/bulk":                        {`{"items":[{"id":"X","name":"changed"},{"id":"X","account_id":"X"},{"id":"X","external_id":"S"}]}`},
	"POST /v1/users/bulk":                             {`{"items":[{"login":"q@x.example","groups":["X"]},{"login":"S@example.com","groups":["{M.default}"],"account_id":"X"}]}`},
	"PATCH /v1/users/bulk":                            {`{"items":[{"id":"X","name":"changed"},{"id":"X","groups":["X"]}]}`},
	"PUT /v1/accounts/by-external-id/:external_id":    {`{"name":"x","parent_id":"X"}`, `{"name":"x"}`},
	"PUT /v1/accounts/bulk":                           {`{"items":[{"external_id":"S","name":"x","parent_id":"X"},{"name":"x","external_id":"S"}]}`},
	"PUT /v1/groups/by-external-id/:external_id":      {`{"name":"x","account_id":"X"}`, `{"name":"x","lend_to":["X"]}`},
	"PUT /v1/groups/bulk":                             {`{"items":[{"external_id":"S","name":"x","account_id":"X"},{"external_id":"S","name":"x","lend_to":["X"]}]}`},
	"PUT /v1/users/by-external-id/:external_id":       {`{"login":"q@x.example","groups":["X"]}`, `{"login":"S@example.com","groups":["{M.default}"],"account_id":"X"}`},
	"PUT /v1/users/bulk":                              {`{"items":[{"external_id":"S","login":"q@x.example","groups":["X"]},{"external_id":"S","login":"S@example.com","groups":["{M.default}"],"account_id":"X"}]}`},
	"PUT /v1/customers/by-external-id/:external_id":   {`{"name":"x","account_id":"X"}`, `{"name":"x"}`},
	"PUT /v1/customers/bulk":                          {`{"items":[{"external_id":"S","name":"x","account_id":"X"},{"external_id":"S","name":"x"}]}`},
	"PUT /v1/cards/by-external-id/:external_id":       {`{"name":"x","currency":"EUR","parents":["X"]}`, `{"name":"x","currency":"EUR","account_id":"X"}`},
	"PUT /v1/cards/bulk":                              {`{"items":[{"external_id":"S","name":"x","currency":"EUR","parents":["X"]},{"external_id":"S","name":"x","currency":"EUR","account_id":"X"}]}`},
	"PUT /v1/cards/:id/profit-rules":                  {`{"items":[{"match":"*","type":"percent","value":"1"}]}`, `{"items":[]}`},
	"POST /v1/cards/:id/build":                        {``, `{"activate":true}`, `{"activate":true,"accept_losses":true}`},
	"POST /v1/cards/:id/import":                       {deckOne, "prefix,name,cost,effective date\nx,S,0.01,\n49,S,0.01,2036-01-01T00:00:00Z\n"},
	"POST /v1/cards/:id/proof":                        {``, `{"revision_id":"X"}`},
	"POST /v1/cards/rebuild":                          {``, `{"ids":["X"],"activate":true}`},
	"DELETE /v1/import-profiles/:name":                {""},
	"PUT /v1/import-profiles/:name":                   {`{"kind":"customer","options":[{"parameter":"pulse","value":"6"}]}`, `{"answers":[]}`},
	"PUT /v1/destinations":                            {`{"items":[{"prefix":"49","name":"x"}]}`, `{"items":[]}`},
	"POST /v1/cards":                                  {`{"name":"x","currency":"EUR","parents":["X"]}`, `{"name":"x","currency":"EUR","account_id":"X"}`, `{"name":"x","currency":"EUR","kind":"provider"}`, `{"name":"x","currency":"EUR","external_id":"S"}`},
	"PATCH /v1/cards/:id":                             {`{"name":"changed"}`, `{"tech_prefix":"1"}`, `{"external_id":"S"}`, `{"parents":["X"]}`, `{"profit_rules":[{"match":"*","status":"blocked"}]}`},
	"PUT /v1/cards/:id/assignments/:account_id":       {``, `{"valid_to":"2020-01-01T00:00:00Z"}`},
	"PUT /v1/cards/:id/customers/:customer_id":        {``, `{"valid_from":"2020-01-01T00:00:00Z"}`},
	"DELETE /v1/groups/:id":                           {``},
	"DELETE /v1/users/:id":                            {``},
	"DELETE /v1/customers/:id":                        {``},
	"DELETE /v1/cards/:id":                            {``},
	"DELETE /v1/cards/:id/assignments/:account_id":    {``},
	"DELETE /v1/cards/:id/customers/:customer_id":     {``},
	"POST /v1/lookup":                                 {`{"numbers":[{"number":"4930"},{"number":"X"}]}`, `{"numbers":[{"number":"4930","seconds":37},{"number":"49171"}]}`},
	"PATCH /v1/cards/:id/revisions/:revision":         {`{"status":"draft"}`},
	"DELETE /v1/cards/:id/revisions/:revision":        {``},
	"POST /v1/cards/:id/revisions/:revision/activate": {``, `{"accept_losses":true}`, `{"live_at":"2036-01-01T00:00:00Z"}`},
	"POST /v1/webhooks":                               {`{"url":"https://x.example/","user_id":"X"}`, `{"url":"https://x.example/","account_id":"X"}`, `{"url":"https://x.example/"}`},
	"PATCH /v1/webhooks/:id":                          {`{"url":"https://y.example/"}`, `{"status":"paused"}`, `{"user_id":"X"}`},
	"DELETE /v1/webhooks/:id":                         {``},
	"POST /v1/webhooks/:id/rotate":                    {``, `{"overlap":60}`},
	"POST /v1/webhooks/:id/dead-letters/:letter/send": {``},
	"POST /v1/cards/:id/rollback":                     {``, `{"accept_losses":true}`},
	"POST /v1/filters": {
		`{"user":"{USER}","area":"cdr","dialect":"postgres","columns":{"account_id":"account","id":{"column":"id","type":"integer"}}}`,
		`{"user":"{USER}","dialect":"ucast","accounts":"external_id","columns":{"account_id":"account","tenant_id":"tenant"},"filters":[{"area":"cdr"},{"area":"X"}]}`,
		`{"user":"X","area":"cdr","dialect":"sqlite","columns":{"account_id":"account"}}`,
	},
	"POST /access/v1/evaluation": {
		`{"subject":{"type":"user","id":"{USER}"},"action":{"name":"read"},"resource":{"type":"card","id":"X"},"context":{"reasons":true}}`,
		`{"subject":{"type":"user","id":"{USER}"},"action":{"name":"update"},"resource":{"type":"account","id":"X"},"context":{"reasons":true}}`,
		`{"subject":{"type":"user","id":"{USER}"},"action":{"name":"assign","properties":{"account_id":"X"}},"resource":{"type":"group","id":"X","properties":{"account_id":"X"}},"context":{"reasons":true}}`,
		`{"subject":{"type":"user","id":"{USER}"},"action":{"name":"delete"},"resource":{"type":"user","id":"X"},"context":{"reasons":true}}`,
		`{"subject":{"type":"user","id":"{USER}"},"action":{"name":"read"},"resource":{"type":"cdr","id":"1","properties":{"account_id":"X"}},"context":{"reasons":true}}`,
	},
	"POST /access/v1/search/subject": {`{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"card","id":"X"},"context":{"reasons":true}}`},
	"POST /access/v1/search/resource": {
		`{"subject":{"type":"user","id":"{USER}"},"action":{"name":"read"},"resource":{"type":"card"},"context":{"reasons":true}}`,
		`{"subject":{"type":"user","id":"{USER}"},"action":{"name":"update"},"resource":{"type":"user","properties":{"account_id":"X"}},"context":{"reasons":true},"page":{"limit":2}}`,
		`{"subject":{"type":"user","id":"{USER}"},"action":{"name":"read"},"resource":{"type":"area"},"context":{"reasons":true}}`,
	},
	"POST /access/v1/search/action": {`{"subject":{"type":"user","id":"{USER}"},"resource":{"type":"card","id":"X"},"context":{"reasons":true}}`},
	"POST /access/v1/evaluations": {
		`{"subject":{"type":"user","id":"{USER}"},"action":{"name":"read"},"context":{"reasons":true},"evaluations":[{"resource":{"type":"card","id":"X"}},{"resource":{"type":"account","id":"X"}},{"action":{"name":"delete"},"resource":{"type":"user","id":"X"}},{}]}`,
	},
}

// secretQueries are the queries that are sent to every GET route.
var secretQueries = []string{"", "?limit=1000", "?count=true&limit=1&sort=-name", "?name_contains=zq", "?sort=notes", "?notes_contains=zq", "?cursor=x", "?nonsense=1", "?updated_at_gt=2020-01-01T00:00:00Z"}

// secretIDs are the ids that are used for path parameters and references.
func (p *planted) secretIDs() []string { return p.ids }

func allSecretIDs() []string {
	ids := []string{"{nobody}", "{A}", "{a2}", "{acme}", "{retail}"}
	for _, of := range notA {
		for _, list := range [][]string{of.Users[:1], of.groups, of.customers, of.cards} {
			for _, name := range list {
				ids = append(ids, "{"+name+"}")
			}
		}
	}
	slices.Sort(ids)
	return append(ids, "{M}", "{B}", "{N}", "{R}")
}

// aShare keeps a test short. It returns a third of the ids for PostgreSQL, which
// takes longer. In quick tests, it returns a third of the ids, and a ninth of
// that for PostgreSQL.
func aShare(ids []string, database string) []string {
	if database == "postgres" {
		ids = everyThird(ids)
	}
	if !depth.Full() {
		ids = everyThird(ids)
	}
	if !depth.Full() && database == "postgres" {
		ids = everyThird(ids)
	}
	return ids
}

// everyThird returns every third id, and always gold and M.default.
func everyThird(ids []string) (some []string) {
	for i, id := range ids {
		if i%3 == 0 || id == "{gold}" || id == "{M.default}" {
			some = append(some, id)
		}
	}
	return some
}

// told is one request as a text, and the raw bytes of its answer.
type told struct{ asked, answer string }

// knockEverywhere sends everything that the tests know to every route of the
// table, as one user. It passes each answer to look.
func (p *planted) knockEverywhere(user string, look func(told)) {
	p.t.Helper()
	ids := p.secretIDs()
	routed := 0
	for _, rt := range routes() {
		key := rt.method + " " + rt.path
		bodies, known := secretBodies[key]
		if rt.method == "GET" {
			bodies, known = []string{""}, true
		}
		if !known {
			p.t.Fatalf("%s: the route is new; say in secretBodies what to send to it", key)
		}
		routed++
		for _, path := range p.pathsOf(rt.path, ids) {
			for _, query := range p.writeQueries(rt, path) {
				p.knockRoute(user, rt.method, path+query, bodies, look)
			}
		}
	}
	for key := range secretBodies {
		if !slices.ContainsFunc(routes(), func(rt route) bool { return rt.method+" "+rt.path == key }) {
			p.t.Errorf("%s: no such route any more", key)
		}
	}
	for _, wrong := range []asked{{method: "GET", path: "/v1/nothing"}, {method: "PUT", path: "/v1/cards"}, {method: "GET", path: "/v1/cards/"}, {method: "TRACE", path: "/v1/me"}} {
		look(p.knock(user, wrong))
	}
}

// writeQueries are the queries that a route gets with its bodies.
func (p *planted) writeQueries(rt route, path string) []string {
	switch {
	case rt.doc.dry:
		return []string{"?dry_run=true", ""}
	case rt.path != importPath:
		return []string{""}
	}
	queries := []string{"", "?mode=replace", "?mode=replace&apply=true", "?mode=replace&apply=true&skip_refused=true", "?mode=amend&base=nothing"}
	for _, revision := range p.revisionsOf(strings.Trim(strings.Split(path, "/")[3], "{}")) {
		queries = append(queries, "?mode=amend&base="+revision)
	}
	return queries
}

// pathsOf fills a pattern with every id. A second parameter gets only a few.
func (p *planted) pathsOf(pattern string, ids []string) (paths []string) {
	head, rest, found := strings.Cut(pattern, ":")
	if !found {
		return []string{pattern}
	}
	name, tail, more := strings.Cut(rest, "/")
	switch name {
	case "id", "user", "account_id", "customer_id":
	case "name", "external_id":
		ids = []string{"p", "q"}
	case "page":
		ids = []string{"server.md"}
	case "letter":
		ids = []string{"{hook}", "{nobody}"}
	case "revision":
		ids = p.revisionsOf(strings.Trim(strings.Split(head, "/")[3], "{}"))
	default:
		p.t.Fatalf("%s: the parameter %s is new", pattern, name)
	}
	for _, id := range ids {
		path := head + id
		if more {
			path += "/" + tail
		}
		paths = append(paths, p.pathsOf(path, []string{"{A}", "{B}", "{acme}", "{mega}", "{nobody}"})...)
	}
	return paths
}

// revisionsOf are the revisions of a card, and one revision of another card.
func (p *planted) revisionsOf(card string) (ids []string) {
	for _, label := range []string{"old", "new", "draft"} {
		ids = append(ids, p.id("revision "+label+" of "+card))
	}
	return append(ids, p.id("revision draft of silver"))
}

func (p *planted) knockRoute(user, method, path string, bodies []string, look func(told)) {
	if method != "GET" {
		for i, body := range append(slices.Clone(bodies), `{"broken`, `{"nonsense":1}`) {
			for _, id := range referencedBy(body, p.secretIDs()) {
				a := asked{method: method, path: path, body: strings.ReplaceAll(body, `"X"`, `"`+id+`"`)}
				if i%2 == 1 {
					a.header = []string{"If-Match", `"other"`, headerIdempotency, "key"}
				}
				look(p.knock(user, a))
			}
		}
		return
	}
	queries := secretQueries
	if strings.HasSuffix(path, "/rates") {
		for _, label := range []string{"old", "draft"} {
			card := strings.Trim(strings.Split(path, "/")[3], "{}")
			queries = append(slices.Clone(queries), "?revision="+p.id("revision "+label+" of "+card))
		}
		for _, at := range []time.Time{p.clock(), p.clock().Add(-time.Second), p.clock().Add(-time.Hour), p.clock().Add(time.Hour)} {
			queries = append(queries, "?at="+at.Format(time.RFC3339Nano))
		}
	}
	if strings.HasSuffix(path, "/diff") {
		card := strings.Trim(strings.Split(path, "/")[3], "{}")
		queries = append(slices.Clone(queries), "?count=true&with="+p.id("revision old of "+card))
	}
	if path == "/v1/lookup" {
		queries = append(slices.Clone(queries), "?number=4930", "?number=%2B491&seconds=37&jurisdiction=inter", "?number=1")
	}
	if path == "/v1/changes" {
		queries = append(slices.Clone(queries), "?wait=0&after="+p.beforeWrites(user))
	}
	for _, query := range queries {
		look(p.knock(user, asked{method: "GET", path: path + query}))
	}
	for _, header := range [][]string{{"Accept", mediaCSV}, {"Accept", mediaNDJSON}, {"Accept", "image/png"}, {headerAs, "{b}"}, {headerAs, "{a2}"}, {headerAtLeast, "x"}} {
		look(p.knock(user, asked{method: "GET", path: path, header: header}))
	}
	look(p.knock(user, asked{method: "HEAD", path: path}))
}

// beforeWrites writes to rows of all accounts of a tenant, and returns the user's cursor of
// changes from before.
func (p *planted) beforeWrites(user string) string {
	p.t.Helper()
	got := p.do(user, "GET", "/v1/changes", "")
	if got.status != 200 {
		return "x"
	}
	p.write(p.id("M"), func(tx *store.Tx) (err error) {
		for _, name := range []string{"acme", "bolt", "mega"} {
			_, failed := tx.UpdateCustomer(tctx, p.id(name), store.CustomerPatch{})
			err = errors.Join(err, unlessAbsent(failed))
		}
		for _, name := range []string{"gold", "silver", "bronze", "retail", "upstream"} {
			_, failed := tx.UpdateCard(tctx, store.AllRates, p.id(name), store.CardPatch{})
			err = errors.Join(err, unlessAbsent(failed))
		}
		return err
	})
	return toldIn(got).Cursor
}

// unlessAbsent drops the error that there is no such row: an earlier request deleted it.
func unlessAbsent(err error) error {
	if errors.Is(err, fault.ErrNotFound) {
		return nil
	}
	return err
}

// referencedBy returns a few ids if a body names an id, or else one.
func referencedBy(body string, ids []string) []string {
	if strings.Contains(body, `"X"`) {
		return []string{ids[0], ids[1], ids[len(ids)/2], ids[len(ids)-4], ids[len(ids)-3]}
	}
	return ids[:1]
}

// knock sends a request and keeps the raw bytes of its answer.
func (p *planted) knock(user string, a asked) told {
	p.t.Helper()
	body := p.expand(strings.ReplaceAll(a.body, "{USER}", "{"+user+"}"))
	req := httptest.NewRequest(a.method, p.expand(a.path), io.Reader(strings.NewReader(body)))
	req.Header.Set("Authorization", "Bearer "+worldToken)
	if !strings.HasPrefix(a.path, "/access/") {
		req.Header.Set(headerUser, p.id(user))
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if strings.Contains(a.path, "/import") {
		req.Header.Set("Content-Type", "text/csv")
	}
	for i := 0; i+1 < len(a.header); i += 2 {
		req.Header.Set(a.header[i], p.expand(a.header[i+1]))
	}
	res := send(p.t, p.server, req)
	defer res.Body.Close()
	raw, err := httputil.DumpResponse(res, true)
	if err != nil {
		p.t.Fatalf("%v: %v", a, err)
	}
	return told{asked: user + ": " + a.method + " " + p.expand(a.path) + " " + body + strings.Join(a.header, " "), answer: string(raw)}
}

// hiddenIDs are the ids of rows that A must not know of.
func (p *planted) hiddenIDs() map[string]string {
	hidden := map[string]string{}
	for _, name := range invisibleToA {
		hidden[p.id(name)] = name
	}
	for _, label := range []string{"old", "draft"} {
		hidden[p.id("revision "+label+" of gold")] = label + " revision of gold"
	}
	return hidden
}

func TestNoPlantedSecretReachesAnotherReseller(t *testing.T) {
	oneAtATime(t)
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			var p *planted
			newWorld(t, url(t), engineOf(t, 1), func(w *world) { seedWorld(w); p = plant(w) })
			p.ids = aShare(allSecretIDs(), name)
			hidden := p.hiddenIDs()
			answers := 0
			p.knockEverywhere("a", func(got told) {
				answers++
				for text, what := range p.what {
					if strings.Contains(got.answer, text) {
						t.Errorf("%s\nis told of %s:\n%s", got.asked, what, got.answer)
					}
				}
				if strings.Contains(got.asked, "/access/v1/search/subject") {
					return // tells the panel, not the user, who may do something
				}
				for id, what := range hidden {
					if strings.Contains(got.answer, id) && !strings.Contains(got.asked, id) {
						t.Errorf("%s\nis told the id of %s:\n%s", got.asked, what, got.answer)
					}
				}
			})
			t.Logf("%d answers hold none of %d secrets", answers, len(p.what))
			p.ids = allSecretIDs()
			p.mustBeFound(t)
		})
	}
}

// mustBeFound fails unless users who may see the secrets do see them. Otherwise
// a search for a text that is nowhere would pass.
func (p *planted) mustBeFound(t *testing.T) {
	t.Helper()
	missing := maps.Clone(p.what)
	for _, user := range []string{"m", "n"} {
		p.readEverything(user, func(got told) {
			if strings.Contains(got.asked, " /v1/preview/") {
				return // with another user's eyes
			}
			maps.DeleteFunc(missing, func(text, _ string) bool { return strings.Contains(got.answer, text) })
		})
	}
	for text, owner := range p.kept {
		if _, ok := missing[text]; !ok {
			t.Errorf("a master reads what is its reseller's own: %s", p.what[text])
		}
		p.readEverything(owner, func(got told) {
			if strings.Contains(got.answer, text) {
				delete(missing, text)
			}
		})
	}
	for text, what := range missing {
		t.Errorf("nobody reads %s (%s)", what, text)
	}
}

// readEverything reads every GET route.
func (p *planted) readEverything(user string, look func(told)) {
	for _, rt := range routes() {
		if rt.method != "GET" {
			continue
		}
		for _, path := range p.pathsOf(rt.path, p.secretIDs()) {
			if !strings.HasSuffix(path, "/rates") {
				look(p.knock(user, asked{method: "GET", path: path + "?limit=1000"}))
				look(p.knock(user, asked{method: "GET", path: path}))
				continue
			}
			look(p.knock(user, asked{method: "GET", path: path}))
			card := strings.Trim(strings.Split(path, "/")[3], "{}")
			for _, label := range []string{"old", "draft"} {
				look(p.knock(user, asked{method: "GET", path: path + "?revision=" + p.id("revision "+label+" of "+card)}))
			}
		}
	}
}
