// Package storetest runs one test on every database that the store knows.
//
//	func TestCards(t *testing.T) {
//		storetest.Each(t, func(t *testing.T, s *store.Store) { … })
//	}
//
// SQLite is a file in the test's own directory. PostgreSQL is the server that
// RESELLERD_TEST_DATABASE names (a postgres:// URL whose user may create
// databases), or else a throwaway cluster made with the binaries that
// pg_config points to: one for each test binary, stopped and removed when that
// ends, however it ends. Every test has a fresh database with the current
// schema.
//
// Where neither is to be had the PostgreSQL half is skipped and says so, or
// fails when RESELLERD_TEST_REQUIRE_POSTGRES is 1.
package storetest

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/store"
)

// Each runs test on a fresh, empty store of every database, as a subtest named
// after it: "sqlite" and "postgres".
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachWith(t, store.Options{}, test)
}

// EachWith is Each with options, such as a clock or ids of the test's own.
func EachWith(t *testing.T, o store.Options, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, Open(t, SQLite(t), o)) })
	t.Run("postgres", func(t *testing.T) { test(t, Open(t, Postgres(t), o)) })
}

// Open opens a store that is closed when the test ends. Unless o says otherwise,
// it gives the database the time of a slow machine to answer.
func Open(t testing.TB, url string, o store.Options) *store.Store {
	t.Helper()
	if o.MaxStale == 0 {
		o.MaxStale = 10 * time.Second
	}
	s, err := store.Open(context.Background(), url, o)
	if err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
	urls.Store(s, url)
	t.Cleanup(func() {
		urls.Delete(s)
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// urls remembers where each open store is kept.
var urls sync.Map

// URL is where a store that Open made is kept, for a second one over the same
// database.
func URL(t testing.TB, s *store.Store) string {
	t.Helper()
	url, ok := urls.Load(s)
	if !ok {
		t.Fatal("the store was not opened by storetest")
	}
	return url.(string)
}

// SQL is a connection of its own to the database of a store that Open made:
// past the store, with the same settings. Constraints must hold there too.
func SQL(t testing.TB, s *store.Store) *sql.DB {
	t.Helper()
	driver, name := "postgres", URL(t, s)
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path+"?_pragma=foreign_keys(1)&_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatalf("open %s: %v", name, err)
	}
	t.Cleanup(func() { _ = db.Close() }) // the database goes away with the test
	return db
}

// SQLite is the URL of a fresh SQLite database with the current schema.
func SQLite(t testing.TB) string {
	t.Helper()
	return Empty.SQLite(t)
}

func migrate(url string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	if err := s.Migrate(ctx); err != nil {
		_ = s.Close() // the migration's error is the one that matters
		return err
	}
	return s.Close()
}
