package main

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"resellerd/store/storetest"
)

// The page of the examples, in a PostgreSQL database of the panel's own, shows the same
// by sqlx and by Knex.
func TestAPageOfCallsInThePanelsOwnDatabase(t *testing.T) {
	const reseller = "acc_gpnfm23bvgvr5ndevtdyyo3bbz"
	database := storetest.EmptyPostgres(t)
	db, err := sql.Open("postgres", database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		"CREATE TABLE cdr (id bigint PRIMARY KEY, account text, called text, price numeric)",
		"INSERT INTO cdr VALUES (1, '" + reseller + "', '49301', 0.01), (2, 'acc_other', '49302', 0.01), " +
			"(3, '" + reseller + "', '49303', 0.03), (4, 'ACC_gpnfm23bvgvr5ndevtdyyo3bbz', '49304', 0.01), (5, '" + reseller + "', '49305', 0.05)",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	all := fmt.Sprintf("count: 3\npage: 3,%[1]s,49303,0.03\npage: 5,%[1]s,49305,0.05\n"+
		"1,%[1]s,49301,0.01\n3,%[1]s,49303,0.03\n5,%[1]s,49305,0.05\n", reseller)
	tour := waitForTour(t, serve(t, nil, "--demo"))
	settings := regexp.MustCompile(`RESELLERD_(?:URL|TOKEN)=[^ \n;]+`).FindAllString(tour, -1)
	for name, command := range map[string]func(t *testing.T, database string) *exec.Cmd{"sqlx": sqlxPage, "knex": knexPage} {
		t.Run(name, func(t *testing.T) {
			for user, want := range map[string]string{"brightcall-owner": all, "brightcall-sales": "count: 0\n"} {
				page := command(t, database)
				page.Args = append(page.Args, user)
				page.Env = append(os.Environ(), settings...)
				if printed, err := page.CombinedOutput(); err != nil || string(printed) != want {
					t.Errorf("%s: %v\n%s\nwant\n%s", user, err, printed, want)
				}
			}
		})
	}
}

func sqlxPage(t *testing.T, database string) *exec.Cmd {
	return exec.CommandContext(t.Context(), "go", "run", top+"testdata/examples/cdr/sqlx", database)
}

// knexPage runs in the folder RESELLERD_TEST_KNEX, where npm has installed knex and pg.
func knexPage(t *testing.T, database string) *exec.Cmd {
	dir := os.Getenv("RESELLERD_TEST_KNEX")
	if dir == "" {
		t.Skip("skipped: RESELLERD_TEST_KNEX names no folder with knex and pg; .ci/run --all makes one")
	}
	text, err := os.ReadFile(top + "testdata/examples/cdr/cdr.mjs")
	if err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(dir, "cdr.mjs")
	if err := os.WriteFile(page, text, 0o600); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	socket := "postgres://postgres@" + url.QueryEscape(at.Query().Get("host")) + at.Path // as Knex reads it
	return exec.CommandContext(t.Context(), "node", page, "pg", socket)
}
