package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"resellerd/policies/policiestest/depth"
)

// leak is a change of the embedded policy that shows or allows too much. Shown says which
// commands tell of it before it is in force, and what they say.
type leak struct {
	File      string            `yaml:"file"`
	InsteadOf string            `yaml:"instead_of"`
	Write     string            `yaml:"write"`
	Test      string            `yaml:"test"` // a Rego test in the folder of the file
	At        string            `yaml:"at"`
	Shown     map[string]string `yaml:"shown"` // command -> regular expression
}

const leaks = "../../policies/testdata/leaks"

func TestEveryLeakIsShownBeforeItIsInForce(t *testing.T) {
	database, _, _, _ := withReseller(t)
	files, err := filepath.Glob(filepath.Join(leaks, "*.yaml"))
	if err != nil || len(files) < 14 {
		t.Fatalf("%d leaks: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			depth.OneOf(t, 5)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var l leak
			if err := yaml.Unmarshal(text, &l); err != nil || len(l.Shown) == 0 {
				t.Fatalf("%+v: %v", l, err)
			}
			dir := l.tree(t)
			for _, command := range slices.Sorted(maps.Keys(l.Shown)) {
				code, stdout, stderr := call(t, nil, l.args(t, command, dir, database))
				if !regexp.MustCompile(l.Shown[command]).MatchString(stdout) {
					t.Errorf("%s does not say %q: exit %d\n%s%s", command, l.Shown[command], code, stdout, stderr)
				}
				if quiet := command == "preview" && l.At == "" && strings.HasPrefix(l.Shown[command], "rule "); code == exitOK && !quiet {
					t.Errorf("%s ends with exit code 0", command)
				}
			}
		})
	}
}

func (l *leak) tree(t *testing.T) string {
	t.Helper()
	if source, err := os.ReadFile(filepath.Join("..", "..", "policies", l.File)); err != nil || strings.Count(string(source), l.InsteadOf) != 1 {
		t.Fatalf("%s has not exactly one %q: %v", l.File, l.InsteadOf, err)
	}
	dir := changedTree(t, l.File, l.InsteadOf, l.Write)
	if l.Test == "" {
		return dir
	}
	tests, err := filepath.Glob(filepath.Join(dir, filepath.Dir(l.File), "*_test.rego"))
	if err != nil || len(tests) == 0 {
		t.Fatalf("%s has no tests: %v", l.File, err)
	}
	text, err := os.ReadFile(tests[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tests[0], append(text, "\n"+l.Test...), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (l *leak) args(t *testing.T, command, dir, database string) []string {
	t.Helper()
	switch command {
	case "check":
		return []string{"policy", "check", dir}
	case "test":
		return []string{"policy", "test", dir}
	case "preview":
		args := []string{"preview", "--all-users", "--database", database, "--policies", dir}
		if l.At != "" {
			args = append(args, "--at", l.At)
		}
		return args
	}
	t.Fatalf("no such command: %s", command)
	return nil
}
