package insight

import (
	"testing"

	"resellerd/server/identity"
	"resellerd/server/session"
	"resellerd/server/session/sessiontest"
	"resellerd/store"
	"resellerd/store/storetest"
)

// Only a user who may preview another user learns what a write changes for that user.
func TestADryRunWithholdsWhatAPreviewWouldNotShow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := sessiontest.Fill(t, st)
		agent := w.ID("agent")
		for name, c := range map[string]struct {
			viewer string
			scopes identity.Scope
			users  int
			told   bool
		}{
			"by one who may preview":         {"staff", identity.ScopePreview, 1, true},
			"by a token without the scope":   {"staff", 0, 1, false},
			"by a user who sees no users":    {"plain", identity.ScopePreview, 0, false},
			"by the user whom it is about":   {"agent", 0, 1, true},
			"by a user of another carrier's": {"stranger", identity.ScopePreview, 0, false},
		} {
			r := w.Begin(t.Context(), sessiontest.Engine(t))
			r.Caller = session.Caller{UserRef: c.viewer, Scopes: c.scopes}
			if err := r.LoadUser(); err != nil {
				t.Fatal(err)
			}
			d, write := (&Reader{r}).DryRun(), Write{Type: "user", ID: agent}
			err := st.Rehearse(t.Context(), w.ID("carrier"), func(tx *store.Tx) error {
				off := store.Disabled
				_, err := tx.UpdateUser(t.Context(), agent, store.UserPatch{Status: &off})
				return err
			}, func(m *store.Moment) error { return d.After(m, write) }, func(m *store.Moment) error { return d.Before(m, write) })
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got := d.Result()
			if len(got.Users) != c.users {
				t.Errorf("%s: told of %+v", name, got.Users)
				continue
			}
			for _, u := range got.Users {
				if u.User != agent || u.Withheld == c.told || (len(u.Areas) > 0) != c.told {
					t.Errorf("%s: told %+v", name, u)
				}
			}
		}
	})
}
