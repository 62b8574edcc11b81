package store_test

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/storetest"
)

// cut runs write with a context. When write calls the function it is given, another
// goroutine cancels the context. cut ends the test if write continues much longer.
func cut(t *testing.T, write func(ctx context.Context, cancel func()) error) error {
	t.Helper()
	cancelled, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- write(cancelled, func() { go cancel() }) }()
	select {
	case err := <-ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the write hangs")
		return nil
	}
}

// writing is a way to write into the carrier's tenant.
type writing func(ctx context.Context, fn func(tx *store.Tx) error) error

// importCut imports rows into a card. The import is cancelled while the row number
// at is added.
func importCut(t *testing.T, write writing, card string, rows, at int) error {
	t.Helper()
	return cut(t, func(ctx context.Context, cancel func()) error {
		return write(ctx, func(tx *store.Tx) error {
			_, err := tx.Import(ctx, store.AllRates, importOf(card, "", func(to *store.Importer) error {
				for i := range rows {
					if i == at {
						cancel()
					}
					if err := to.Add(0, store.Rate{Prefix: strconv.Itoa(100_000 + i), Cost: 1, Pulse: 1}); err != nil {
						return err
					}
				}
				if at == rows {
					cancel()
				}
				return nil
			}))
			return err
		})
	})
}

// unharmed ends the test unless every connection that can write is soon free, and
// writes. A store for this test has one or two such connections.
func unharmed(t *testing.T, c *carrier) {
	t.Helper()
	soon, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	create := func(tx *store.Tx) error {
		_, err := tx.CreateRevision(soon, c.bought.ID, deck("1", "2"))
		return err
	}
	err := c.Write(soon, c.master.ID, func(tx *store.Tx) error {
		if _, one := c.Stats()["write"]; one {
			return create(tx)
		}
		return errors.Join(create(tx), c.Write(soon, c.stranger.ID, func(*store.Tx) error { return nil }))
	})
	if err != nil {
		t.Fatalf("the next write: %v", err)
	}
}

func TestAnImportThatIsCutLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	storetest.EachWith(t, store.Options{MaxConns: 2}, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		cutAnywhere(t, c, 1, func(ctx context.Context, fn func(tx *store.Tx) error) error { return s.Write(ctx, c.master.ID, fn) })
	})
}

func TestAStagedImportThatIsCutLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	storetest.EachWith(t, store.Options{MaxConns: 2}, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		cutAnywhere(t, c, 1, func(ctx context.Context, fn func(tx *store.Tx) error) error { return s.WriteLong(ctx, c.master.ID, fn) })
		mustDo(s.Sweep(ctx))
		if n := count(t, s, "SELECT count(*) FROM revisions WHERE card_id IS NULL"); n != 0 {
			t.Errorf("%d staged drafts were left", n)
		}
	})
}

func TestARehearsalThatIsCutLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	storetest.EachWith(t, store.Options{MaxConns: 2}, func(t *testing.T, s *store.Store) {
		c, read := newCarrier(t, s), func(*store.Moment) error { return nil }
		cutAnywhere(t, c, 0, func(ctx context.Context, fn func(tx *store.Tx) error) error {
			return s.Rehearse(ctx, c.master.ID, fn, read, read)
		})
	})
}

// cutAnywhere cancels imports at many of their rows. An import that succeeds
// nevertheless must leave the expected number of revisions.
func cutAnywhere(t *testing.T, c *carrier, leaves int, write writing) {
	t.Helper()
	const rows = 6000
	db, cuts := storetest.SQL(t, c.Store), 0
	for at := 0; at <= rows; at += 300 {
		before := countRevisions(t, db)
		err := importCut(t, write, c.sold.ID, rows, at)
		switch left := countRevisions(t, db) - before; {
		case err == nil && left != leaves:
			t.Fatalf("cut at %d: one that came through left %d revisions", at, left)
		case err != nil && (left != 0 || !errors.Is(err, context.Canceled)):
			t.Fatalf("cut at %d: %d revisions and %v", at, left, err)
		case err != nil:
			cuts++
		}
		unharmed(t, c)
	}
	if cuts < 10 {
		t.Errorf("only %d were cut", cuts)
	}
}

func countRevisions(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM revisions WHERE card_id IS NOT NULL").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestACopyThatWaitsIsCut makes the server wait for a locked row while it receives
// rows. It sends a few rows, so that the server waits after the last one, and then
// more than the connection buffers.
func TestACopyThatWaitsIsCut(t *testing.T) {
	t.Parallel()
	c := newCarrier(t, storetest.Open(t, storetest.Postgres(t), store.Options{MaxConns: 2}))
	db := storetest.SQL(t, c.Store)
	other, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback() }() // ends the lock that the copies wait for
	if _, err := other.ExecContext(ctx, "INSERT INTO destinations (account_id, prefix, name) VALUES ($1, '1000001', 'X')", c.master.ID); err != nil {
		t.Fatal(err)
	}
	for _, rows := range []int{2, 100_000} {
		all := make([]store.Destination, rows)
		for i := range all {
			all[i] = store.Destination{Prefix: strconv.Itoa(1_000_001 + i), Name: strings.Repeat("x", 100)}
		}
		err := cut(t, func(ctx context.Context, cancel func()) error {
			go func() {
				waits(t, db)
				cancel()
			}()
			return c.Write(ctx, c.master.ID, func(tx *store.Tx) error { return tx.SetDestinations(ctx, c.master.ID, all) })
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%d rows: %v", rows, err)
		}
		unharmed(t, c)
	}
}

// waits returns when a COPY waits for a lock.
func waits(t *testing.T, db *sql.DB) {
	for waiting := false; !waiting; {
		err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'COPY %' AND wait_event_type = 'Lock')`).Scan(&waiting)
		if err != nil {
			t.Error(err)
			return
		}
	}
}
