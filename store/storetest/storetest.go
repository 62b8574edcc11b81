// Package storetest runs one test on every database that the store supports.
//
//	func TestCards(t *testing.T) {
//		storetest.Each(t, func(t *testing.T, s *store.Store) { … })
//	}
//
// SQLite is a file in the test's own directory. PostgreSQL is the server that
// RESELLERD_TEST_DATABASE names (a postgres:// URL whose user may create
// databases). Without it, each test binary starts a temporary cluster with the
// binaries that pg_config points to. The cluster is removed when the test binary
// ends, even if it crashes. Every test has a new database with the current
// schema.
//
// If there is no PostgreSQL, tests on it are skipped with a message. They fail
// instead if RESELLERD_TEST_REQUIRE_POSTGRES is 1.
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

// Each runs test on a new, empty store on every database, in a subtest with the
// name of the database: "sqlite" and "postgres".
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachWith(t, store.Options{}, test)
}

// EachWith is Each with options, such as the test's own clock or ids.
func EachWith(t *testing.T, o store.Options, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, Open(t, SQLite(t), o)) })
	t.Run("postgres", func(t *testing.T) { test(t, Open(t, Postgres(t), o)) })
}

// Open opens a store and closes it when the test ends. Unless o sets MaxStale,
// it allows the database enough time to answer on a slow machine.
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

// urls holds the URL of each open store.
var urls sync.Map

// URL returns the URL of a store from Open, to open a second store on the same
// database.
func URL(t testing.TB, s *store.Store) string {
	t.Helper()
	url, ok := urls.Load(s)
	if !ok {
		t.Fatal("the store was not opened by storetest")
	}
	return url.(string)
}

// SQL returns a separate connection to the database of a store from Open, with
// the same settings. Tests use it to bypass the store; constraints must hold
// there too.
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
	t.Cleanup(func() { _ = db.Close() }) // the test removes the database anyway
	return db
}

// SQLite returns the URL of a new SQLite database with the current schema.
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
		_ = s.Close() // the error of the migration matters more
		return err
	}
	return s.Close()
}
