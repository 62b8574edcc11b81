package insight

import (
	"errors"
	"testing"

	"resellerd/policies"
	"resellerd/server/session"
	"resellerd/server/session/sessiontest"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

func TestAnUnknownUserIsDeniedEverything(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := sessiontest.Fill(t, st)
		i := NewInspector(st, sessiontest.Engine(t))
		for _, q := range []WhyQuestion{
			{Action: "read", Type: "customer", ID: w.ID("own")}, {Action: "read", Type: "customer", List: true},
			{Action: "create", Type: "customer"}, {Action: "read", Type: "area", ID: "customer"},
		} {
			q.User = "staff"
			if x, err := i.Explain(t.Context(), q); err != nil || x.Decision != "allow" {
				t.Errorf("%+v: %+v, %v", q, x, err)
			}
			q.User = "nobody"
			if x, err := i.Explain(t.Context(), q); err != nil || x.Decision != "deny" || len(x.Shown)+len(x.Access) > 0 {
				t.Errorf("%+v: %+v, %v", q, x, err)
			}
		}
		if _, err := i.Preview(t.Context(), PreviewQuestion{User: "nobody"}); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("a preview: %v", err)
		}
	})
}

// If the policy's evaluation fails, the explanation says so, and nothing is allowed.
func TestAPolicyThatErrsIsExplained(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := sessiontest.Fill(t, st)
		r := &Reader{w.As(t, "staff", sessiontest.Failing(t))}
		d := r.Decide(r.Input("read", "area", "customer"))
		if d.Allow || d.Outcome != policies.OutcomeError {
			t.Fatalf("decided %+v", d)
		}
		var denied *session.DeniedError
		if x, err := r.Decision("asked"); x != nil || !errors.As(err, &denied) {
			t.Errorf("explained %+v, %v", x, err)
		}
	})
}

// A decision is explained to the user that it was made for, and not to a user who
// does not see that user.
func TestADecisionIsToldToThoseWhoSeeItsUser(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := sessiontest.Fill(t, st)
		of := w.As(t, "staff", sessiontest.Engine(t))
		if d := of.Decide(of.Input("read", "area", "customer")); !d.Allow {
			t.Fatalf("decided %+v", d)
		}
		for viewer, want := range map[string]bool{"staff": true, "plain": false, "agent": false} {
			r := &Reader{w.As(t, viewer, sessiontest.Engine(t))}
			r.Memory, r.DecisionID = of.Memory, "told"
			x, err := r.Decision("asked")
			if want && (err != nil || x.Decision != "allow" || x.User != w.ID("staff")) {
				t.Errorf("%s: %+v, %v", viewer, x, err)
			}
			if !want && (x != nil || !errors.Is(err, fault.ErrNotFound)) {
				t.Errorf("%s: %+v, %v", viewer, x, err)
			}
			if _, err := r.Decision("another"); !errors.Is(err, fault.ErrNotFound) {
				t.Errorf("%s, of one that never was: %v", viewer, err)
			}
		}
	})
}
