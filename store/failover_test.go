package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/history"
	"resellerd/store/storetest"
)

// asksWhenItHasTo are the options of a store that practically never polls.
var asksWhenItHasTo = store.Options{Poll: time.Hour, MaxStale: time.Hour, MaxConns: 2}

// Two writes of one process, of two tenants, cross a failover. The first commits on the old primary
// and is lost. The second commits on the new one. The answer to the first arrives
// between the second's last read of the history and its end. SQLite cannot produce
// this order: its single write connection ends one write before the next.
func TestAWriteAcrossAFailoverDoesNotHideALoss(t *testing.T) {
	f := storetest.Failover(t)
	s := storetest.Open(t, f.URL, asksWhenItHasTo)
	house(t, s)
	mustDo(rename(s, "kept"))
	kept := s.DataRevision()
	f.Lag(t)

	held := func(name string, write func() error) (release func() error) {
		arrived, letGo := f.HoldCommit(t)
		done := make(chan error, 1)
		go func() { done <- write() }()
		select {
		case <-arrived:
		case err := <-done:
			t.Fatalf("the write %q ended before its commit: %v", name, err)
		}
		return func() error { letGo(); return <-done }
	}
	first := held("lost", func() error { return rename(s, "lost") })
	f.Promote(t)
	f.Move()
	eventually(t, func() error { return s.Ping(ctx) })
	mustDo(rename(storetest.Open(t, f.Standby, asksWhenItHasTo), "another's"))
	second := held("of the new primary", func() error {
		return s.Write(ctx, "", func(tx *store.Tx) error {
			_, err := tx.CreateAccount(ctx, store.Account{Kind: "master", Name: "Second"})
			return err
		})
	})

	mustDo(first())
	lost := s.DataRevision()
	if lost.N != kept.N+1 {
		t.Fatalf("revision %d after %d", lost.N, kept.N)
	}
	if err := second(); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("the write that meets the loss: %v", err)
	}
	eventually(t, func() error { return s.WaitRevision(ctx, kept) })
	if err := s.WaitRevision(ctx, lost); !errors.Is(err, history.ErrRevisionLost) {
		t.Errorf("the lost revision: %v", err)
	}
	if losses := s.HistoryLost(); losses != 1 {
		t.Errorf("%d losses counted", losses)
	}
}

// eventually retries until the database answers: the process notices cut
// connections one by one.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	for late := time.Now().Add(20 * time.Second); ; {
		err := try()
		if err == nil {
			return
		}
		if !errors.Is(err, fault.ErrUnavailable) || time.Now().After(late) {
			t.Fatal(err)
		}
	}
}

// Writes of one process can end in another order than their commits. All of them
// are read, and none counts as a loss.
func TestWritesSideBySideAreRead(t *testing.T) {
	storetest.EachWith(t, store.Options{Poll: time.Hour, MaxStale: time.Hour}, func(t *testing.T, s *store.Store) {
		write := func(tenant, key string) error {
			return s.Write(ctx, tenant, func(tx *store.Tx) error {
				return tx.KeepAnswer(ctx, store.IdempotencyKey{Key: key}, nil, store.Answer{})
			})
		}
		mustDo(write("first", ""))
		const writers, writes = 4, 100
		before := s.Revision()
		var side sync.WaitGroup
		for i := range writers {
			side.Go(func() {
				for n := range writes {
					known := s.Revision()
					if err := write(fmt.Sprint("tenant ", i), fmt.Sprint(n)); err != nil || s.Revision() <= known {
						t.Errorf("revision %d after %d: %v", s.Revision(), known, err)
						return
					}
				}
			})
		}
		side.Wait()
		if now := s.Revision(); now != before+writers*writes {
			t.Errorf("revision %d after %d writes since %d", now, writers*writes, before)
		}
		if losses := s.HistoryLost(); losses > 0 {
			t.Errorf("%d losses where nothing was lost", losses)
		}
	})
}
