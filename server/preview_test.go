package server

import (
	"context"
	"encoding/json"
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
		Columns: []query.Columns{{Names: []string{"id", "at", "actor", "preview_of", "action"}, When: everything}},
		Sort:    "at", Desc: true,
	}, func(row query.Row) error {
		if action, _ := row.Value("action"); action == "preview" && actor == "" {
			a, _ := row.Value("actor")
			p, _ := row.Value("preview_of")
			actor, previewed = a.(string), p.(string)
		}
		return nil
	}))
	return actor, previewed
}
