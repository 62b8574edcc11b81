package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"modernc.org/sqlite"

	"resellerd/policies/policiestest/depth"
)

// Older is a database that can be replaced with an older copy of itself.
type Older struct {
	URL string // the same before and after Replace
	// Copy takes the copy.
	Copy func(t testing.TB)
	// Replace replaces the database with the copy. All commits since Copy are
	// lost.
	Replace func(t testing.TB)
}

// EachOlder runs test for each way in which a database can become older. A
// lagging PostgreSQL standby is promoted, a PostgreSQL dump is restored, or a
// backup is restored into an open SQLite file. Quick tests try one way of
// PostgreSQL: the standby if turn is even. The databases have the current schema.
func EachOlder(t *testing.T, turn int, test func(t *testing.T, o *Older)) {
	t.Helper()
	t.Run("sqlite restored", func(t *testing.T) { test(t, restoredSQLite(t)) })
	if depth.Full() || turn%2 == 0 {
		t.Run("postgres standby promoted", func(t *testing.T) {
			f := Failover(t)
			test(t, &Older{URL: f.URL, Copy: f.Lag, Replace: func(t testing.TB) { f.Promote(t); f.Move() }})
		})
	}
	if depth.Full() || turn%2 == 1 {
		t.Run("postgres dump restored", func(t *testing.T) { test(t, restoredPostgres(t)) })
	}
}

func restoredSQLite(t testing.TB) *Older {
	t.Helper()
	at := SQLite(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	name := "file:" + strings.TrimPrefix(at, "sqlite:") + "?_pragma=busy_timeout(10000)"
	return &Older{URL: at,
		Copy: func(t testing.TB) {
			t.Helper()
			run(t, "sqlite", name, "VACUUM INTO '"+backup+"'")
		},
		Replace: func(t testing.TB) {
			t.Helper()
			db, err := sql.Open("sqlite", name)
			need(t, err)
			defer db.Close()
			conn, err := db.Conn(context.Background())
			need(t, err)
			defer conn.Close()
			need(t, conn.Raw(func(raw any) error {
				restoring, err := raw.(interface {
					NewRestore(from string) (*sqlite.Backup, error)
				}).NewRestore("file:" + backup)
				if err != nil {
					return err
				}
				for more, late := true, time.Now().Add(10*time.Second); more; {
					// A running writer holds the lock, so retry until it is
					// done.
					if more, err = restoring.Step(-1); err != nil && time.Now().After(late) {
						return err
					} else if err != nil {
						more = true
					}
				}
				return restoring.Finish()
			}))
		},
	}
}

func restoredPostgres(t testing.TB) *Older {
	t.Helper()
	at := Postgres(t)
	u, err := url.Parse(at)
	need(t, err)
	name, admin := strings.TrimPrefix(u.Path, "/"), needServer(t)
	dump := filepath.Join(t.TempDir(), "dump")
	tool := func(t testing.TB, name string, args ...string) {
		t.Helper()
		binaries, err := serverBinaries()
		need(t, err)
		out, err := exec.Command(filepath.Join(binaries, name), args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	return &Older{URL: at,
		Copy: func(t testing.TB) {
			t.Helper()
			tool(t, "pg_dump", "--format=custom", "--file="+dump, at)
		},
		Replace: func(t testing.TB) {
			t.Helper()
			restored, err := inDatabase(admin, name+"_restored")
			need(t, err)
			need(t, execute(admin, fmt.Sprintf("CREATE DATABASE %s_restored TEMPLATE %s", name, untouched)))
			tool(t, "pg_restore", "--dbname="+restored, dump)
			need(t, execute(admin, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)))
			need(t, execute(admin, fmt.Sprintf("ALTER DATABASE %[1]s_restored RENAME TO %[1]s", name)))
		},
	}
}

func run(t testing.TB, driver, name, statement string) {
	t.Helper()
	db, err := sql.Open(driver, name)
	need(t, err)
	defer db.Close()
	_, err = db.ExecContext(context.Background(), statement)
	need(t, err)
}

func need(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
