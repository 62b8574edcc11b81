package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"resellerd/server/insight"
)

// founding creates a store with one carrier and its user "admin".
func founding(t *testing.T) (database string, made founded) {
	t.Helper()
	database = "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	made, code := found(t, database, "--company", "Halyard", "--login", "admin@halyard.example", "--external-id", "admin")
	if code != exitOK {
		t.Fatalf("init: exit %d", code)
	}
	return database, made
}

func TestExplainSaysWhyAndWhere(t *testing.T) {
	database, made := founding(t)
	explain := func(args ...string) (int, string, string) {
		return call(t, nil, append([]string{"policy", "explain", "--database", database}, args...))
	}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"an allowed row":       {[]string{"--as", "admin", "--on", "account/" + made.Account}, []string{"ALLOWED", "reseller/resource/account/account.rego:", "View full", `from "Full access" ` + made.Group + " (its default)"}},
		"a row that is absent": {[]string{"--as", "admin", "--on", "customer/cus_none"}, []string{"DENIED", "not_visible", "there is no such row", "First condition that failed", "input.resource.tenant_id == input.subject.account.tenant_id"}},
		"a list":               {[]string{"--as", "admin", "--on", "card/provider"}, []string{"ALLOWED", "SELECT count(*) FROM cards t WHERE t.tenant_id = ?1", "1: " + made.Account}},
		"an area":              {[]string{"--as", "admin", "--action", "create", "--on", "cdr"}, []string{"ALLOWED  create area/cdr"}},
		"a look-alike area":    {[]string{"--as", "admin", "--on", "Carrier"}, []string{"DENIED", "unknown_area"}},
		"a look-alike type":    {[]string{"--as", "admin", "--on", "USER/usr_x"}, []string{"DENIED", "unknown_area"}},
		"a user nobody knows":  {[]string{"--as", "eve", "--on", "customer"}, []string{"DENIED", "unknown_user"}},
		"a creation":           {[]string{"--as", "admin", "--action", "create", "--on", "customer"}, []string{"ALLOWED  create customer as " + made.User}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := explain(c.args...)
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
	_, text, _ := explain("--as", "admin", "--on", "customer", "--format", "json")
	var x insight.Explanation
	if err := json.Unmarshal([]byte(text), &x); err != nil || x.Decision != "allow" || x.User != made.User || x.Policy.Filter.Dialect != "sqlite" {
		t.Errorf("%v: %s", err, text)
	}
	for name, args := range map[string][]string{
		"no area":          {"--as", "admin", "--on", ""},
		"an area's no row": {"--as", "admin", "--on", "customer/"},
		"no such tree":     {"--as", "admin", "--on", "customer", "--policies", "/nowhere"},
		"no such store":    {"--as", "admin", "--on", "customer", "--database", "sqlite:/nowhere/store.db"},
	} {
		if code, _, stderr := explain(args...); code != exitUsage {
			t.Errorf("%s: exit %d: %s", name, code, stderr)
		}
	}
}
