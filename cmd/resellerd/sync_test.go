package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// A sync whose import has ended does not wait for a query of the panel.
func TestASyncDoesNotWaitForAQueryThatNobodyNeeds(t *testing.T) {
	t.Parallel()
	db, url := storetest.MariaDBURL(t)
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE c (id INT); INSERT INTO c VALUES (1); CREATE VIEW slow AS SELECT id, SLEEP(60) AS late FROM c"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mapping := filepath.Join(dir, "mapping.yaml")
	if err := os.WriteFile(mapping, []byte("rows: [{type: customer, from: slow, columns: {external_id: id, name: late}}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := []string{"RESELLERD_DATABASE=sqlite:" + filepath.Join(dir, "synced.db")}
	if code := run(t.Context(), []string{"init", "--company", "Halyard", "--login", "admin@halyard.example"}, environ, io.Discard, io.Discard); code != exitOK {
		t.Fatal(code)
	}
	began := time.Now()
	var complaints bytes.Buffer
	code := run(t.Context(), []string{"sync", "--from", url, "--as", "nobody", "--mapping", mapping}, environ, io.Discard, &complaints)
	if took := time.Since(began); code != exitError || took > 30*time.Second || strings.Contains(complaints.String(), "canceled") {
		t.Errorf("exit code %d after %v: %s", code, took, complaints.String())
	}
}

// A file of rows that cannot be written as a whole stays as it was.
func TestAFileOfRowsIsWholeOrAsItWas(t *testing.T) {
	t.Parallel()
	db, url := storetest.MariaDBURL(t)
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE c (id INT, at VARCHAR(99)); INSERT INTO c VALUES (1, '2026-01-01'), (2, 'soon')"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rows, mapping := filepath.Join(dir, "rows.ndjson"), filepath.Join(dir, "mapping.yaml")
	for _, c := range []struct {
		columns, want string
		code          int
	}{
		{"external_id: id", "{\"external_id\":\"1\",\"type\":\"customer\"}\n{\"external_id\":\"2\",\"type\":\"customer\"}\n", exitOK},
		{"external_id: id, name: {column: at, zone: UTC}", "before", exitError},
	} {
		for path, text := range map[string]string{rows: "before", mapping: "rows: [{type: customer, from: c, columns: {" + c.columns + "}}]"} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var complaints bytes.Buffer
		if code := run(t.Context(), []string{"sync", "--from", url, "--as", "x", "--mapping", mapping, "--rows", rows}, nil, io.Discard, &complaints); code != c.code {
			t.Errorf("%s: exit code %d: %s", c.columns, code, complaints.String())
		}
		if got, err := os.ReadFile(rows); err != nil || string(got) != c.want {
			t.Errorf("%s: %q %v", c.columns, got, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
			t.Errorf("%s: %v %v", c.columns, left, err)
		}
	}
}
