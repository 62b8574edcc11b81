// Package sessiontest makes sessions for tests that need no server.
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
)

// World is two carriers in a store. Users are named by their external ids:
//
//	Carrier, a master    staff (everything), plain (customers only), gone (disabled)
//	  Reseller           agent (everything)
//	  Closed, suspended  shut
//	Other, a master      stranger
//
// Own is a customer of the carrier, and foreign one of the other's.
type World struct {
	Store        *store.Store
	Tenant       string // of the carrier
	Own, Foreign string // ids of customers
	Users        map[string]store.User
}

// Fill puts a world into an empty store.
func Fill(t testing.TB, st *store.Store) *World {
	t.Helper()
	w := &World{Store: st, Users: map[string]store.User{}}
	for _, fill := range []func(f *filling){w.carrier, w.other} {
		err := st.Write(context.Background(), "", func(tx *store.Tx) error {
			f := &filling{ctx: context.Background(), tx: tx, users: w.Users}
			fill(f)
			return f.err
		})
		if err != nil {
			t.Fatalf("fill the world: %v", err)
		}
	}
	return w
}

func (w *World) carrier(f *filling) {
	master := f.account(store.Account{Kind: store.Master, Name: "Carrier"})
	w.Tenant = master
	reseller := f.account(store.Account{ParentID: master, Name: "Reseller"})
	closed := f.account(store.Account{ParentID: master, Name: "Closed", Status: store.Suspended})
	all := f.group(store.Group{AccountID: master, Name: "All", DefaultAccess: "crud"})
	f.user("staff", master, all, store.Active)
	f.user("gone", master, all, store.Disabled)
	f.user("plain", master, f.group(store.Group{AccountID: master, Name: "Plain", Rows: store.Access{"customer": "r"}}), store.Active)
	f.user("agent", reseller, f.group(store.Group{AccountID: reseller, Name: "Agents", DefaultAccess: "crud"}), store.Active)
	f.user("shut", closed, f.group(store.Group{AccountID: closed, Name: "Shut", DefaultAccess: "crud"}), store.Active)
	w.Own = f.customer(master)
}

func (w *World) other(f *filling) {
	master := f.account(store.Account{Kind: store.Master, Name: "Other"})
	f.user("stranger", master, f.group(store.Group{AccountID: master, Name: "All", DefaultAccess: "crud"}), store.Active)
	w.Foreign = f.customer(master)
}

// filling stops at the first error.
type filling struct {
	ctx   context.Context
	tx    *store.Tx
	users map[string]store.User
	err   error
}

func (f *filling) account(a store.Account) string {
	if f.err == nil {
		a, f.err = f.tx.CreateAccount(f.ctx, a)
	}
	return a.ID
}

func (f *filling) group(g store.Group) string {
	if f.err == nil {
		g, f.err = f.tx.CreateGroup(f.ctx, g)
	}
	return g.ID
}

func (f *filling) user(name, account, group, status string) {
	if f.err == nil {
		f.users[name], f.err = f.tx.CreateUser(f.ctx, store.User{AccountID: account, Login: name + "@x.example", ExternalID: name, Groups: []string{group}, Status: status})
	}
}

func (f *filling) customer(account string) string {
	c := store.Customer{AccountID: account, Name: "Customer"}
	if f.err == nil {
		c, f.err = f.tx.CreateCustomer(f.ctx, c)
	}
	return c.ID
}

// Engine is the embedded policy.
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

// failing is an error for every question of the panel "x".
const failing = `package reseller.main

default allow := false

allow if to_number(input.context.panel) > 0

decision := {"allow": allow, "reasons": set()}
`

// Failing is a policy that errs about every question of a session that is made by
// Begin, and would allow it otherwise.
func Failing(t testing.TB) *policies.Engine {
	t.Helper()
	e, err := policies.Load(context.Background(), fstest.MapFS{"main.rego": &fstest.MapFile{Data: []byte(failing)}},
		policies.Options{Schema: resource.Schema(), Timeout: time.Minute})
	if err != nil {
		t.Fatalf("failing policy: %v", err)
	}
	return e
}

// Begin is a session of the panel "x" under a policy, with nobody acting yet. It
// writes no log.
func (w *World) Begin(ctx context.Context, e *policies.Engine) *session.Session {
	logger, known := slog.New(slog.DiscardHandler), &record.Policies{}
	return &session.Session{Ctx: ctx, Engine: e, DecisionID: "asked", From: session.Origin{Name: "test", Acting: true},
		Caller: session.Caller{TokenID: "x", Tenant: w.Tenant}, Shared: &session.Shared{
			Store: w.Store, Users: session.NewUsers(w.Store, logger, known), Now: time.Now, Logger: logger,
			Count: uncounted{}, Memory: record.NewMemory(100), Known: known,
		}}
}

// As is Begin with a user acting.
func (w *World) As(t testing.TB, user string, e *policies.Engine) *session.Session {
	t.Helper()
	r := w.Begin(t.Context(), e)
	r.Caller.UserRef = user
	if err := r.LoadUser(); err != nil {
		t.Fatalf("user %s: %v", user, err)
	}
	return r
}

// Unwritten is a log that takes no entry.
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
