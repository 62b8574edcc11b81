package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"resellerd/server/rowfile"
	"resellerd/store/storetest"
)

// The worked mapping brings the made-up panel into an empty store. What needs a person is
// refused until the person has decided, and a second sync changes nothing.
func TestSyncBringsTheMadeUpPanelIntoAStore(t *testing.T) {
	t.Parallel()
	db, url := storetest.MariaDBURL(t)
	schema, err := os.ReadFile(filepath.Join(top, "testdata", "examples", "panel", "panel.sql"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), string(schema)); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	command := func(want int, args ...string) *rowfile.Report {
		t.Helper()
		var out, complaints bytes.Buffer
		environ := []string{"RESELLERD_DATABASE=sqlite:" + filepath.Join(dir, "synced.db")}
		if code := run(t.Context(), append(args, "--format", "json"), environ, &out, &complaints); code != want {
			t.Fatalf("%v: exit code %d: %s", args, code, complaints.String())
		}
		var report rowfile.Report
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			t.Fatal(err)
		}
		return &report
	}
	text, err := os.ReadFile(filepath.Join(top, "testdata", "examples", "panel", "mapping.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	decided := filepath.Join(dir, "mapping.yaml")
	if err := os.WriteFile(decided, []byte(strings.Replace(string(text), "groups: {}", "groups: {U2: [G1]}", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	command(exitOK, "init", "--company", "Halyard", "--login", "admin@halyard.example", "--external-id", "admin")
	sync := []string{"sync", "--from", url, "--as", "admin", "--mapping"}
	first := command(exitDecide, append(sync, filepath.Join(top, "testdata", "examples", "panel", "mapping.yaml"), "--apply")...)
	if first.Applied || first.Refused != 2 || len(first.WithoutGroup) != 1 || len(first.Orphans) != 1 || len(first.Capped) != 2 {
		t.Errorf("%+v", first)
	}
	if _, err := db.ExecContext(t.Context(), "DELETE FROM customers WHERE reseller_id = 9"); err != nil {
		t.Fatal(err)
	}
	if second := command(exitOK, append(sync, decided, "--apply")...); !second.Applied || second.Refused > 0 {
		t.Errorf("%+v", second)
	}
	if _, err := db.ExecContext(t.Context(), "UPDATE customers SET company = 'Otter Cabs' WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	changed := 0
	for _, c := range command(exitOK, append(sync, decided, "--apply")...).Types {
		if changed += c.Changed; c.Created > 0 {
			t.Errorf("%+v", c)
		}
	}
	if changed != 1 {
		t.Errorf("%d rows are changed", changed)
	}
}
