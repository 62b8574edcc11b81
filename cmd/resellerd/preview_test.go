package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"resellerd/policies/policiestest/depth"
	"resellerd/server/insight"
	"resellerd/store"
	"resellerd/store/query"
	"resellerd/store/schema"
	"resellerd/store/seed"
)

// withReseller adds a reseller with a user "owner", a customer and an assigned
// card to a founding.
func withReseller(t *testing.T) (database, group, card, account string) {
	t.Helper()
	database, made := founding(t)
	ctx := context.Background()
	st, err := store.Open(ctx, database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	lent, gold, n := store.DefaultResellerGroup(), store.NewCard(), &seed.Names{}
	lent.AccountID, lent.Lend, lent.LentTo = "master", store.LendSome, []string{"reseller"}
	gold.AccountID, gold.Kind, gold.Name, gold.Currency = "master", schema.CustomerCard, "Gold", "EUR"
	n.Call("master", made.Account)
	err = st.Write(ctx, made.Account, func(tx *store.Tx) error {
		return seed.Make(ctx, tx, n,
			seed.Account("reseller", store.Account{ParentID: "master", Name: "Brightcall", Currency: "EUR"}),
			seed.Group("lent", lent),
			seed.User("owner", store.User{AccountID: "reseller", Login: "o@b.example", ExternalID: "owner", Groups: []string{"lent"}}),
			seed.Customer("acme", store.Customer{AccountID: "reseller", Name: "Acme", Currency: "EUR"}),
			seed.Card("gold", gold), seed.Assign("gold", "reseller"))
	})
	if err != nil {
		t.Fatal(err)
	}
	return database, n.ID("lent"), n.ID("gold"), n.ID("reseller")
}

// changedTree returns the embedded policy tree with one change.
func changedTree(t *testing.T, name, old, changed string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "policies"))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%s: %v", name, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, changed, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPreviewSaysWhatAUserSeesAndWhatWouldChangeIt(t *testing.T) {
	database, group, card, account := withReseller(t)
	preview := func(args ...string) (int, string, string) {
		return call(t, nil, append([]string{"preview", "--database", database}, args...))
	}
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "change.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	closed := changedTree(t, "data.json", `"card/provider": ["read"]`, `"card/provider": []`)
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"alone":                 {[]string{"owner"}, []string{"customer", "sees 1 of 1", "as translated: {\"id\":\"" + card + "\""}},
		"against the master's":  {[]string{"owner", "--against", "admin"}, []string{"Against usr_", "account\n    may    read  ->  create, read, update, delete"}},
		"a candidate policy":    {[]string{"owner", "--policies", closed}, []string{"Against policy", "data less  resellers may have, in card/provider: read  ->  nothing", "owner of " + account + " sees or may do less", "card/provider\n    may    read  ->  none\n    sees   1  ->  0\n    -      " + card}},
		"a group's change":      {[]string{"owner", "--group-change", file("group: " + group + "\nset:\n  rows: {customer: [read]}\n")}, []string{"may    create, read, update, delete  ->  read"}},
		"a user's change":       {[]string{"owner", "--group-change", file("account: " + account + "\nset: {status: suspended}\n")}, []string{"sees   1  ->  0"}},
		"a withdrawal":          {[]string{"owner", "--group-change", file("assignment: {card: " + card + ", account: " + account + ", withdraw: true}\n")}, []string{"-      " + card}},
		"a change of no weight": {[]string{"owner", "--group-change", file("group: " + group + "\nset: {public_name: Friends}\n")}, []string{"nothing differs"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := preview(c.args...)
			if code != exitOK {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			for _, want := range c.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("without %q:\n%s", want, stdout)
				}
			}
		})
	}
	_, text, _ := preview("owner", "--format", "json")
	var p insight.Preview
	if err := json.Unmarshal([]byte(text), &p); err != nil || len(p.Areas) == 0 || p.Difference != nil {
		t.Errorf("%v: %s", err, text)
	}
	for name, c := range map[string]struct {
		args []string
		code int
	}{
		"nobody":                 {[]string{"nobody"}, exitError},
		"two comparisons":        {[]string{"owner", "--against", "admin", "--policies", closed}, exitUsage},
		"no such file":           {[]string{"owner", "--group-change", "/nowhere"}, exitUsage},
		"a change of nothing":    {[]string{"owner", "--group-change", file("set: {}\n")}, exitUsage},
		"a change of two":        {[]string{"owner", "--group-change", file("group: a\nuser: b\n")}, exitUsage},
		"an unknown field":       {[]string{"owner", "--group-change", file("group: a\nset: {nonsense: 1}\n")}, exitUsage},
		"an assignment misspelt": {[]string{"owner", "--group-change", file("assignment: {crad: a}\n")}, exitUsage},
		"a group that is none":   {[]string{"owner", "--group-change", file("group: grp_none\nset: {name: x}\n")}, exitError},
	} {
		if code, _, stderr := preview(c.args...); code != c.code {
			t.Errorf("%s: exit %d, want %d: %s", name, code, c.code, stderr)
		}
	}
	looked(t, database)
}

// What another policy shows or allows more is reported, and a person has to decide.
func TestPreviewReportsEveryChangeOfAPolicy(t *testing.T) {
	database, _, card, account := withReseller(t)
	for name, c := range map[string]struct {
		file, old, changed string
		more               []string // further arguments
		code               int
		want               []string
	}{
		"a column": {"reseller/resource/card/shown.rego", `columns contains "notes" if own`, `columns contains "notes"`, nil, exitDecide,
			[]string{"rule changed  data.reseller.resource.card.columns  reseller/resource/card/shown.rego:", "owner of " + account + " sees or may do more\n  card/provider\n    shows  + column notes on 1 row, such as " + card}},
		"an action": {"reseller/resource/customer/customer.rego", "\tnot owner_immutable\n", "\tnot owner_immutable\n\tnot input.action.name == \"delete\"\n", nil, exitOK,
			[]string{"owner of " + account + " sees or may do less\n  may - delete customer on 1 row, such as cus_"}},
		"an action of the catalog": {"data.json", `"action": {}`, `"action": {"refund": {"access": "read"}}`, nil, exitDecide,
			[]string{"data more  who may refund: nobody  ->  users with read in the area", "sees or may do more\n", ", read, refund"}},
		"a day": {"reseller/reach/reach.rego", "subtree if {\n\tsubject.is_reseller\n", "subtree if {\n\tsubject.is_reseller\n\tstartswith(input.context.time, \"2031-12-24\")\n}\n\nsubtree if {\n\tsubject.is_reseller\n\tnot startswith(input.context.time, \"2031-12-24\")\n",
			[]string{"--at", "2031-12-24T10:00:00Z"}, exitDecide, []string{"owner of " + account + " sees or may do more"}},
		"the same day, on others": {"reseller/reach/reach.rego", "subtree if {\n\tsubject.is_reseller\n", "subtree if {\n\tsubject.is_reseller\n\tstartswith(input.context.time, \"2031-12-24\")\n}\n\nsubtree if {\n\tsubject.is_reseller\n\tnot startswith(input.context.time, \"2031-12-24\")\n",
			nil, exitOK, []string{"rule changed  data.reseller.reach.subtree", "2 users: 0 of them see or may do more, 0 less"}},
		"a mask":  {"system/log/log.rego", `"login", "email", "phone"`, `"email", "phone"`, nil, exitDecide, []string{"data more  the decision log holds /input/subject/user/login: no  ->  yes"}},
		"nothing": {"reseller/reach/reach.rego", "# title: Reach", "# title: The reach", nil, exitOK, []string{"nothing differs"}},
	} {
		t.Run(name, func(t *testing.T) {
			depth.OneOf(t, 3)
			args := append([]string{"preview", "--database", database, "--all-users", "--policies", changedTree(t, c.file, c.old, c.changed)}, c.more...)
			code, stdout, stderr := call(t, nil, args)
			if code != c.code {
				t.Fatalf("exit %d, want %d: %s\n%s", code, c.code, stderr, stdout)
			}
			for _, want := range c.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("without %q:\n%s", want, stdout)
				}
			}
		})
	}
	wider := changedTree(t, "reseller/resource/card/shown.rego", `columns contains "notes" if own`, `columns contains "notes"`)
	code, stdout, _ := call(t, nil, []string{"preview", "owner", "--database", database, "--policies", wider, "--format", "markdown"})
	if want := "**Somebody sees or may do more.**\n\n| User | Account | More | Less |\n|---|---|---|---|\n| `owner` | `" + account + "` | yes |  |\n"; code != exitDecide || !strings.Contains(stdout, want) {
		t.Errorf("exit %d, without %q:\n%s", code, want, stdout)
	}
	for _, args := range [][]string{{"--all-users"}, {"owner", "--all-users", "--policies", wider}, {"--policies", wider}, {"owner", "--format", "markdown"}} {
		if code, _, stderr := call(t, nil, append([]string{"preview", "--database", database}, args...)); code != exitUsage {
			t.Errorf("%v: exit %d: %s", args, code, stderr)
		}
	}
}

// alsoChanged makes another change in a tree.
func alsoChanged(t *testing.T, dir, name, old, changed string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%s: %v", name, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, changed, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// gains are changes of the embedded tree by which somebody gains, each by another
// question, and what the report says of it. They can be made in one tree.
func gains(account string) map[string]treeChange {
	const customer, main = "reseller/resource/customer/customer.rego", "reseller/main/main.rego"
	const visible = "# METADATA\n# title: The customer is not visible"
	allowed := func(condition string) edit {
		return edit{main, "default allow := false\n", "default allow := false\n\nallow if {\n\t" + condition + "\n}\n"}
	}
	return map[string]treeChange{
		"a row that comes later, beside a row that goes": {
			[]edit{{customer, "\treadable\n\treach.owner\n}", "\treadable\n\treach.owner\n\tnot gone\n}\n\ngone if {\n\tinput.subject.account.kind == \"reseller\"\n\tinput.resource.name == \"Acme\"\n}\n\n" +
				"visible if {\n\treadable\n\tinput.resource.name == \"Later\"\n}"}},
			"owner of " + account + " sees or may do more, and less",
		},
		"an export": {
			[]edit{{customer, visible, "visible if {\n\treadable\n\tinput.action.properties.form == \"export\"\n}\n\n" + visible}},
			"read customer as export, rows",
		},
		"access that a write gives": {
			[]edit{{"reseller/delegation/delegation.rego", `input.resource.type in {"group", "user", "webhook"}`, `input.resource.type in {"group", "webhook"}`}},
			"may + update user that gets every access in audit on 1 row",
		},
		"a column that a write changes": {
			[]edit{{customer, `field == "account_id"`, `field == "tenant_id"`}},
			"may + update customer column account_id on 1 row",
		},
		"an action of the catalog on rows": {
			[]edit{allowed("input.action.name == \"refund\"\n\tdata.reseller.resource.customer.visible\n\tinput.resource.type == \"customer\""),
				{"data.json", `"action": {}`, `"action": {"refund": {"access": "none"}}`}},
			"may + refund customer on 1 row",
		},
		"a user that the store does not know": {
			[]edit{allowed("not input.subject.account\n\tinput.subject.type == \"user\"\n\tinput.resource.type == \"customer\"")},
			"a subject of type user that the store does not know sees or may do more",
		},
		"an area for such a subject": {
			[]edit{allowed("not input.subject.account\n\tinput.subject.type == \"identity\"\n\tinput.resource.type == \"area\"")},
			"a subject of type identity that the store does not know sees or may do more",
		},
	}
}

// treeChange are edits of a tree, and what a report says of them.
type treeChange struct {
	edits []edit
	want  string
}

type edit struct{ file, old, changed string }

func (c treeChange) in(t *testing.T, dir string) string {
	t.Helper()
	for _, e := range c.edits {
		alsoChanged(t, dir, e.file, e.old, e.changed)
	}
	return dir
}

// Whoever gains by whatever question, the report says so, and the exit code. One tree has
// all of these changes; the long form also tries each alone. TestEachKindOfGainCounts
// checks that each kind decides the exit code.
func TestPreviewFindsEveryGain(t *testing.T) {
	t.Parallel()
	database, _, _, account := withReseller(t)
	const main = "reseller/main/main.rego"
	says := func(t *testing.T, tree string, want ...string) {
		t.Helper()
		code, stdout, stderr := call(t, nil, []string{"preview", "--database", database, "--all-users", "--policies", tree})
		for _, text := range want {
			if code != exitDecide || !strings.Contains(stdout, text) {
				t.Errorf("exit %d, without %q: %s\n%s", code, text, stderr, stdout)
			}
		}
	}
	all, wanted := t.TempDir(), []string{}
	if err := os.CopyFS(all, os.DirFS(filepath.Join("..", "..", "policies"))); err != nil {
		t.Fatal(err)
	}
	for name, c := range gains(account) {
		wanted = append(wanted, c.want)
		c.in(t, all)
		if depth.Long() {
			t.Run(name, func(t *testing.T) {
				says(t, c.in(t, changedTree(t, main, "default allow := false\n", "default allow := false\n")), c.want)
			})
		}
	}
	t.Run("all of them", func(t *testing.T) { says(t, all, wanted...) })
	t.Run("a tree without rows", func(t *testing.T) {
		tree := changedTree(t, main, "default allow := false\n", "default allow := false\n\nallow if {\n\tinput.action.name == \"delete\"\n\tinput.resource.type == \"audit\"\n}\n")
		says(t, alsoChanged(t, tree, main, "# entrypoint: true\npackage", "# entrypoint: true\n# custom: {rows: none}\npackage"), "may + delete audit on")
	})
}

// looked checks that the audit trail contains the previews, and that no planned
// change was made.
func looked(t *testing.T, database string) {
	t.Helper()
	ctx := context.Background()
	st, err := store.Open(ctx, database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	rows, err := list(ctx, st, "audit", []string{"id", "action"}, query.Condition{Column: "action", Op: query.Eq, Value: "preview"})
	if err != nil || len(rows) == 0 {
		t.Errorf("%d entries: %v", len(rows), err)
	}
	sub, err := st.Subject(ctx, "", "owner")
	if err != nil || sub.Status != store.Active || sub.Access.At("customer") != "crud" {
		t.Errorf("%+v: %v", sub, err)
	}
}

// A look at all users is one entry of the audit trail, which names their number.
func TestPreviewOfAllUsersIsOneAuditEntry(t *testing.T) {
	database, _, _, _ := withReseller(t)
	if code, _, stderr := call(t, nil, []string{"preview", "--database", database, "--all-users", "--policies", embeddedTree}); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	st, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	rows, err := list(t.Context(), st, "audit", []string{"id", "action", "change"}, query.Condition{Column: "action", Op: query.Eq, Value: "preview"})
	if err != nil || len(rows) != 1 || !strings.Contains(string(rows[0].AppendJSON(nil)), `"users":{"before":null,"after":2}`) {
		t.Errorf("%d entries: %v", len(rows), err)
	}
}
