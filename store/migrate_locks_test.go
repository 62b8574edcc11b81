package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/storetest"
)

// released is the version of the previous release's schema.
const released = 7

// A transaction holds one table that the migration needs. While the migration waits,
// the transaction asks for all others. A migration that waits with some of them locked
// would be in a deadlock, and PostgreSQL would end the migration or the transaction.
func TestAMigrationIsInNoDeadlock(t *testing.T) {
	t.Parallel()
	for version := int64(released + 1); ; version++ {
		tables := changedBy(t, version)
		if tables == nil {
			return
		}
		for _, held := range tables {
			t.Run(held, func(t *testing.T) {
				t.Parallel()
				migrateBeside(t, version, held, tables)
			})
		}
	}
}

var changes = regexp.MustCompile(`(?m)^(?:ALTER TABLE|LOCK TABLE|UPDATE|INSERT INTO|(?:CREATE|DROP) .*\bON) (\w+)`)

// changedBy returns the tables of older versions that a migration changes. It returns
// nil after the last migration.
func changedBy(t *testing.T, version int64) []string {
	t.Helper()
	var made []byte
	for number := int64(1); ; number++ {
		paths, err := filepath.Glob("migrations/postgres/" + fmt.Sprintf("%05d", number) + "_*.sql")
		if err != nil {
			t.Fatal(err)
		}
		if len(paths) == 0 {
			return nil
		}
		text, err := os.ReadFile(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		if number < version {
			made = append(made, text...)
			continue
		}
		tables := []string{}
		for _, found := range changes.FindAllSubmatch(text, -1) {
			table := string(found[1])
			if older := regexp.MustCompile(`CREATE TABLE ` + table + `\b`).Match(made); older && !slices.Contains(tables, table) {
				tables = append(tables, table)
			}
		}
		return tables
	}
}

func migrateBeside(t *testing.T, version int64, held string, tables []string) {
	s := storetest.Open(t, storetest.EmptyPostgres(t), store.Options{})
	mustDo(s.MigrateTo(ctx, version-1))
	db := storetest.SQL(t, s)
	tx := must(db.Begin())
	read := func(table string) {
		t.Helper()
		if _, err := tx.Exec("SELECT FROM " + table + " LIMIT 1"); err != nil {
			t.Errorf("%s, while migration %d waits for %s: %v", table, version, held, err)
		}
	}
	read(held)
	migrated := make(chan error, 1)
	go func() { migrated <- s.MigrateTo(ctx, version) }()
	if awaitsLock(t, db, migrated) {
		for _, table := range tables {
			read(table)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	if err := <-migrated; err != nil {
		t.Errorf("migration %d, while a transaction holds %s: %v", version, held, err)
	}
}

// awaitsLock reports whether the migration waits for a lock. It returns false if the
// migration ends first, and puts its result back.
func awaitsLock(t *testing.T, db *sql.DB, migrated chan error) bool {
	t.Helper()
	for {
		select {
		case err := <-migrated:
			migrated <- err
			return false
		case <-time.After(time.Millisecond):
		}
		var waiting bool
		err := db.QueryRow("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))").Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
		if waiting {
			return true
		}
	}
}
