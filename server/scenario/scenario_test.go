package scenario_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/policies"
	"resellerd/server/resource"
	"resellerd/server/scenario"
)

const small = `scenario: Two resellers
world:
  accounts:
    halyard: {}
    brightcall: {parent: halyard}
    andes: {parent: halyard, status: suspended}
  groups:
    full: {account: halyard, default: all}
    resellers: {account: halyard, template: default-reseller}
  users:
    admin: {account: halyard, groups: [full], ip_allow: [192.0.2.0/24]}
    owner: {account: brightcall, groups: [resellers]}
    late: {account: andes, groups: [resellers]}
  customers:
    larkfield: {account: brightcall, notes: private}
  cards:
    gold: {account: halyard, kind: customer, public_name: Gold, assigned_to: [brightcall]}
then:
`

func files(then string) fstest.MapFS {
	return fstest.MapFS{"a/small.scenario.yaml": {Data: []byte(small + then)}}
}

// played plays sentences about a user and returns those that do not hold.
func played(t *testing.T, engine *policies.Engine, then string) []scenario.Failure {
	t.Helper()
	all, err := scenario.Read(files(then))
	if err != nil {
		t.Fatal(err)
	}
	stage, err := all[0].Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	failures, err := stage.Play(t.Context(), engine, false)
	if err != nil {
		t.Fatal(err)
	}
	return failures
}

func embedded(t *testing.T) *policies.Engine {
	t.Helper()
	engine, err := policies.Load(context.Background(), policies.Embedded(), policies.Options{Schema: resource.Schema(), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

func TestSentencesHoldWhenAPanelWouldSeeItSo(t *testing.T) {
	engine := embedded(t)
	for sentence, instead := range map[string]string{
		"owner: sees customer larkfield":                                  "",
		"owner: does not see customer larkfield":                          "it is there",
		"owner: sees only customers larkfield":                            "",
		"owner: sees no customers":                                        "it sees larkfield",
		"owner: sees card gold as provider":                               "",
		"owner: sees card gold as customer":                               "it shows kind as provider",
		"owner: sees name of card gold as \"Gold\"":                       "",
		"owner: sees carrier of card gold as Nobody":                      "it shows carrier as",
		"owner: sees notes of card gold as x":                             "it does not show notes",
		"owner: sees notes of customer larkfield as private":              "",
		"owner: sees account_id of customer larkfield as brightcall":      "",
		"owner: sees name, kind of card gold":                             "",
		"owner: sees name, notes of card gold":                            "it does not show notes",
		"owner: sees only name of card gold":                              "it shows also: carrier, charge_precision",
		"owner: does not see notes and tech_prefix of card gold":          "",
		"owner: does not see name of card gold":                           "it shows name",
		"owner: does not see account halyard":                             "",
		"owner: sees account halyard":                                     "it is not there: 404 Not found",
		"owner: may delete customer larkfield":                            "",
		"owner: may not delete customer larkfield":                        "it is allowed",
		"owner: may update card gold":                                     "it is denied, because card_not_own",
		"owner: may not update card gold, because card_not_own":           "",
		"owner: may not update card gold, because area_denied":            "it is denied, because card_not_own",
		"owner: may not read account halyard, because not_visible":        "",
		"owner: may open cdr":                                             "",
		"owner: may not open carrier, because area_denied":                "",
		"owner: may create a customer for brightcall":                     "",
		"owner: may not create a customer for andes, because not_visible": "",
		"owner: may not create a card/provider for brightcall":            "",
		"owner: may read a cdr of brightcall":                             "",
		"owner: may not read a cdr of andes":                              "",
		"owner: may create in support-ticket":                             "",
		"owner: may not delete in support-ticket, because area_denied":    "",
		"late: may not open cdr, because account_suspended":               "",
		"admin: may not open cdr, because client_ip_unknown":              "",
		"admin from 192.0.2.7: may open cdr":                              "",
		"admin from 192.0.2.7: sees only customers larkfield":             "",
		"admin from 203.0.113.7: may not open cdr":                        "",
	} {
		t.Run(sentence, func(t *testing.T) {
			who, what, _ := strings.Cut(sentence, ": ")
			failures := played(t, engine, "  "+who+":\n    - '"+what+"'\n")
			switch {
			case instead == "" && len(failures) > 0:
				t.Errorf("does not hold: %s", failures[0].Instead)
			case instead != "" && (len(failures) != 1 || !strings.Contains(failures[0].Instead, instead) || failures[0].Line != 20):
				t.Errorf("want %q in %+v", instead, failures)
			}
		})
	}
}

func TestWhatCannotBeMeantIsRefusedWithFileAndLine(t *testing.T) {
	replaced := func(was, is string) string {
		return strings.Replace(small+"  owner:\n    - sees customer larkfield\n", was, is, 1)
	}
	for name, c := range map[string]struct{ text, want string }{
		"nothing is said":           {small + "  {}\n", "small.scenario.yaml:18: then"},
		"nothing is said of a user": {small + "  owner: []\n", "small.scenario.yaml:19: then.owner"},
		"no sentence":               {small + "  owner:\n    - sees the light\n", `small.scenario.yaml:20: "sees the light": is not a sentence`},
		"an unknown user":           {small + "  ownr:\n    - sees no customers\n", `small.scenario.yaml:19: there is no user "ownr"`},
		"an unknown row":            {small + "  owner:\n    - does not see customer lark\n", `small.scenario.yaml:20: "does not see customer lark": there is no customer "lark"`},
		"an unknown row in a list":  {small + "  owner:\n    - sees only customers larkfield, lark\n", `there is no customer "lark"`},
		"an unknown account":        {small + "  owner:\n    - may read a cdr of nobody\n", `there is no account "nobody"`},
		"any row of a kept type":    {small + "  owner:\n    - may read a customer of brightcall\n", "which customer?"},
		"an unknown parent":         {replaced("parent: halyard}", "parent: hal}"), `small.scenario.yaml:5: there is no account "hal"`},
		"an unknown group":          {replaced("groups: [resellers]", "groups: [x]"), `small.scenario.yaml:12: there is no group "x"`},
		"an unknown assignee":       {replaced("assigned_to: [brightcall]", "assigned_to: [b]"), `small.scenario.yaml:17: there is no account "b"`},
		"an unknown key":            {replaced("notes: private", "note: private"), "small.scenario.yaml:15: world.customers.larkfield"},
		"a time that is none":       {replaced("world:", "at: today\nworld:"), "small.scenario.yaml:2: at"},
		"no YAML":                   {"a: b: c", "mapping values are not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := scenario.Read(fstest.MapFS{"small.scenario.yaml": {Data: []byte(c.text)}})
			var refused *scenario.Error
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %q, got %v", c.want, err)
			}
		})
	}
}

func TestAWorldThatCannotBeIsRefused(t *testing.T) {
	for was, is := range map[string]string{
		"brightcall: {parent: halyard}": "brightcall: {parent: andes}\n    other: {parent: other}",
		"kind: customer, public_name":   "kind: provider, public_name", // and is assigned
	} {
		text := strings.Replace(small+"  owner:\n    - sees customer larkfield\n", was, is, 1)
		all, err := scenario.Read(fstest.MapFS{"small.scenario.yaml": {Data: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		var refused *scenario.Error
		if stage, err := all[0].Stage(t.Context()); !errors.As(err, &refused) || !strings.Contains(err.Error(), "small.scenario.yaml: world: ") {
			t.Errorf("%s: %v, %v", is, stage, err)
		}
	}
}

func TestAScenarioPlaysAtItsTime(t *testing.T) {
	tree := fstest.MapFS{"reseller/main/main.rego": {Data: []byte(`package reseller.main

default allow := false

allow if input.context.time < "2026-03-04T18:00:00Z"

decision := {"allow": allow, "reasons": []}
`)}}
	engine, err := policies.Load(t.Context(), tree, policies.Options{Schema: resource.Schema(), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	then := "  owner:\n    - may open cdr\n"
	for at, holds := range map[string]bool{"2026-03-04T17:59:59Z": true, "2026-03-04T18:00:01Z": false} {
		all, err := scenario.Read(fstest.MapFS{"x.scenario.yaml": {Data: []byte("at: " + at + "\n" + small + then)}})
		if err != nil {
			t.Fatal(err)
		}
		stage, err := all[0].Stage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		failures, err := stage.Play(t.Context(), engine, true)
		if err != nil || (len(failures) == 0) != holds {
			t.Errorf("at %s: %+v, %v", at, failures, err)
		}
		if err := stage.Close(); err != nil {
			t.Error(err)
		}
	}
}
