package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"resellerd/policies/policiestest/depth"
	"resellerd/server/search"
	"resellerd/store"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// foundPage is the answer to a search.
type foundPage struct {
	Page struct {
		NextToken string `json:"next_token"`
		Count     int
	}
	Context map[string]any
	Results []struct{ Type, ID, Name string }
}

// names are the ids of the results, or the names of actions.
func (p foundPage) names() (names []string) {
	for _, r := range p.Results {
		names = append(names, r.ID+r.Name)
	}
	return names
}

// askingFor is what the tests send a question with.
type askingFor func(path, body string) answered

// searchAll follows the pages of a search to its end.
func searchAll(t *testing.T, ask askingFor, part, question string, limit int) (names []string) {
	t.Helper()
	for token := ""; ; {
		page := fmt.Sprintf(`,"page":{"limit":%d,"token":%q}}`, limit, token)
		got := ask("/access/v1/search/"+part, question[:len(question)-1]+page)
		if got.status != 200 {
			t.Fatalf("%s %s: %d %s", part, question, got.status, got.body)
		}
		var found foundPage
		must(t, json.Unmarshal([]byte(got.body), &found))
		if len(found.Results) > limit || found.Page.Count != len(found.Results) {
			t.Fatalf("a page of %d: %s", limit, got.body)
		}
		names = append(names, found.names()...)
		if token = found.Page.NextToken; token == "" {
			return names
		}
	}
}

// allowedOf returns the candidates for which an evaluation allows.
func allowedOf(t *testing.T, ask askingFor, question string, candidates []string, about func(id string) string) (names []string) {
	t.Helper()
	for few := range slices.Chunk(candidates, 500) {
		var items []string
		for _, id := range few {
			items = append(items, about(id))
		}
		got := ask("/access/v1/evaluations", question[:len(question)-1]+`,"evaluations":[`+strings.Join(items, ",")+`]}`)
		var answers struct{ Evaluations []struct{ Decision bool } }
		must(t, json.Unmarshal([]byte(got.body), &answers))
		if len(answers.Evaluations) != len(few) {
			t.Fatalf("%d %s", got.status, got.body)
		}
		for i, a := range answers.Evaluations {
			if a.Decision {
				names = append(names, few[i])
			}
		}
	}
	return names
}

// A search finds exactly what single evaluations allow.
func TestASearchFindsWhatEvaluationsAllow(t *testing.T) {
	oneAtATime(t)
	for name, url := range databases(storetest.Empty, turn(t)) {
		t.Run(name, func(t *testing.T) {
			first := depth.FirstSeed()
			w := newTwin(t, url(t), engineOf(t, 3), twinViewers[0], first, 1)
			met := map[string]int{}
			for i := range depth.Runs(10) {
				w.compareSearches(rand.New(rand.NewPCG(first, uint64(i))), met)
			}
			t.Log(met)
			for _, part := range []string{"subject", "resource", "action"} {
				if met[part+": some"] == 0 || met[part+": none"] == 0 {
					t.Errorf("%s: the searches tell nothing apart: %v", part, met)
				}
			}
		})
	}
}

// compareSearches draws questions and compares each search with the evaluations.
func (w *twin) compareSearches(r *rand.Rand, met map[string]int) {
	w.t.Helper()
	n := 0
	ask := func(path, body string) answered {
		n++
		return w.ask(n, asked{method: "POST", path: path, body: body, header: []string{"Content-Type", "application/json"}})
	}
	users := w.allIDs("user")
	slices.Sort(users)
	subject := fmt.Sprintf(`"subject":{"type":"user","id":%q}`, userID(drawn(r, []string{"M", "A", "A", "S", "N", "B"}), drawn(r, []string{"user", "user", "staff", "seller"})))
	typ := drawn(r, append([]string{"rate", "revision"}, everyType...))
	from := typ
	if typ == "rate" || typ == "revision" {
		from = "card"
	}
	rows := w.allIDs(from)
	slices.Sort(rows)
	properties := fmt.Sprintf(`,"properties":{"account_id":%q,"name":"x"}`, accountID(drawn(r, twinAccounts)))
	if r.IntN(2) == 0 {
		properties = ""
	}
	action := fmt.Sprintf(`"action":{"name":%q%s}`, drawn(r, []string{"read", "read", "update", "delete", "assign", "activate", "build", "preview", "fly"}), properties)
	asked := `"resource":{"type":"` + typ + `"` + properties
	row := fmt.Sprintf(`%s,"id":%q}`, asked, drawn(r, rows))
	limit := 1 + r.IntN(40)*r.IntN(40)
	for part, c := range map[string]struct {
		question   string
		candidates []string
		about      func(id string) string
	}{
		"resource": {`{` + subject + `,` + action + `,` + asked + `}}`, rows,
			func(id string) string { return fmt.Sprintf(`{%s,"id":%q}}`, asked, id) }},
		"subject": {`{"subject":{"type":"user"},` + action + `,` + row + `}`, users,
			func(id string) string { return fmt.Sprintf(`{"subject":{"type":"user","id":%q}}`, id) }},
		"action": {`{` + subject + `,` + row + `}`, search.Actions(w.server.engines.Current()),
			func(name string) string { return fmt.Sprintf(`{"action":{"name":%q}}`, name) }},
	} {
		base := c.question
		if part != "action" { // a batch has no part without its id
			base = strings.Replace(strings.Replace(base, `"subject":{"type":"user"},`, "", 1), `,`+asked+`}`, "", 1)
		}
		want := allowedOf(w.t, ask, base, c.candidates, c.about)
		got := searchAll(w.t, ask, part, c.question, limit)
		if !slices.Equal(got, want) {
			w.t.Errorf("%s search %s\nfinds   %v\nallowed %v", part, c.question, got, want)
		}
		if len(got) > 0 {
			met[part+": some"]++
		} else {
			met[part+": none"]++
		}
	}
}

// asking sends questions with a panel's token.
func (w *coreWorld) asking(t *testing.T, s *Server, headers ...string) askingFor {
	return func(path, body string) answered {
		t.Helper()
		a := knock(t, s, "POST", path, body, headers...)
		return answered{t: t, what: path + body, status: a.StatusCode, body: a.text, header: a.Header}
	}
}

// The searches of the standard's scenario.
func TestAuthZENSearches(t *testing.T) {
	t.Parallel()
	s := sqliteCore(t).serveTree(t, scenario, nil)
	const (
		alice, bob = `{"type":"user","id":"alice"}`, `{"type":"user","id":"bob"}`
		anyUser    = `{"type":"user"}`
		read       = `{"name":"read"}`
		write      = `{"name":"write"}`
		r1, r2     = `{"type":"record","id":"record-1"}`, `{"type":"record","id":"record-2"}`
		archived   = `{"type":"record","id":"record-2","properties":{"status":"archived"}}`
		admin      = `{"type":"user","id":"bob","properties":{"role":"admin"}}`
		records    = `{"type":"record"}`
	)
	question := func(subject, action, resource string) string {
		text := `{"subject":` + subject + `,"resource":` + resource
		if action != "" {
			text += `,"action":` + action
		}
		return text + `}`
	}
	entity := func(typ string, ids ...string) string {
		var list []string
		for _, id := range ids {
			list = append(list, fmt.Sprintf(`{"type":%q,"id":%q}`, typ, id))
		}
		return fmt.Sprintf(`{"page":{"next_token":"","count":%d},"results":[%s]}`, len(ids), strings.Join(list, ","))
	}
	actions := func(names ...string) string {
		var list []string
		for _, name := range names {
			list = append(list, fmt.Sprintf(`{"name":%q}`, name))
		}
		return fmt.Sprintf(`{"page":{"next_token":"","count":%d},"results":[%s]}`, len(names), strings.Join(list, ","))
	}
	for name, c := range map[string]struct{ part, body, want string }{
		"who reads record-1":          {"subject", question(anyUser, read, r1), entity("user", "alice", "bob")},
		"the id is ignored":           {"subject", question(bob, read, r1), entity("user", "alice", "bob")},
		"an id that is no text":       {"subject", question(`{"type":"user","id":7}`, read, r1), entity("user", "alice", "bob")},
		"who writes archived":         {"subject", question(anyUser, write, archived), entity("user", "bob")},
		"an unknown row":              {"subject", question(anyUser, read, `{"type":"record","id":"record-9"}`), entity("user")},
		"an unknown type of subject":  {"subject", question(`{"type":"robot"}`, read, r1), entity("user")},
		"what alice reads":            {"resource", question(alice, read, records), entity("record", "record-1")},
		"whatever the id is":          {"resource", question(alice, read, r2), entity("record", "record-1")},
		"with a context":              {"resource", `{"subject":` + alice + `,"action":` + read + `,"resource":` + records + `,"context":{"x":1}}`, entity("record", "record-1")},
		"what bob, an admin, writes":  {"resource", question(admin, write, records), entity("record", "record-2")},
		"an unknown subject":          {"resource", question(`{"type":"user","id":"carol"}`, read, records), entity("record")},
		"an unknown type":             {"resource", question(alice, read, `{"type":"thing"}`), entity("thing")},
		"what alice does to record-1": {"action", question(alice, "", r1), actions("read", "write")},
		"an action is ignored":        {"action", question(alice, `{"name":7}`, r1), actions("read", "write")},
		"what bob does to record-2":   {"action", question(admin, "", archived), actions("write")},
		"nothing":                     {"action", question(alice, "", r2), actions()},
		"an unknown row, any action":  {"action", question(alice, "", `{"type":"record","id":"nine"}`), actions()},
	} {
		for range 2 {
			a := knock(t, s, "POST", "/access/v1/search/"+c.part, c.body, decideToken, "X-Request-ID: r-1")
			if a.StatusCode != 200 || a.text != c.want || a.Header.Get("X-Request-ID") != "r-1" {
				t.Errorf("%s: %d %s, want %s", name, a.StatusCode, a.text, c.want)
			}
		}
	}
	for name, c := range map[string]struct{ part, body, want string }{
		"no subject":            {"resource", `{"action":` + read + `,"resource":` + records + `}`, "subject is missing"},
		"no type":               {"subject", question(`{}`, read, r1), "subject.type is missing"},
		"no id of the resource": {"subject", question(anyUser, read, records), "resource.id is missing"},
		"no id of the subject":  {"resource", question(anyUser, read, records), "subject.id is missing"},
		"no action":             {"resource", question(alice, "", records), "action is missing"},
		"no resource":           {"action", `{"subject":` + alice + `}`, "resource is missing"},
		"no type of resource":   {"resource", question(alice, read, `{"id":"record-1"}`), "resource.type is missing"},
		"a text as page":        {"resource", `{"page":"x",` + question(alice, read, records)[1:], "page must be an object"},
		"a text as limit":       {"resource", `{"page":{"limit":"1"},` + question(alice, read, records)[1:], "page.limit"},
		"no results":            {"resource", `{"page":{"limit":0},` + question(alice, read, records)[1:], "page.limit"},
		"a part of a result":    {"resource", `{"page":{"limit":1.5},` + question(alice, read, records)[1:], "page.limit"},
		"a number as token":     {"resource", `{"page":{"token":1},` + question(alice, read, records)[1:], "page.token must be a string"},
		"a made-up token":       {"resource", `{"page":{"token":"x"},` + question(alice, read, records)[1:], "page.token does not belong"},
		"nothing":               {"action", ``, "JSON"},
	} {
		a := knock(t, s, "POST", "/access/v1/search/"+c.part, c.body, decideToken)
		if detail, _ := a.json(t)["detail"].(string); a.StatusCode != 400 || !strings.Contains(strings.ToLower(detail), strings.ToLower(c.want)) {
			t.Errorf("%s: %d %q, want %q", name, a.StatusCode, detail, c.want)
		}
	}
}

// A token keeps the limit, and is good for its caller and its question only.
func TestATokenOfASearchIsBound(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	w.seed(t, "master", seed.Customer("c2", store.Customer{AccountID: "reseller", Name: "Two"}), seed.Customer("c3", store.Customer{AccountID: "reseller", Name: "Three"}))
	body := func(subject, page string) string {
		return `{"subject":{"type":"user","id":"` + subject + `"},"action":{"name":"read"},"resource":{"type":"customer"}` + page + `}`
	}
	ask := w.asking(t, s, wideToken)
	page := func(got answered) (found foundPage) {
		must(t, json.Unmarshal([]byte(got.want(200).body), &found))
		return found
	}
	first := page(ask("/access/v1/search/resource", body("agent", `,"page":{"limit":1}`)))
	if len(first.Results) != 1 || first.Page.NextToken == "" {
		t.Fatalf("the first page is %v", first)
	}
	token := fmt.Sprintf(`,"page":{"token":%q}`, first.Page.NextToken)
	if next := page(ask("/access/v1/search/resource", body("agent", token))); len(next.Results) != 1 || next.Results[0] == first.Results[0] {
		t.Errorf("the second page is %v after %v", next, first)
	}
	more := fmt.Sprintf(`,"page":{"limit":100000,"token":%q}`, first.Page.NextToken)
	if rest := page(ask("/access/v1/search/resource", body("agent", more))); len(rest.Results) != 2 || rest.Page.NextToken != "" {
		t.Errorf("the rest is %v", rest)
	}
	for name, got := range map[string]answered{
		"another subject":   ask("/access/v1/search/resource", body("clerk", token)),
		"another context":   ask("/access/v1/search/resource", body("agent", token+`,"context":{"x":1}`)),
		"another search":    ask("/access/v1/search/action", `{"subject":{"type":"user","id":"agent"},"resource":{"type":"customer","id":"x"}`+token+`}`),
		"another caller":    w.asking(t, s, decideToken)("/access/v1/search/resource", body("agent", token)),
		"a bound caller":    w.asking(t, s, boundToken)("/access/v1/search/resource", body("agent", token)),
		"a token cut short": ask("/access/v1/search/resource", body("agent", strings.Replace(token, first.Page.NextToken, first.Page.NextToken[:20], 1))),
	} {
		got.what = name
		got.refused(400, "page.token")
	}
}

// A page decides about so many candidates and no more. Its token leads to the others.
func TestASearchOfSubjectsIsBounded(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	var rows []seed.Row
	for i := range search.MostCandidates + 5 {
		name := fmt.Sprintf("u%d", i)
		rows = append(rows, seed.User(name, store.User{AccountID: "reseller", Login: name + "@x.example", Groups: []string{"agents"}}))
	}
	w.seed(t, "master", rows...)
	question := `{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"area","id":"nowhere/at/all"}}`
	a := knock(t, s, "POST", "/access/v1/search/subject", question, wideToken)
	var found foundPage
	must(t, json.Unmarshal([]byte(a.text), &found))
	if a.StatusCode != 200 || found.Page.NextToken == "" {
		t.Errorf("more candidates than a page decides about: %d %s", a.StatusCode, a.text)
	}
	readers := searchAll(t, w.asking(t, s, wideToken), "subject", strings.Replace(question, "nowhere/at/all", "cdr", 1), 7)
	if len(readers) < search.MostCandidates+5 || !slices.IsSorted(readers) {
		t.Errorf("%d readers", len(readers))
	}
}

// A search tells each caller about those subjects only that it may ask about.
func TestSearchesStayWithinTheReachOfTheToken(t *testing.T) {
	t.Parallel()
	w, i := sqliteCore(t), newIssuer(t)
	s := jwtServer(t, w, i, false)
	agent := i.token(t, "agent")
	subjects := `{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"area","id":"customer"}}`
	of := func(user, part, typ, id string) string {
		if part == "action" {
			return fmt.Sprintf(`{"subject":{"type":"user","id":%q},"resource":{"type":%q,"id":%q}}`, user, typ, id)
		}
		return fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"resource":{"type":%q}}`, user, typ)
	}
	wide := searchAll(t, w.asking(t, s, wideToken), "subject", subjects, 100)
	bound := searchAll(t, w.asking(t, s, boundToken), "subject", subjects, 100)
	if !slices.Contains(wide, w.ID("stranger")) || slices.Contains(bound, w.ID("stranger")) || !slices.Contains(bound, w.ID("agent")) {
		t.Errorf("the wide token finds %v, the bound one %v", wide, bound)
	}
	if rows := searchAll(t, w.asking(t, s, boundToken), "resource", of("stranger", "resource", "customer", ""), 100); len(rows) != 0 {
		t.Errorf("a bound token finds %v of another tenant", rows)
	}
	for name, c := range map[string]struct {
		part, body string
		status     int
	}{
		"who else":            {"subject", subjects, 403},
		"its own rows":        {"resource", of("agent", "resource", "customer", ""), 200},
		"its own menu":        {"resource", of(w.ID("agent"), "resource", "area", ""), 200},
		"its own actions":     {"action", of("agent", "action", "customer", w.ID("customer")), 200},
		"another's rows":      {"resource", of("staff", "resource", "customer", ""), 403},
		"another's menu":      {"resource", of("staff", "resource", "area", ""), 403},
		"another's catalog":   {"resource", of("staff", "resource", "cdr", ""), 403},
		"another's actions":   {"action", of("staff", "action", "customer", w.ID("customer")), 403},
		"nobody's rows":       {"resource", of("absent", "resource", "customer", ""), 403},
		"rows of another one": {"resource", strings.Replace(of("agent", "resource", "customer", ""), `"user"`, `"service"`, 1), 403},
	} {
		if a := knock(t, s, "POST", "/access/v1/search/"+c.part, c.body, agent); a.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.text)
		}
	}
	if a := knock(t, s, "POST", "/access/v1/search/subject", subjects, wideToken, "Resellerd-User-JWT: "+strings.TrimPrefix(agent, "Authorization: Bearer ")); a.StatusCode != 200 {
		t.Errorf("a panel that names the user: %d %s", a.StatusCode, a.text)
	}
}

// An evaluation says the same of a denial.
func TestADenialSaysWhatIsUnknown(t *testing.T) {
	t.Parallel()
	w, i := sqliteCore(t), newIssuer(t)
	s := jwtServer(t, w, i, false)
	for name, c := range map[string]struct{ action, typ, token, want string }{
		"a known action and type": {"update", "area", wideToken, ""},
		"an unknown action":       {"download", "area", wideToken, `,"unknown":["action.name"]`},
		"an unknown type":         {"read", "custmer", wideToken, `,"unknown":["resource.type"]`},
		"a user is not told":      {"download", "area", i.token(t, "agent"), ""},
	} {
		body := evaluationBody(`{"type":"user","id":"agent"}`, fmt.Sprintf(`{"name":%q}`, c.action), fmt.Sprintf(`{"type":%q,"id":"cdr"}`, c.typ))
		got := knock(t, s, "POST", "/access/v1/evaluation", body, c.token, "Resellerd-Reasons: true").text
		if !strings.HasSuffix(got, `]`+c.want+`}}`) || strings.Contains(got, "unknown\":") != (c.want != "") {
			t.Errorf("%s: %s", name, got)
		}
		if got := knock(t, s, "POST", "/access/v1/evaluation", body, c.token).text; got != `{"decision":false}` {
			t.Errorf("%s, not asked: %s", name, got)
		}
	}
}

// A panel hears, on request, what nothing declares and where its own rows are.
func TestASearchSaysWhatIsUnknown(t *testing.T) {
	t.Parallel()
	w, i := sqliteCore(t), newIssuer(t)
	s := jwtServer(t, w, i, false)
	of := func(action, typ string) string {
		return fmt.Sprintf(`{"subject":{"type":"user","id":"agent"},"action":{"name":%q},"resource":{"type":%q}}`, action, typ)
	}
	hint := map[string]any{"hint": hintFilters}
	unknown := func(parts ...any) map[string]any { return map[string]any{"unknown": parts} }
	for name, c := range map[string]struct {
		body    string
		headers []string
		want    map[string]any
	}{
		"rows of the panel":     {of("read", "cdr"), []string{wideToken, "Resellerd-Reasons: true"}, hint},
		"not asked":             {of("read", "cdr"), []string{wideToken}, nil},
		"rows of resellerd":     {of("read", "customer"), []string{wideToken, "Resellerd-Reasons: true"}, nil},
		"areas":                 {of("read", "area"), []string{wideToken, "Resellerd-Reasons: true"}, nil},
		"an unknown type":       {of("read", "custmer"), []string{wideToken, "Resellerd-Reasons: true"}, unknown("resource.type")},
		"an unknown action":     {of("download", "customer"), []string{wideToken, "Resellerd-Reasons: true"}, unknown("action.name")},
		"both":                  {of("download", "custmer"), []string{wideToken, "Resellerd-Reasons: true"}, unknown("action.name", "resource.type")},
		"a user is not told so": {of("download", "custmer"), []string{i.token(t, "agent"), "Resellerd-Reasons: true"}, nil},
	} {
		a := knock(t, s, "POST", "/access/v1/search/resource", c.body, c.headers...)
		var found foundPage
		must(t, json.Unmarshal([]byte(a.text), &found))
		if !maps.EqualFunc(found.Context, c.want, func(x, y any) bool { return fmt.Sprint(x) == fmt.Sprint(y) }) {
			t.Errorf("%s: %s", name, a.text)
		}
	}
}
