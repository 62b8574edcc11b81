package mutation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/open-policy-agent/opa/v1/format"

	"resellerd/policies"
	"resellerd/policies/regotest"
)

func TestEveryMutantChangesItsFileAndCanBeRead(t *testing.T) {
	suite, err := regotest.Read(policies.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	all := mutants(suite.Modules())
	if len(all) < 1000 {
		t.Errorf("%d mutants", len(all))
	}
	unreadable := 0
	for _, m := range all {
		text, err := m.text()
		if err != nil {
			t.Fatal(err)
		}
		plain, err := format.Ast(m.module)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(text, plain) {
			t.Errorf("%s: changes nothing", m)
		}
		changed, err := m.parse(text)
		if err != nil {
			unreadable++
			continue
		}
		if changed.String() == m.module.String() {
			t.Errorf("%s: changes no rule", m)
		}
	}
	if unreadable > len(all)/50 {
		t.Errorf("%d of %d mutants cannot be read", unreadable, len(all))
	}
}

const policy = `package reseller.main

import data.words

default allow := false

allow if {
	input.action.name == "read"
	input.subject.depth > 0
}

allow if {
	some verb in ["peek", "look"]
	input.action.name == verb
	not words.silent
}
`

const words = `package words

silent if input.context.panel == "silent"
`

const tests = `package reseller.main_test

import data.reseller.main

asking(action, groups) := {"subject": {"depth": groups}, "action": {"name": action}, "context": {"panel": "x"}}

test_member_can_read if main.allow with input as asking("read", 1)

test_nobody_cannot_read if not main.allow with input as asking("read", 0)

test_nobody_cannot_write if not main.allow with input as asking("write", 1)

test_anybody_can_peek if main.allow with input as asking("peek", 0)
`

func small(more ...string) fstest.MapFS {
	tree := fstest.MapFS{
		"reseller/main/main.rego": {Data: []byte(policy)}, "reseller/main/main_test.rego": {Data: []byte(tests)},
		"words/words.rego": {Data: []byte(words)},
	}
	for i := 0; i < len(more); i += 2 {
		tree[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
	}
	return tree
}

func survivors(r *Report) []string {
	var all []string
	for _, s := range r.Survivors {
		all = append(all, s.String())
	}
	return all
}

func TestWhatNoTestNoticesSurvives(t *testing.T) {
	var total, tried atomic.Int64
	r, err := Run(t.Context(), small(), Options{Begun: func(n int) { total.Store(int64(n)) }, Tried: func() { tried.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(survivors(r), "\n")
	for _, want := range []string{
		`reseller/main/main.rego:13: allow: element removed: "look"`,
		`reseller/main/main.rego:15: allow: condition removed: not words.silent`,
		`words/words.rego:3: silent: rule removed`,
		`words/words.rego:3: silent: "silent" became "silent~"`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%s: does not survive, but\n%s", want, all)
		}
	}
	for _, noticed := range []string{"condition negated", "default", "input.subject.depth > 0", "words.rego:3: silent: condition"} {
		if strings.Contains(all, noticed) {
			t.Errorf("%s survives:\n%s", noticed, all)
		}
	}
	if r.Killed+r.Invalid+len(r.Survivors) != r.Total || int64(r.Total) != total.Load() || total.Load() != tried.Load() || r.Score >= 100 || r.Killed == 0 {
		t.Errorf("%+v of %d, %d tried", r, total.Load(), tried.Load())
	}
}

func TestAWitnessIsAskedAboutWhatTestsPass(t *testing.T) {
	begun, ended := atomic.Int64{}, atomic.Int64{}
	witness := func() (Witness, func() error, error) {
		begun.Add(1)
		return func(_ context.Context, tree fs.FS) (bool, error) {
			text, err := fs.ReadFile(tree, "words/words.rego")
			if err == nil && !strings.Contains(string(text), "input.context.panel") {
				return false, policies.Refused("compile", errors.New("no panel"))
			}
			return string(text) != words, err
		}, func() error { ended.Add(1); return nil }, nil
	}
	r, err := Run(t.Context(), small(), Options{Witness: witness})
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(survivors(r), "\n"); strings.Contains(all, "words.rego") || !strings.Contains(all, "main.rego") {
		t.Errorf("survivors:\n%s", all)
	}
	if begun.Load() == 0 || begun.Load() != ended.Load() {
		t.Errorf("%d witnesses, %d ended", begun.Load(), ended.Load())
	}
}

func TestSurvivorsAreAcceptedByName(t *testing.T) {
	const look = "- {file: reseller/main/main.rego, rule: allow, change: 'element removed: \"look\"', reason: a synonym}\n"
	r, err := Run(t.Context(), small("mutants.yaml", look), Options{})
	if err != nil || !r.Accounts || len(r.Stale) > 0 || len(r.Unaccepted()) != len(r.Survivors)-1 {
		t.Errorf("%+v, %v", r, err)
	}
	for name, list := range map[string]string{
		"nothing of the kind survives": strings.Replace(look, "look", "peek", 1),
		"one survives, not two":        strings.Replace(look, "reason", "count: 2, reason", 1),
	} {
		r, err := Run(t.Context(), small("mutants.yaml", list), Options{})
		if err != nil || len(r.Stale) != 1 || r.Stale[0].Line != 1 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		r, err = Run(t.Context(), small("mutants.yaml", list), Options{Only: func(m Mutant) bool { return m.Rule == "allow" }})
		if err != nil || len(r.Stale) != 0 {
			t.Errorf("%s, and some mutants are tried: %+v, %v", name, r, err)
		}
	}
	for name, list := range map[string]string{
		"no reason": "- {file: a, rule: b, change: c}\n", "an unknown key": strings.Replace(look, "reason", "because", 1), "no list": "a: b\n",
	} {
		if _, err := Run(t.Context(), small("mutants.yaml", list), Options{}); err == nil || !strings.Contains(err.Error(), "mutants.yaml") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// leak shows a reseller every suspended customer of its tenant.
const leak = `
visible if {
	readable
	input.resource.tenant_id == input.subject.account.tenant_id
	input.resource.status == "suspended"
}
`

const leakTest = `
test_reseller_can_see_a_suspended_customer_of_its_tenant if {
	suspended := fixture.row("acc_o", {"status": "suspended"})
	fixture.granted(fixture.ask(fixture.reseller, "read", "customer", suspended))
}
`

func TestALeakThatIsOnlySeenToWorkSurvivesLineByLine(t *testing.T) {
	const file, test = "reseller/resource/customer/customer.rego", "reseller/resource/customer/customer_test.rego"
	tree, line := policies.Embedded(), 0
	for name, more := range map[string]string{file: leak, test: leakTest} {
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			t.Fatal(err)
		}
		if name == file {
			line = bytes.Count(text, []byte("\n")) + 2
		}
		tree = changed{FS: tree, name: name, text: append(text, more...)}
	}
	r, err := Run(t.Context(), tree, Options{Only: func(m Mutant) bool { return m.File == file && m.Line >= line }})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(survivors(r), "\n")
	for i, condition := range []string{"readable", "input.resource.tenant_id == input.subject.account.tenant_id"} {
		if want := fmt.Sprintf("%s:%d: visible: condition removed: %s", file, line+1+i, condition); !strings.Contains(all, want) {
			t.Errorf("%s: does not survive, but\n%s", want, all)
		}
	}
	if strings.Contains(all, "rule removed") || r.Killed == 0 {
		t.Errorf("what the test sees survives: %+v", r)
	}
}

// A positive test reaches every line of a leak, and its conditions hold in every test.
func TestConditionsThatNoTestFailsBy(t *testing.T) {
	got, err := Unfailed(t.Context(), small())
	want := []Condition{
		{"reseller/main/main.rego", 15, "allow", "not words.silent"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v, %v", got, want, err)
	}
	accepted := "- {file: reseller/main/main.rego, rule: allow, change: 'condition removed: not words.silent', reason: nobody is silent}\n"
	if got, err := Unfailed(t.Context(), small("mutants.yaml", accepted)); err != nil || len(got) > 0 {
		t.Errorf("%+v although accepted, %v", got, err)
	}
	if got, err := Unfailed(t.Context(), policies.Embedded()); err != nil || len(got) > 0 {
		t.Errorf("the embedded policies have %+v, %v", got, err)
	}
}

const plans = `package plans

large if data.plans.limit > 10

free if data.plans.kinds.free
`

const planTests = `package plans_test

import data.plans

test_plan_can_be_large if plans.large
`

// What differs from another tree is changed, and nothing else: rules, lost definitions and
// data, wherever it stands.
func TestOnlyDifferencesAreChanged(t *testing.T) {
	before := small("plans/plans.rego", plans, "plans/data.json", `{"limit": 5, "kinds": {"free": true}, "same": [1]}`, "plans/plans_test.rego", planTests)
	after := small("plans/plans.rego", strings.Replace(plans, "10", "11", 1), "plans/data.json", `{"limit": 20, "kinds": {"paid": 1}, "same": [1]}`, "plans/plans_test.rego", planTests)
	after["reseller/main/main_test.rego"] = &fstest.MapFile{Data: []byte(strings.Split(tests, "\ntest_anybody_can_peek")[0])}
	after["reseller/main/main.rego"] = &fstest.MapFile{Data: []byte(strings.Split(policy, "\nallow if {\n\tsome verb")[0])}
	var noticedData []string
	var mu sync.Mutex
	witness := func(_ context.Context, tree fs.FS) (bool, error) {
		_, data, err := policies.Sources(tree)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			noticedData = append(noticedData, fmt.Sprint(data))
		}
		return false, err
	}
	r, err := Run(t.Context(), after, Options{Since: before, Witness: func() (Witness, func() error, error) {
		return witness, func() error { return nil }, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(survivors(r), "\n")
	for _, want := range []string{"plans/plans.rego:3: large: 11 became 12", "data.json:1: data.plans.kinds.free: is again true", "data.json:1: data.plans.kinds.paid: is again nothing"} {
		if !strings.Contains(all, want) {
			t.Errorf("%s does not survive, but\n%s", want, all)
		}
	}
	for _, other := range []string{"free:", "words.rego", "data.plans.same", "data.plans.limit: is", "allow: condition"} {
		if strings.Contains(strings.ReplaceAll(all, "kinds.free:", ""), other) {
			t.Errorf("%s survives:\n%s", other, all)
		}
	}
	if !slices.Contains(noticedData, "map[plans:map[kinds:map[free:true paid:1] limit:20 same:[1]]]") {
		t.Errorf("data of the trees: %v", noticedData)
	}
	if accounted := len(r.Unaccepted()); r.Judged == 0 || r.Judged >= r.Total || accounted >= len(r.Survivors) {
		t.Errorf("undone data counts: %+v", r)
	}
	back, err := Run(t.Context(), before, Options{Since: before})
	if err != nil || back.Total != 0 {
		t.Errorf("%+v of equal trees, %v", back, err)
	}
	lost, err := since(before, suiteOf(t, after).Modules(), nil)
	if err != nil || !slices.ContainsFunc(lost, func(m Mutant) bool { return m.File == "reseller/main/main.rego" && m.Rule == "allow" && m.back != nil }) {
		t.Errorf("no lost definition is put back: %v, %v", lost, err)
	}
}

func suiteOf(t *testing.T, tree fs.FS) *regotest.Suite {
	t.Helper()
	suite, err := regotest.Read(tree)
	if err != nil {
		t.Fatal(err)
	}
	return suite
}

func TestChosenTestsJudgeThePackagesBesideThem(t *testing.T) {
	all, err := Run(t.Context(), small(), Options{Tests: regexp.MustCompile("main_test")})
	if err != nil || all.Total == 0 || strings.Contains(strings.Join(survivors(all), "\n"), "words.rego") {
		t.Errorf("%+v, %v", all, err)
	}
	peek, err := Run(t.Context(), small(), Options{Tests: regexp.MustCompile("can_peek")})
	if err != nil || peek.Total != all.Total || peek.Killed >= all.Killed || peek.Killed == 0 {
		t.Errorf("one test notices %+v, all of the package %+v, %v", peek, all, err)
	}
}

func TestTheTimeOfTheRestIsSaidEarly(t *testing.T) {
	var tried, at atomic.Int64
	var left time.Duration
	many := "package words\n\nsilent if input.context.panel == \"silent\"\n"
	for i := range 40 {
		many += fmt.Sprintf("\nsilent if input.context.panel == \"silent%d\"\n", i)
	}
	r, err := Run(t.Context(), small("words/words.rego", many), Options{
		Tried: func() { tried.Add(1) },
		Rest:  func(d time.Duration) { left = d; at.Store(tried.Load()) },
	})
	if err != nil || left <= 0 || at.Load() > int64(r.Total)/4 {
		t.Errorf("%v left is said after %d of %d mutants, %v", left, at.Load(), r.Total, err)
	}
}
