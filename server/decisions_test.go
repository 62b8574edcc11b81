package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/server/insight"
	"resellerd/store"
	"resellerd/store/seed"
)

// decided asks for the explanation of an answer's decision.
func (w *world) decided(user string, by answered) answered {
	w.t.Helper()
	return w.get(user, "/v1/decisions/"+by.header.Get(headerDecisionID))
}

func (a answered) explanation() insight.Explanation {
	a.t.Helper()
	var x insight.Explanation
	if err := json.Unmarshal([]byte(a.want(200).body), &x); err != nil {
		a.t.Fatalf("%s: %v: %s", a.what, err, a.body)
	}
	return x
}

func TestADecisionIsExplainedToWhomItWasTold(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		denied := w.do("clerk", "DELETE", "/v1/customers/{acme}", "").want(403)
		x := w.decided("clerk", denied).explanation()
		if x.Decision != "deny" || x.Action != "delete" || x.Resource != (insight.Thing{Type: "customer", ID: w.id("acme")}) || x.User != w.id("clerk") {
			t.Errorf("explained %+v", x)
		}
		if len(x.Reasons) != 1 || x.Reasons[0].Code != "area_denied" || x.Reasons[0].Title == "" {
			t.Errorf("reasons %+v", x.Reasons)
		}
		if len(x.Access) != 1 || len(x.Access[0].Letters) != 2 || x.Access[0].Letters[0].From[0].Group != w.id("M.clerks") {
			t.Errorf("access %+v", x.Access)
		}
		if x.Policy != nil {
			t.Errorf("the policy's source to one without the area: %+v", x.Policy)
		}
		x = w.decided("m", denied).explanation()
		if x.Policy == nil || len(x.Policy.Failed) == 0 || len(x.Policy.Rules) != 1 || x.Policy.Rules[0].Line == 0 {
			t.Errorf("to the master: %+v", x.Policy)
		}
		if x.Resource.ID != w.id("acme") || len(x.Access) != 1 || x.User != w.id("clerk") {
			t.Errorf("to the master: %+v", x)
		}
	})
}

func TestAListIsExplainedByItsFilter(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		listed := w.get("a", "/v1/customers").want(200)
		x := w.decided("a", listed).explanation()
		if x.Decision != "allow" || x.Resource != (insight.Thing{Type: "customer"}) || len(x.Shown) == 0 || x.Policy != nil {
			t.Errorf("explained %+v", x)
		}
		x = w.decided("m", listed).explanation()
		if x.Policy == nil || x.Policy.Filter == nil || x.Policy.Filter.SQL == "" || fmt.Sprint(x.Policy.Filter.Args) != "["+w.id("A")+"]" {
			t.Errorf("to the master: %+v", x.Policy)
		}
		if x.Note != "" {
			t.Errorf("noted %q", x.Note)
		}
	})
}

func TestADecisionOutOfSightIsNone(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		unknown := w.get("a", "/v1/decisions/NEVERMADE").want(404)
		theirs := w.get("b", "/v1/customers/{bolt}").want(200)
		above := w.get("m", "/v1/customers/{acme}").want(200)
		asked := w.do("n", "GET", "/v1/customers", "").want(200)
		for name, by := range map[string]answered{"another reseller's": theirs, "the master's": above, "another carrier's": asked} {
			if got := w.decided("a", by); got.alike() != unknown.alike() {
				t.Errorf("%s: %s", name, got.alike())
			}
		}
		own := w.get("a", "/v1/customers/{bolt}").want(404)
		if got := w.get("a", "/v1/decisions/"+own.header.Get(headerDecisionID)+"-2"); got.alike() != unknown.alike() {
			t.Errorf("a later decision of an own request: %s", got.alike())
		}
		refused := w.do("", "GET", "/v1/customers", "", headerUser, "nobody").want(403)
		if got := w.decided("m", refused); got.alike() != w.get("m", "/v1/decisions/NEVERMADE").alike() {
			t.Errorf("a refusal before the route: %s", got.alike())
		}
	})
}

// A colleague's decision about a row that the reader does not see gets the
// answer for an absent decision.
func TestADecisionAboutARowOutOfSightIsNone(t *testing.T) {
	t.Parallel()
	eachCore(t, func(t *testing.T, w *coreWorld) {
		w.seed(t, "master", seed.Group("heads", store.Group{AccountID: "reseller", Name: "Heads", Rows: store.Access{"user": "r"}}),
			seed.User("head", store.User{AccountID: "reseller", Login: "head@x.example", ExternalID: "head", Groups: []string{"heads"}}))
		s := w.serve(t, nil)
		asked := knock(t, s, "POST", "/access/v1/evaluation", fmt.Sprintf(
			`{"subject":{"type":"user","id":%q},"action":{"name":"read"},"resource":{"type":"customer","id":%q}}`, w.ID("agent"), w.ID("customer")), wideToken)
		if asked.text != `{"decision":true}` {
			t.Fatal(asked.text)
		}
		id := asked.Header.Get(headerDecisionID)
		head := knock(t, s, "GET", "/v1/decisions/"+id, "", wideToken, "Resellerd-User: head")
		agent := knock(t, s, "GET", "/v1/decisions/"+id, "", wideToken, "Resellerd-User: agent")
		if head.StatusCode != 404 || agent.StatusCode != 200 {
			t.Errorf("to the head %d, to the agent %d %s", head.StatusCode, agent.StatusCode, agent.text)
		}
	})
}

func TestADecisionIsToldAsRecordedUnderAnotherPolicy(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	asked := knock(t, s, "DELETE", "/v1/customers/"+w.ID("customer"), "", wideToken, "Resellerd-User: clerk")
	if asked.StatusCode != 403 {
		t.Fatal(asked.text)
	}
	tree, err := treeWithDepth(2)
	must(t, err)
	other, err := policies.Load(context.Background(), tree, policies.Options{Schema: Schema(), Source: "other", Timeout: time.Minute})
	must(t, err)
	s.engines.Swap(other)
	x := knock(t, s, "GET", "/v1/decisions/"+asked.Header.Get(headerDecisionID), "", wideToken, "Resellerd-User: staff").json(t)
	if x["decision"] != "deny" || x["note"] != insight.NoteAnother || x["policy"] != nil {
		t.Errorf("told %v", x)
	}
}

// Reseller A learns no planted text from any decision, whoever it was made for.
func TestNoDecisionTellsWhatIsPlanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, carriers.SQLite(t), engineOf(t, 1), seedWorld)
	p := plant(w)
	var ids []string
	for _, user := range []string{"m", "clerk", "a", "a2", "b", "r"} {
		for _, path := range []string{"/v1/me", "/v1/customers", "/v1/cards", "/v1/cards/{gold}", "/v1/cards/{upstream}", "/v1/customers/{bolt}", "/v1/groups/{M.default}", "/v1/users/{b}"} {
			ids = append(ids, w.get(user, path).header.Get(headerDecisionID))
		}
		ids = append(ids, w.do(user, "PATCH", "/v1/groups/{M.default}", `{"rows":{"carrier":["read"]}}`).header.Get(headerDecisionID),
			w.do(user, "DELETE", "/v1/users/{a2}", "", "If-Match", `"none"`).header.Get(headerDecisionID),
			w.do(user, "PUT", "/v1/cards/{gold}/assignments/{C}", "", "If-Match", `"none"`).header.Get(headerDecisionID))
	}
	told := 0
	for _, id := range ids {
		got := w.get("a", "/v1/decisions/"+id)
		if got.status == 200 {
			told++
		}
		for text, what := range p.what {
			if strings.Contains(got.body, text) {
				t.Errorf("%s: tells %s: %s", id, what, got.body)
			}
		}
		for _, id := range []string{w.id("M"), w.id("B"), w.id("b"), w.id("upstream"), w.id("bolt"), w.id("m")} {
			if strings.Contains(got.body, id) {
				t.Errorf("names what is out of sight: %s", got.body)
			}
		}
	}
	if told < 10 {
		t.Errorf("%d decisions told", told)
	}
}
