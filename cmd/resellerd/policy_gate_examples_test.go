//go:build unix

package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"resellerd/policies/policiestest/depth"
)

// The scripts of the examples run as they stand, in a repository of a policy tree.
func TestExamplesOfTheGateRun(t *testing.T) {
	database, _, _, _ := withReseller(t)
	var github struct {
		Jobs struct {
			Gate struct{ Steps []struct{ Run string } }
		}
	}
	unmarshal(t, "../../deploy/gate/github.yaml", &github)
	var gitlab struct {
		Policy struct {
			Script      []string
			AfterScript []string `yaml:"after_script"`
			Allow       struct {
				Codes []int `yaml:"exit_codes"`
			} `yaml:"allow_failure"`
		}
	}
	unmarshal(t, "../../deploy/gate/gitlab.yaml", &gitlab)
	if len(github.Jobs.Gate.Steps) != 3 || len(gitlab.Policy.Script) != 2 || len(gitlab.Policy.Allow.Codes) != 1 || gitlab.Policy.Allow.Codes[0] != exitDecide {
		t.Fatalf("%+v, %+v", github, gitlab)
	}
	onGitHub, onGitLab := github.Jobs.Gate.Steps[1].Run, strings.Join(gitlab.Policy.Script, "\n")
	for name, c := range map[string]struct {
		script, after      string
		file, was, becomes string
		code               int
		report, says       string
	}{
		"GitHub, a leak": {onGitHub, "", "data.json", `"action": {}`, `"action": {"refund": {"access": "read"}}`, exitDecide,
			"summary.md", "| preview | a person has to decide |"},
		"GitHub, a tree that is refused": {onGitHub, "", "reseller/reach/reach.rego", "owner if tenant", "owner if tenants", exitPolicy,
			"summary.md", "| check | failed: "},
		"GitLab, no difference": {onGitLab, gitlab.Policy.AfterScript[0], "reseller/reach/reach.rego", "", "", exitOK,
			"tree/gate.xml", `name="preview"`},
		"GitLab, a tree that is refused": {onGitLab, gitlab.Policy.AfterScript[0], "reseller/reach/reach.rego", "owner if tenant", "owner if tenants", exitPolicy,
			"tree/gate.xml", `failures="1"`},
	} {
		t.Run(name, func(t *testing.T) {
			if c.code != exitPolicy {
				depth.NeedFull(t)
			}
			dir := repository(t, c.file, c.was, c.becomes)
			script := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", c.script)
			script.Dir = filepath.Join(dir, "tree")
			script.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "RESELLERD_DATABASE="+database,
				"BASE=main", "RUNNER_TEMP="+dir, "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary.md"),
				"CI_BUILDS_DIR="+dir, "CI_JOB_ID=1", "CI_MERGE_REQUEST_DIFF_BASE_SHA=main")
			out, err := script.CombinedOutput()
			if code := statusOf(err); code != c.code {
				t.Fatalf("exit %d, want %d: %v\n%s", code, c.code, err, out)
			}
			report, err := os.ReadFile(filepath.Join(dir, c.report))
			if err != nil || !strings.Contains(string(report), c.says) {
				t.Errorf("no %q, %v:\n%s", c.says, err, report)
			}
			if strings.HasSuffix(c.report, ".xml") && xml.Unmarshal(report, &struct{ XMLName xml.Name }{}) != nil {
				t.Errorf("no XML: %s", report)
			}
			sarif, err := os.ReadFile(filepath.Join(dir, "tree/gate.sarif"))
			if strings.HasSuffix(c.report, ".md") && (err != nil || !json.Valid(sarif)) {
				t.Errorf("no findings, %v: %s", err, sarif)
			}
			uri := "policies"
			if c.code == exitPolicy {
				uri = "policies/reseller/reach/reach.rego"
			}
			if strings.HasSuffix(c.report, ".md") && !strings.Contains(string(sarif), `"uri": "`+uri+`"`) {
				t.Errorf("no finding at %s: %s", uri, sarif)
			}
			if c.after != "" {
				end := exec.CommandContext(t.Context(), "bash", "-e", "-c", c.after)
				end.Dir, end.Env = script.Dir, script.Env
				if out, err := end.CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			}
		})
	}
}

func statusOf(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return exitOK
}

// repository makes a Git repository "tree" with the embedded policies on the branch main,
// and a branch with a change. Beside it, bin has the program.
func repository(t *testing.T, file, was, becomes string) string {
	t.Helper()
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", tree, "-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := "#!/bin/sh\n" + processArgs + `="$(printf '%s\n' "$@")" exec '` + self + "' -test.run '^TestProcess$'\n"
	if err := errors.Join(os.CopyFS(filepath.Join(tree, "policies"), os.DirFS(embeddedTree)), os.Mkdir(filepath.Join(dir, "bin"), 0o750),
		os.WriteFile(filepath.Join(dir, "bin", "resellerd"), []byte(program), 0o700)); err != nil {
		t.Fatal(err)
	}
	git("init", "-q", "-b", "main")
	git("add", ".")
	git("commit", "-qm", "The policy in force")
	git("checkout", "-qb", "change")
	path := filepath.Join(tree, "policies", file)
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), was) {
		t.Fatalf("%s holds no %q: %v", file, was, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), was, becomes, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	git("commit", "-qam", "A change", "--allow-empty")
	return dir
}
