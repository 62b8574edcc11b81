package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"resellerd/policies"
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

// Each run of a repeated sync decides by the policy as it is then.
func TestARepeatedSyncReadsThePolicyAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if code := run(t.Context(), []string{"init", "--company", "Halyard", "--login", "admin@halyard.example"},
		[]string{"RESELLERD_DATABASE=sqlite:" + filepath.Join(dir, "synced.db")}, io.Discard, io.Discard); code != exitOK {
		t.Fatal(code)
	}
	tree := filepath.Join(dir, "policies")
	if err := os.CopyFS(tree, policies.Embedded()); err != nil {
		t.Fatal(err)
	}
	c := &importSettings{lookSettings: lookSettings{Database: "sqlite:" + filepath.Join(dir, "synced.db"), Policies: tree}}
	i, err := c.importer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.close() })
	before := i.engines.Current()
	main, err := os.ReadFile(filepath.Join(tree, "reseller", "main", "main.rego"))
	if err != nil {
		t.Fatal(err)
	}
	change := func(text string) {
		if err := os.WriteFile(filepath.Join(tree, "reseller", "main", "main.rego"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	change(string(main) + "\n# changed\n")
	if err := c.renew(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	after := i.engines.Current()
	if after.Revision() == before.Revision() {
		t.Error("the policy is the old one")
	}
	change("broken")
	if err := c.renew(t.Context(), i); err == nil || i.engines.Current() != after {
		t.Errorf("a broken policy: %v", err)
	}
}
