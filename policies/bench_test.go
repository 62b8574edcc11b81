package policies_test

import (
	"context"
	"testing"
	"time"

	"resellerd/policies/input"
)

func benchFacts(access map[string][]string) *input.Facts {
	return input.NewFacts(input.Facts{
		User: map[string]any{"id": "usr_r1", "account_id": "acc_r1", "status": "active", "ip_allow": []any{}},
		Account: input.AccountFacts{
			ID: "acc_r1", ParentID: "acc_m1", TenantID: "acc_m1", Kind: "reseller", Status: "active", Depth: 1,
		},
		Access: access, Groups: []input.Group{{ID: "grp_1"}}, Leaf: true,
	})
}

func benchInput(account string) *input.Input {
	letters := []string{"create", "read", "update", "delete"}
	access := map[string][]string{"*": {}, "customer": letters, "card/customer": letters, "card/provider": letters[1:2], "user": letters}
	return &input.Input{
		Subject: input.Subject{Type: "user", ID: "usr_r1", Facts: benchFacts(access)},
		Action:  input.Action{Name: "read"},
		Resource: input.Resource{Type: "card", ID: "crd_1", Row: map[string]any{
			"id": "crd_1", "account_id": account, "tenant_id": "acc_m1", "kind": "customer", "name": "Premium",
			"currency": "USD", "direction": "termination", "assigned_to": []string{"acc_r2", "acc_r1"},
		}},
		Context: input.Context{Time: time.Unix(1767225600, 0), ClientIP: "10.1.2.3", Panel: "panel"},
	}
}

func BenchmarkDecideWarm(b *testing.B) {
	engine, ctx := embedded(b), context.Background()
	for name, in := range map[string]*input.Input{"allow": benchInput("acc_r1"), "deny": benchInput("acc_r9")} {
		if name == "deny" {
			in.Resource.Row["assigned_to"] = []string{}
		}
		engine.Decide(ctx, in)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := engine.Decide(ctx, in); !d.Warm || d.Allow != (name == "allow") {
					b.Fatalf("%+v", d)
				}
			}
		})
	}
}

func BenchmarkPlanWarm(b *testing.B) {
	engine, ctx, in := embedded(b), context.Background(), benchInput("acc_r1")
	b.ReportAllocs()
	for b.Loop() {
		if p := engine.Plan(ctx, in); p.Err != nil {
			b.Fatal(p.Err)
		}
	}
}

func BenchmarkDecideColdPlan(b *testing.B) {
	engine, ctx := embedded(b), context.Background()
	in := benchInput("acc_r1")
	letters := []string{"create", "read", "update", "delete"}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		access := map[string][]string{"*": letters, "area/" + time.Duration(i).String(): {"read"}}
		in.Subject.Facts = benchFacts(access)
		b.StartTimer()
		if d := engine.Decide(ctx, in); !d.Allow || d.Warm {
			b.Fatalf("%+v", d)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	engine, ctx := embedded(b), context.Background()
	for name, in := range map[string]*input.Input{"allow": benchInput("acc_r1"), "deny": benchInput("acc_r9")} {
		if name == "deny" {
			in.Resource.Row["assigned_to"] = []string{}
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := engine.Evaluate(ctx, in); d.Err != nil {
					b.Fatalf("%+v", d)
				}
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		embedded(b)
	}
}
