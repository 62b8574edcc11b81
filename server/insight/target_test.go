package insight

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/session"
	"resellerd/server/session/sessiontest"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

func TestReadsMore(t *testing.T) {
	t.Parallel()
	shared := &session.Shared{Now: time.Now}
	engine := sessiontest.Engine(t)
	facts := func(access map[string][]string) *input.Facts {
		return input.NewFacts(input.Facts{
			User: map[string]any{"status": "active"}, Groups: []input.Group{{ID: "grp_1"}}, Access: access,
			Account: input.AccountFacts{ID: "acc_m", TenantID: "acc_m", Kind: "master", Status: "active"},
		})
	}
	read, none := []string{"read"}, []string{}
	for name, c := range map[string]struct {
		a, b map[string][]string
		want bool
	}{
		"equal":                       {map[string][]string{"*": none, "x": read}, map[string][]string{"*": none, "x": read}, false},
		"less":                        {map[string][]string{"*": none}, map[string][]string{"*": read}, false},
		"one area more":               {map[string][]string{"*": none, "x": read}, map[string][]string{"*": none}, true},
		"a default more":              {map[string][]string{"*": read}, map[string][]string{"*": none, "x": read}, true},
		"a hole that is not shared":   {map[string][]string{"*": read}, map[string][]string{"*": read, "x": none}, true},
		"below a hole":                {map[string][]string{"*": none, "x/y": read}, map[string][]string{"*": none, "x": read, "x/y": none}, true},
		"covered by an ancestor":      {map[string][]string{"*": none, "x/y": read}, map[string][]string{"*": none, "x": read}, false},
		"the panel's own, below card": {map[string][]string{"*": none, "card/export": read}, map[string][]string{"*": none, "card/customer": read}, true},
		"below the cards of a kind":   {map[string][]string{"*": none, "card/provider/margins": read}, map[string][]string{"*": none}, true},
		"rights on cards":             {map[string][]string{"*": none, "card/loss": read, "card/provider/activation": read}, map[string][]string{"*": none}, false},
		"writes do not count":         {map[string][]string{"*": {"update"}}, map[string][]string{"*": none}, false},
		"nothing at all":              {nil, nil, false},
	} {
		r := &Reader{&session.Session{Shared: shared, Ctx: t.Context(), Engine: engine, Subject: &store.Subject{}, Facts: facts(c.b)}}
		target := &session.Actor{Subject: &store.Subject{}, Facts: facts(c.a)}
		if got := r.readsMore(target); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// An invisible user is denied like a user that does not exist.
func TestATargetOutOfSightIsDeniedAsAnAbsentOne(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := sessiontest.Fill(t, st)
		of := func(viewer, ref string) (*session.Actor, error) {
			return (&Reader{w.As(t, viewer, sessiontest.Engine(t))}).Target(ref)
		}
		for _, ref := range []string{"nobody", "stranger", "staff"} {
			target, err := of("agent", ref)
			var denied *session.DeniedError
			if target != nil || !errors.As(err, &denied) || !slices.Contains(denied.Decision.Reasons, policies.ReasonNotVisible) {
				t.Errorf("%s: %v", ref, err)
			}
		}
		if target, err := of("staff", "agent"); err != nil || target.Subject.User.ID != w.ID("agent") {
			t.Errorf("one below: %v", err)
		}
		if _, err := of("staff", "shut"); !errors.Is(err, ErrTargetAccountNotActive) {
			t.Errorf("of a suspended account: %v", err)
		}
		var denied *session.DeniedError
		if _, err := of("plain", "agent"); !errors.As(err, &denied) {
			t.Errorf("by a user without the area: %v", err)
		}
	})
}

// There is no preview without an entry in the log and in the audit trail.
func TestNobodyIsPreviewedUnrecorded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := sessiontest.Fill(t, st)
		r := &Reader{w.As(t, "staff", sessiontest.Engine(t))}
		target, err := r.Target("agent")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r.Ctx = ctx
		if err := r.AuditPreview(target); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("an audit trail that is not written: %v", err)
		}
		r.Ctx, r.Shared.Log = t.Context(), sessiontest.Unwritten(t)
		for _, ref := range []string{"agent", "nobody"} {
			if target, err := r.Target(ref); target != nil || !errors.Is(err, session.ErrNotRecorded) {
				t.Errorf("%s, where the log is not written: %v", ref, err)
			}
		}
		err = st.Snapshot(t.Context(), w.ID("carrier"), func(m *store.Moment) error {
			shown, err := r.Preview(m, []*session.Actor{target})
			if shown != nil {
				t.Errorf("shown %+v", shown)
			}
			return err
		})
		if !errors.Is(err, session.ErrNotRecorded) {
			t.Errorf("a preview: %v", err)
		}
	})
}

func TestAPolicyThatErrsPreviewsNobody(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := sessiontest.Fill(t, st)
		r := &Reader{w.As(t, "staff", sessiontest.Failing(t))}
		var denied *session.DeniedError
		if target, err := r.Target("agent"); target != nil || !errors.As(err, &denied) || denied.Decision.Outcome != policies.OutcomeError {
			t.Errorf("previewed %v, %v", target, err)
		}
		err := st.Snapshot(t.Context(), w.ID("carrier"), func(m *store.Moment) error { return r.DryRun().Before(m, Write{Type: "user", ID: w.ID("agent")}) })
		if !errors.As(err, &denied) || denied.Decision.Outcome != policies.OutcomeError {
			t.Errorf("a dry run: %v", err)
		}
	})
}
