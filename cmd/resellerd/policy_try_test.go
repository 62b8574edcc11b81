package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// treeOf returns a policy tree with few rules, so that all its mutants run quickly.
// It shows customers to the master of their tenant and to the account that owns them.
func treeOf(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const ownRows = `package reseller.main

default allow := false

allow if {
	input.resource.type == "customer"
	input.action.name == "read"
	input.resource.account_id == input.subject.account.id
}

decision := {"allow": allow, "reasons": reasons, "view": view, "columns": columns}

reasons contains "area_denied" if not allow

view := "full"

columns contains column if some column in ["id", "name"]
`

const ownRowsScenario = `scenario: One's own customers
world:
  accounts: {m: {}, a: {parent: m}, b: {parent: m}}
  groups:
    full: {account: m, default: all}
    all-a: {account: a, default: all}
  users:
    admin: {account: m, groups: [full]}
    ann: {account: a, groups: [all-a]}
  customers:
    apex: {account: a}
    bolt: {account: b}
then:
  ann:
    - sees only customers apex
    - sees only id, name of customer apex
    - does not see customer bolt
    - may not delete customer apex, because area_denied
`

const ownRowsTests = `package reseller.main_test

import data.reseller.main

test_owner_can_read if main.allow with input as {
	"resource": {"type": "customer", "account_id": "a"},
	"action": {"name": "read"}, "subject": {"account": {"id": "a"}},
}
`

func TestPolicyTestSaysWhatDoesNotHold(t *testing.T) {
	tree := func(files ...string) []string {
		all := append([]string{
			"reseller/main/main.rego", ownRows, "reseller/main/main_test.rego", ownRowsTests,
			"reseller/own.scenario.yaml", ownRowsScenario,
		}, files...)
		return []string{"policy", "test", treeOf(t, all...), "--coverage", "10"}
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"all is well":                       {tree(), exitOK, []string{"1 test of Rego, 0 failed", "1 scenario with 4 sentences, 0 of which do not hold"}},
		"lines are not reached":             {append(tree(), "--coverage", "100"), exitTests, []string{"main.rego:13: no test reaches this line", "should reach 100 %"}},
		"some tests, and no coverage asked": {append(tree(), "--coverage", "100", "--run", "owner"), exitOK, []string{"1 test of Rego"}},
		"a test fails": {tree("reseller/main/main_test.rego", ownRowsTests+"\ntest_x_cannot_y if main.allow\n"), exitTests,
			[]string{"main_test.rego:10: data.reseller.main_test.test_x_cannot_y failed\n    this does not hold, at ", "main.allow\n", "1 test of Rego and 0 sentences failed"}},
		"every test is listed": {append(tree(), "-v"), exitOK,
			[]string{"main_test.rego:5: data.reseller.main_test.test_owner_can_read passed in 0.", "scenario played: One's own customers\n"}},
		"a condition that no test fails by": {tree(), exitOK,
			[]string{"main.rego:8: no test fails by this condition: input.resource.account_id == input.subject.account.id"}},
		"a sentence does not hold": {tree("reseller/own.scenario.yaml", ownRowsScenario+"    - sees customer bolt\n"), exitTests,
			[]string{"own.scenario.yaml:19: ann sees customer bolt", "it is not there: 404 Not found"}},
		"a sentence cannot be meant": {tree("reseller/own.scenario.yaml", ownRowsScenario+"    - sees customer bolts\n"), exitTests,
			[]string{`own.scenario.yaml:19: "sees customer bolts": there is no customer "bolts"`}},
		"a tree that does not compile": {tree("reseller/main/main.rego", "package reseller.main\n\nallow if nobody\n"), exitPolicy, []string{"var nobody is unsafe"}},
		"a tree without tests":         {[]string{"policy", "test", treeOf(t, "reseller/main/main.rego", ownRows)}, exitTests, []string{"the tree has no tests"}},
		"a pattern that is none":       {append(tree(), "--run", "("), exitUsage, []string{"--run"}},
		"no sample at all":             {append(tree(), "--mutate", "--sample", "0"), exitUsage, []string{"--sample 0"}},
		"mutants are not tried where tests fail": {append(tree("reseller/own.scenario.yaml", ownRowsScenario+"    - sees customer bolt\n"), "--mutate"), exitTests,
			[]string{"own.scenario.yaml:19"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := call(t, nil, c.args)
			for _, want := range c.says {
				if code != c.code || !strings.Contains(stdout+stderr, want) {
					t.Errorf("exit %d, want %d saying %q; stdout:\n%s\nstderr:\n%s", code, c.code, want, stdout, stderr)
				}
			}
		})
	}
}

func TestPolicyTestSpeaksJSON(t *testing.T) {
	dir := treeOf(t, "reseller/main/main.rego", ownRows, "reseller/own.scenario.yaml", ownRowsScenario+"    - sees customer bolt\n")
	code, stdout, stderr := call(t, nil, []string{"policy", "test", dir, "--format", "json"})
	var report tested
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != exitTests || report.Pass {
		t.Fatalf("exit %d, %v: %s%s", code, err, stdout, stderr)
	}
	if f := report.Scenarios.Failures; len(f) != 1 || f[0].Line != 19 || f[0].File != filepath.Join(dir, "reseller/own.scenario.yaml") || f[0].User != "ann" {
		t.Errorf("%+v", report.Scenarios)
	}
}

func TestPolicyTestFindsWhatNoTestNotices(t *testing.T) {
	files := []string{
		"reseller/main/main.rego", ownRows, "reseller/main/main_test.rego", ownRowsTests,
		"reseller/own.scenario.yaml", ownRowsScenario,
	}
	mutate := func(files []string, more ...string) (code int, out string) {
		args := append([]string{"policy", "test", treeOf(t, files...), "--coverage", "0", "--mutate", "--min-score", "50"}, more...)
		code, stdout, stderr := call(t, nil, args)
		return code, stdout + stderr
	}
	code, out := mutate(files)
	const survivor = `main.rego:6: allow: condition removed: input.resource.type == "customer"`
	if code != exitOK || !strings.Contains(out, survivor+"\n    no test notices") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	alone := files[:4] // without the scenario, the tests notice much less
	if _, less := mutate(alone); !strings.Contains(less, `columns: element removed: "name"`) || strings.Contains(out, `columns: element removed: "name"`) {
		t.Errorf("with the scenario:\n%s\nwithout:\n%s", out, less)
	}
	if code, out := mutate(files, "--min-score", "100"); code != exitTests || !strings.Contains(out, "should notice 100 %") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	code, out = mutate(append(files, "mutants.yaml", "- {file: x, rule: y, change: z, reason: none}\n"))
	if code != exitTests || !strings.Contains(out, "mutants.yaml:1: y: z: does not survive 1 time") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	accepted := "- file: reseller/main/main.rego\n  rule: allow\n  change: 'condition removed: input.resource.type == \"customer\"'\n  reason: an example\n"
	code, out = mutate(append(files, "mutants.yaml", accepted))
	if code != exitTests || !strings.Contains(out, "accepted: an example") || !strings.Contains(out, "not accounted for") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if code, out = mutate(files, "--run", "owner_can"); code != exitTests || !strings.Contains(out, "should notice 50 %") || !strings.Contains(out, `columns: element removed: "name"`) {
		t.Errorf("one test judges: exit %d:\n%s", code, out)
	}
	if code, out = mutate(files, "--run", "nobody"); code != exitTests || !strings.Contains(out, "0 mutants") {
		t.Errorf("no test judges: exit %d:\n%s", code, out)
	}
	former := treeOf(t, append(files, "plans/data.json", `{"free": true}`)...)
	if code, out = mutate(append(files, "plans/data.json", `{"free": false}`), "--since", former); code != exitOK || !strings.Contains(out, "data.json:1: data.plans.free: is again true\n    no test notices") || !strings.Contains(out, "1 mutant: 0 noticed") {
		t.Errorf("changed data: exit %d:\n%s", code, out)
	}
	if code, out = mutate(files, "--sample", "3", "--format", "json"); code != exitOK || !json.Valid([]byte(out)) {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

// The changed policy looks harmless: if a row has no external id, every user of the
// tenant may read it. Nearly every test still passes.
func TestASubtleLeakIsFound(t *testing.T) {
	const was = "subtree if {\n\tsubject.is_reseller\n\tinput.resource.account_id in input.subject.below\n}\n"
	const is = was + "\nsubtree if {\n\tsubject.is_reseller\n\tinput.resource.tenant_id == input.subject.account.tenant_id\n\tnot input.resource.external_id\n}\n"
	const title = "# title: The row belongs to the reseller's account or to one below it\n"
	dir := policyTree(t, "reseller/reach/reach.rego", was, is, "reseller/reach/reach.rego", title, title+"# scope: document\n")
	if code, stdout, _ := call(t, nil, []string{"policy", "check", dir}); code != exitOK {
		t.Errorf("the leak compiles, and translates: exit %d\n%s", code, stdout)
	}
	code, stdout, stderr := call(t, nil, []string{"policy", "test", dir, "--run", "nothing"})
	if code != exitTests || !strings.Contains(stdout, "owner sees only customers larkfield, marlow\n    it sees beacon") {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
}
