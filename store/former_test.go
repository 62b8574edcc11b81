package store_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// formerDocuments returns what the store keeps of a row, in the order of their ends.
func formerDocuments(t *testing.T, s *store.Store, id string) (all []string) {
	t.Helper()
	rows := must(storetest.SQL(t, s).Query("SELECT document FROM former_access WHERE id = '" + id + "' ORDER BY until"))
	defer rows.Close()
	for rows.Next() {
		var text string
		mustDo(rows.Scan(&text))
		all = append(all, text)
	}
	mustDo(rows.Err())
	return all
}

// The past is not answered for times at which programs of an earlier release may have
// changed access.
func TestThePastBeginsWithTheEndOfAnUpgrade(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		now := time.Now()
		past := func(at time.Time) error { _, err := s.Past(ctx, c.master.ID, at); return err }
		if err := past(now); err != nil {
			t.Errorf("in a new store: %v", err)
		}
		openToOlder(t, s)
		mustDo(s.Migrate(ctx))
		refused(t, past(time.Now()), fault.ErrInvalid, "at")
		if err := past(time.Time{}); err != nil {
			t.Errorf("now, during an upgrade: %v", err)
		}
		mustDo(s.FinishUpgrade(ctx))
		finished := time.Now()
		mustDo(s.FinishUpgrade(ctx))
		refused(t, past(now), fault.ErrInvalid, "at")
		if err := past(finished); err != nil {
			t.Errorf("after an upgrade: %v", err)
		}
	})
}

// Former access is kept in the order of commits, although the clocks of processes differ.
func TestFormerAccessFollowsTheOrderOfCommits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		r := rand.New(rand.NewPCG(depth.FirstSeed(), 6))
		var stores []*store.Store
		for range 3 {
			off := time.Duration(r.IntN(20000)-10000) * time.Millisecond
			stores = append(stores, storetest.Open(t, storetest.URL(t, s), store.Options{Now: func() time.Time { return time.Now().Add(off).Truncate(100 * time.Millisecond) }}))
		}
		id := c.agent.ID
		var want []string
		for n := range 20 {
			status := []string{store.Active, store.Disabled}[n%2]
			mustDo(stores[r.IntN(len(stores))].Write(ctx, c.master.ID, func(tx *store.Tx) error {
				before := must(tx.User(ctx, id))
				if before.Status != status {
					want = append(want, `"status":"`+before.Status+`"`)
				}
				_, err := tx.UpdateUser(ctx, id, store.UserPatch{Status: &status})
				return err
			}))
		}
		got := formerDocuments(t, s, id)
		if len(got) != len(want) || len(want) < 10 {
			t.Fatalf("%d versions are kept of %d", len(got), len(want))
		}
		for i := range want {
			if !strings.Contains(got[i], want[i]) {
				t.Fatalf("RESELLERD_TEST_SEED=%d: version %d is %s, and was %s", depth.FirstSeed(), i, got[i], want[i])
			}
		}
	})
}

// Only what changes access is kept, and rows are read and written many at once.
func TestFormerAccessIsKeptInSlices(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		var ids []string
		var ending store.Group
		mustDo(c.write(func(tx *store.Tx) (err error) {
			if ending, err = tx.CreateGroup(ctx, store.Group{AccountID: c.reseller.ID, Name: "Ending", DefaultAccess: "r"}); err != nil {
				return err
			}
			for n := range 240 {
				u, err := tx.CreateUser(ctx, store.User{AccountID: c.reseller.ID, Login: fmt.Sprintf("many%d@example.com", n),
					Groups: []string{c.lent.ID, ending.ID}, GroupEnds: schema.Ends{ending.ID: tx.Now() + 1e9}})
				if err != nil {
					return err
				}
				ids = append(ids, u.ID)
			}
			return nil
		}))
		var statements atomic.Int64
		heard := storetest.Statements{Before: func(text string) {
			if strings.Contains(text, "former_access") {
				statements.Add(1)
			}
		}}
		s = storetest.Open(t, storetest.URL(t, s), store.Options{Wrap: heard.Wrap, Now: func() time.Time { return time.Now().Add(time.Hour) }})
		kept := func() (n int) {
			mustDo(storetest.SQL(t, s).QueryRow("SELECT count(*) FROM former_access").Scan(&n))
			return n
		}
		before, name := kept(), "another name"
		mustDo(s.Write(ctx, c.master.ID, func(tx *store.Tx) error {
			_, err := tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{Name: &name})
			return err
		}))
		if now := kept(); now != before {
			t.Errorf("a name is kept: %v", formerDocuments(t, s, c.agent.ID))
		}
		statements.Store(0)
		mustDo(s.Write(ctx, c.master.ID, func(tx *store.Tx) error { return tx.DeleteGroup(ctx, ending.ID, 0) }))
		if n := statements.Load(); n > 30 || kept()-before != len(ids)+1 {
			t.Errorf("%d statements keep %d rows", n, kept()-before)
		}
	})
}
