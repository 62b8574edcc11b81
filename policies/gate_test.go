package policies_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest"
	"resellerd/policies/policiestest/depth"
	"resellerd/policies/rego"
)

// gates are conditions that fail for the subjects with whom Load tries a tree.
var gates = map[string]string{
	"another user":           `input.subject.user.external_id == "x"`,
	"users by prefix":        `startswith(input.subject.user.external_id, "x")`,
	"users of a list":        `input.subject.user.external_id in {"x", "y"}`,
	"users of the data":      `data.special[input.subject.user.external_id]`,
	"a depth":                `input.subject.account.depth == 2`,
	"an account":             `input.subject.account.id == "acc_9"`,
	"access that is missing": `not "update" in input.subject.access.customer`,
	"special access":         `input.subject.access["special"]`,
	"several groups":         `count(input.subject.groups) > 1`,
	"an address":             `"10.0.0.0/8" in input.subject.user.ip_allow`,
	"some address":           "some network in input.subject.user.ip_allow\n\tstartswith(network, \"10.\")",
	"an action":              `input.action.name == "assign"`,
	"another action":         `input.action.name in {"activate", "build", "preview"}`,
	"a suspended account":    `input.subject.account.status == "suspended"`,
	"a helper":               "special",
	"a moment":               `startswith(input.context.time, "2031-")`,
}

// faults are conditions that no filter can express. The last line contains the fault.
var faults = map[string]string{
	"two elements":            "some a in input.resource.assigned_to\n\tsome b in input.resource.assigned_to\n\ta != b",
	"an element in a subtree": "some a in input.resource.assigned_to\n\tnot a in input.subject.below",
	"a set as a whole":        `input.resource.assigned_to == ["acc_r1"]`,
	"an order with null":      `input.resource.name < null`,
	"an order with a number":  `input.resource.name < 3`,
	"an order with a text":    `input.resource.depth < "a"`,
}

const gatedHelper = "\n\nspecial if input.subject.user.external_id == \"z\"\n\nspecial if count(input.subject.groups) > 7\n"

func TestNoConditionHidesWhatAFilterCannotExpress(t *testing.T) {
	combination := 0
	for gate, condition := range gates {
		for fault, text := range faults {
			for form, rules := range map[string]string{
				"":               "allow if {\n\t%s\n\t%s\n}",
				" in a helper":   "allow if {\n\tinput.resource.kind == \"customer\"\n\thelper\n}\n\nhelper if {\n\t%s\n\t%s\n}",
				" in a negation": "allow if {\n\tinput.resource.kind == \"customer\"\n\tnot helper\n}\n\nhelper if {\n\t%s\n\t%s\n}",
			} {
				if combination++; !depth.Full() && combination%8 != 0 {
					continue
				}
				t.Run(fault+" behind "+gate+form, func(t *testing.T) {
					t.Parallel()
					before, _, _ := strings.Cut(rules, "%s\n\t%s")
					line := strings.Count(plainDecision+before+condition+"\n\t"+text, "\n") + 1
					mustRefuse(t, fmt.Sprintf(rules, condition, text)+gatedHelper, line)
				})
			}
		}
	}
}

func mustRefuse(t *testing.T, rules string, line int) {
	t.Helper()
	files := main(rules)
	files["special/data.json"] = `{"x": true}`
	_, err := policies.Load(context.Background(), tree(files), policies.Options{Schema: embeddedSchema(), Timeout: time.Minute})
	var refused *rego.LoadError
	if !errors.As(err, &refused) {
		t.Fatalf("loaded with %v, want a refusal of\n%s", err, rules)
	}
	for _, f := range refused.Findings {
		if f.File != "reseller/main/main.rego" || f.Line != line || strings.Contains(f.Message, "__") || strings.Contains(f.Message, "partial") {
			t.Errorf("refused with %s, want line %d of\n%s", f, line, rules)
		}
	}
}

const partialRules = `allow if {
	input.resource.kind == "customer"
	open
}

default open := false

open if input.resource.name == "a"

open if {
	some network in input.subject.user.ip_allow
	input.resource.depth < network
}
`

// A rule that no filter can express for a certain subject takes nothing away from the
// others, and lists, checks and full evaluations agree.
func TestARuleWithoutAFilterAllowsNothing(t *testing.T) {
	ctx := context.Background()
	engine, err := policies.Load(ctx, tree(main(partialRules)), policies.Options{Schema: depthSchema(), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	facts := input.Facts{Account: input.AccountFacts{ID: "acc_r1", Kind: "reseller", Status: "active"}, Groups: []input.Group{{ID: "grp_1"}},
		User: map[string]any{"id": "usr_1", "ip_allow": []any{"10.0.0.0/8"}}}
	for partial, address := range []any{[]any{}, []any{"10.0.0.0/8"}} {
		facts.User = map[string]any{"id": "usr_1", "ip_allow": address}
		in := &input.Input{Subject: input.Subject{Type: "user", ID: "usr_1", Facts: input.NewFacts(facts)},
			Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "card"}}
		plan := engine.Plan(ctx, in)
		if want := `(resource.kind = "customer" and resource.name = "a")`; plan.Outcome != policies.OutcomeAllow || plan.Filter.String() != want {
			t.Fatalf("planned %s, %v; want %s", plan.Filter, plan.Err, want)
		}
		if n := engine.CompileTimes()["partial"].Count; n != int64(partial) {
			t.Errorf("%d plans lack rules, want %d", n, partial)
		}
		for name, allowed := range map[string]bool{"a": true, "b": false} {
			one := policiestest.WithRow(in, map[string]any{"id": "crd_1", "kind": "customer", "name": name, "depth": int64(1)})
			if d := engine.Decide(ctx, one); d.Allow != allowed || d.Err != nil {
				t.Errorf("%s: decided %+v", name, d)
			}
			if d := engine.EvaluateWhole(ctx, one); d.Allow != allowed || d.Err != nil {
				t.Errorf("%s: evaluated %+v", name, d)
			}
		}
	}
}

func depthSchema() input.Schema {
	schema := policiestest.Schema()
	card := maps.Clone(schema["card"].Columns)
	card["depth"] = input.Integer
	schema["card"] = input.TypeSchema{Columns: card}
	return schema
}
