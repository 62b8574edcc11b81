package policies_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest"
)

const rowless = `# METADATA
# title: Decisions
# custom: {rows: none}
package reseller.main

default allow := false

decision := {"allow": allow, "reasons": set()}

allow if {
	count([a | some a in input.resource.assigned_to; startswith(a, "acc_r")]) > 1
	every letter in split(input.resource.name, "") {
		letter == lower(letter)
	}
}
`

// A tree that shows no rows may use any Rego, also about rows. It is evaluated whole.
func TestATreeWithoutRowsIsEvaluatedWhole(t *testing.T) {
	ctx := context.Background()
	load := func(text string) (*policies.Engine, error) {
		return policies.Load(ctx, tree(map[string]string{"reseller/main/main.rego": text}),
			policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
	}
	if _, err := load(strings.Replace(rowless, "rows: none", "rows: some", 1)); err == nil {
		t.Fatal("a tree with rows loads with rules that no filter can express")
	}
	engine, err := load(rowless)
	if err != nil {
		t.Fatal(err)
	}
	in := &input.Input{Subject: input.Subject{Type: "user", ID: "usr_1"}, Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "card"}}
	if p := engine.Plan(ctx, in); p.Outcome != policies.OutcomeDeny || p.Filter.String() != "none" {
		t.Errorf("planned %+v", p)
	}
	for name, allowed := range map[string]bool{"gold": true, "Gold": false} {
		one := policiestest.WithRow(in, map[string]any{"id": "crd_1", "name": name, "assigned_to": []string{"acc_r1", "acc_r2"}})
		for what, d := range map[string]policies.Decision{"decided": engine.Decide(ctx, one), "evaluated": engine.EvaluateWhole(ctx, one)} {
			if d.Err != nil || d.Allow != allowed {
				t.Errorf("%s: %s %+v", name, what, d)
			}
		}
	}
}

// A view inside of the decision that lists would not know is refused.
func TestAViewThatListsIgnoreIsRefused(t *testing.T) {
	_, err := policies.Load(context.Background(), tree(map[string]string{"reseller/main/main.rego": `package reseller.main

default allow := false

allow if input.resource.name == "a"

decision := {"allow": allow, "reasons": set(), "view": "full", "columns": {"id", "name"}}
`}), policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "main.rego:7: decision: view is no rule data.reseller.main.view") {
		t.Errorf("loaded with %v", err)
	}
}
