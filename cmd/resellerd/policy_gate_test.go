package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"resellerd/policies/input"
	"resellerd/policies/policiestest/depth"
)

const embeddedTree = "../../policies"

func TestTheGateGivesOneReportAndOneExitCode(t *testing.T) {
	database, _, _, _ := withReseller(t)
	gate := func(t *testing.T, args ...string) (int, string) {
		t.Helper()
		code, stdout, stderr := call(t, nil, append([]string{"policy", "gate", embeddedTree}, args...))
		t.Log(stderr)
		return code, stdout
	}
	t.Run("no difference", func(t *testing.T) {
		depth.OneOf(t, 3)
		code, text := gate(t, embeddedTree, "--database", database)
		for _, want := range []string{"== check: passed", "== test: passed", "== mutation: passed", "== preview: passed", "nothing differs"} {
			if code != exitOK || !strings.Contains(text, want) {
				t.Errorf("exit %d, without %q:\n%s", code, want, text)
			}
		}
	})
	t.Run("a person has to decide", func(t *testing.T) {
		depth.OneOf(t, 3)
		refund := changedTree(t, "data.json", `"action": {}`, `"action": {"refund": {"access": "read"}}`)
		code, text := gate(t, refund, "--database", database, "--format", "sarif")
		var sarif struct {
			Runs []struct {
				Results []struct{ RuleID string } `json:"results"`
			} `json:"runs"`
		}
		if err := json.Unmarshal([]byte(text), &sarif); err != nil || code != exitDecide || len(sarif.Runs) != 1 || len(sarif.Runs[0].Results) != 1 || sarif.Runs[0].Results[0].RuleID != "preview" {
			t.Errorf("exit %d, %v: %s", code, err, text)
		}
	})
	t.Run("tests fail", func(t *testing.T) {
		depth.OneOf(t, 3)
		notes := changedTree(t, "reseller/resource/card/shown.rego", `columns contains "notes" if own`, `columns contains "notes"`)
		code, text := gate(t, notes, "--database", database, "--format", "junit")
		var junit struct {
			Failures int `xml:"failures,attr"`
		}
		if err := xml.Unmarshal([]byte(text), &junit); err != nil || code != exitTests || junit.Failures != 2 {
			t.Errorf("exit %d, %v: %s", code, err, text)
		}
	})
	broken := changedTree(t, "reseller/reach/reach.rego", "owner if tenant", "owner if tenants")
	if code, text := gate(t, broken, "--format", "markdown"); code != exitPolicy || !strings.Contains(text, "| check | failed: ") || strings.Contains(text, "| test |") {
		t.Errorf("exit %d: %s", code, text)
	}
	if code, _ := gate(t, "/nowhere"); code != exitUsage {
		t.Errorf("exit %d for a tree that is not there", code)
	}
}

// A gate that could not look does not pass.
func TestTheGateSaysWhatItDidNotProve(t *testing.T) {
	database, _, _, _ := withReseller(t)
	const reach = "reseller/reach/reach.rego"
	renamed := changedTree(t, reach, "owner if tenant\n", "owner if own_tenant\n\nown_tenant if tenant\n")
	day := changedTree(t, reach, "subtree if {\n", "subtree if {\n\tsubject.is_reseller\n\tinput.context.time == \"2031-12-24T00:00:00Z\"\n}\n\nsubtree if {\n")
	entry := customerEntry(t)
	cut := strings.Replace(entry, `{"decision_id"`, `{"truncated":true,"decision_id"`, 1)
	for what, c := range map[string]struct {
		gate policyGateCommand
		code int
		says string
	}{
		"users":               {policyGateCommand{New: renamed, Database: database}, exitOK, "2 users: 0 of them see or may do more, 0 less"},
		"no users":            {policyGateCommand{New: renamed}, exitDecide, "not proved: no user is known"},
		"the same tree":       {policyGateCommand{New: embeddedTree}, exitOK, "nothing differs"},
		"a time":              {policyGateCommand{New: day, Database: database}, exitDecide, "not proved: the rule data.reseller.reach.subtree at reseller/reach/reach.rego:"},
		"a log that reaches":  {policyGateCommand{New: renamed, Log: []string{write(t, "log", entry)}}, exitOK, "and 1 decision reach one of them\n"},
		"a log that does not": {policyGateCommand{New: renamed, Log: []string{write(t, "log", anEntry)}}, exitDecide, "the log proves nothing about them"},
		"a log with a gap":    {policyGateCommand{New: renamed, Log: []string{write(t, "log", entry+cut)}}, exitDecide, "because they are truncated: 1"},
		"a gap and no change": {policyGateCommand{New: embeddedTree, Log: []string{write(t, "log", entry+cut)}}, exitOK, "because they are truncated: 1"},
	} {
		var out bytes.Buffer
		c.gate.Old = embeddedTree
		step := c.gate.preview
		if c.gate.Log != nil {
			step = c.gate.replay
		}
		err := step(t.Context(), terminal{out: &out, err: io.Discard})
		if code := exitCode(err); err != nil && code != c.code || err == nil && c.code != exitOK || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: %v, want exit code %d, without %q:\n%s", what, err, c.code, c.says, out.String())
		}
	}
}

// customerEntry is the log entry of a decision by the embedded policy about a customer.
func customerEntry(t *testing.T) string {
	t.Helper()
	engine, err := fastEngine(t.Context(), embeddedTree)
	if err != nil {
		t.Fatal(err)
	}
	in := &input.Input{Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "customer", ID: "cus_1", Row: map[string]any{"tenant_id": "acc_2", "account_id": "acc_2"}},
		Subject: input.Subject{Type: "user", ID: "usr_1", Facts: input.NewFacts(input.Facts{User: map[string]any{"status": "active"}, Groups: []input.Group{{ID: "grp_1"}},
			Access: map[string][]string{"customer": {"read"}}, Below: func(string) bool { return false },
			Account: input.AccountFacts{ID: "acc_1", TenantID: "acc_1", Kind: "master", Status: "active"}})}}
	d := engine.Evaluate(t.Context(), in)
	text, err := json.Marshal(map[string]any{
		"decision_id": "D2", "path": "reseller/main/decision", "policy_revision": engine.Revision(), "outcome": d.Outcome, "reasons": d.Reasons,
		"input": engine.Document(in), "result": map[string]any{"allow": d.Allow, "reasons": d.Reasons},
	})
	if err != nil || d.Allow {
		t.Fatal(d, err)
	}
	return string(text) + "\n"
}
