package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

func TestBothDatabasesHaveTheSameMigrations(t *testing.T) {
	t.Parallel()
	names := func(dialect string) (names []string) {
		paths, err := filepath.Glob("migrations/" + dialect + "/*.sql")
		if err != nil || len(paths) == 0 {
			t.Fatal("no migrations: ", err)
		}
		for _, path := range paths {
			names = append(names, filepath.Base(path))
		}
		return names
	}
	if postgres, sqlite := names("postgres"), names("sqlite"); !slices.Equal(postgres, sqlite) {
		t.Errorf("%v beside %v", postgres, sqlite)
	}
}

func TestASchemaIsCurrentOnceMigrated(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		mustDo(s.SchemaCurrent(ctx))
		mustDo(s.Migrate(ctx))
		if _, err := storetest.SQL(t, s).Exec("DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)"); err != nil {
			t.Fatal(err)
		}
		refused(t, s.SchemaCurrent(ctx), fault.ErrUnavailable, "")
	})
}

func TestAnEmptyDatabaseIsMigratedByAnyNumberAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new.db")
	empty := storetest.Open(t, "sqlite:"+path, store.Options{})
	refused(t, empty.SchemaCurrent(ctx), fault.ErrUnavailable, "")
	mustDo(empty.Migrate(ctx))
	mustDo(empty.SchemaCurrent(ctx))
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}

	postgres := storetest.EmptyPostgres(t)
	var all sync.WaitGroup
	for range 3 {
		s := storetest.Open(t, postgres, store.Options{})
		if err := s.SchemaCurrent(ctx); err != nil && !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		all.Go(func() {
			if err := errors.Join(s.Migrate(ctx), s.SchemaCurrent(ctx)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestTheStoreKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		key := must(s.Key(ctx))
		if len(key) != 32 || bytes.Equal(key, make([]byte, 32)) {
			t.Fatalf("got %x", key)
		}
		second := storetest.Open(t, storetest.URL(t, s), store.Options{})
		if again := must(second.Key(ctx)); !bytes.Equal(again, key) {
			t.Errorf("got %x after %x", again, key)
		}
	})
}
