package server

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"resellerd/policies"
	"resellerd/policies/policiestest/depth"
	"resellerd/server/insight"
)

// An explanation always has the same outcome as the decision API.
func TestAnExplanationDecidesAsTheServerAnswers(t *testing.T) {
	oneAtATime(t)
	eachWorldWith(t, 3, func(t *testing.T, w *world) {
		inspector := insight.NewInspector(w.store, engineOf(t, 3))
		r := rand.New(rand.NewPCG(11, 12))
		met := map[string]int{}
		for asked := 0; asked < depth.Runs(60) || asked < 1000 && (met["allow"] < 20 || met["deny"] < 20); asked++ {
			q := w.question(r)
			q.At = w.clock()
			x, err := inspector.Explain(context.Background(), q)
			must(t, err)
			got := w.do("", "POST", "/access/v1/evaluation", questionBody(t, q), headerUser, "").want(200).object()
			reasons := []string{}
			for _, reason := range x.Reasons {
				if reason.Code != policies.ReasonNotVisible {
					reasons = append(reasons, reason.Code)
				}
			}
			said, _ := got["context"].(map[string]any)["reasons"].([]any)
			if got["decision"] != (x.Decision == "allow") || len(said) != len(reasons) {
				t.Fatalf("%+v: answered %v, explained %s %v", q, got, x.Decision, reasons)
			}
			for _, reason := range said {
				if !slices.Contains(reasons, reason.(string)) {
					t.Fatalf("%+v: answered %v, explained %v", q, said, reasons)
				}
			}
			checkGrounds(t, q, x)
			met[x.Decision]++
		}
		t.Log(met)
		if met["allow"] < 20 || met["deny"] < 20 {
			t.Error("the questions tell little")
		}
	})
}

func checkGrounds(t *testing.T, q insight.WhyQuestion, x *insight.Explanation) {
	t.Helper()
	if x.Decision == "deny" && len(x.Policy.Failed) == 0 {
		t.Errorf("%+v: denied without a condition that failed", q)
	}
	if x.Decision == "allow" && len(x.Policy.Rules) == 0 {
		t.Errorf("%+v: allowed by no rule", q)
	}
	for _, a := range x.Access {
		for _, l := range a.Letters {
			if left := slices.Contains(a.Effective, l.Access); left == (len(l.CutBy) > 0) || left && len(l.From) == 0 {
				t.Errorf("%+v: %s %+v, of which is left %v", q, a.Area, l, a.Effective)
			}
		}
	}
}

// question draws a question about anything in the world.
func (w *world) question(r *rand.Rand) insight.WhyQuestion {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	q := insight.WhyQuestion{User: w.id(pick("m", "clerk", "a", "a2", "b", "n", "r", "nobody")),
		Action: pick("read", "read", "read", "update", "delete", "assign", "create", "preview", "fly")}
	switch q.Type = pick("account", "group", "user", "customer", "card", "area", "cdr"); q.Type {
	case "account":
		q.ID = w.id(pick("M", "A", "B", "N", "nothing"))
	case "group":
		q.ID = w.id(pick("M.full", "M.clerks", "M.default", "N.default", "nothing"))
	case "user":
		q.ID = w.id(pick("m", "a", "a2", "b", "r", "nothing"))
	case "customer":
		q.ID = w.id(pick("mega", "acme", "bolt", "rune", "nothing"))
	case "card":
		q.ID = w.id(pick("upstream", "gold", "silver", "bronze", "retail", "bulk", "nickel", "nothing"))
	case "area":
		q.ID = pick("cdr", "routing", "customer", "card/provider", "customer/did")
	case "cdr":
		q.ID, q.Owner = "1", w.id(pick("A", "B", "M", "N"))
	}
	if q.Action == "create" && r.IntN(2) == 0 {
		q.Owner = w.id(pick("A", "B", "M"))
	}
	return q
}

func questionBody(t *testing.T, q insight.WhyQuestion) string {
	t.Helper()
	properties := map[string]any{}
	if q.Owner != "" {
		properties["account_id"] = q.Owner
		if q.Type == "account" {
			properties = map[string]any{"parent_id": q.Owner}
		}
	}
	text, err := json.Marshal(map[string]any{
		"subject": map[string]any{"type": "user", "id": q.User}, "action": map[string]any{"name": q.Action},
		"resource": map[string]any{"type": q.Type, "id": q.ID, "properties": properties}, "context": map[string]any{"reasons": true},
	})
	must(t, err)
	return string(text)
}

func TestAnExplanationOfAListIsItsFilter(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		inspector := insight.NewInspector(w.store, engineOf(t, 1))
		ctx := context.Background()
		x, err := inspector.Explain(ctx, insight.WhyQuestion{User: w.id("a"), Action: "read", Type: "customer", List: true})
		must(t, err)
		if x.Decision != "allow" || x.Policy.Filter.Kind != "where" || x.Policy.Filter.SQL == "" || !slices.Contains(x.Policy.Filter.Args, any(w.id("A"))) {
			t.Errorf("explained %+v", x.Policy.Filter)
		}
		if !slices.Contains(x.Shown, "notes") || slices.Contains(x.Policy.Hidden, "notes") {
			t.Errorf("shown %v, hidden %v", x.Shown, x.Policy.Hidden)
		}
		again, err := inspector.Explain(ctx, insight.WhyQuestion{User: w.id("a"), Action: "read", Type: "customer", List: true})
		must(t, err)
		if !reflect.DeepEqual(x, again) {
			t.Errorf("explained once %+v and once %+v", x, again)
		}
		x, err = inspector.Explain(ctx, insight.WhyQuestion{User: w.id("clerk"), Action: "read", Type: "audit", List: true})
		must(t, err)
		if x.Decision != "deny" || len(x.Reasons) != 1 || x.Reasons[0].Code != "area_denied" || len(x.Policy.Failed) == 0 {
			t.Errorf("explained %+v", x)
		}
	})
}
