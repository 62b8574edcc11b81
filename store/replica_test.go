package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/storetest"
)

// on runs a statement on a server, beside the store.
func on(t *testing.T, url string) func(text string) {
	t.Helper()
	db, err := sql.Open("postgres", url)
	mustDo(err)
	t.Cleanup(func() { _ = db.Close() })
	return func(text string) {
		_, err := db.ExecContext(ctx, text)
		mustDo(err)
	}
}

// readings are the answers that a replica may give: a page, a stream and a look-up.
func readings(t *testing.T, s *store.Store, account string) string {
	t.Helper()
	page, err := s.List(ctx, customers())
	mustDo(err)
	streamed := 0
	mustDo(s.Stream(ctx, customers(), func(query.Row) error {
		streamed++
		return nil
	}))
	return fmt.Sprint(page.Total, len(page.Rows), streamed, lookedUp(t, s, looking(account), "4930", 60))
}

// Whether the replica follows or not, each answer has every commit that its process
// knows: its own, and those of others that a caller asks for.
func TestAReplicaMakesNoAnswerOlder(t *testing.T) {
	t.Parallel()
	f := storetest.Failover(t)
	plain := storetest.Open(t, f.Primary, store.Options{})
	c := newCarrier(t, plain)
	s := storetest.Open(t, f.Primary, store.Options{Replica: f.Standby, Poll: time.Hour, MaxStale: time.Hour, RateMemory: -1})
	standby := on(t, f.Standby)
	r := rand.New(rand.NewPCG(7, 11))
	price := int64(1e6)
	for step := range 80 {
		paused := r.IntN(2) == 0
		if paused {
			standby("SELECT pg_wal_replay_pause()")
		} else {
			standby("SELECT pg_wal_replay_resume()")
		}
		writer := []*store.Store{plain, s}[r.IntN(2)]
		mustDo(writer.Write(ctx, c.master.ID, func(tx *store.Tx) error {
			if r.IntN(2) == 0 {
				_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: fmt.Sprint("customer ", step)})
				return err
			}
			price += 1e6
			active(tx, c.bought.ID, store.Rate{Prefix: "49", Cost: price, MCD: 1, Pulse: 1})
			return nil
		}))
		mustDo(errors.Join(s.WaitRevision(ctx, writer.DataRevision()), plain.WaitRevision(ctx, writer.DataRevision())))
		if !paused {
			f.CatchUp(t)
		}
		if got, want := readings(t, s, c.master.ID), readings(t, plain, c.master.ID); got != want {
			t.Fatalf("step %d: %s\nwithout a replica: %s", step, got, want)
		}
	}
	standby("SELECT pg_wal_replay_resume()")
	if n := s.ReplicaReads(); n.Answered < 20 || n.Behind < 20 || n.Failed > 0 {
		t.Errorf("%+v", n)
	}
}

// A standby was promoted beside the primary. Its own commits are in no answer.
func TestAReplicaOfAnotherHistoryAnswersNothing(t *testing.T) {
	t.Parallel()
	f := storetest.Failover(t)
	c := newCarrier(t, storetest.Open(t, f.Primary, store.Options{}))
	s := storetest.Open(t, f.Primary, store.Options{Replica: f.Standby})
	f.Lag(t)
	f.Promote(t)
	other := storetest.Open(t, f.Standby, store.Options{})
	for i := range 3 {
		mustDo(other.Write(ctx, c.master.ID, func(tx *store.Tx) error {
			_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "of the other history"})
			return err
		}))
		if got, want := readings(t, s, c.master.ID), readings(t, c.Store, c.master.ID); got != want {
			t.Fatalf("%s\nwithout a replica: %s", got, want)
		}
		if i == 1 { // from here on, both have commits that the other one lacks
			mustDo(c.Write(ctx, c.master.ID, func(tx *store.Tx) error {
				_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "of this history"})
				return err
			}))
			mustDo(s.WaitRevision(ctx, c.DataRevision()))
		}
	}
	if n := s.ReplicaReads(); n.Answered > 0 || n.Behind == 0 || s.HistoryLost() != 0 {
		t.Errorf("%+v, %d losses", n, s.HistoryLost())
	}
}

// A process that cannot reach the primary does not know what was written. It answers
// nothing from the replica once its last confirmation is too old.
func TestAReplicaDoesNotReplaceThePrimary(t *testing.T) {
	t.Parallel()
	f := storetest.Failover(t)
	c := newCarrier(t, storetest.Open(t, f.Primary, store.Options{}))
	const stale = 300 * time.Millisecond
	s := storetest.Open(t, f.URL, store.Options{Replica: f.Standby, Poll: 20 * time.Millisecond, MaxStale: stale})
	for n, late := (store.ReplicaReads{}), time.Now().Add(time.Minute); n.Answered == 0; n = s.ReplicaReads() {
		_ = readings(t, s, c.master.ID)
		if time.Now().After(late) {
			t.Fatal("the replica never answers")
		}
	}
	f.FallSilent()
	time.Sleep(2 * stale)
	before := s.ReplicaReads()
	limited, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := s.List(limited, customers()); !errors.Is(err, fault.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a list without the primary: %v", err)
	}
	if after := s.ReplicaReads(); after != before {
		t.Errorf("the replica was asked: %+v, then %+v", before, after)
	}
	f.Speak()
}

// Sessions of the replica end all the time, as when it cancels queries for its
// replication. No reader notices.
func TestReadsThatTheReplicaCancelsAreRepeated(t *testing.T) {
	t.Parallel()
	f := storetest.Failover(t)
	c := newCarrier(t, storetest.Open(t, f.Primary, store.Options{}))
	s := storetest.Open(t, f.Primary, store.Options{Replica: f.Standby})
	standby, want := on(t, f.Standby), readings(t, c.Store, c.master.ID)
	cancelling, stop := context.WithCancel(ctx)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer stop()
	wait.Go(func() {
		for cancelling.Err() == nil {
			standby("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
			time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
		}
	})
	for n, late := (store.ReplicaReads{}), time.Now().Add(time.Minute); n.Answered < 5 || n.Failed < 5; n = s.ReplicaReads() {
		if got := readings(t, s, c.master.ID); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		if time.Now().After(late) {
			t.Fatalf("%+v", n)
		}
	}
}

func TestAReplicaThatIsNotThereIsNotMissed(t *testing.T) {
	t.Parallel()
	f := storetest.Failover(t)
	c := newCarrier(t, storetest.Open(t, f.Primary, store.Options{Replica: "postgres://127.0.0.1:1/x?sslmode=disable"}))
	for range 3 {
		_ = readings(t, c.Store, c.master.ID)
	}
	if n := c.ReplicaReads(); n.Answered > 0 || n.Failed == 0 {
		t.Errorf("%+v", n)
	}
}

func TestAReplicaIsOnlyForPostgreSQL(t *testing.T) {
	t.Parallel()
	for _, addresses := range [][2]string{{"sqlite::memory:", "postgres://127.0.0.1:1/x"}, {"sqlite::memory:", "sqlite::memory:"}} {
		if _, err := store.Open(ctx, addresses[0], store.Options{Replica: addresses[1]}); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", addresses, err)
		}
	}
}
