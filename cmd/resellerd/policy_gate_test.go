package main

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
)

const embeddedTree = "../../policies"

func TestTheGateGivesOneReportAndOneExitCode(t *testing.T) {
	database, _, _, _ := withReseller(t)
	gate := func(args ...string) (int, string) {
		code, stdout, stderr := call(t, nil, append([]string{"policy", "gate", embeddedTree}, args...))
		t.Log(stderr)
		return code, stdout
	}
	code, text := gate(embeddedTree, "--database", database)
	for _, want := range []string{"== check: passed", "== test: passed", "== mutation: passed", "== preview: passed", "nothing differs"} {
		if code != exitOK || !strings.Contains(text, want) {
			t.Errorf("exit %d, without %q:\n%s", code, want, text)
		}
	}
	refund := changedTree(t, "data.json", `"action": {}`, `"action": {"refund": {"access": "read"}}`)
	code, text = gate(refund, "--database", database, "--format", "sarif")
	var sarif struct {
		Runs []struct {
			Results []struct{ RuleID string } `json:"results"`
		} `json:"runs"`
	}
	if err := json.Unmarshal([]byte(text), &sarif); err != nil || code != exitDecide || len(sarif.Runs) != 1 || len(sarif.Runs[0].Results) != 1 || sarif.Runs[0].Results[0].RuleID != "preview" {
		t.Errorf("exit %d, %v: %s", code, err, text)
	}
	notes := changedTree(t, "reseller/resource/card/shown.rego", `columns contains "notes" if own`, `columns contains "notes"`)
	code, text = gate(notes, "--format", "junit")
	var junit struct {
		Failures int `xml:"failures,attr"`
	}
	if err := xml.Unmarshal([]byte(text), &junit); err != nil || code != exitTests || junit.Failures != 1 {
		t.Errorf("exit %d, %v: %s", code, err, text)
	}
	broken := changedTree(t, "reseller/reach/reach.rego", "owner if tenant", "owner if tenants")
	if code, text = gate(broken, "--format", "markdown"); code != exitPolicy || !strings.Contains(text, "| check | failed: ") || strings.Contains(text, "| test |") {
		t.Errorf("exit %d: %s", code, text)
	}
	if code, _ := gate("/nowhere"); code != exitUsage {
		t.Errorf("exit %d for a tree that is not there", code)
	}
}
