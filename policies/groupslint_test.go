package policies_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"resellerd/policies"
	"resellerd/policies/policiestest"
	"resellerd/policies/rego"
)

// Where the groups are compared with a number, the tree is refused, however the rule
// reaches them.
func TestGroupsComparedWithANumberAreRefused(t *testing.T) {
	for name, rules := range map[string]string{
		"directly":               `allow if input.subject.groups > 1`,
		"as a value":             "allow if {\n\tmany := input.subject.groups >= 2\n\tmany\n}",
		"by a variable":          "allow if {\n\tg := input.subject.groups\n\tg == 1\n}",
		"by two variables":       "allow if {\n\tg := input.subject.groups\n\th := g\n\t1 < h\n}",
		"by object.get":          `allow if object.get(input.subject, "groups", 0) > 1`,
		"by a path":              `allow if object.get(input, ["subject", "groups"], 0) > 1`,
		"by the subject":         "allow if {\n\ts := input.subject\n\ts.groups > 1\n}",
		"by the subject's get":   "allow if {\n\ts := input.subject\n\tobject.get(s, \"groups\", 0) != 1\n}",
		"by an argument":         "allow if many(input.subject.groups)\n\nmany(n) if n > 1",
		"by the subject's":       "allow if many(input.subject)\n\nmany(s) if s.groups > 1",
		"by an argument's":       "allow if many(input)\n\nmany(i) if more(i.subject)\n\nmore(s) if s.groups > 1",
		"by a rule's value":      "allow if groups > 1\n\ngroups := input.subject.groups",
		"by a function's value":  "allow if of(input.subject) > 1\n\nof(s) := s.groups",
		"by an else branch":      "allow if of(input.subject) > 1\n\nof(s) := 0 if not s.groups\n\nelse := s.groups",
		"by a branch's argument": "allow if many(input.subject.groups)\n\nmany(g) if g == []\n\nelse if g > 2",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := policies.Load(context.Background(), tree(main(rules)), policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
			var refused *rego.LoadError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), "is a list of groups") {
				t.Errorf("%s: %v", rules, err)
			}
		})
	}
}

// A log of earlier releases has only the number of a user's groups. It decides where a
// policy asks no more than that.
func TestLooksIntoGroups(t *testing.T) {
	for rules, want := range map[string]bool{
		`allow if input.subject.groups != []`:                                                     false,
		`allow if count(input.subject.groups) > 1`:                                                false,
		"allow if {\n\tg := input.subject.groups\n\tcount(g) > 1\n}":                              false,
		`allow if count(object.get(input.subject, "groups", [])) > 1`:                             false,
		`allow if object.get(input.subject, "id", "") == "x"`:                                     false,
		"allow if many(input.subject.groups)\n\nmany(g) if count(g) > 1":                          false,
		"allow if many(input.subject)\n\nmany(s) if s.id == \"x\"":                                false,
		`allow if input.subject.groups[_].id == "a"`:                                              true,
		"allow if {\n\tsome g in input.subject.groups\n\tg.id == \"a\"\n}":                        true,
		"allow if {\n\tg := input.subject.groups\n\tg[0].id == \"a\"\n}":                          true,
		"allow if one(input.subject.groups)\n\none(g) if g[0].id == \"a\"":                        true,
		"allow if one(input.subject)\n\none(s) if s.groups[0].id == \"a\"":                        true,
		`allow if object.get(input.subject, ["groups", 0, "id"], "") == "a"`:                      true,
		`allow if object.get(input.subject, "groups", [])[0].id == "a"`:                           true,
		`allow if {"id": "a"} in input.subject.groups`:                                            true,
		`allow if input.subject.groups == [{"id": "a"}]`:                                          true,
		"allow if {\n\tsome part in [\"groups\", \"x\"]\n\tinput.subject[part][0] == \"a\"\n}":    true,
		"allow if {\n\tevery g in input.subject.groups {\n\t\tg.id == \"a\"\n\t}\n}":              true,
		"allow if first.id == \"a\"\n\nfirst := groups[0]\n\ngroups := input.subject.groups":      true,
		"allow if {\n\tsome g in all\n\tg[0].id == \"a\"\n}\n\nall contains input.subject.groups": true,
	} {
		if got := reasoned(t, strings.Replace(rules, "allow if", odd, 1)).LooksIntoGroups(); got != want {
			t.Errorf("%v instead of %v for %s", got, want, rules)
		}
	}
	for _, whole := range []string{"input.subject.groups", "input.subject", "[input.subject]", "input"} {
		if !reasoned(t, odd+" contains(json.marshal("+whole+"), \"a\")").LooksIntoGroups() {
			t.Errorf("%s is passed on", whole)
		}
	}
}

const odd = `reasons contains "odd" if`

// reasoned loads a tree whose rules give reasons.
func reasoned(t *testing.T, rules string) *policies.Engine {
	t.Helper()
	return load(t, map[string]string{"reseller/main/main.rego": strings.Replace(plainDecision, "[]", "reasons", 1) + rules})
}
