package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"resellerd/store/storetest"
)

// byCommand runs commands of one user on a database.
type byCommand struct {
	t        *testing.T
	database string
}

func (b byCommand) run(want int, args ...string) (stdout, stderr string) {
	b.t.Helper()
	code, stdout, stderr := call(b.t, nil, append(args, "--as", "admin", "--database", b.database))
	if code != want {
		b.t.Errorf("%s: exit %d, want %d\n%s%s", strings.Join(args, " "), code, want, stdout, stderr)
	}
	return stdout, stderr
}

// made returns the id of the row that a command creates.
func (b byCommand) made(args ...string) string {
	b.t.Helper()
	stdout, _ := b.run(exitOK, append(args, "--format", "json")...)
	var row struct{ ID string }
	if err := json.Unmarshal([]byte(stdout), &row); err != nil || row.ID == "" {
		b.t.Fatalf("%v: %s", err, stdout)
	}
	return row.ID
}

// Each type of row can be created, listed, shown, changed and deleted on the command
// line, with the rights of a user.
func TestRowsAreWorkedOnOnTheCommandLine(t *testing.T) { onEach(t, rowsAreWorkedOn) }

// onEach runs a test of commands on both databases.
func onEach(t *testing.T, test func(t *testing.T, b byCommand, card string)) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			b := byCommand{t, database(t)}
			test(t, b, carrierWithCard(t, b.database))
		})
	}
}

func rowsAreWorkedOn(t *testing.T, b byCommand, _ string) {
	account := b.made("account", "create", "name=Bright Call", "currency=USD")
	group := b.made("group", "create", "name=Support", `rows:={"customer":["read"]}`)
	user := b.made("user", "create", "login=ann@halyard.example", `groups:=["`+group+`"]`)
	customer := b.made("customer", "create", "name=Acme", "notes=a=b")

	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"account", "list", "sort=name"}, []string{account, "Bright Call"}},
		{[]string{"customer", "list", "name_contains=ACME", "status=active"}, []string{customer, "Acme"}},
		{[]string{"customer", "show", customer}, []string{"a=b"}},
		{[]string{"customer", "change", customer, "status=suspended", "notes:=null"}, []string{"suspended"}},
		{[]string{"group", "show", group}, []string{`{"customer":["read"]}`}},
		{[]string{"group", "change", group, "name=Desk", `rows:={"customer":["read","update"]}`}, []string{"Desk", `{"customer":["read","update"]}`}},
		{[]string{"user", "change", user, "name=Ann", "status=disabled"}, []string{"Ann", "disabled"}},
		{[]string{"account", "change", account, "name=Bright", "status=suspended"}, []string{"Bright", "suspended"}},
		{[]string{"account", "change", account, "status=closed"}, []string{"closed"}},
		{[]string{"card", "list", "kind=provider"}, []string{"Upstream"}},
		{[]string{"customer", "delete", customer}, []string{"is deleted"}},
	} {
		stdout, _ := b.run(exitOK, c.args...)
		for _, text := range c.says {
			if !strings.Contains(stdout, text) {
				t.Errorf("%v says no %q:\n%s", c.args, text, stdout)
			}
		}
	}
	for want, args := range map[string][]string{
		"not found":                    {"customer", "show", customer},
		"is not a known parameter":     {"customer", "list", "colour=red"},
		"want NAME=VALUE":              {"customer", "list", "acme"},
		"want NAME=TEXT or NAME:=JSON": {"customer", "create", "acme"},
		"is given twice":               {"customer", "create", "name=a", `name:="b"`},
		`rows: "{" is not JSON`:        {"group", "create", "rows:={"},
	} {
		code := exitError
		if strings.Contains(want, "NAME") || strings.Contains(want, "twice") || strings.Contains(want, "JSON") {
			code = exitUsage
		}
		if _, stderr := b.run(code, args...); !strings.Contains(stderr, want) {
			t.Errorf("%v: no %q in %s", args, want, stderr)
		}
	}
}

// A cell of a table without a value is "-", so that the columns stay in their places.
func TestTablesHaveACellForEachColumn(t *testing.T) {
	for answer, want := range map[string]string{
		`{"items":[{"id":"usr_a","name":null,"login":"a@x.example"},{"id":"usr_b","login":"b@x.example","status":"active"}]}`: "  usr_a  a@x.example  -\n  usr_b  b@x.example  active\n",
		`{"items":[{"id":"acc_a","currency":null},{"id":"acc_b","currency":"EUR"}]}`:                                          "  acc_a  -\n  acc_b  EUR\n",
		`{"items":[]}`: "",
	} {
		var out strings.Builder
		if err := printRows(&out, []byte(answer)); err != nil || out.String() != want {
			t.Errorf("%s: %v\n%s, want\n%s", answer, err, out.String(), want)
		}
	}
}

// Rates of another time are exported as the server would: a time before --revision-keep is
// refused, with the name of the flag.
func TestRatesOfAnotherTimeAreExported(t *testing.T) {
	b := byCommand{t, "sqlite:" + filepath.Join(t.TempDir(), "store.db")}
	card := carrierWithCard(t, b.database)
	activated := func(cost string) string {
		file := write(t, "deck.csv", "prefix,name,cost\n49,Germany,"+cost+"\n")
		stdout, _ := b.run(exitOK, "card", "import", file, "--card", card, "--mode", "replace", "--apply", "--format", "json")
		draft := regexp.MustCompile(`rev_\w+`).FindString(stdout)
		b.run(exitOK, "card", "activate", card, draft, "--accept-losses")
		return time.Now().UTC().Format(time.RFC3339Nano)
	}
	before := time.Now().UTC().Format(time.RFC3339Nano)
	first := activated("0.01")
	second := activated("0.02")
	for at, want := range map[string]string{before: "", first: "0.01", second: "0.02"} {
		stdout, _ := b.run(exitOK, "card", "export", card, "--to", "-", "--at", at, "--revision-keep", "1h")
		if found := regexp.MustCompile(`0\.0\d`).FindString(stdout); found != want {
			t.Errorf("at %s: %s", at, stdout)
		}
	}
	for want, args := range map[string][]string{
		"--at is before the time from which on rates are kept": {"--at", "2020-01-01T00:00:00Z", "--revision-keep", "1h"},
		"--at must be a time": {"--at", "yesterday"}, "--at is in the future": {"--at", "2199-01-01T00:00:00Z"},
	} {
		if _, stderr := b.run(exitError, append([]string{"card", "export", card, "--to", "-"}, args...)...); !strings.Contains(stderr, want) {
			t.Errorf("%v: %s", args, stderr)
		}
	}
}

// A revision is activated, scheduled and rolled back on the command line.
func TestARevisionIsActivatedOnTheCommandLine(t *testing.T) { onEach(t, aRevisionIsActivated) }

func aRevisionIsActivated(t *testing.T, b byCommand, card string) {
	drafted := func(cost string) string {
		file := write(t, "deck.csv", "prefix,name,cost\n49,Germany,"+cost+"\n")
		stdout, _ := b.run(exitOK, "card", "import", file, "--card", card, "--mode", "replace", "--apply", "--format", "json")
		var report struct{ Revisions []struct{ ID string } }
		if err := json.Unmarshal([]byte(stdout), &report); err != nil || len(report.Revisions) != 1 {
			t.Fatalf("%v: %s", err, stdout)
		}
		return report.Revisions[0].ID
	}
	first, second, third := drafted("0.01"), drafted("0.02"), drafted("0.03")
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"card", "activate", card, first}, first + "  active, number 1\n"},
		{[]string{"card", "activate", card, second, "--accept-losses"}, second + "  active, number 2\n"},
		{[]string{"card", "rollback", card}, first + "  active, number 1\n"},
		{[]string{"card", "activate", card, third, "--at", "2199-01-01T00:00:00Z"}, third + "  scheduled, at 2199-01-01T00:00:00Z\n"},
	} {
		if stdout, _ := b.run(exitOK, c.args...); stdout != c.says {
			t.Errorf("%v: %s, want %s", c.args, stdout, c.says)
		}
	}
	if _, stderr := b.run(exitError, "card", "activate", card, third, "--at", "tomorrow"); !strings.Contains(stderr, "--at must be a time") {
		t.Errorf("%s", stderr)
	}
}
