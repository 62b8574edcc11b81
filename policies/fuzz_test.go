package policies_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/policies/policiestest"
	"resellerd/policies/policiestest/depth"
	"resellerd/policies/rego"
)

// writer writes a policy from random bytes. level is the level of the current
// rule; rules refer only to lower levels.
type writer struct {
	data  []byte
	b     strings.Builder
	level int
	vars  []string
}

func (w *writer) next(n int) int {
	if len(w.data) == 0 {
		return 0
	}
	x := int(w.data[0]) % n
	w.data = w.data[1:]
	return x
}

func (w *writer) pick(options ...string) string { return options[w.next(len(options))] }

// ref writes a reference or a variable.
func (w *writer) ref() string {
	options := []string{
		"input.resource.name", "input.resource.public_name", "input.resource.account_id", "input.resource.kind",
		"input.resource.currency", "input.resource.public_name", "input.subject.account.id", "input.subject.account.parent_id",
		"input.subject.id", "input.subject.properties.label", "input.action.properties.account_id", "input.context.panel",
		"input.subject.account.kind", "input.resource.lend", "input.resource.properties.label",
	}
	for range 4 {
		options = append(options, w.vars...)
	}
	return w.pick(options...)
}

// text writes a value that is a text if it is present. A call that fails with
// an error ends a full evaluation, even if the filter does not depend on it.
func (w *writer) text() string {
	return w.pick("input.resource.name", "input.resource.public_name", "input.resource.kind", "input.subject.account.parent_id",
		"input.context.panel", `"a"`, `""`, "input.resource.account_id")
}

func (w *writer) value() string {
	if w.next(3) == 0 {
		return w.pick(`"a"`, `"customer"`, `"acc_r1"`, `""`, `"provider"`, "1", "true")
	}
	return w.ref()
}

func (w *writer) collection() string {
	return w.pick(`{"a", "b"}`, `["a", 1, null]`, `["acc_r1", "acc_m1"]`, "input.resource.assigned_to", "input.resource.assigned_to",
		`[input.resource.name, "a"]`, "input.subject.properties.labels", "input.subject.user.currencies", `{"k": "a"}`)
}

func (w *writer) not() string { return w.pick("", "", "not ") }

// declare writes a line that binds a new variable.
func (w *writer) declare() string {
	name := fmt.Sprintf("v%d_%d", w.level, len(w.vars))
	line := name + " = " + w.pick(w.ref(), "input.resource.assigned_to[_]")
	if w.next(3) == 0 {
		line = "some " + name + " in " + w.collection()
	}
	w.vars = append(w.vars, name)
	return line
}

// line writes one expression of a body.
func (w *writer) line() string {
	switch w.next(12) {
	case 0, 1, 2:
		return w.not() + w.ref() + w.pick(" == ", " != ", " == ", " < ") + w.value()
	case 3:
		return w.not() + w.ref() + " in " + w.collection()
	case 4:
		return w.not() + w.pick("startswith", "endswith", "contains") + "(" + w.text() + ", " + w.text() + ")"
	case 5:
		return w.not() + w.ref()
	case 6, 7:
		return w.declare()
	case 8, 9, 10:
		return w.not() + w.lower()
	case 11:
		return w.not() + w.pick("input.resource.account_id in input.subject.below", "input.resource.tenant_id in input.subject.below",
			"startswith(input.context.panel, \"one\")", "count(input.subject.groups) > 1", "input.subject.groups == []", "input.subject.groups[_].template == \"a\"")
	default:
		return w.not() + w.pick("count(input.subject.access) > 0",
			"time.parse_rfc3339_ns(input.context.time) > 1767225600000000000", "lower(input.context.panel) == \"three\"")
	}
}

// lower writes a reference to a rule of a lower level.
func (w *writer) lower() string {
	switch below := w.level + 1 + w.next(3); below {
	case 1, 2:
		return fmt.Sprintf("h%d%s", below, w.pick("", "", " == false", " != true"))
	case 3, 4:
		return fmt.Sprintf("f%d(%s)", below, w.ref())
	default:
		return w.ref()
	}
}

func (w *writer) rules(level int, head string, vars ...string) {
	for range 1 + w.next(2) {
		w.level, w.vars = level, vars
		body := ""
		for range 1 + w.next(4) {
			body += "\t" + w.line() + "\n"
		}
		shown := head
		for _, v := range vars {
			if !strings.Contains(body, v) {
				shown = strings.ReplaceAll(head, v, "_")
			}
		}
		fmt.Fprintf(&w.b, "%s if {\n%s}\n\n", shown, body)
	}
}

// policy writes allow, two helpers and two functions.
func (w *writer) policy() string {
	w.b.WriteString(w.pick("", "default h1 := false\n\n", "default h2 := false\n\n"))
	w.rules(0, "allow")
	w.rules(1, "h1")
	w.rules(2, "h2")
	w.rules(3, "f3(arg3)", "arg3")
	w.rules(4, "f4(arg4)", "arg4")
	return w.b.String()
}

// FuzzFilterEqualsEvaluation writes random policies. Each one that loads must
// have the property of the corpus.
func FuzzFilterEqualsEvaluation(f *testing.F) {
	for _, seed := range fuzzSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzed(t, data) })
}

// fuzzed reports whether the policy from data was loaded.
func fuzzed(t *testing.T, data []byte) (loaded bool, n tally) {
	t.Helper()
	w := &writer{data: data}
	text := w.policy()
	n.subjective = true
	engine, err := policies.Load(context.Background(), tree(main(text)),
		policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
	if err != nil {
		var refused *rego.LoadError
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		return false, n
	}
	defer func() {
		if t.Failed() {
			t.Log(text)
		}
	}()
	r := rand.New(rand.NewPCG(uint64(len(data)), 7))
	for range 6 {
		compare(t, engine, policiestest.Input(r, "card"), policiestest.Rows(r, "card", 10), &n)
	}
	return true, n
}

// TestFuzzedPoliciesTell checks that the fuzzing is useful: many of its
// policies load, and many of those distinguish rows.
func TestFuzzedPoliciesTell(t *testing.T) {
	if testing.Short() {
		t.Skip("asks one question at a time for long: run without -short")
	}
	loaded, tell := 0, 0
	seeds := fuzzSeeds()
	for _, seed := range seeds {
		ok, n := fuzzed(t, seed)
		if ok {
			loaded++
		}
		if n.allowed > 0 && n.denied > 0 {
			tell++
		}
	}
	t.Logf("%d policies, %d loaded, %d tell rows apart", len(seeds), loaded, tell)
	if loaded < len(seeds)/4 || tell < len(seeds)/20 {
		t.Errorf("of %d policies %d loaded and %d tell rows apart", len(seeds), loaded, tell)
	}
}

func fuzzSeeds() [][]byte {
	seeds := [][]byte{{}}
	r := rand.New(rand.NewPCG(11, 13))
	for range depth.Runs(20) {
		seed := make([]byte, 40+r.IntN(80))
		for i := range seed {
			seed[i] = byte(r.IntN(256))
		}
		seeds = append(seeds, seed)
	}
	return seeds
}
