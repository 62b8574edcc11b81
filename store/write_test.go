package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

func TestAFailedWriteLeavesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		before, stop := s.Revision(), errors.New("stop")
		var made store.Customer
		err := c.write(func(tx *store.Tx) error {
			made = must(tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "Gone"}))
			must(tx.Audit(ctx, store.AuditEntry{AccountID: c.reseller.ID, ResourceType: "customer", ResourceID: made.ID, Action: "create"}))
			return stop
		})
		if !errors.Is(err, stop) {
			t.Fatalf("got %v, want the function's own error", err)
		}
		if s.Revision() != before {
			t.Error("the data revision moved on")
		}
		refused(t, c.write(func(tx *store.Tx) error { _, err := tx.Customer(ctx, made.ID); return err }), fault.ErrNotFound, "")
		if n := count(t, s, "SELECT count(*) FROM audit_entries"); n != 0 {
			t.Errorf("%d audit entries stayed", n)
		}
	})
}

func TestAPanicLeavesNothingAndTheStoreUsable(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		func() {
			defer func() { _ = recover() }()
			_ = c.write(func(tx *store.Tx) error {
				must(tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "Gone"}))
				panic("on the way")
			})
		}()
		if n := count(t, s, "SELECT count(*) FROM customers"); n != 1 {
			t.Errorf("%d customers, want the one there was", n)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "Next"}))
		})
	})
}

func TestReadingAloneKeepsTheDataRevision(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		before := count(t, s, "SELECT n FROM data_revision")
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { must(tx.Card(ctx, c.sold.ID)) })
		if after := count(t, s, "SELECT n FROM data_revision"); after != before {
			t.Errorf("revision %d became %d", before, after)
		}
	})
}

// Every write records its data revision in its own transaction. The recorded order
// must be the order in which the writes became visible.
func TestTheDataRevisionIsTheOrderOfCommits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		before := count(t, s, "SELECT n FROM data_revision")
		const writers, writes = 8, 5
		watched := watch(t, s)
		var all sync.WaitGroup
		for w := range writers {
			tenant, account := c.master.ID, c.reseller.ID
			if w%2 == 1 {
				tenant, account = c.stranger.ID, c.stranger.ID
			}
			all.Go(func() {
				for i := range writes {
					err := s.Write(ctx, tenant, func(tx *store.Tx) error {
						_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: account, Name: fmt.Sprint(w, i)})
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if after := count(t, s, "SELECT n FROM data_revision"); after != before+writers*writes {
			t.Errorf("revision %d after %d writes from %d", after, writers*writes, before)
		}
		if s.Revision() != before+writers*writes {
			t.Errorf("the store knows revision %d", s.Revision())
		}
		watched()
	})
}

// watch checks, until the returned function is called, that a reader of a revision
// sees at least as many customers as that revision has had writes.
func watch(t *testing.T, s *store.Store) func() {
	t.Helper()
	db, first := storetest.SQL(t, s), count(t, s, "SELECT n FROM data_revision")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		last := first
		for {
			var n, customers int64
			if err := db.QueryRow("SELECT n, (SELECT count(*) FROM customers) FROM data_revision").Scan(&n, &customers); err != nil {
				t.Error(err)
			}
			if n < last || customers-1 != n-first {
				t.Errorf("revision %d after %d shows %d new customers, want %d", n, last, customers-1, n-first)
			}
			last = n
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	return func() { close(stop); <-done }
}

func TestWritersOfOneTenantTakeTurns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		const writers = 10
		var all sync.WaitGroup
		for range writers {
			all.Go(func() {
				err := c.write(func(tx *store.Tx) error {
					card, err := tx.Card(ctx, c.sold.ID)
					if err != nil {
						return err
					}
					_, err = tx.UpdateCard(ctx, store.AllRates, card.ID, store.CardPatch{Notes: ptr(card.Notes + "x"), Version: card.Version})
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			if card := must(tx.Card(ctx, c.sold.ID)); len(card.Notes) != writers || card.Version != writers+1 {
				t.Errorf("notes %q at version %d: a write was lost", card.Notes, card.Version)
			}
		})
	})
}

func TestAWriteWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		err := c.write(func(*store.Tx) error {
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			return s.Write(short, c.master.ID, func(*store.Tx) error { return nil })
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want the deadline", err)
		}
	})
}

func TestAuditEntriesLiveAndDieWithTheirWrite(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		entry := store.AuditEntry{ActorID: c.agent.ID, ActorAccountID: c.reseller.ID, AccountID: c.reseller.ID,
			ResourceType: "customer", ResourceID: c.customer.ID, Action: "update", Change: json.RawMessage(`{"name":["A","B"]}`)}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			kept := must(tx.Audit(ctx, entry))
			if kept.ID == "" || kept.TenantID != c.master.ID || kept.At != tx.Now() {
				t.Errorf("got %+v", kept)
			}
		})
		var actor, change string
		if err := storetest.SQL(t, s).QueryRow("SELECT actor_id, change FROM audit_entries").Scan(&actor, &change); err != nil {
			t.Fatal(err)
		}
		if actor != c.agent.ID || change != string(entry.Change) {
			t.Errorf("got %s %s", actor, change)
		}
		for field, bad := range map[string]store.AuditEntry{
			"account_id":  {AccountID: c.stranger.ID, ResourceType: "card", ResourceID: "x", Action: "read"},
			"change":      {AccountID: c.master.ID, ResourceType: "card", ResourceID: "x", Action: "read", Change: json.RawMessage(`[1]`)},
			"resource_id": {AccountID: c.master.ID, ResourceType: "card", Action: "read"},
		} {
			refused(t, c.write(func(tx *store.Tx) error { _, err := tx.Audit(ctx, bad); return err }), fault.ErrInvalid, field)
		}
	})
}

func TestAnAnswerIsKeptForItsRequestAlone(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	storetest.EachWith(t, store.Options{Now: func() time.Time { return now }}, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		key := store.IdempotencyKey{User: c.agent.ID, Method: "POST", Route: "/v1/customers", Key: "k"}
		answer := store.Answer{Status: 201, Headers: map[string]string{"ETag": `"x"`}, Body: []byte("\x00{}")}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { mustDo(tx.KeepAnswer(ctx, key, []byte("body"), answer)) })
		ask := func(tenant string, k store.IdempotencyKey, body string) (kept store.Answer, err error) {
			err = s.Write(ctx, tenant, func(tx *store.Tx) error { kept, err = tx.Answer(ctx, k, []byte(body)); return err })
			return kept, err
		}
		kept, err := ask(c.master.ID, key, "body")
		if err != nil || kept.Status != 201 || kept.Headers["ETag"] != `"x"` || string(kept.Body) != "\x00{}" {
			t.Fatalf("got %+v, %v", kept, err)
		}
		_, err = ask(c.master.ID, key, "other")
		refused(t, err, fault.ErrInvalid, "idempotency_key")
		for name, other := range map[string]store.IdempotencyKey{
			"another user":            {User: c.staff.ID, Method: key.Method, Route: key.Route, Key: key.Key},
			"another route":           {User: key.User, Method: key.Method, Route: "/v1/cards", Key: key.Key},
			"another method":          {User: key.User, Method: "PUT", Route: key.Route, Key: key.Key},
			"another key":             {User: key.User, Method: key.Method, Route: key.Route, Key: "l"},
			"parts that run together": {User: key.User, Method: "POST/v1", Route: "/customers", Key: key.Key},
		} {
			if _, err := ask(c.master.ID, other, "body"); !errors.Is(err, fault.ErrNotFound) {
				t.Errorf("%s: got %v, want not found", name, err)
			}
		}
		_, err = ask(c.stranger.ID, key, "body")
		refused(t, err, fault.ErrNotFound, "")
		refused(t, c.write(func(tx *store.Tx) error { return tx.KeepAnswer(ctx, key, []byte("body"), answer) }), fault.ErrConflict, "")

		now = now.Add(store.IdempotencyAge)
		_, err = ask(c.master.ID, key, "other")
		refused(t, err, fault.ErrNotFound, "")
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { mustDo(tx.KeepAnswer(ctx, key, []byte("other"), answer)) })
	})
}

func count(t *testing.T, s *store.Store, text string) (n int64) {
	t.Helper()
	if err := storetest.SQL(t, s).QueryRow(text).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
