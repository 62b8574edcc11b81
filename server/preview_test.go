package server

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"resellerd/server/insight"
	"resellerd/store"
	"resellerd/store/query"
)

var tctx = context.Background()

func TestPreviewShowsWhatTheOtherWouldSee(t *testing.T) {
	t.Parallel()
	eachCore(t, func(t *testing.T, w *coreWorld) {
		s := w.serve(t, nil)
		before := w.store.Revision()
		w.log.take()
		seen := knock(t, s, "GET", "/v1/me", "", wideToken, "Resellerd-User: agent", "Resellerd-As: clerk")
		own := knock(t, s, "GET", "/v1/me", "", wideToken, "Resellerd-User: clerk")
		if seen.StatusCode != 200 || seen.text != own.text {
			t.Errorf("%d %s, want %s", seen.StatusCode, seen.text, own.text)
		}
		if seen.Header.Get(headerPreview) != "true" || own.Header.Get(headerPreview) != "" {
			t.Error("a preview is not marked, or marked where there is none")
		}
		if w.store.Revision() != before+1 {
			t.Errorf("%d writes for one preview", w.store.Revision()-before)
		}
		actor, previewed := lastAudit(t, w)
		if actor != w.ID("agent") || previewed != w.ID("clerk") {
			t.Errorf("audited %s as %s", actor, previewed)
		}
		d := json.NewDecoder(stringReader(w.log.take()))
		var entry struct {
			ActingUser string `json:"acting_user"`
			PreviewOf  string `json:"preview_of"`
			Input      struct{ Subject struct{ ID string } }
		}
		for range 2 { // the permission, then the list
			must(t, d.Decode(&entry))
		}
		if entry.ActingUser != w.ID("agent") || entry.PreviewOf != w.ID("clerk") || entry.Input.Subject.ID != w.ID("clerk") {
			t.Errorf("logged %+v", entry)
		}
	})
}

func TestPreviewIsRefused(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	absent := knock(t, s, "GET", "/v1/me", "", wideToken, "Resellerd-User: agent", "Resellerd-As: nobody")
	if absent.StatusCode != 404 {
		t.Fatalf("an absent user: %d %s", absent.StatusCode, absent.text)
	}
	for name, c := range map[string]struct {
		method, token, user, as string
		status                  int
		reason                  string
	}{
		"of a user above":                  {"GET", wideToken, "agent", "staff", 404, ""},
		"of another tenant's user":         {"GET", wideToken, "staff", "stranger", 404, ""},
		"of one who may read more":         {"GET", wideToken, "agent", "low", 403, "exceeds_delegation"},
		"by one without the area":          {"GET", wideToken, "clerk", "agent", 403, "area_denied"},
		"of nobody, by one without it":     {"GET", wideToken, "clerk", "nobody", 403, "area_denied"},
		"of a disabled user":               {"GET", wideToken, "staff", "gone", 403, "target_disabled"},
		"of a user of a suspended account": {"GET", wideToken, "staff", "shut", 403, ""},
		"by a token without the scope":     {"GET", readToken, "staff", "agent", 403, ""},
		"of oneself, to see the mark":      {"GET", wideToken, "agent", "agent", 200, ""},
	} {
		before := w.store.Revision()
		a := knock(t, s, c.method, "/v1/me", "", c.token, "Resellerd-User: "+c.user, "Resellerd-As: "+c.as)
		if c.token == wideToken && c.as != "nobody" {
			evaluatedPreview(t, w, s, c.user, c.as, c.status == 200, c.reason)
		}
		if a.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.text)
			continue
		}
		if c.status == 200 {
			continue
		}
		if w.store.Revision() != before {
			t.Errorf("%s: something was written", name)
		}
		if c.status == 404 && c.user == "agent" && withoutIDs(t, a) != withoutIDs(t, absent) {
			t.Errorf("%s: %s, absent: %s", name, a.text, absent.text)
		}
		if reasons, _ := a.json(t)["reasons"].([]any); c.reason != "" && (len(reasons) != 1 || reasons[0] != c.reason) {
			t.Errorf("%s: reasons %v", name, reasons)
		}
	}
	write := knock(t, s, "POST", "/v1/customers", `{"name":"x"}`, wideToken, "Resellerd-User: staff", "Resellerd-As: agent")
	if write.StatusCode != 403 {
		t.Errorf("a write: %d %s", write.StatusCode, write.text)
	}
	asked := knock(t, s, "POST", "/access/v1/evaluation", `{}`, wideToken, "Resellerd-As: agent")
	if asked.StatusCode != 403 {
		t.Errorf("an evaluation: %d %s", asked.StatusCode, asked.text)
	}
}

// evaluatedPreview holds evaluations and searches to the answer to a preview.
func evaluatedPreview(t *testing.T, w *coreWorld, s *Server, user, target string, may bool, reason string) {
	t.Helper()
	viewer, seen := w.ID(user), w.ID(target)
	subject := fmt.Sprintf(`"subject":{"type":"user","id":%q}`, viewer)
	ask := func(path, body string) string {
		got := knock(t, s, "POST", path, body, wideToken)
		if got.StatusCode != 200 {
			t.Fatalf("%s %s: %d %s", path, body, got.StatusCode, got.text)
		}
		return got.text
	}
	action, resource := `,"action":{"name":"preview"}`, fmt.Sprintf(`,"resource":{"type":"user","id":%q}`, seen)
	one := ask("/access/v1/evaluation", "{"+subject+action+resource+`,"context":{"reasons":true}}`)
	many := ask("/access/v1/evaluations", "{"+subject+action+resource+`,"evaluations":[{}]}`)
	if verdict := fmt.Sprintf(`"decision":%v`, may); !strings.Contains(one, verdict) || !strings.Contains(many, verdict) || !strings.Contains(one, reason) {
		t.Errorf("%s of %s: %s, in a batch %s, want %v %s", user, target, one, many, may, reason)
	}
	for what, found := range map[string]bool{
		"subject":  strings.Contains(ask("/access/v1/search/subject", `{"subject":{"type":"user"}`+action+resource+"}"), viewer),
		"action":   strings.Contains(ask("/access/v1/search/action", "{"+subject+resource+"}"), `"preview"`),
		"resource": strings.Contains(ask("/access/v1/search/resource", "{"+subject+action+`,"resource":{"type":"user"}}`), seen),
	} {
		if found != may {
			t.Errorf("%s of %s: the search for a %s finds it: %v", user, target, what, found)
		}
	}
}

// A policy can hide rates or any column from single users, without an area.
func TestAPreviewShowsNoColumnThatThePreviewerDoesNotSee(t *testing.T) {
	t.Parallel()
	seen := func(column string) string {
		return "\ncolumns contains \"" + column + "\" if contains(input.subject.user.external_id, \"sees\")\n"
	}
	const rates, users = "reseller/resource/rate/rate.rego", "reseller/resource/user/user.rego"
	for name, c := range map[string]struct{ file, text, by, more string }{
		"the costs":                     {rates, `"cost", `, ``, seen("cost")},
		"a price, where costs are none": {rates, `"cost", "inter", `, ``, seen("inter")},
		"the rates":                     {rates, `allow if card.allow`, "allow if {\n\tcontains(input.subject.user.external_id, \"sees\")\n\tcard.allow\n}", ``},
		"the rates of some cards": {rates, `allow if card.allow`, "allow if {\n\tcard.allow\n\tnot closed\n}",
			"\nclosed if {\n\tnot contains(input.subject.user.external_id, \"sees\")\n\tinput.resource.name == \"gold\"\n}\n"},
		"logins": {users, `"login", `, ``, seen("login")},
	} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, hidingEngine(t, c.file, c.text, c.by, c.more), func(t *testing.T, fresh func() *world) {
				w := fresh()
				for _, user := range []string{"sees", "blind", "dim"} {
					hire(w, "M", "A", user, store.Group{DefaultAccess: "crud"})
				}
				path := "/v1/cards/{retail}/rates"
				w.do("blind", "GET", path, "", headerAs, w.id("sees")).refused(403, insight.ReasonExceeds)
				for _, viewer := range []string{"blind", "sees"} {
					w.do(viewer, "GET", path, "", headerAs, w.id("dim")).want(w.get("dim", path).status)
				}
				w.get("blind", "/v1/preview/{sees}").refused(403, insight.ReasonExceeds)
				w.get("blind", "/v1/preview/{dim}?against={sees}").refused(403, insight.ReasonExceeds)
				w.get("blind", "/v1/preview/{dim}").want(200)
				w.get("sees", "/v1/preview/{blind}").want(200)
				w.get("m", "/v1/preview/{a}").want(200)
			})
		})
	}
}

// lastAudit returns the actor and the previewed user of the last preview in the
// audit trail.
func lastAudit(t *testing.T, w *coreWorld) (actor, previewed string) {
	t.Helper()
	must(t, w.store.Stream(tctx, query.Query{
		Type: "audit", Filter: everything, Views: []query.View{{Name: "full", When: everything}},
		Columns: []query.Columns{{Names: []string{"id", "at", "actor", "resource", "action"}, When: everything}},
		Sort:    "at", Desc: true,
	}, func(row query.Row) error {
		if action, _ := row.Value("action"); action == "preview" && actor == "" {
			a, _ := row.Value("actor")
			p, _ := row.Value("resource")
			actor, previewed = a.(string), strings.TrimPrefix(p.(string), "user/")
		}
		return nil
	}))
	return actor, previewed
}

// Support staff of a master have every area that a reseller has, but no provider cards.
// They preview any reseller's owner, and see what the owner sees. They see no cost of
// the master.
func TestSupportPreviewsResellersWithoutCostsOfTheMaster(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		support := store.Group{Rows: maps.Clone(store.DefaultResellerGroup().Rows)}
		delete(support.Rows, "card/provider")
		hire(w, "M", "M", "support", support)
		half := store.Group{Rows: maps.Clone(support.Rows)}
		delete(half.Rows, "card/customer")
		hire(w, "M", "M", "half", half)
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"parents":["{gold}"]}`).want(200)
		w.acceptedLosses("retail")
		if seen := w.get("a", "/v1/audit?action=accept_losses").items(); len(seen) != 1 {
			t.Fatalf("the reseller sees the losses %v", seen)
		}
		for _, owner := range []string{"a", "b", "c"} {
			for _, path := range []string{
				"/v1/me", "/v1/accounts", "/v1/users", "/v1/groups", "/v1/customers", "/v1/audit", "/v1/cards", "/v1/cards?kind=provider",
				"/v1/cards/{gold}", "/v1/cards/{gold}/rates", "/v1/cards/{retail}", "/v1/cards/{retail}/revisions", "/v1/lookup?number=49171",
			} {
				own := w.get(owner, path)
				got := w.do("support", "GET", path, "", headerAs, w.id(owner))
				if strings.Contains(path, "/v1/cards") { // TestAPreviewShowsWhatBothSee compares them
					if got.status != own.status {
						t.Errorf("%s %s: previewed %d, sees %d", owner, path, got.status, own.status)
					}
					continue
				}
				if got.status != own.status || decisionIDs.ReplaceAllString(got.body, "") != decisionIDs.ReplaceAllString(own.body, "") {
					if path != "/v1/audit" { // the previews are in it
						t.Errorf("%s %s: previewed %d %s\nsees %d %s", owner, path, got.status, got.body, own.status, own.body)
					}
				}
				if found := leaked(got.body, "M"); path != "/v1/groups" && len(found) > 0 && !strings.Contains(own.body, found[0]) {
					t.Errorf("%s %s tells %s", owner, path, found)
				}
			}
			w.get("support", "/v1/preview/{"+owner+"}").want(200)
			w.get("half", "/v1/preview/{"+owner+"}").refused(403, insight.ReasonExceeds)
		}
		for _, path := range []string{"/v1/cards/{upstream}", "/v1/cards/{upstream}/rates", "/v1/cards/{upstream}/revisions"} {
			w.get("support", path).want(404)
		}
		if cards := w.get("support", "/v1/cards?kind=provider").items(); len(cards) != 0 {
			t.Errorf("support sees the provider cards %v", cards)
		}
		if found := w.get("support", "/v1/lookup?number=49171").want(200).body; strings.Contains(found, w.id("upstream")) {
			t.Errorf("a look-up tells %s", found)
		}
		w.get("support", "/v1/preview/{m}").refused(403, insight.ReasonExceeds)
		w.onlyOwnUsersRead("a", "a2", "support")
		w.do("support", "GET", "/v1/me", "", headerAs, w.id("m")).refused(403, insight.ReasonExceeds)
	})
}

// onlyOwnUsersRead plants what an account shows to its own users alone, and previews the owner
// as a colleague and as a stranger.
func (w *world) onlyOwnUsersRead(owner, colleague, stranger string) {
	w.t.Helper()
	w.do(owner, "PUT", "/v1/import-profiles/plantedprofile", `{"kind":"customer","answers":[{"parameter":"map","value":"Planted heading=cost"}]}`).want(200)
	w.do(owner, "PUT", "/v1/destinations", `{"items":[{"prefix":"4477","name":"Planted name"}]}`).want(200)
	for path, stranded := range map[string]int{"/v1/import-profiles": 200, "/v1/import-profiles/plantedprofile": 404, "/v1/destinations": 200, "/v1/audit": 200} {
		shown := func(user string, headers ...string) bool {
			got := w.do(user, "GET", path, "", headers...)
			shown := strings.Contains(got.body, "Planted heading") || strings.Contains(got.body, "Planted name")
			if got.status != 200 && (shown || got.status != stranded) {
				w.t.Errorf("%s of %s: %d %s", path, user, got.status, got.body)
			}
			return shown
		}
		as := []string{headerAs, w.id(owner)}
		if !shown(owner) || !shown(colleague, as...) {
			w.t.Errorf("%s does not show the account its own", path)
		}
		if shown(stranger, as...) {
			w.t.Errorf("%s shows a stranger what only own users read", path)
		}
	}
}

// A preview shows the rows that the previewed user sees. Of each row it shows the columns
// that the viewer sees on that row, too.
func TestAPreviewShowsWhatBothSee(t *testing.T) {
	t.Parallel()
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		deepen(w)
		all := store.Group{Rows: store.Access{"account": "crud", "group": "crud", "user": "crud", "customer": "crud", "card": "crud", "audit": "r", "preview": "r"}}
		hire(w, "M", "A", "chief", all)
		hire(w, "M", "AA", "deputy", all)
		w.do("aa", "POST", "/v1/cards", `{"name":"deep","currency":"EUR","notes":"deep notes"}`).want(201)
		w.do("aa", "POST", "/v1/customers", `{"name":"deep"}`).want(201)
		w.do("a", "PATCH", "/v1/cards/{retail}", `{"notes":"private notes of A"}`).want(200)
		w.do("a3", "PUT", "/v1/cards/{retail}/assignments/{AA}", "").want(200)
		shown := map[string]int{} // columns that are cut from rows
		for _, pair := range [][2]string{{"m", "a"}, {"m", "b"}, {"m", "aa"}, {"m", "m"}, {"chief", "a3"}, {"chief", "aa"}, {"chief", "aaa"}, {"deputy", "aaa"}, {"a", "a2"}} {
			viewer, target := pair[0], pair[1]
			for _, path := range []string{"/v1/accounts", "/v1/groups", "/v1/users", "/v1/customers", "/v1/cards", "/v1/cards/{retail}/revisions", "/v1/cards/{retail}/rates", "/v1/webhooks"} {
				mine, its := w.get(viewer, path+"?limit=1000"), w.get(target, path+"?limit=1000")
				got := w.do(viewer, "GET", path+"?limit=1000&count=true", "", headerAs, w.id(target))
				if got.status != its.status {
					t.Fatalf("%s as %s, %s: %d, sees %d", viewer, target, path, got.status, its.status)
				}
				if its.status != 200 {
					continue
				}
				seen, all := byKey(mine.items()), its.items()
				if rows := got.items(); len(rows) != len(all) || got.object()["total"] != float64(len(all)) {
					t.Fatalf("%s as %s, %s: %d rows, sees %d", viewer, target, path, len(rows), len(all))
				}
				for i, row := range got.items() {
					want := maps.Clone(all[i])
					for column := range want {
						if _, also := seen[keyOf(row)][column]; !also && column != "etag" {
							delete(want, column)
							shown[path+" "+column]++
						}
					}
					delete(row, "etag")
					delete(want, "etag")
					if asText(t, row) != asText(t, want) {
						t.Errorf("%s as %s, %s:\n%v, want\n%v", viewer, target, path, row, want)
					}
				}
			}
		}
		if shown["/v1/cards notes"] == 0 || shown["/v1/customers notes"] != 0 {
			t.Errorf("cut columns %v", shown)
		}
		asA := func(path string) answered { return w.do("m", "GET", path, "", headerAs, w.id("a")) }
		for path, rows := range map[string]int{
			"/v1/cards?notes_contains=private": 0, "/v1/cards?notes_null=false": 0, "/v1/cards?notes_null=true": 0, "/v1/cards?sort=notes": 3,
		} {
			if got := asA(path).items(); len(got) != rows || strings.Contains(asText(t, got), "private notes") {
				t.Errorf("%s: %v", path, got)
			}
		}
		for _, got := range []answered{
			asA("/v1/cards/{retail}"), asA("/v1/audit?limit=1000"), w.get("m", "/v1/preview/{a}"), w.get("m", "/v1/preview/{a}?against={b}"),
			asA("/v1/customers?expand=cards"),
		} {
			if strings.Contains(got.want(200).body, "private notes") || !strings.Contains(got.body, w.id("a")) && !strings.Contains(got.body, w.id("A")) {
				t.Errorf("%s: %s", got.what, got.body)
			}
		}
		if got := w.do("a2", "GET", "/v1/cards/{retail}", "", headerAs, w.id("a")); got.want(200).object()["notes"] != "private notes of A" {
			t.Errorf("a colleague's preview: %s", got.body)
		}
	})
}

// byKey returns rows by keyOf.
func byKey(rows []map[string]any) map[any]map[string]any {
	out := map[any]map[string]any{}
	for _, row := range rows {
		out[keyOf(row)] = row
	}
	return out
}

// keyOf returns what identifies a row of a list.
func keyOf(row map[string]any) any {
	if id := row["id"]; id != nil {
		return id
	}
	return row["prefix"]
}
