package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const deployed = "../../deploy/"

// alertRule is an alert or a recorded query of Prometheus.
type alertRule struct {
	Alert, Record, Expr string
	Annotations         map[string]string
}

func alertRules(t *testing.T) (all []alertRule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alertRule } }
	unmarshal(t, deployed+"prometheus/rules.yaml", &file)
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

func unmarshal(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(text, into) // JSON is YAML, too
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestEachAlertHasARunbookAndARuleTest(t *testing.T) {
	t.Parallel()
	var file struct {
		Tests []struct {
			Name  string
			Alert []struct {
				Name  string `yaml:"alertname"`
				Fired []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	unmarshal(t, deployed+"prometheus/rules_test.yaml", &file)
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, one := range file.Tests {
		for _, a := range one.Alert {
			if len(a.Fired) > 0 {
				fires[a.Name] = true
			} else {
				rests[a.Name] = true
			}
		}
	}
	text, err := os.ReadFile(deployed + "RUNBOOKS.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		sections[name] = body
	}
	for _, r := range alertRules(t) {
		if r.Alert == "" {
			continue
		}
		if !fires[r.Alert] || !rests[r.Alert] {
			t.Errorf("%s: rules_test.yaml does not try that it fires and that it does not", r.Alert)
		}
		if want := "deploy/RUNBOOKS.md#" + strings.ToLower(r.Alert); r.Annotations["runbook"] != want {
			t.Errorf("%s: its runbook is not %s", r.Alert, want)
		}
		for _, part := range []string{"**Means**", "**Users see**", "**Look at**", "**Do**"} {
			if !strings.Contains(strings.ReplaceAll(sections[r.Alert], "**do**", "**Do**"), part) {
				t.Errorf("%s: its runbook has no %s", r.Alert, part)
			}
		}
		delete(sections, r.Alert)
	}
	delete(sections, "Other error lines")
	for name := range sections {
		t.Errorf("the runbook %s is for no alert", name)
	}
}

var (
	quotedText = regexp.MustCompile(`"[^"]*"`)
	selection  = regexp.MustCompile(`((?:resellerd|go|process)[_:][a-z0-9_:]+)(?:\{([^}]*)\})?`)
	matching   = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	grouping   = regexp.MustCompile(`\b(?:by|on)\s*\(([^)]*)\)`)
	legendName = regexp.MustCompile(`\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}`)
	named      = regexp.MustCompile("`[^`]*`")
)

// shownQuery is a query of a panel or an alert, with the labels that its text names.
type shownQuery struct{ at, expr, text string }

func shownQueries(t *testing.T) (all []shownQuery) {
	t.Helper()
	for _, r := range alertRules(t) {
		all = append(all, shownQuery{r.Alert + r.Record, r.Expr, r.Annotations["summary"]})
	}
	paths, err := filepath.Glob(deployed + "grafana/*.json")
	if err != nil || len(paths) != 3 {
		t.Fatalf("dashboards: %v %v", paths, err)
	}
	for _, path := range paths {
		var board struct {
			Panels []struct {
				Title   string
				Targets []struct {
					Expr   string
					Legend string `json:"legendFormat"`
				}
			}
		}
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, &board)
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, p := range board.Panels {
			for _, q := range p.Targets {
				all = append(all, shownQuery{filepath.Base(path) + ": " + p.Title, q.Expr, q.Legend})
			}
		}
	}
	return all
}

// Each metric and label that a panel, an alert or a runbook names is one that the
// server has.
func TestDashboardsAndAlertsNameMetricsThatExist(t *testing.T) {
	t.Parallel()
	known := exposed(t)
	for _, r := range alertRules(t) {
		if r.Record != "" {
			known[r.Record] = nil
		}
	}
	used := map[string]bool{}
	for _, q := range shownQueries(t) {
		labels := []string{"instance", "job"}
		if strings.Contains(q.expr, "resellerd:") && strings.Contains(q.text, "label") {
			t.Errorf("%s: recorded queries have no labels", q.at)
		}
		bare := quotedText.ReplaceAllString(q.expr, `""`)
		found := selection.FindAllStringSubmatch(bare, -1)
		if len(found) == 0 && q.at != "ResellerdDown" {
			t.Errorf("%s: it reads no metric", q.at)
		}
		for _, m := range found {
			has, ok := known[m[1]]
			if !ok {
				t.Errorf("%s: there is no metric %s", q.at, m[1])
			}
			used[m[1]] = true
			labels = append(labels, has...)
			for _, l := range matching.FindAllStringSubmatch(m[2], -1) {
				if l[1] != "job" && !slices.Contains(has, l[1]) {
					t.Errorf("%s: %s has no label %s", q.at, m[1], l[1])
				}
			}
		}
		var names []string
		for _, g := range grouping.FindAllStringSubmatch(bare, -1) {
			names = append(names, strings.Split(g[1], ",")...)
		}
		for _, l := range legendName.FindAllStringSubmatch(q.text, -1) {
			names = append(names, l[1])
		}
		for _, name := range names {
			if !slices.Contains(labels, strings.TrimSpace(name)) {
				t.Errorf("%s: its metrics have no label %s", q.at, name)
			}
		}
	}
	text, err := os.ReadFile(deployed + "RUNBOOKS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range named.FindAllString(string(text), -1) {
		for _, m := range selection.FindAllStringSubmatch(quotedText.ReplaceAllString(code, `""`), -1) {
			if _, ok := known[m[1]]; !ok {
				t.Errorf("the runbooks name %s, which is no metric", m[1])
			}
		}
	}
	if len(used) < 30 {
		t.Errorf("only %d metrics are read: are the queries recognised?", len(used))
	}
}

// exposed returns the series that the server can show, with their labels.
func exposed(t *testing.T) map[string][]string {
	t.Helper()
	series := map[string][]string{}
	for _, m := range described(t) {
		series[m.name] = m.labels
		if m.typ == "histogram" {
			series[m.name+"_bucket"] = append([]string{"le"}, m.labels...)
		}
		if m.typ == "histogram" || m.typ == "summary" {
			series[m.name+"_count"], series[m.name+"_sum"] = m.labels, m.labels
		}
	}
	return series
}
