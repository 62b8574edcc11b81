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
)

// writer writes a policy of the bytes that it is given.
type writer struct {
	data []byte
	b    strings.Builder
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

func (w *writer) value() string {
	return w.pick("input.resource.name", "input.resource.public_name", "input.resource.account_id", "input.resource.kind",
		"input.resource.currency", `"a"`, `"customer"`, `"acc_r1"`, `""`, "1", "true", "null",
		"input.subject.account.id", "input.subject.account.parent_id", "input.subject.id", "input.subject.groups",
		"input.subject.properties.label", "input.action.properties.account_id", "input.context.panel", "v", "w",
		"input.subject.account.kind", "input.resource.lend", "pass(input.resource.name)", "input.resource.assigned_to[_]")
}

func (w *writer) collection() string {
	return w.pick(`{"a", "b"}`, `["a", 1, null]`, "[]", "input.resource.assigned_to", "input.subject.below",
		`[input.resource.name, "a"]`, "input.subject.properties.labels", "input.subject.user.currencies", `{"k": "a"}`)
}

// line writes one expression of a body.
func (w *writer) line() string {
	switch w.next(13) {
	case 0, 1:
		return w.value() + w.pick(" == ", " != ", " == ", " < ", " >= ") + w.value()
	case 2:
		return w.value() + " in " + w.collection()
	case 3:
		return w.pick("startswith", "endswith", "contains") + "(" + w.value() + ", " + w.value() + ")"
	case 4:
		return w.value()
	case 5:
		return "v := " + w.value()
	case 6:
		return "some w in " + w.collection()
	case 7:
		return "not " + w.value() + w.pick(" == ", " != ", " <= ") + w.value()
	case 8:
		return "not " + w.value() + " in " + w.collection()
	case 9:
		return w.pick("h1", "not h1", "h2", "not h2", "h1 == false", "not h1 != true")
	case 10:
		return w.pick("f(", "not f(", "not g(", "g(") + w.value() + ")"
	case 11:
		return "not startswith(" + w.value() + ", " + w.value() + ")"
	default:
		return w.pick("count(input.subject.access) > 0", "input.subject.properties.label", "not input.context.panel",
			"time.parse_rfc3339_ns(input.context.time) > 1767225600000000000", "lower(input.context.panel) == \"three\"",
			"not lower(input.context.panel) == \"three\"", "count(input.resource.name) > 2")
	}
}

func (w *writer) rules(head string) {
	for range 1 + w.next(2) {
		fmt.Fprintf(&w.b, "%s if {\n", head)
		for range 1 + w.next(3) {
			w.b.WriteString("\t" + w.line() + "\n")
		}
		w.b.WriteString("}\n\n")
	}
}

// policy writes allow, two helpers and two functions. Rules refer to later
// ones only in ways that the compiler refuses when they recur.
func (w *writer) policy() string {
	w.b.WriteString("pass(x) := x\n\n")
	w.b.WriteString(w.pick("", "default h1 := false\n\n"))
	w.rules("allow")
	w.rules("h1")
	w.rules("h2")
	w.rules("f(x)")
	w.rules("g(v)")
	return w.b.String()
}

// FuzzFilterEqualsEvaluation writes random policies and holds each that loads
// to the property of the corpus.
func FuzzFilterEqualsEvaluation(f *testing.F) {
	for _, seed := range fuzzSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w := &writer{data: data}
		text := w.policy()
		engine, err := policies.Load(context.Background(), tree(loose(text)),
			policies.Options{Schema: policiestest.Schema(), Timeout: 5 * time.Second})
		if err != nil {
			var refused *policies.LoadError
			if !errors.As(err, &refused) {
				t.Fatal(err)
			}
			return
		}
		t.Log(text)
		r := rand.New(rand.NewPCG(uint64(len(data)), 7))
		var n tally
		for range 6 {
			compare(t, engine, policiestest.Input(r, "card"), policiestest.Rows(r, "card", 10), &n)
		}
	})
}

// loose is a tree whose variables need not be used.
func loose(rego string) map[string]string {
	rego = strings.ReplaceAll(rego, "\tv := ", "\tv = ")
	return map[string]string{"main.rego": plainDecision + rego}
}

func fuzzSeeds() [][]byte {
	seeds := [][]byte{{}}
	r := rand.New(rand.NewPCG(11, 13))
	for range 200 {
		seed := make([]byte, 20+r.IntN(60))
		for i := range seed {
			seed[i] = byte(r.IntN(256))
		}
		seeds = append(seeds, seed)
	}
	return seeds
}
