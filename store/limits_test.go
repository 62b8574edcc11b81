package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

// The server limits the statements of a transaction by the time that is left for their
// request, and the limits end with the transaction.
func TestStatementsAreLimitedByTheTimeOfTheirRequest(t *testing.T) {
	t.Parallel()
	c := newCarrier(t, storetest.Open(t, storetest.Postgres(t), store.Options{MaxConns: 1}))
	limited := func(ctx context.Context, act func(ctx context.Context, look func(*store.Tx) error) error) (lock, statement time.Duration) {
		mustDo(act(ctx, func(tx *store.Tx) error {
			lock, statement = must(tx.Setting(ctx, "lock_timeout")), must(tx.Setting(ctx, "statement_timeout"))
			return nil
		}))
		for _, name := range []string{"lock_timeout", "statement_timeout"} {
			if left := must(c.Setting(ctx, name)); left != 0 {
				t.Errorf("%s stays at %v", name, left)
			}
		}
		return lock, statement
	}
	for name, act := range map[string]func(ctx context.Context, look func(*store.Tx) error) error{
		"write":   func(ctx context.Context, look func(*store.Tx) error) error { return c.Write(ctx, c.master.ID, look) },
		"read":    func(ctx context.Context, look func(*store.Tx) error) error { return c.Read(ctx, c.master.ID, look) },
		"staging": c.Staging,
		"dry run": func(ctx context.Context, look func(*store.Tx) error) error {
			nothing := func(*store.Moment) error { return nil }
			return c.Rehearse(ctx, c.master.ID, look, nothing, nothing)
		},
	} {
		lock, statement := limited(ctx, act)
		if lock < time.Second || statement < lock {
			t.Errorf("%s without a limit: %v and %v", name, lock, statement)
		}
		within, cancel := context.WithTimeout(ctx, 4*time.Second)
		lock, statement = limited(within, act)
		if lock <= 0 || statement <= 0 || statement > 4*time.Second || lock >= statement {
			t.Errorf("%s within 4 s: %v and %v", name, lock, statement)
		}
		cancel()
	}
}

// A statement ends with its request, even if nothing can cancel it: the network is
// silent, and no end of the connection arrives. Then the lock is free.
func TestAStatementEndsWithoutItsProcess(t *testing.T) {
	t.Parallel()
	line := storetest.SilentLine(t)
	c := newCarrier(t, storetest.Open(t, line.URL, store.Options{}))
	within, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	line.FallSilentAfter("pg_sleep")
	if err := c.Write(within, c.master.ID, func(tx *store.Tx) error { return tx.Sleep(within, 600) }); err == nil {
		t.Error("the write came through")
	}
	late, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	mustDo(storetest.Open(t, line.Direct, store.Options{}).Write(late, c.master.ID, func(tx *store.Tx) error {
		_, err := tx.CreateCustomer(late, store.Customer{AccountID: c.master.ID, Name: "next"})
		return err
	}))
}

// A write that does not get the lock says what it waited for. In PostgreSQL, the holder
// may be another process.
func TestAWriteSaysWhatItWaitedFor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		other := s
		if s.Dialect() == "postgres" {
			other = storetest.Open(t, storetest.URL(t, s), store.Options{})
		}
		nothing := func(*store.Moment) error { return nil }
		for what, hold := range map[string]func(func(*store.Tx) error) error{
			"another write": func(fn func(*store.Tx) error) error { return s.Write(ctx, c.master.ID, fn) },
			"a dry run":     func(fn func(*store.Tx) error) error { return s.Rehearse(ctx, c.master.ID, fn, nothing, nothing) },
			"an import":     func(fn func(*store.Tx) error) error { return s.HoldAsImport(ctx, c.master.ID, fn) },
		} {
			mustDo(hold(func(*store.Tx) error {
				within, cancel := context.WithTimeout(ctx, 900*time.Millisecond)
				defer cancel()
				err := other.Write(within, c.master.ID, func(*store.Tx) error { return nil })
				var waited *fault.WaitError
				if !errors.As(err, &waited) || waited.For != what || !errors.Is(err, fault.ErrUnavailable) {
					t.Errorf("%s: %v", what, err)
				} else if text := waited.Error(); !strings.Contains(text, "s for "+what+" that holds the lock") {
					t.Error(text)
				} else if strings.Contains(err.Error(), c.master.ID) {
					t.Errorf("names the account: %v", err)
				}
				return nil
			}))
			mustDo(other.Write(ctx, c.master.ID, func(*store.Tx) error { return nil }))
		}
	})
}
