package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"resellerd/server/replay"
)

// anEntry is the log entry of a decision about a user that the store does not know.
const anEntry = `{"decision_id":"D1","path":"reseller/main/decision","timestamp":"2026-01-01T00:00:00Z",` +
	`"input":{"subject":{"type":"user","id":"x"},"action":{"name":"read"},"resource":{"type":"area","id":"cdr"},"context":{"time":"2026-01-01T00:00:00Z"}},` +
	`"result":{"allow":false,"reasons":["unknown_user"]},"outcome":"deny","reasons":["unknown_user"],"policy_revision":"r"}` + "\n"

func TestPolicyReplayFailsOnWhatItIsTold(t *testing.T) {
	log := write(t, "decisions.jsonl", `{"event":"started"}`+"\n"+anEntry)
	open := filepath.Dir(write(t, "main.rego", `package reseller.main

decision := {"allow": allow, "reasons": set()}

default allow := false

allow if input.resource.type == "area"
`))
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"the same policy":        {nil, exitOK, "1 decision: 1 the same, 0 flipped, 0 undecidable"},
		"a wider one":            {[]string{"--policies", open}, exitTests, "deny_to_allow  1  account none  area cdr  by unknown_user"},
		"with an example":        {[]string{"--policies", open}, exitTests, "as in D1"},
		"told of other kinds":    {[]string{"--policies", open, "--fail-on", "allow_to_deny,view"}, exitOK, "deny_to_allow"},
		"told of this kind":      {[]string{"--policies", open, "--fail-on", "allow_to_deny,deny_to_allow"}, exitTests, "1 deny_to_allow"},
		"told never to":          {[]string{"--policies", open, "--fail-on", "never"}, exitOK, "deny_to_allow"},
		"told nonsense":          {[]string{"--fail-on", "maybe"}, exitUsage, "want one of"},
		"a line that is no JSON": {[]string{"--log", write(t, "bad", "rubbish\n")}, exitError, "1 line cannot be read"},
		"a log that is absent":   {[]string{"--log", "absent"}, exitError, "absent"},
	} {
		args := append([]string{"policy", "replay", "--log", log}, c.args...)
		code, out, errs := call(t, nil, args)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit %d, %s%s", name, code, out, errs)
		}
	}
	code, out, _ := call(t, nil, []string{"policy", "replay", "--log", log, "--policies", open, "--format", "json"})
	var report replay.Report
	if err := json.Unmarshal([]byte(out), &report); code != exitTests || err != nil || report.Flipped != 1 {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
}

// A kind of difference has one name: in the shadow's log and metric, in a replay, and for
// --fail-on.
func TestAKindOfDifferenceHasOneName(t *testing.T) {
	_, help, _ := call(t, nil, []string{"policy", "replay", "--help"})
	help = strings.Join(strings.Fields(help), " ")
	page, err := os.ReadFile("../../policies/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n## Shadow\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, kind := range replay.Kinds {
		name := string(kind)
		if !slices.Contains(failKinds, name) || !strings.Contains(help, " "+name+",") || !strings.Contains(table, "`"+name+"`") {
			t.Errorf("%s is no value of --fail-on, or its help or the page lacks it: %s", name, help)
		}
	}
}

// A replay with --should says that nobody got too much only if the log proves it.
func TestPolicyReplaySaysWhatABadPolicyGave(t *testing.T) {
	tree := func(rule string) string {
		return filepath.Dir(write(t, "main.rego", "package reseller.main\n\ndecision := {\"allow\": allow, \"reasons\": set()}\n\ndefault allow := false\n\n"+rule))
	}
	good, bad := tree("allow if input.action.name == \"list\"\n"), tree("allow if input.resource.type == \"area\"\n")
	fails := tree("allow if {\n\tinput.resource.id == \"cdr\"\n\tinput.subject.id == \"x\"\n\tto_number(input.subject.id) > 0\n}\n")
	engine, err := fastEngine(t.Context(), bad)
	if err != nil {
		t.Fatal(err)
	}
	denied := strings.Replace(anEntry, `"policy_revision":"r"`, `"policy_revision":"`+engine.Revision()+`"`, 1)
	denied = strings.ReplaceAll(denied, `["unknown_user"]`, `[]`)
	allowed := strings.NewReplacer(`"allow":false`, `"allow":true`, `"outcome":"deny"`, `"outcome":"allow"`).Replace(denied)
	cut := strings.Replace(denied, `{"decision_id"`, `{"truncated":true,"decision_id"`, 1)
	for name, c := range map[string]struct {
		log  string
		args []string
		code int
		says string
	}{
		"nothing":             {denied, nil, exitOK, "nobody did or saw anything"},
		"nothing, as JSON":    {denied, []string{"--format", "json"}, exitOK, `"exposed": []`},
		"too much":            {allowed, nil, exitTests, "allowed what it should not have, to 1 user"},
		"undecidable":         {denied + cut, nil, exitTests, "1 decision cannot be repeated"},
		"told never to fail":  {denied + cut, []string{"--fail-on", "never"}, exitOK, "1 decision cannot be repeated"},
		"a policy that fails": {allowed, []string{"--should", fails}, exitTests, "because the policy fails on them: 1"},
		"cut, but later":      {denied + cut, []string{"--to", "2025-01-01T00:00:00Z"}, exitError, "no decision of the log is by the policy"},
		"of another policy":   {anEntry, nil, exitError, "no decision of the log is by the policy"},
	} {
		args := append([]string{"policy", "replay", "--was", bad, "--should", good, "--log", write(t, "decisions.jsonl", c.log)}, c.args...)
		code, out, errs := call(t, nil, args)
		if code != c.code || !strings.Contains(out+errs, c.says) || strings.Contains(out, "nobody") != (name == "nothing") {
			t.Errorf("%s: exit %d, %s%s", name, code, out, errs)
		}
	}
}

// policy check names the areas of a log that policy data does not name.
func TestPolicyCheckNamesUnlistedAreas(t *testing.T) {
	entry := strings.Replace(anEntry, `"subject":{`, `"subject":{"account":{"kind":"reseller"},`, 1)
	log := write(t, "decisions.jsonl", anEntry+strings.ReplaceAll(entry, `"cdr"`, `"sip-admin"`)+entry)
	code, out, errs := call(t, nil, []string{"policy", "check", "--log", log})
	if code != exitError || !strings.Contains(out, `resellers asked for the area "sip-admin", which policy data does not name: 1 decision [unlisted-area]`) ||
		!strings.Contains(out, "limits.reseller_areas") || strings.Contains(out, `"cdr"`) {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
}

func TestPolicyBenchTellsTimes(t *testing.T) {
	if testing.Short() {
		t.Skip("asks one question at a time for long: run without -short")
	}
	code, out, errs := call(t, nil, []string{"policy", "bench", "--against", "embedded", "--format", "json"})
	var list []benched
	if err := json.Unmarshal([]byte(out), &list); code != exitOK || err != nil || len(list) != len(benchOrder) {
		t.Fatalf("exit %d, %v: %s%s", code, err, out, errs)
	}
	for _, b := range list {
		if b.Time <= 0 || b.Against <= 0 {
			t.Errorf("%+v", b)
		}
	}
}

// A log with the panel's own decisions: they are compared, and groups are learned.
func TestPolicyComparesWithThePanel(t *testing.T) {
	log := write(t, "decisions.jsonl", strings.Replace(anEntry, `"context":{`, `"context":{"panel_decision":true,`, 1))
	agrees := write(t, "agrees.jsonl", strings.Replace(anEntry, `"context":{`, `"context":{"panel_decision":false,`, 1))
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a difference":           {[]string{"disagreements", log}, exitDecide, "to agree: create the user"},
		"as JSON":                {[]string{"disagreements", log, "--format", "json"}, exitDecide, `"disagreed": 1`},
		"no difference":          {[]string{"disagreements", agrees}, exitOK, "cdr  1 decision  agree"},
		"no decision of a panel": {[]string{"disagreements", write(t, "none.jsonl", anEntry)}, exitError, "send it as context.panel_decision"},
		"a log that is absent":   {[]string{"disagreements", "absent"}, exitError, "absent"},
		"learning":               {[]string{"learn", log}, exitDecide, "0 decisions agree, 1 differ"},
		"learning nothing":       {[]string{"learn", agrees, "--format", "json"}, exitOK, `"agree": 1`},
		"an absent store":        {[]string{"learn", agrees, "--database", "sqlite:absent.db"}, exitUsage, "no such file"},
	} {
		code, out, errs := call(t, nil, append([]string{"policy"}, c.args...))
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit %d, %s%s", name, code, out, errs)
		}
	}
}

// A list that differs shows its rows in a store.
func TestPolicyReplayCountsRowsOfAStore(t *testing.T) {
	database, _, _, _ := withReseller(t)
	log := filepath.Join(t.TempDir(), "decisions.jsonl")
	r := serve(t, []string{"RESELLERD_PANEL_TOKENS=secret"}, "--database", database, "--decision-log", log)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.addr+"/v1/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer secret")
	request.Header.Set("Resellerd-User", "owner")
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	_ = answer.Body.Close()
	r.stop()
	wider := changedTree(t, "reseller/reach/reach.rego", "subtree if {\n", "subtree if {\n\tsubject.is_reseller\n\tinput.resource.tenant_id == input.subject.account.tenant_id\n}\n\nsubtree if {\n")
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"both policies": {[]string{"--was", embeddedTree, "--database", database}, "  rows 1  ->  2, in the store"},
		"the candidate": {[]string{"--database", database}, "  rows not known  ->  2, in the store"},
		"no store":      {nil, "filter (wider)"},
		"as JSON":       {[]string{"--was", embeddedTree, "--database", database, "--format", "json"}, "\"now\": 2"},
	} {
		code, out, errs := call(t, nil, append([]string{"policy", "replay", "--policies", wider, "--log", log}, c.args...))
		if code != exitTests || !strings.Contains(out, c.says) || c.args == nil && strings.Contains(out, "rows") {
			t.Errorf("%s: exit %d, %s%s", name, code, out, errs)
		}
	}
}
