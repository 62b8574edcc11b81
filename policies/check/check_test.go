package check_test

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/policies/check"
	"resellerd/policies/input"
)

const clean = `# METADATA
# title: Decisions
# description: For the tests of this package.
# entrypoint: true
package reseller.main

# METADATA
# title: Allowed
# scope: document
default allow := false

# METADATA
# title: The decision
decision := {"allow": allow, "reasons": reasons}

# METADATA
# title: Reasons
# scope: document
reasons contains code if some code in {"none", "nothing"}
`

const fixture = `package reseller.main_test

import data.reseller.main

test_everybody_cannot_act if not main.allow
`

func tree(main string, more ...string) fstest.MapFS {
	files := fstest.MapFS{
		"reseller/main/main.rego":      {Data: []byte(main)},
		"reseller/main/main_test.rego": {Data: []byte(fixture)},
	}
	for i := 0; i < len(more); i += 2 {
		files[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
	}
	return files
}

func found(t *testing.T, files fstest.MapFS, o policies.Options) *check.Report {
	t.Helper()
	report, err := check.Tree(context.Background(), files, o, names)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.Hint == "" || f.Message == "" || f.Code == "" {
			t.Errorf("a finding without a code, a message or a hint: %+v", f)
		}
	}
	return report
}

func text(findings []check.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s:%d [%s] %s\n", f.File, f.Line, f.Code, f.Message)
	}
	return b.String()
}

func TestACleanTreeHasNoFindings(t *testing.T) {
	if report := found(t, tree(clean), policies.Options{}); report.Engine == nil || len(report.Findings) > 0 {
		t.Error(text(report.Findings))
	}
}

// wrongs maps a code to lines at the end of a package in which it is found.
// It must be found at the line marked with "# here", or else at the first.
var wrongs = map[string]string{
	"argument-always-wildcard":      "f(_) := 1",
	"annotation-without-metadata":   "# title: Nothing\nx := 1",
	"constant-condition":            "x if {\n\tinput.action.name == \"read\"\n\t1 == 1 # here\n}",
	"duplicate-rule":                "x if input.action.name == \"read\"\n\nx if input.action.name == \"read\" # here",
	"impossible-not":                "x if not reasons",
	"inconsistent-args":             "f(a) := a if input.action.name == \"a\"\n\nf(b) := b if input.action.name == \"b\" # here",
	"not-equals-in-loop":            "x if input.resource.lent_to[_] != \"a\"",
	"redundant-existence-check":     "x if {\n\tinput.resource.name # here\n\tstartswith(input.resource.name, \"a\")\n}",
	"redundant-loop-count":          "x if {\n\tcount(input.resource.lent_to) > 0 # here\n\tsome a in input.resource.lent_to\n\tstartswith(a, \"a\")\n}",
	"rule-assigns-default":          "allow := false if input.action.name == \"x\"",
	"rule-shadows-builtin":          "count := 1",
	"shadowed":                      "x if {\n\tsome allow in input.resource.lent_to # here\n\tallow == \"a\"\n}",
	"sprintf-arguments-mismatch":    "x := sprintf(\"%s %d\", [1])",
	"top-level-iteration":           "x := input.resource.lent_to[_]",
	"unassigned-return-value":       "x if {\n\tindexof(\"a\", \"b\") # here\n}",
	"unresolved-reference":          "x if data.reseller.main.alow",
	"var-shadows-builtin":           "x if {\n\tsome count in input.resource.lent_to # here\n\tcount == \"a\"\n}",
	"boolean-assignment":            "x := input.action.name == \"a\"",
	"comprehension-term-assignment": "x := [y | some z in [1, 2]; y := z + 1]",
	"in-wildcard-key":               "x if {\n\tsome _, y in input.resource.lent_to # here\n\ty == \"a\"\n}",
	"non-raw-regex-pattern":         "x if regex.match(\"\\\\d\", input.resource.id)",
	"prefer-set-or-object-rule":     "x := {y | some z in [1]; y = z}",
	"single-item-in":                "x if input.action.name in {\"a\"}",
	"use-in-operator":               "x if \"a\" == input.resource.lent_to[_]",
	"use-some-for-output-vars":      "x if input.resource.lent_to[i] == [\"a\"][i]",
	"avoid-get-and-list-prefix":     "get_x := 1",
	"default-over-else":             "x := 1 if {\n\tinput.action.name == \"a\"\n} else := 2 # here",
	"detached-metadata":             "# METADATA\n# title: X\n\nx := 1",
	"double-negative":               "not_x if input.action.name == \"a\"\n\nx if not not_x # here",
	"function-arg-return":           "x if {\n\tconcat(\"\", [\"a\"], y) # here\n\ty == \"a\"\n}",
	"line-length":                   "x := \"" + strings.Repeat("a", 120) + "\"",
	"messy-rule":                    "x if input.action.name == \"a\"\n\ny := 1\n\nx if input.action.name == \"b\" # here",
	"no-whitespace-comment":         "#comment\nx := 1",
	"opa-fmt":                       "x  :=  1",
	"pointless-reassignment":        "f(a) := c if {\n\tb := a # here\n\tc := b + 1\n}",
	"prefer-snake-case":             "isOwner := true",
	"prefer-some-in-iteration":      "x if {\n\ty := input.resource.lent_to[_] # here\n\ty == \"a\"\n}",
	"rule-length":                   "x if {\n" + strings.Repeat("\tinput.action.name == \"a\"\n", 30) + "}",
	"rule-name-repeats-package":     "main_x := 1",
	"todo-comment":                  "# " + "TO" + "DO: more\nx := 1",
	"trailing-default-rule":         "x if input.action.name == \"a\"\n\ndefault x := false # here",
	"unconditional-assignment":      "x := y if {\n\ty := 1\n}",
	"unnecessary-some":              "x if {\n\tsome \"a\" in input.resource.lent_to # here\n}",
	"use-assignment-operator":       "x = 1",
	"yoda-condition":                "x if \"a\" == input.action.name",
	"with-outside-test-context":     "x if allow with input as {}",
	"metasyntactic-variable":        "foo := 1",
	"print-or-trace-call":           "x if print(\"a\")",
	"file-missing-test-suffix":      "test_everybody_can_act if allow",
	"unreachable":                   "x := 1",
	"reason-metadata":               "reasons contains \"late\" if input.context.time > \"t\"",
	"reason-unique": "# METADATA\n# title: A\n# description: A.\n# scope: rule\n# custom:\n#   code: a\nreasons contains \"a\" if input.action.name == \"a\"\n\n" +
		"# METADATA\n# title: A\n# description: A.\n# scope: rule\n# custom:\n#   code: a\nreasons contains \"a\" if input.action.name == \"b\" # here",
	"invalid-metadata-attribute": "# METADATA\n# title: X\n# descr: X\nx := 1",
	"ambiguous-scope":            "# METADATA\n# title: X\nx if input.action.name == \"a\"\n\nx if input.action.name == \"b\"",
	"types":                      "x if input.resource.acount_id == \"a\"",
}

func TestEachFindingIsMadeWhereItStands(t *testing.T) {
	first := strings.Count(clean, "\n") + 2
	for code, lines := range wrongs {
		t.Run(code, func(t *testing.T) {
			want := first
			for i, line := range strings.Split(lines, "\n") {
				if strings.HasSuffix(line, "# here") {
					want += i
				}
			}
			report := found(t, tree(clean+"\n"+lines+"\n"), policies.Options{})
			if !slices.ContainsFunc(report.Findings, func(f check.Finding) bool {
				return f.Code == code && f.File == "reseller/main/main.rego" && f.Line == want
			}) {
				t.Errorf("not found at line %d of\n%s\nbut:\n%s", want, lines, text(report.Findings))
			}
			quiet := "# regal ignore:" + code + "\n"
			report = found(t, tree(clean+"\n"+atLine(lines, want-first, quiet)+"\n"), policies.Options{})
			if code != "opa-fmt" && code != "rule-length" && slices.ContainsFunc(report.Findings, func(f check.Finding) bool { return f.Code == code }) {
				t.Errorf("found although ignored:\n%s", text(report.Findings))
			}
		})
	}
}

// atLine inserts a line before line n, counted from 0.
func atLine(lines string, n int, line string) string {
	all := strings.SplitAfter(lines, "\n")
	return strings.Join(slices.Insert(all, n, line), "")
}

func TestFindingsAboutImportsTestsAndData(t *testing.T) {
	importing := func(lines string) string {
		return strings.Replace(clean, "package reseller.main\n", "package reseller.main\n\n"+lines+"\n", 1)
	}
	other := "# METADATA\n# title: Other\n# description: Other.\npackage reseller.other\n\nimport data.reseller.main\n\n# METADATA\n# title: X\nx if main.allow\n"
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"input imported":             {tree(importing("import input.action")), "main.rego:7 [avoid-importing-input]"},
		"a circle":                   {tree(importing("import data.reseller.other"), "reseller/other/other.rego", other), "main.rego:7 [circular-import]"},
		"two names":                  {tree(importing("import data.limits as a\nimport data.limits as b")), "main.rego:8 [confusing-alias]"},
		"an import at the end":       {tree(clean + "\nimport data.limits\n"), "main.rego:21 [import-after-rule]"},
		"an import over a built-in":  {tree(importing("import data.limits as json")), "main.rego:7 [import-shadows-builtin]"},
		"an import over a rule":      {tree(importing("import data.limits as allow")), "main.rego:7 [import-shadows-rule]"},
		"an import of itself":        {tree(importing("import data.reseller.main as me")), "main.rego:7 [pointless-import]"},
		"an import of a rule":        {tree(importing("import data.reseller.other.x"), "reseller/other/other.rego", other), "main.rego:7 [prefer-package-imports]"},
		"an alias that is none":      {tree(importing("import data.limits as limits")), "main.rego:7 [redundant-alias]"},
		"data imported":              {tree(importing("import data")), "main.rego:7 [redundant-data-import]"},
		"an import of nothing":       {tree(importing("import data.reseller.othr")), "main.rego:7 [unresolved-import]"},
		"a foreign package's own":    {tree(clean, "reseller/other/other.rego", strings.ReplaceAll(other, "main.allow", "main._allow")), "other.rego:10 [leaked-internal-reference]"},
		"a variable to nothing":      {tree(clean+"\nx if data.reseller[input.action.name].alow\n", "reseller/other/other.rego", other), "main.rego:21 [unresolved-reference]"},
		"a rule to nothing":          {tree(clean+"\nx if data.reseller[allow].alow\n", "reseller/other/other.rego", other), "main.rego:21 [unresolved-reference]"},
		"a wrong folder":             {tree(clean, "reseller/elsewhere/other.rego", other), "other.rego:4 [directory-package-mismatch]"},
		"no entrypoint":              {tree(strings.Replace(clean, "# entrypoint: true\n", "", 1)), "main.rego:4 [no-defined-entrypoint]"},
		"a package without a title":  {tree(clean, "reseller/other/other.rego", "package"+strings.SplitN(other, "package", 2)[1]), "other.rego:1 [package-metadata]"},
		"an exposed rule without":    {tree(strings.Replace(clean, "# METADATA\n# title: Reasons\n# scope: document\n", "", 1)), "main.rego:16 [rule-metadata]"},
		"a test of no name":          {tree(clean, "reseller/main/more_test.rego", strings.ReplaceAll(fixture, "test_everybody_cannot_act", "test_act")), "more_test.rego:5 [test-name]"},
		"a test twice":               {tree(clean, "reseller/main/more_test.rego", fixture+"\ntest_everybody_cannot_act if not main.allow\n"), "more_test.rego:7 [identically-named-tests]"},
		"a test that is not run":     {tree(clean, "reseller/main/more_test.rego", strings.ReplaceAll(fixture, "test_", "todo_test_")), "more_test.rego:5 [todo-test]"},
		"a test within":              {tree(clean, "reseller/main/more_test.rego", "package reseller.main\n\ntest_everybody_cannot_act if not allow\n"), "more_test.rego:3 [test-outside-test-package]"},
		"a helper nobody needs":      {tree(clean, "reseller/main/more_test.rego", fixture+"\nhelper := 1\n"), "more_test.rego:7 [unreachable] no test uses"},
		"a rule for tests":           {tree(clean+"\nx := 1\n", "reseller/main/more_test.rego", strings.ReplaceAll(fixture, "not main.allow", "main.x == 1")), "main.rego:21 [unreachable] only tests use"},
		"limits of the wrong type":   {tree(clean, "data.json", "{\n  \"limits\": {\n    \"max_depth\": \"one\", \"reseller_ceiling\": {}\n  }\n}"), "data.json:3 [data-schema] data.limits.max_depth: "},
		"a letter that is none":      {tree(clean, "limits/data.yaml", "max_depth: 1\nreseller_ceiling:\n  cdr: [read, peek]\n"), "limits/data.yaml:3 [data-schema] data.limits.reseller_ceiling.cdr.1: is peek"},
		"a limit that means nothing": {tree(clean, "data.json", "{\"limits\": {\n\"max_dept\": 1, \"max_depth\": 1, \"reseller_ceiling\": {}}}"), "data.json:1 [data-schema]"},
		"two thousand lines":         {tree(clean + strings.Repeat("\n", 2000)), "main.rego:1 [file-length]"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := text(found(t, c.files, policies.Options{}).Findings); !strings.Contains(got, c.want) {
				t.Errorf("want %q among\n%s", c.want, got)
			}
		})
	}
}

func TestAReferenceThroughAVariableIsResolved(t *testing.T) {
	for _, step := range []string{"input.action.name", "kind"} {
		files := tree(clean+"\nkind := input.resource.type\n\nallow if data.reseller.sort["+step+"].allowed\n",
			"reseller/sort/a/a.rego", "# METADATA\n# title: A\n# description: A.\npackage reseller.sort.a\n\n# METADATA\n# title: X\nallowed if input.action.name == \"a\"\n")
		if got := text(found(t, files, policies.Options{}).Findings); strings.Contains(got, "unresolved-reference") {
			t.Errorf("[%s]: %s", step, got)
		}
	}
}

func TestABrokenTreeIsRefusedWithEverythingThatIsWrong(t *testing.T) {
	broken := strings.Replace(clean, "default allow := false", "default allow := false\n\nallow if nobody", 1)
	report := found(t, tree(broken, "reseller/main/more.rego", "package reseller.main\n\nx := {\n"), policies.Options{})
	if got := text(report.Findings); report.Engine != nil || !strings.Contains(got, "more.rego:4 [syntax]") {
		t.Error(got)
	}
	report = found(t, tree(broken+"\nx  := 1\n"), policies.Options{})
	got := text(report.Findings)
	for _, want := range []string{"main.rego:12 [compile] var nobody is unsafe", "main.rego:23 [opa-fmt]"} {
		if report.Engine != nil || !strings.Contains(got, want) || strings.Contains(got, "[types]") {
			t.Errorf("want %s among\n%s", want, got)
		}
	}
}

func TestASlowTreeLoadsAndIsFound(t *testing.T) {
	slow := strings.Replace(clean, "default allow := false", `default allow := false

allow if {
	ids := numbers.range(1, 3000)
	some x in ids
	some y in ids
	x * y == 0
}`, 1)
	schema := input.Schema{"card": {Columns: map[string]input.ColumnKind{"name": input.Text}}}
	report := found(t, tree(slow), policies.Options{Schema: schema, Timeout: 50 * time.Millisecond})
	got := text(report.Findings)
	if report.Engine == nil || !strings.Contains(got, "most of the time in rule data.reseller.main.allow") || !strings.Contains(got, "takes longer than 50ms") {
		t.Error(got)
	}
}

func TestFormatGivesFilesAsTheyShouldBe(t *testing.T) {
	files := tree(clean + "\nx  :=  1\n")
	changed, err := check.Format(files)
	if err != nil || len(changed) != 1 || string(changed["reseller/main/main.rego"]) != clean+"\nx := 1\n" {
		t.Errorf("%v, %v", changed, err)
	}
}

// names are the areas and columns of the trees of these tests.
var names = check.Names{Areas: []string{"card", "card/provider", "card/customer", "customer", "audit"},
	Columns: map[string][]string{"card": {"id", "name", "notes", "carrier"}}}

const cards = `# METADATA
# title: Cards
# description: For the tests of this package.
package reseller.resource.card

import data.reseller.main

# METADATA
# title: Allowed
# entrypoint: true
allow if permits("card/%s")

permits(area) if input.subject.access[area]

# METADATA
# title: Columns
# entrypoint: true
# scope: document
columns contains column if some column in ["id", "name", "%s"]

columns contains "notse" if main.allow
`

func TestNamesThatLookLikeOthersAreFound(t *testing.T) {
	files := tree(clean, "reseller/resource/card/card.rego", fmt.Sprintf(cards, "providr", "carier"),
		"data.json", `{"limits": {"reseller_ceiling": {"custmer": [], "card/provider": [], "routing": []}, "reseller_areas": ["aduit", "cdr"]}}`)
	all := text(found(t, files, policies.Options{}).Findings)
	for _, want := range []string{
		`reseller/resource/card/card.rego:11 [misspelt] "card/providr" is no area: did you mean "card/provider"?`,
		`reseller/resource/card/card.rego:19 [unknown-column] "carier" is no column: did you mean "carrier"?`,
		`reseller/resource/card/card.rego:21 [unknown-column] "notse" is no column: did you mean "notes"?`,
		`data.json:1 [misspelt] "custmer" is no area: did you mean "customer"?`,
		`data.json:1 [misspelt] "aduit" is no area: did you mean "audit"?`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("not found: %s", want)
		}
	}
	if strings.Contains(all, "cdr") || strings.Contains(all, "routing") {
		t.Errorf("areas of the panel are found")
	}
	if t.Failed() {
		t.Log(all)
	}
	meant := tree(clean, "data.json", `{"limits": {"max_depth": 1, "reseller_ceiling": {"custmer": [], "customers": []}}, "catalog": {"area": {"custmer": {}}}}`)
	if report := found(t, meant, policies.Options{}); len(report.Findings) > 0 {
		t.Error(text(report.Findings))
	}
	right := tree(clean, "reseller/resource/card/card.rego", strings.Replace(fmt.Sprintf(cards, "provider", "carrier"), "notse", "notes", 1))
	if report := found(t, right, policies.Options{}); len(report.Findings) > 0 {
		t.Error(text(report.Findings))
	}
}

func TestFaultsOfDataAreFound(t *testing.T) {
	reading := strings.Replace(clean, "default allow := false\n", "default allow := false\n\nallow if data.limits.open\n", 1)
	for what, c := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"a data file that is missing": {tree(reading), "reseller/main/main.rego:12 [missing-data] no data file has data.limits, so what reads it is undefined"},
		"a name given twice": {tree(reading, "data.json", "{\"limits\": {\n\"max_depth\": 1,\n\"max_depth\": 3}}"),
			`data.json:3 [twice] "max_depth" is given twice in one object`},
		"a byte order mark": {tree("\ufeff" + clean), "reseller/main/main.rego:1 [mark] the file begins with a byte order mark"},
	} {
		if all := text(found(t, c.files, policies.Options{}).Findings); !strings.Contains(all, c.want) {
			t.Errorf("%s: found\n%swant %s", what, all, c.want)
		}
	}
	if report := found(t, tree(reading, "limits/data.json", `{"max_depth": 1, "reseller_ceiling": {}}`), policies.Options{}); len(report.Findings) > 0 {
		t.Error(text(report.Findings))
	}
}

// A tree whose entrypoint is elsewhere has this fault, and none for each rule that is not reached.
func TestAWrongEntrypointIsNoFindingForEachRule(t *testing.T) {
	files := tree(strings.Replace(clean, "package reseller.main", "package reseller.mian", 1))
	delete(files, "reseller/main/main_test.rego")
	if report := found(t, files, policies.Options{}); len(report.Findings) > 2 || !report.Has("entrypoint") || !report.Has("directory-package-mismatch") {
		t.Error(text(report.Findings))
	}
	whole := fstest.MapFS{} // with tests that ask the entrypoint
	err := fs.WalkDir(policies.Embedded(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(policies.Embedded(), name)
		whole[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	main := whole["reseller/main/main.rego"]
	main.Data = []byte(strings.Replace(string(main.Data), "package reseller.main", "package reseller.mian", 1))
	if report := found(t, whole, policies.Options{}); len(report.Findings) > 4 || !report.Has("entrypoint") {
		t.Error(text(report.Findings))
	}
}

const shown = `
# METADATA
# title: The view
# scope: document
view := "full" if input.resource.kind == "customer"

view := "lent" if input.resource.name == "x"
`

func TestViewsThatConflictAreFound(t *testing.T) {
	schema := input.Schema{"card": {Columns: map[string]input.ColumnKind{"kind": input.Text, "name": input.Text}}}
	main := strings.Replace(clean, "decision := {\"allow\": allow, \"reasons\": reasons}\n",
		"# scope: document\ndecision[\"allow\"] := allow\n\ndecision[\"reasons\"] := reasons\n\ndecision[\"view\"] := view if allow\n", 1)
	main = strings.Replace(main, "default allow := false\n", "default allow := false\n\nallow if input.resource.kind\n", 1) + shown
	report := found(t, tree(main), policies.Options{Schema: schema})
	if !report.Has("conflict") || len(report.Findings) == 0 {
		t.Error(text(report.Findings))
	}
	main = strings.Replace(main, `if input.resource.name == "x"`, `if not input.resource.kind == "customer"`, 1)
	if report := found(t, tree(main), policies.Options{Schema: schema}); report.Has("conflict") {
		t.Error(text(report.Findings))
	}
}

// A reason may be told only about a row that the user sees.
func TestReasonsAboutUnseenRowsAreFound(t *testing.T) {
	told := strings.Replace(clean, `{"none", "nothing"}`, `{"not_visible"}`, 1) + `
reasons contains "invoice_paid" if input.resource.properties.status == "paid"
`
	if report := found(t, tree(told), policies.Options{}); !report.Has("told") {
		t.Error(text(report.Findings))
	}
	seen := strings.Replace(told, `if input.resource.properties.status == "paid"`, "if input.resource.properties.account_id in input.subject.below", 1)
	if report := found(t, tree(seen), policies.Options{}); report.Has("told") {
		t.Error(text(report.Findings))
	}
}

// A slow tree is reported with the rule that takes the time.
func TestTheSlowRuleIsNamed(t *testing.T) {
	slow := strings.Replace(clean, "default allow := false\n", "default allow := false\n\nallow if squares > 1\n", 1) + `
squares := count([x | some i in numbers.range(1, 4000); some j in numbers.range(1, 4000); x := i * j])
`
	report := found(t, tree(slow), policies.Options{Timeout: 50 * time.Millisecond})
	for _, f := range report.Findings {
		if f.Code == "slow" && f.File == "reseller/main/main.rego" && f.Line == 23 && strings.Contains(f.Message, "most of the time in rule data.reseller.main.squares") {
			return
		}
	}
	t.Error(text(report.Findings))
}
