package policies_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
)

// misnamed returns resources with an invalid type or area.
func misnamed() []input.Resource {
	var asked []input.Resource
	for _, name := range []string{"Carrier", "CARRIER", "carrier ", " carrier", "carrier\n", "cаrrier", "carrier/", "*", "", "USER ", strings.Repeat("a", 201)} {
		asked = append(asked, input.Resource{Type: "area", ID: name}, input.Resource{Type: name, ID: "x"},
			input.Resource{Type: name, ID: "x", Properties: map[string]any{"account_id": "acc_r1"}})
	}
	return append(asked, input.Resource{Type: "Area", ID: "carrier"})
}

// No tree can allow a misnamed resource: neither a tree that allows
// everything nor one that fails with an error. This holds for users who may
// not act, too.
func TestWhatIsMisnamedIsDeniedWhateverTheTreeSays(t *testing.T) {
	ctx := context.Background()
	for name, engine := range map[string]*policies.Engine{
		"a tree that allows everything": load(t, main("allow if true")),
		"a tree that errs":              load(t, main("allow if to_number(input.action.name) > 3")),
		"the embedded tree":             embedded(t),
	} {
		t.Run(name, func(t *testing.T) {
			for _, subject := range []input.Subject{clerk("active"), clerk("disabled"), {Type: "user", ID: "usr_q"}} {
				for _, resource := range misnamed() {
					in := &input.Input{Subject: subject, Action: input.Action{Name: "read"}, Resource: resource}
					checkMisnamed(t, engine, in)
					changes := *in
					changes.Action.Change = &input.Change{}
					for how, d := range map[string]policies.Decision{
						"decided": engine.Decide(ctx, &changes), "evaluated": engine.Evaluate(ctx, &changes),
					} {
						deniedAsMisnamed(t, in, how+" about a change", d)
					}
				}
			}
			well := &input.Input{Subject: clerk("active"), Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "area", ID: "customer"}}
			if d := engine.Decide(ctx, well); slices.Contains(d.Reasons, "unknown_area") || d.Allow == strings.Contains(name, "errs") {
				t.Errorf("decided about an area %+v", d)
			}
		})
	}
}

// checkMisnamed calls every method of an engine that answers a question.
func checkMisnamed(t *testing.T, engine *policies.Engine, in *input.Input) {
	t.Helper()
	ctx := context.Background()
	blank := []predicate.Ref{{"context", "client_ip"}, {"subject", "user"}}
	without, sure := engine.DecideWithout(ctx, in, blank)
	planned, planSure := engine.PlanWithout(ctx, in, blank)
	if !sure || !planSure {
		t.Errorf("%+v: a blank leaves it open", in.Resource)
	}
	var document map[string]any
	text, err := json.Marshal(engine.Document(in))
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil {
		t.Fatal(err)
	}
	for how, d := range map[string]policies.Decision{
		"decided": engine.Decide(ctx, in), "evaluated": engine.Evaluate(ctx, in), "decided without": without,
		"explained": engine.Explain(ctx, in).Decision, "explained again": engine.ExplainDocument(ctx, document).Decision,
	} {
		deniedAsMisnamed(t, in, how, d)
	}
	for how, p := range map[string]*policies.Plan{"planned": engine.Plan(ctx, in), "planned without": planned} {
		if p.Outcome != policies.OutcomeDeny || p.Filter.Kind != predicate.None || p.Err != nil || len(p.Views)+len(p.Columns) > 0 {
			t.Errorf("%+v: %s %+v", in.Resource, how, p)
		}
	}
}

func deniedAsMisnamed(t *testing.T, in *input.Input, how string, d policies.Decision) {
	t.Helper()
	if d.Allow || d.Outcome != policies.OutcomeDeny || fmt.Sprint(d.Reasons) != "[unknown_area]" || d.Err != nil {
		t.Errorf("%q %q: %s %+v", in.Resource.Type, in.Resource.ID, how, d)
	}
}
