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
		in := &input.Input{
			Subject: input.Subject{Type: "user", ID: "u", Facts: input.NewFacts(input.Facts{
				User: map[string]any{"id": "u", "status": "active"}, Groups: []input.Group{{ID: "grp_1"}},
				Account: input.AccountFacts{ID: "a", TenantID: "a", Kind: "master", Status: "active"},
				Access:  map[string][]string{"*": {"read"}, fmt.Sprint("area", i): {"read"}},
			})},
			Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "area", ID: "cdr"},
		}
		if d := e.Decide(t.Context(), in); !d.Allow {
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
