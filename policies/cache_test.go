package policies

import (
	"context"
	"fmt"
	"testing"
	"time"

	"resellerd/policies/input"
)

// A user chooses profiles by changing groups. The plans of all profiles together have
// a limit in bytes.
func TestCachedPlansAreBoundedByBytes(t *testing.T) {
	t.Parallel()
	const limit = 200_000
	e, err := Load(context.Background(), Embedded(), Options{Timeout: time.Minute, CacheBytes: limit})
	if err != nil {
		t.Fatal(err)
	}
	filled := int64(0)
	for i := range 60 {
		if d := e.Decide(t.Context(), withProfile("a", i)); !d.Allow {
			t.Fatalf("%+v", d)
		}
		n := e.plans.entries.Use().Bytes
		if filled = max(filled, n); n > limit {
			t.Fatalf("%d bytes after %d profiles", n, i+1)
		}
	}
	if filled < limit/2 {
		t.Errorf("the plans of 60 profiles took only %d bytes", filled)
	}
}

// withProfile is a question of a master's user whose access differs by the number.
func withProfile(account string, n int) *input.Input {
	return &input.Input{
		Subject: input.Subject{Type: "user", ID: "u", Facts: input.NewFacts(input.Facts{
			User: map[string]any{"id": "u", "status": "active"}, Groups: []input.Group{{ID: "grp_1"}},
			Account: input.AccountFacts{ID: account, TenantID: account, Kind: "master", Status: "active"},
			Access:  map[string][]string{"*": {"read"}, fmt.Sprint("area", n): {"read"}},
		})},
		Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "area", ID: "cdr"},
	}
}

// An account whose users have ever other profiles evicts its own plans.
func TestAnAccountDoesNotEvictThePlansOfOthers(t *testing.T) {
	t.Parallel()
	e, err := Load(context.Background(), Embedded(), Options{Timeout: time.Minute, CacheBytes: 200_000})
	if err != nil {
		t.Fatal(err)
	}
	for n, account := range []string{"b", "c"} {
		e.Decide(t.Context(), withProfile(account, n))
	}
	for i := 100; i < 160; i++ {
		e.Decide(t.Context(), withProfile("a", i))
	}
	if e.CacheUse().Evicted == 0 {
		t.Fatal("nothing is evicted")
	}
	for n, account := range []string{"b", "c"} {
		if d := e.Decide(t.Context(), withProfile(account, n)); !d.Warm {
			t.Errorf("the plan of account %s is evicted", account)
		}
	}
}

// Requests choose the outcomes of conditions about them.
func TestATemplateKeepsSomeLists(t *testing.T) {
	t.Parallel()
	var one template
	for held := range uint64(2 * maxLists) {
		if p := one.list(listKey{held: held}); p == nil || p.Outcome != OutcomeDeny {
			t.Fatalf("%+v", p)
		}
	}
	kept := 0
	one.lists.Range(func(any, any) bool { kept++; return true })
	if kept != maxLists {
		t.Errorf("%d lists are kept", kept)
	}
}
