package policies_test

import (
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest/depth"
)

func TestAnExplanationDecidesAsTheEngineDoes(t *testing.T) {
	if testing.Short() {
		t.Skip("asks one question at a time for long: run without -short")
	}
	engine := embedded(t)
	ctx := context.Background()
	r := rand.New(rand.NewPCG(5, 6))
	var n tally
	types := append(slices.Sorted(maps.Keys(embeddedSchema())), "area", "cdr")
	for i := 0; i < depth.Runs(35) || n.allowed < 5 && i < 2000; i++ {
		typ := one(r, types...)
		in := embeddedInput(r, typ)
		if _, stored := embeddedSchema()[typ]; stored {
			in.Resource.Row = embeddedRow(r, typ, 1)
		} else {
			in.Resource.ID = one(r, "cdr", "carrier", "customer/did")
		}
		x := engine.Explain(ctx, in)
		if want := engine.Decide(ctx, in); !sameDecision(want, x.Decision) {
			t.Fatalf("input %v\nexplained %+v\ndecided %+v", in.Document(), x.Decision, want)
		}
		if again := engine.Explain(ctx, in); !reflect.DeepEqual(again, x) {
			t.Fatalf("input %v\nexplained once\n%+v\nand once\n%+v", in.Document(), x, again)
		}
		checkExplained(t, engine, in, x)
		if x.Decision.Allow {
			n.allowed++
		} else {
			n.denied++
		}
	}
	t.Logf("%d allowed, %d denied", n.allowed, n.denied)
	if n.allowed < 5 || n.denied < 5 {
		t.Error("the worlds tell little")
	}
}

// checkExplained checks the promises of an explanation: each rule and
// condition has its place, the path begins at the entrypoint, and a rule
// gives each reason.
func checkExplained(t *testing.T, engine *policies.Engine, in *input.Input, x policies.Explanation) {
	t.Helper()
	if x.Decision.Outcome == policies.OutcomeError {
		return
	}
	for _, rule := range x.Rules {
		if rule.File == "" || rule.Line == 0 || rule.Text == "" || rule.Name == "" {
			t.Errorf("%v: a rule without its place: %+v", in.Document(), rule)
		}
	}
	if x.Decision.Allow {
		if len(x.Failed) > 0 || len(x.Rules) == 0 || x.Rules[0].Name != "reseller.main.allow" {
			t.Errorf("%v: allowed by %+v, failed %+v", in.Document(), x.Rules, x.Failed)
		}
		return
	}
	if len(x.Failed) == 0 || x.Failed[0].Rule != "reseller.main.allow" {
		t.Fatalf("%v: denied without a condition that failed", in.Document())
	}
	for _, code := range x.Decision.Reasons {
		given := slices.ContainsFunc(x.Rules, func(r policies.Rule) bool { return r.Code == code && r.Title == engine.Reasons()[code].Title })
		if !given {
			t.Errorf("%v: no rule for the reason %s", in.Document(), code)
		}
	}
	last := x.Failed[len(x.Failed)-1]
	if last.File == "" || last.Line == 0 || last.Text == "" {
		t.Errorf("%v: a condition without its place: %+v", in.Document(), last)
	}
}

// clerk returns a user who may only read customers.
func clerk(status string) input.Subject {
	return input.Subject{Type: "user", ID: "usr_1", Facts: input.NewFacts(input.Facts{
		User: map[string]any{"id": "usr_1", "status": status}, Groups: []input.Group{{ID: "grp_1"}},
		Account: input.AccountFacts{ID: "acc_r1", ParentID: "acc_m1", TenantID: "acc_m1", Kind: "reseller", Status: "active", Depth: 1},
		Access:  map[string][]string{"*": {}, "customer": {"read"}},
	})}
}

func TestAnExplanationNamesTheConditionThatFailed(t *testing.T) {
	engine := embedded(t)
	own := map[string]any{"id": "cus_1", "account_id": "acc_r1", "tenant_id": "acc_m1"}
	for name, c := range map[string]struct {
		subject     input.Subject
		action, typ string
		row         map[string]any
		want        string // the last condition
		in          string // the rule of the last condition
	}{
		"a disabled user":               {clerk("disabled"), "read", "customer", own, `input.subject.user.status == "active"`, "reseller.subject.active"},
		"an area without access":        {clerk("active"), "read", "user", map[string]any{"id": "u", "account_id": "acc_r1"}, "letter in row(input.subject.access, area)", "reseller.areas.permits"},
		"another's row":                 {clerk("active"), "read", "customer", map[string]any{"id": "c", "account_id": "acc_r2", "tenant_id": "acc_m1"}, "input.resource.account_id in input.subject.below", "reseller.reach.subtree"},
		"a letter that is not given":    {clerk("active"), "update", "customer", own, "letter in row(input.subject.access, area)", "reseller.areas.permits"},
		"an action that does not exist": {clerk("active"), "fly", "customer", own, `input.action.name in {"create", "read", "update", "delete"}`, "reseller.actions.exists"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &input.Input{Subject: c.subject, Action: input.Action{Name: c.action}, Resource: input.Resource{Type: c.typ, Row: c.row}}
			x := engine.Explain(context.Background(), in)
			if x.Decision.Allow || len(x.Failed) == 0 {
				t.Fatalf("explained %+v", x)
			}
			last := x.Failed[len(x.Failed)-1]
			if last.Text != c.want || last.Rule != c.in {
				t.Errorf("%s:%d %s in %s, want %s in %s", last.File, last.Line, last.Text, last.Rule, c.want, c.in)
			}
		})
	}
}

// A condition on the row does not hide the one that no row fulfils, wherever it stands.
func TestTheExplanationOfAnEmptyListNamesWhatEmptiedIt(t *testing.T) {
	engine := load(t, main(`
allow if {
	input.resource.account_id in input.subject.below
	input.resource.currency == "EUR"
	not input.resource.carrier
	staff
}

allow if {
	input.resource.id == "crd_1"
	input.resource.currency != "USD"
	startswith(input.subject.user.external_id, "vip-")
}

staff if {
	some prefix in ["a", "b"]
	startswith(input.resource.name, prefix)
	input.subject.account.kind == "master"
}`))
	in := &input.Input{Subject: clerk("active"), Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "card"}}
	explained := func(want string) {
		t.Helper()
		plan, x := engine.Plan(t.Context(), in), engine.ExplainNone(t.Context(), in)
		if plan.Outcome != policies.OutcomeDeny || x.Decision.Allow || len(x.Failed) == 0 || x.Failed[0].Rule != "reseller.main.allow" {
			t.Fatalf("planned %+v, explained %+v", plan, x)
		}
		if last := x.Failed[len(x.Failed)-1]; last.Text != want || last.Line == 0 {
			t.Errorf("%d %s, want %s", last.Line, last.Text, want)
		}
	}
	explained(`input.subject.account.kind == "master"`)
	master := *in.Subject.Facts
	master.Account.Kind = "master"
	in.Subject.Facts = input.NewFacts(master)
	if plan := engine.Plan(t.Context(), in); plan.Outcome != policies.OutcomeAllow {
		t.Errorf("planned %+v", plan)
	}
}

// In the embedded policy, each empty list has a condition that no row fulfils.
func TestEveryEmptyListIsExplained(t *testing.T) {
	engine := embedded(t)
	r := rand.New(rand.NewPCG(15, 16))
	empty := 0
	for range depth.Runs(200) {
		in := embeddedInput(r, one(r, slices.Sorted(maps.Keys(embeddedSchema()))...))
		in.Resource.Row, in.Action.Change = nil, nil
		if account, ok := in.Action.Properties["account_id"]; ok {
			if _, text := account.(string); !text {
				continue // equals no column, which ExplainNone does not find
			}
		}
		if engine.Plan(t.Context(), in).Outcome != policies.OutcomeDeny {
			continue
		}
		empty++
		x := engine.ExplainNone(t.Context(), in)
		checkExplained(t, engine, in, x)
		if last := x.Failed[len(x.Failed)-1]; strings.Contains(last.Text, "input.resource.") && !strings.Contains(last.Text, "input.resource.type") {
			t.Errorf("%v: emptied by %s", in.Document(), last.Text)
		}
	}
	if empty < 20 {
		t.Errorf("only %d lists are empty", empty)
	}
}

func TestAnExplanationNamesWhatHeldAgainstANegation(t *testing.T) {
	engine := embedded(t)
	in := &input.Input{
		Subject: input.Subject{Type: "user", ID: "usr_1", Facts: input.NewFacts(input.Facts{
			User: map[string]any{"id": "usr_1", "status": "active", "ip_allow": []any{"10.0.0.0/8"}}, Groups: []input.Group{{ID: "grp_1"}},
			Account: input.AccountFacts{ID: "acc_m1", TenantID: "acc_m1", Kind: "master", Status: "active"},
			Access:  map[string][]string{"*": {"read"}},
		})},
		Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "customer", Row: map[string]any{"id": "c", "account_id": "acc_m1", "tenant_id": "acc_m1"}},
	}
	x := engine.Explain(context.Background(), in)
	last := x.Failed[len(x.Failed)-1]
	if last.Text != "not address.refused" || len(last.Holds) == 0 || last.Holds[0].Name != "reseller.address.refused" {
		t.Errorf("explained %+v", last)
	}
	if len(x.Rules) != 1 || x.Rules[0].Code != "client_ip_unknown" || x.Rules[0].Title == "" {
		t.Errorf("reasons from %+v", x.Rules)
	}
}

func TestATreeWithoutMetadataIsExplained(t *testing.T) {
	engine := load(t, main("allow if {\n\tinput.action.name == \"read\"\n\tnot closed\n}\n\nclosed if input.context.time > \"2026-01-01T18:00:00Z\""))
	in := &input.Input{Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "thing"}}
	if x := engine.Explain(context.Background(), in); !x.Decision.Allow || len(x.Rules) != 1 || x.Rules[0].Title != "" {
		t.Errorf("explained %+v", x)
	}
	in.Context.Time = time.Date(2026, 1, 1, 19, 0, 0, 0, time.UTC)
	x := engine.Explain(context.Background(), in)
	if len(x.Failed) != 1 || x.Failed[0].Text != "not closed" || len(x.Failed[0].Holds) != 1 || x.Failed[0].Holds[0].Name != "reseller.main.closed" {
		t.Errorf("explained %+v", x)
	}
}

func TestARecordedInputIsExplainedAsTheInputIs(t *testing.T) {
	engine := embedded(t)
	r := rand.New(rand.NewPCG(8, 9))
	for range 60 {
		typ := one(r, "customer", "card", "user", "group")
		in := embeddedInput(r, typ)
		in.Resource.Row = embeddedRow(r, typ, 1)
		text, err := json.Marshal(engine.Document(in))
		if err != nil {
			t.Fatal(err)
		}
		var document map[string]any
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatal(err)
		}
		want, got := engine.Explain(context.Background(), in), engine.ExplainDocument(context.Background(), document)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nrecorded %+v\nasked %+v", text, got, want)
		}
	}
}
