package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
)

// policyTree writes the embedded tree to a directory. changes are triples: file, old
// text, new text.
func policyTree(t *testing.T, changes ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../policies")); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(changes); i += 3 {
		path := filepath.Join(dir, changes[i])
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), changes[i+1]) {
			t.Fatalf("%s holds no %q (%v)", changes[i], changes[i+1], err)
		}
		changed := strings.Replace(string(text), changes[i+1], changes[i+2], 1)
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const customerRego = "reseller/resource/customer/customer.rego"

func TestPolicyCheckSaysWhatIsWrongWhereAndWhatToDo(t *testing.T) {
	dir := func(changes ...string) []string { return []string{"policy", "check", policyTree(t, changes...)} }
	for name, c := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"the embedded tree is clean": {[]string{"policy", "check"}, exitOK, []string{"no findings"}},
		"a tree that is not there":   {[]string{"policy", "check", t.TempDir() + "/no"}, exitUsage, []string{"no such directory"}},
		"a tree that does not parse": {dir(customerRego, "not owner_immutable", "not {{ owner_immutable"), exitPolicy, []string{"customer.rego:17", "[syntax]", "correct the syntax", "policy tree refused"}},
		"a misspelt rule":            {dir(customerRego, "not owner_immutable", "not owner_imutable"), exitPolicy, []string{"customer.rego:16: var owner_imutable is unsafe [compile]", "give the variable a value"}},
		"a misspelt fact":            {dir(customerRego, `input.action.name == "update"`, `input.subject.acount.id == "x"`), exitError, []string{"customer.rego:76", "[types]", "correct the name or the type"}},
		"a filter nothing can carry": {dir(customerRego, "	reach.owner", "	reach.owner\n	lower(input.resource.name) == \"x\""), exitPolicy, []string{"customer.rego:29", "[builtin]", "startswith"}},
		"a rule nobody uses":         {dir(customerRego, "owner_immutable if {", "unused if input.action.name == \"x\"\n\nowner_immutable if {"), exitError, []string{"customer.rego:75: nothing uses data.reseller.resource.customer.unused [unreachable]", "remove the rule"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := call(t, nil, c.args)
			for _, want := range c.says {
				if code != c.code || !strings.Contains(stdout+stderr, want) {
					t.Errorf("exit %d, want %d saying %q; stdout:\n%s\nstderr:\n%s", code, c.code, want, stdout, stderr)
				}
			}
		})
	}
}

func TestPolicyCheckSpeaksJSON(t *testing.T) {
	dir := policyTree(t, customerRego, "not owner_immutable", "not owner_imutable")
	code, stdout, _ := call(t, nil, []string{"policy", "check", dir, "--format", "json"})
	var report checked
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != exitPolicy || report.Loads || len(report.Findings) == 0 {
		t.Fatalf("exit %d, %v:\n%s", code, err, stdout)
	}
	f := report.Findings[0]
	if f.File != filepath.Join(dir, customerRego) || f.Line != 16 || f.Hint == "" {
		t.Errorf("%+v", f)
	}
}

func TestPolicyCheckFormatsATree(t *testing.T) {
	dir := policyTree(t, customerRego, "not owner_immutable", "not   owner_immutable")
	if code, stdout, _ := call(t, nil, []string{"policy", "check", dir}); code != exitError || !strings.Contains(stdout, "[opa-fmt]") {
		t.Errorf("exit %d:\n%s", code, stdout)
	}
	if code, stdout, stderr := call(t, nil, []string{"policy", "check", "--fix", dir}); code != exitOK || !strings.Contains(stderr, "formatted") {
		t.Errorf("exit %d:\n%s%s", code, stdout, stderr)
	}
	if code, _, _ := call(t, nil, []string{"policy", "check", "--fix"}); code != exitUsage {
		t.Errorf("the embedded tree was formatted: exit %d", code)
	}
}

func TestPolicyCheckWritesTheSchemas(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "schemas")
	code, stdout, stderr := call(t, nil, []string{"policy", "check", "--schemas", dir})
	if code != exitOK || !strings.Contains(stdout, "opa check --strict --schema "+dir) {
		t.Fatalf("exit %d:\n%s%s", code, stdout, stderr)
	}
	for _, name := range []string{"input/schema.json", "data/schema.json"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !json.Valid(text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A tree that is too slow is reported once. The command does not wait for each of its
// filters, tests or recorded decisions.
func TestATreeThatIsTooSlowIsNotAskedAnyMore(t *testing.T) {
	if testing.Short() {
		t.Skip("asks one question at a time for long: run without -short")
	}
	dir := policyTree(t, "reseller/subject/subject.rego", "known if {",
		"known if {\n\tcount([x | some x in numbers.range(1, 3000); some y in numbers.range(1, 3000); x * y == 7919]) > 1")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for name, c := range map[string]struct {
		args []string
		code int
	}{
		"check":  {[]string{"policy", "check", dir}, exitError},
		"test":   {[]string{"policy", "test", dir}, exitPolicy},
		"replay": {[]string{"policy", "replay", "--log", write(t, "log", anEntry), "--policies", dir}, exitPolicy},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "test" {
				depth.NeedFull(t)
			}
			var out, errs bytes.Buffer
			if code := run(ctx, c.args, nil, &out, &errs); code != c.code || !strings.Contains(out.String()+errs.String(), "takes longer than") {
				t.Errorf("exit %d:\n%s%s", code, out.String(), errs.String())
			}
		})
	}
	if ctx.Err() != nil {
		t.Error("it took more than three minutes")
	}
}
