package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"resellerd/store/storetest"
)

// The drill of deploy/PRODUCTION.md: a backup is made while the store is served, rows are
// written after it, and the backup is restored. Then the rows before it are there, and the
// rows after it are not.
func TestARestoredBackupIsServed(t *testing.T) {
	t.Parallel()
	for name, drill := range map[string]func(t *testing.T) (database string, backup func(), restore func() string){
		"sqlite": sqliteDrill, "postgres": postgresDrill,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database, backup, restore := drill(t)
			made, code := found(t, database, "--company", "Halyard", "--login", "admin@halyard.example", "--external-id", "admin")
			if code != exitOK {
				t.Fatalf("init: exit %d", code)
			}
			args := []string{"--panel-tokens", made.Account + ":a-token-of-the-panel", "--decision-log", "none", "--drain-time", "0s"}
			served := serve(t, nil, append(args, "--database", database)...)
			add := func(name string) {
				t.Helper()
				code, _, stderr := call(t, nil, []string{"customer", "create", "--as", "admin", "--url", "http://" + served.addr, "--token", "a-token-of-the-panel", "name=" + name})
				if code != exitOK {
					t.Fatalf("exit %d: %s", code, stderr)
				}
			}
			add("Before")
			backup()
			add("After")
			served.stop()
			served = serve(t, nil, append(args, "--database", restore())...)
			status, body := get(t, "http://"+served.addr+"/v1/customers", "Authorization", "Bearer a-token-of-the-panel", "Resellerd-User", "admin")
			if status != http.StatusOK || !strings.Contains(body, `"Before"`) || strings.Contains(body, `"After"`) {
				t.Errorf("%d %s", status, body)
			}
			add("Later")
		})
	}
}

func sqliteDrill(t *testing.T) (database string, backup func(), restore func() string) {
	dir := t.TempDir()
	file, to := filepath.Join(dir, "carrier.db"), filepath.Join(dir, "backup.db")
	return "sqlite:" + file, func() {
			code, stdout, stderr := call(t, nil, []string{"backup", "--database", "sqlite:" + file, "--to", to, "--format", "json"})
			var report backupReport
			if err := json.Unmarshal([]byte(stdout), &report); code != exitOK || err != nil || report.File != to || report.Bytes == 0 {
				t.Fatalf("exit %d: %s %s %v", code, stdout, stderr, err)
			}
			if code, _, stderr = call(t, nil, []string{"backup", "--database", "sqlite:" + file, "--to", to}); code != exitUsage {
				t.Errorf("a second backup to the same file: exit %d: %s", code, stderr)
			}
		}, func() string {
			for _, suffix := range []string{"-wal", "-shm", ""} {
				if err := os.Remove(file + suffix); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
			if err := os.Rename(to, file); err != nil {
				t.Fatal(err)
			}
			return "sqlite:" + file
		}
}

func postgresDrill(t *testing.T) (database string, backup func(), restore func() string) {
	dump := filepath.Join(t.TempDir(), "backup.dump")
	database, empty := storetest.Postgres(t), storetest.EmptyPostgres(t)
	tool := func(args ...string) {
		t.Helper()
		tools, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + args[0])
		if err != nil || len(tools) == 0 {
			t.Skipf("skipped: needs %s", args[0])
		}
		if out, err := exec.CommandContext(t.Context(), tools[len(tools)-1], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", args[0], err, out)
		}
	}
	return database, func() {
			tool("pg_dump", "--format=custom", "--no-owner", "--file", dump, database)
			code, _, stderr := call(t, nil, []string{"backup", "--database", database, "--to", dump + ".db"})
			if code != exitUsage || !strings.Contains(stderr, "pg_dump") {
				t.Errorf("exit %d: %s", code, stderr)
			}
		}, func() string {
			tool("pg_restore", "--no-owner", "--exit-on-error", "--dbname", empty, dump)
			return empty
		}
}

func TestPruneSaysWhatItWouldDelete(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	for _, test := range []struct {
		args []string
		code int
		out  string
	}{
		{nil, exitUsage, ""},
		{[]string{"--revision-keep", "8760h"}, exitOK, "0 revisions with 0 rates, 0 audit entries and 0 former versions of access would be deleted\n"},
		{[]string{"--audit-keep", "1ns"}, exitOK, "0 former versions of access would be deleted\n"},
		{[]string{"--audit-keep", "1ns", "--apply"}, exitOK, "0 former versions of access were deleted\n"},
	} {
		code, stdout, stderr := call(t, nil, append([]string{"prune", "--database", database}, test.args...))
		if code != test.code || !strings.HasSuffix(stdout, test.out) {
			t.Errorf("%v: exit %d: %s%s", test.args, code, stdout, stderr)
		}
	}
}
