package policies_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"resellerd/policies/input"
)

var letters = []string{"create", "read", "update", "delete"}

// menu returns a user with random access to n areas, and those areas.
func menu(r *rand.Rand, n int) (in *input.Input, areas []string) {
	access := map[string][]string{}
	some := func() []string {
		return slices.DeleteFunc(slices.Clone(letters), func(string) bool { return r.IntN(2) == 0 })
	}
	if r.IntN(3) > 0 {
		access["*"] = some()
	}
	for len(areas) < n {
		area := []string{"card", "cdr", "customer", "user", fmt.Sprint("own", r.IntN(9))}[r.IntN(5)]
		if r.IntN(2) == 0 {
			area += fmt.Sprint("/part", len(areas))
		}
		if r.IntN(4) > 0 {
			access[area] = some()
		}
		if !slices.Contains(areas, area) {
			areas = append(areas, area)
		}
	}
	user := map[string]any{"id": "u", "account_id": "a", "status": []string{"active", "active", "disabled"}[r.IntN(3)]}
	if r.IntN(4) == 0 {
		user["ip_allow"] = []any{"192.0.2.0/24"}
	}
	kind := []string{"master", "reseller"}[r.IntN(2)]
	return &input.Input{
		Subject: input.Subject{Type: "user", ID: "u", Facts: input.NewFacts(input.Facts{User: user, Access: access, Groups: []input.Group{{ID: "grp_1"}},
			Account: input.AccountFacts{ID: "a", ParentID: "m", TenantID: "m", Kind: kind, Status: "active", Depth: 1}})},
		Context: input.Context{ClientIP: []string{"", "192.0.2.1", "198.51.100.1"}[r.IntN(3)], Time: time.Unix(1767225600, 0)},
	}, areas
}

// One evaluation about all areas gives the same answers as one decision about each.
func TestAccessIsWhatEachDecisionSays(t *testing.T) {
	t.Parallel()
	engine, given := embedded(t), 0
	for seed := range uint64(40) {
		in, areas := menu(rand.New(rand.NewPCG(seed, 7)), 6)
		areas = append(areas, "-", "Not an area", "a//b")
		access, err := engine.Access(t.Context(), in, areas, letters)
		if err != nil || len(access) != len(areas) {
			t.Fatalf("%v of %v, %v", access, areas, err)
		}
		for _, area := range areas {
			for _, action := range letters {
				one := *in
				one.Resource, one.Action.Name = input.Resource{Type: "area", ID: area}, action
				want := engine.Evaluate(t.Context(), &one).Allow
				if got := slices.Contains(access[area], action); got != want {
					t.Errorf("%s %s: %v, want %v", action, area, got, want)
				}
				if want {
					given++
				}
			}
		}
	}
	if given < 100 {
		t.Errorf("only %d questions are allowed", given)
	}
}

func TestAccessFailsWithItsDecisions(t *testing.T) {
	t.Parallel()
	engine := load(t, map[string]string{"main.rego": `package reseller.main

default allow := false

allow if to_number(input.context.panel) > 0

decision := {"allow": allow, "reasons": set()}
`})
	in := &input.Input{Subject: input.Subject{Type: "user", ID: "u"}, Context: input.Context{Panel: "1"}}
	if access, err := engine.Access(t.Context(), in, []string{"a", "b"}, letters[:1]); err != nil || len(access["a"]) != 1 || len(access["b"]) != 1 {
		t.Errorf("%v, %v", access, err)
	}
	in.Context.Panel = "x"
	if access, err := engine.Access(t.Context(), in, []string{"a", "b"}, letters[:1]); err == nil {
		t.Errorf("%v although the decisions fail", access)
	}
}

// The rules about the user and the action are evaluated once for all areas. Allocated
// objects measure the work, because they do not depend on the machine.
func TestAccessRepeatsNoRuleForEachArea(t *testing.T) {
	engine := embedded(t)
	in, areas := menu(rand.New(rand.NewPCG(1, 1)), 100)
	got := testing.AllocsPerRun(3, func() {
		if _, err := engine.Access(t.Context(), in, areas, letters); err != nil {
			t.Error(err)
		}
	})
	if got > 80_000 { // with the race detector, pools forget what they hold
		t.Errorf("%v allocations", got)
	}
	t.Logf("%v allocations", got)
}

func BenchmarkAccess(b *testing.B) {
	engine := embedded(b)
	r := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		b.StopTimer()
		in, areas := menu(r, 100)
		b.StartTimer()
		if _, err := engine.Access(b.Context(), in, areas, letters); err != nil {
			b.Fatal(err)
		}
	}
}
