package session_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"weak"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/identity"
	"resellerd/server/session"
	"resellerd/server/session/sessiontest"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

// The refusal of a user who may not act does not say why. Only the log records the
// cause.
func TestNobodyActsWhoIsNotKnownAndActive(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := sessiontest.Fill(t, st)
		for ref, reason := range map[string]string{
			"nobody": session.ReasonUnknownUser, "stranger": session.ReasonUnknownUser,
			"gone": "user_disabled", "shut": "account_suspended",
		} {
			r := w.Begin(t.Context(), sessiontest.Engine(t))
			r.Caller.UserRef = ref
			err := r.LoadUser()
			var refused *session.UnknownUserError
			if !errors.As(err, &refused) || session.TrueReason(refused.Cause) != reason {
				t.Errorf("%s: %v, want the reason %s", ref, err, reason)
			}
			if r.Actor != nil || r.Subject != nil || r.Facts != nil {
				t.Errorf("%s is refused and acts", ref)
			}
		}
		if err := w.Begin(t.Context(), sessiontest.Engine(t)).LoadUser(); !errors.Is(err, session.ErrNoUser) {
			t.Errorf("no user named: %v", err)
		}
		w.As(t, "staff", sessiontest.Engine(t))
	})
}

// If the log does not take a decision, the caller gets no answer, even if the policy
// allows it.
func TestNothingIsAnsweredThatTheLogDoesNotTake(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := sessiontest.Fill(t, st)
		r := w.As(t, "staff", sessiontest.Engine(t))
		in := r.Input("read", "area", "customer")
		if d := r.Decide(in); !d.Allow {
			t.Fatalf("with a log: %+v", d)
		}
		r.Shared.Log = sessiontest.Unwritten(t)
		if d := r.Decide(in); d.Allow || !errors.Is(d.Err, session.ErrNotRecorded) {
			t.Errorf("decided %+v", d)
		}
		if d := r.DecideAbsent(in); d.Allow || !errors.Is(d.Err, session.ErrNotRecorded) {
			t.Errorf("decided about what is absent %+v", d)
		}
		_, err := r.ReadPlan("customer")
		if !errors.Is(err, session.ErrNotRecorded) || !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("a list: %v", err)
		}
		if _, err := r.MayList("customer"); !errors.Is(err, session.ErrNotRecorded) {
			t.Errorf("a list that may be empty: %v", err)
		}
		if _, _, err := r.AccessByArea(); !errors.Is(err, session.ErrNotRecorded) {
			t.Errorf("the access by area: %v", err)
		}
	})
}

func TestAPolicyThatErrsAllowsNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := sessiontest.Fill(t, st).As(t, "staff", sessiontest.Failing(t))
		if d := r.Decide(r.Input("read", "area", "customer")); d.Allow || d.Outcome != policies.OutcomeError {
			t.Errorf("decided %+v", d)
		}
		for what, ask := range map[string]func() error{
			"a list":                   func() error { _, err := r.ReadPlan("customer"); return err },
			"a list that may be empty": func() error { _, err := r.MayList("customer"); return err },
			"the access by area":       func() error { _, _, err := r.AccessByArea(); return err },
			"the same, unrecorded":     func() error { _, err := r.AccessUnrecorded(); return err },
		} {
			var denied *session.DeniedError
			if err := ask(); !errors.As(err, &denied) || denied.Decision.Outcome != policies.OutcomeError {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// A user who may read no row of a type gets the reasons, and "not visible" is never
// one of them.
func TestAListThatIsDeniedTellsItsReasons(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := sessiontest.Fill(t, st).As(t, "plain", sessiontest.Engine(t))
		_, err := r.ReadPlan("user")
		var denied *session.DeniedError
		if !errors.As(err, &denied) || strings.Join(denied.Decision.Reasons, ",") != "area_denied" {
			t.Errorf("denied %v", err)
		}
		if p, err := r.MayList("user"); p != nil || err != nil {
			t.Errorf("a list that may be empty: %+v, %v", p, err)
		}
	})
}

func TestARowOutOfSightIsAsAbsentAsOneThatNeverWas(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := sessiontest.Fill(t, st)
		r := w.As(t, "plain", sessiontest.Engine(t))
		p, err := r.ReadPlan("customer")
		if err != nil {
			t.Fatal(err)
		}
		if row, err := r.One(st, p, w.ID("own")); err != nil || row.ID() != w.ID("own") {
			t.Errorf("its own: %v", err)
		}
		for _, id := range []string{w.ID("foreign"), "cus_nowhere", "", strings.Repeat("x", identity.MaxName+1)} {
			if _, err := r.One(st, p, id); !errors.Is(err, fault.ErrNotFound) {
				t.Errorf("%.20q: %v", id, err)
			}
		}
	})
}

// The branch of a user is the account directly below the master, however deep the user's is.
func TestAUserIsOfABranch(t *testing.T) {
	t.Parallel()
	w := sessiontest.Fill(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	for user, want := range map[string]string{"staff": "carrier", "agent": "reseller", "deep": "reseller"} {
		if got := w.As(t, user, sessiontest.Engine(t)).Facts.Branch; got != w.ID(want) {
			t.Errorf("%s is of the branch %s", user, got)
		}
	}
}

// A question about another tenant's row is treated as one about an absent row.
func TestAQuestionReadsNoRowOfAnotherTenant(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := sessiontest.Fill(t, st)
		r := w.As(t, "staff", sessiontest.Engine(t))
		for id, want := range map[string]bool{w.ID("own"): true, w.ID("foreign"): false, "cus_nowhere": false} {
			in := r.Input("read", "customer", id)
			if known, err := r.LoadRow(in); known != want || err != nil || (in.Resource.Row != nil) != want {
				t.Errorf("%s: known %v, %v, row %v", id, known, err, in.Resource.Row)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r.Ctx = ctx
		if known, err := r.LoadRow(r.Input("read", "customer", "cus_not_asked_before")); known || !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("a store that does not answer: known %v, %v", known, err)
		}
	})
}

// A write begins an epoch in which the subject is read again. What was derived from
// the former subject does not stay in memory.
func TestAWriteLeavesNoFactsInMemory(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := sessiontest.Fill(t, st)
		r := w.As(t, "staff", sessiontest.Engine(t))
		users, left := r.Users, []weak.Pointer[input.Facts]{weak.Make(r.Facts)}
		if again, err := users.Find(t.Context(), r.Engine, r.Caller.Tenant, "staff"); err != nil || again.Facts != r.Facts {
			t.Fatalf("the same facts are derived twice: %v", err)
		}
		for i := range 3 {
			err := st.Write(t.Context(), w.ID("carrier"), func(tx *store.Tx) error {
				name := fmt.Sprint("renamed", i)
				_, err := tx.UpdateUser(t.Context(), w.ID("staff"), store.UserPatch{Name: &name})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			a, err := users.Find(t.Context(), sessiontest.Engine(t), w.ID("carrier"), "staff")
			if err != nil {
				t.Fatal(err)
			}
			left = append(left, weak.Make(a.Facts))
		}
		runtime.GC()
		for i, of := range left[:3] {
			if of.Value() != nil {
				t.Errorf("the facts before write %d are in memory", i+1)
			}
		}
	})
}
