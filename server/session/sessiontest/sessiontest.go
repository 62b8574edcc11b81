// Package sessiontest creates sessions for tests that need no server.
package sessiontest

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/decisionlog"
	"resellerd/server/record"
	"resellerd/server/resource"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/seed"
	"resellerd/store/storetest"
)

// World is a store with two carriers. Its users are named by their external ids:
//
//	carrier, a master    staff (everything), plain (customers only), gone (disabled); customer own
//	  reseller           agent (everything)
//	    below            deep (everything)
//	  closed, suspended  shut
//	other, a master      stranger; customer foreign
type World struct {
	*seed.Names

	Store *store.Store
}

// Fill creates a World in an empty store.
func Fill(t testing.TB, st *store.Store) *World {
	t.Helper()
	return &World{Store: st, Names: storetest.Fill(t, st,
		seed.Account("carrier", store.Account{Kind: store.Master, Name: "Carrier"}),
		seed.Account("reseller", store.Account{ParentID: "carrier", Name: "Reseller"}),
		seed.Account("closed", store.Account{ParentID: "carrier", Name: "Closed", Status: store.Suspended}),
		group("all", "carrier", "crud", nil), user("staff", "carrier", "all", store.Active), user("gone", "carrier", "all", store.Disabled),
		group("customers", "carrier", "", store.Access{"customer": "r"}), user("plain", "carrier", "customers", store.Active),
		group("agents", "reseller", "crud", nil), user("agent", "reseller", "agents", store.Active),
		seed.Account("below", store.Account{ParentID: "reseller", Name: "Below"}),
		group("deeps", "below", "crud", nil), user("deep", "below", "deeps", store.Active),
		group("shuts", "closed", "crud", nil), user("shut", "closed", "shuts", store.Active),
		seed.Customer("own", store.Customer{AccountID: "carrier", Name: "Customer"}),

		seed.Account("other", store.Account{Kind: store.Master, Name: "Other"}),
		group("others", "other", "crud", nil), user("stranger", "other", "others", store.Active),
		seed.Customer("foreign", store.Customer{AccountID: "other", Name: "Customer"}),
	)}
}

func group(name, account, letters string, rows store.Access) seed.Row {
	return seed.Group(name, store.Group{AccountID: account, Name: name, DefaultAccess: letters, Rows: rows})
}

func user(name, account, group, status string) seed.Row {
	return seed.User(name, store.User{AccountID: account, Login: name + "@x.example", ExternalID: name, Groups: []string{group}, Status: status})
}

// Engine returns an engine with the embedded policy.
func Engine(t testing.TB) *policies.Engine {
	t.Helper()
	e, err := embedded()
	if err != nil {
		t.Fatalf("embedded policy: %v", err)
	}
	return e
}

var embedded = sync.OnceValues(func() (*policies.Engine, error) {
	return policies.Load(context.Background(), policies.Embedded(), policies.Options{Schema: resource.Schema(), Source: "embedded", Timeout: time.Minute})
})

// failing is a policy whose evaluation fails for every question of the panel "x".
const failing = `package reseller.main

default allow := false

allow if to_number(input.context.panel) > 0

decision := {"allow": allow, "reasons": set()}
`

// Failing returns a policy whose evaluation fails for every question of a session
// from Begin. Without the failure it would allow the question.
func Failing(t testing.TB) *policies.Engine {
	t.Helper()
	e, err := policies.Load(context.Background(), fstest.MapFS{"main.rego": &fstest.MapFile{Data: []byte(failing)}},
		policies.Options{Schema: resource.Schema(), Timeout: time.Minute})
	if err != nil {
		t.Fatalf("failing policy: %v", err)
	}
	return e
}

// Begin returns a session of the panel "x" under a policy, without an acting user. It
// writes no log.
func (w *World) Begin(ctx context.Context, e *policies.Engine) *session.Session {
	logger, known := slog.New(slog.DiscardHandler), &record.Policies{}
	return &session.Session{Ctx: ctx, Engine: e, DecisionID: "asked", From: session.Origin{Name: "test", Acting: true},
		Caller: session.Caller{TokenID: "x", Tenant: w.ID("carrier")}, Shared: &session.Shared{
			Store: w.Store, Users: session.NewUsers(w.Store, logger, known), Now: time.Now, Logger: logger,
			Count: uncounted{}, Memory: record.NewMemory(100), Known: known,
		}}
}

// As is Begin with an acting user.
func (w *World) As(t testing.TB, user string, e *policies.Engine) *session.Session {
	t.Helper()
	r := w.Begin(t.Context(), e)
	r.Caller.UserRef = user
	if err := r.LoadUser(); err != nil {
		t.Fatalf("user %s: %v", user, err)
	}
	return r
}

// Unwritten returns a closed log. It refuses every entry.
func Unwritten(t testing.TB) *decisionlog.Log {
	t.Helper()
	l, err := decisionlog.Open(decisionlog.Options{Out: io.Discard, Sync: true})
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		t.Fatalf("decision log: %v", err)
	}
	return l
}

type uncounted struct{}

func (uncounted) Decision(*policies.Engine, map[string]policies.Reason, string, *input.Input, policies.Decision, time.Duration) {
}

func (uncounted) Filter(*policies.Engine, string, *input.Input, policies.Outcome, time.Duration) {}

func (uncounted) Unrecorded() {}
