package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/storetest"
)

const killedDatabase = "RESELLERD_TEST_KILLED_DATABASE"

// TestImportToBeKilled is an import in its own process. It imports only if another
// test starts it.
func TestImportToBeKilled(t *testing.T) {
	database := os.Getenv(killedDatabase)
	if database == "" {
		t.Skip("a process for another test to kill, started by it")
	}
	args := strings.Split(os.Getenv("RESELLERD_TEST_KILLED_ARGS"), "\n")
	code, stdout, stderr := call(t, nil, append(args, "--database", database))
	t.Fatalf("exit %d before it was killed: %s%s", code, stdout, stderr)
}

func TestAKilledImportLeavesNothingBehind(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": newSQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			url := database(t)
			card := carrierWithCard(t, url)
			var long strings.Builder
			long.WriteString("prefix,name,cost,mcd,pulse\n")
			for i := range 300_000 {
				fmt.Fprintf(&long, "%d,Destination %d,0.01,1,1\n", 10_000_000+i, i)
			}
			args := []string{"card", "import", write(t, "long.csv", long.String()), "--card", card, "--as", "admin", "--mode", "replace", "--apply"}
			st := storetest.Open(t, url, store.Options{})
			temporary := killInTheMiddle(t, url, args, written(t, st, url))
			db := storetest.SQL(t, st)
			if n := countOf(t, db, "revisions WHERE card_id IS NOT NULL"); n != 0 {
				t.Errorf("the card has %d revisions", n)
			}
			later := storetest.Open(t, url, store.Options{Now: func() time.Time { return time.Now().Add(time.Hour) }})
			if err := later.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
			for _, table := range []string{"revisions", "rates"} {
				if n := countOf(t, db, table); n != 0 {
					t.Errorf("%d %s are left", n, table)
				}
			}
			nothingIn(t, temporary)
			args[2] = write(t, "short.csv", "prefix,name,cost,mcd,pulse\n49,Germany,0.01,1,1\n")
			if code, _, stderr := call(t, nil, append(args, "--database", url)); code != exitOK || countOf(t, db, "rates") != 1 {
				t.Errorf("the next import: exit %d: %s", code, stderr)
			}
		})
	}
}

// nothingIn fails if a directory is not empty.
func nothingIn(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func newSQLite(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "store.db") }

func countOf(t *testing.T, db *sql.DB, from string) (n int) {
	t.Helper()
	if err := db.QueryRow("SELECT count(*) FROM " + from).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// written returns a function that measures how many bytes of rates are on the disk,
// committed or not.
func written(t *testing.T, st *store.Store, url string) func() (n int64) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return func() int64 {
			info, err := os.Stat(path + "-wal")
			if err != nil {
				return 0
			}
			return info.Size()
		}
	}
	db := storetest.SQL(t, st)
	return func() (n int64) {
		if err := db.QueryRow("SELECT pg_relation_size('rates')").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// killInTheMiddle starts an import and kills it once it has written a megabyte.
func killInTheMiddle(t *testing.T, url string, args []string, written func() int64) (temporary string) {
	t.Helper()
	temporary = t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, "-test.run", "^TestImportToBeKilled$")
	cmd.Env = append(os.Environ(), killedDatabase+"="+url, "RESELLERD_TEST_KILLED_ARGS="+strings.Join(args, "\n"), "TMPDIR="+temporary)
	before := written()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	often := time.NewTicker(5 * time.Millisecond)
	defer often.Stop()
	for written() < before+1<<20 && ctx.Err() == nil {
		<-often.C
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the state is checked below
	if how, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ctx.Err() != nil || ok && how.Signal() != syscall.SIGKILL {
		t.Fatalf("it was not killed while it wrote: %s, %v", cmd.ProcessState, ctx.Err())
	}
	return temporary
}
