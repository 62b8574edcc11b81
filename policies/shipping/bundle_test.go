package shipping

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/bundle"
)

func TestABundleFileIsFollowed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.tar.gz")
	write(t, file, string(made{rego: policy("one"), revision: "1", data: map[string]any{"limits": map[string]any{"max_depth": 3}}}.bytes(t)))
	k := keep(t)
	k.follow(t, at(t, file, Key{}))
	if err := k.next(t); err != nil {
		t.Fatal(err)
	}
	if e := k.Engines.Current(); e.Limits().MaxDepth != 3 || e.Source() != "bundle" {
		t.Fatalf("depth %d, source %s", e.Limits().MaxDepth, e.Source())
	}
	next := file + ".next"
	write(t, next, string(made{rego: policy("two"), revision: "2"}.bytes(t)))
	rename(t, next, file)
	if err := k.next(t); err != nil || k.reason(t) != "two" {
		t.Fatalf("in force: %q, %v", k.reason(t), err)
	}
}

func TestTheSameTreeHasTheSameRevisionHoweverItArrives(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "reseller/main.rego"), policy("one"))
	file := filepath.Join(t.TempDir(), "policy.tar.gz")
	write(t, file, string(made{rego: policy("one")}.bytes(t)))
	a, b := keep(t), keep(t)
	if err := offer(t, a, at(t, dir, Key{})); err != nil {
		t.Fatal(err)
	}
	if err := offer(t, b, at(t, file, Key{})); err != nil {
		t.Fatal(err)
	}
	if x, y := a.Engines.Current().Revision(), b.Engines.Current().Revision(); x != y {
		t.Fatalf("directory %s, bundle %s", x, y)
	}
}

func TestWithAKeyOnlyABundleSignedByItIsPutInForce(t *testing.T) {
	good, other := newPair(t), newPair(t)
	extra := bundle.ModuleFile{
		URL: "/reseller/more.rego", Path: "/reseller/more.rego",
		Raw: []byte("package reseller.main\n\nallow if input.action.name == \"delete\"\n"),
	}
	for name, c := range map[string]struct {
		bundle made
		key    string
		want   string // of the refusal; "" for none
	}{
		"signed":             {made{key: good.private}, good.publicFile, ""},
		"signed by another":  {made{key: other.private}, good.publicFile, "failed to verify JWT signature"},
		"not signed":         {made{}, good.publicFile, ".signatures.json"},
		"no key to look at":  {made{key: other.private}, "", ""},
		"with a file more":   {made{key: good.private, tamper: func(b *bundle.Bundle) { b.Modules = append(b.Modules, extra) }}, good.publicFile, "not included in bundle signature"},
		"with a file less":   {made{key: good.private, tamper: func(b *bundle.Bundle) { b.Modules = nil }}, good.publicFile, "not found in the target bundle"},
		"with a file edited": {made{key: good.private, tamper: func(b *bundle.Bundle) { b.Modules[0].Raw = []byte(policy("two")) }}, good.publicFile, "digest mismatch"},
		"with other data":    {made{key: good.private, tamper: func(b *bundle.Bundle) { b.Data = map[string]any{"limits": map[string]any{"max_depth": 9}} }}, good.publicFile, "digest mismatch"},
		"with its revision raised": {made{key: good.private, revision: "1", tamper: func(b *bundle.Bundle) { b.Manifest.Revision = "2" }},
			good.publicFile, "digest mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			c.bundle.rego = policy("one")
			file := filepath.Join(t.TempDir(), "policy.tar.gz")
			write(t, file, string(c.bundle.bytes(t)))
			k := keep(t)
			err := offer(t, k, at(t, file, Key{File: c.key}))
			switch {
			case c.want == "" && (err != nil || k.reason(t) != "one"):
				t.Fatalf("offer: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || k.Engines.Current() != nil):
				t.Fatalf("offer: %v; want %q", err, c.want)
			}
		})
	}
}

func TestAnOlderRevisionIsRefusedWhereRevisionsHaveAnOrder(t *testing.T) {
	for name, c := range map[string]struct {
		first, second string
		refused       bool
	}{
		"number, older":         {"10", "9", true},
		"number, newer":         {"9", "10", false},
		"number, same":          {"10", "10", false},
		"number, long":          {"18446744073709551617", "18446744073709551616", true},
		"number, zeros":         {"0010", "9", true},
		"version, older":        {"v1.10.0", "v1.9.3", true},
		"version, newer":        {"1.9.3", "1.10.0", false},
		"version, pre-release":  {"1.0.0", "1.0.0-rc.1", true},
		"time, older":           {"2026-11-24T10:00:00Z", "2026-11-24T10:30:00+01:00", true},
		"time, newer":           {"2026-11-24T10:00:00Z", "2026-11-24T10:00:01Z", false},
		"commit":                {"f00dfeed", "0badcafe", false},
		"none":                  {"7", "", false},
		"number, then a commit": {"7", "f00dfeed", false},
	} {
		t.Run(name, func(t *testing.T) {
			k := keep(t)
			for i, revision := range []string{c.first, c.second} {
				a, err := unpack(made{rego: policy([]string{"one", "two"}[i]), revision: revision}.bytes(t), nil)
				if err != nil {
					t.Fatal(err)
				}
				if err := k.Offer(t.Context(), a); (err != nil) != (i == 1 && c.refused) {
					t.Fatalf("offer %s: %v", revision, err)
				}
			}
			if want := map[bool]string{true: "one", false: "two"}[c.refused]; k.reason(t) != want {
				t.Fatalf("in force: %q", k.reason(t))
			}
		})
	}
}

func TestNothingOfABundleIsLeftOutQuietly(t *testing.T) {
	for _, name := range []string{"/.hidden/deny.rego", "/reseller/testdata/deny.rego", "/schemas/deny.rego"} {
		t.Run(name, func(t *testing.T) {
			deny := bundle.ModuleFile{URL: name, Path: name, Raw: []byte("package reseller.main\n\nx := 1\n")}
			content := made{rego: policy("one"), tamper: func(b *bundle.Bundle) { b.Modules = append(b.Modules, deny) }}.bytes(t)
			if _, err := unpack(content, nil); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(name, "/")) {
				t.Fatalf("unpack: %v", err)
			}
		})
	}
}

func TestABundleCutShortIsRefused(t *testing.T) {
	content := made{rego: policy("one")}.bytes(t)
	for n := range content {
		if _, err := unpack(content[:n], nil); err == nil {
			t.Fatalf("%d of %d bytes were taken for a bundle", n, len(content))
		}
	}
}

func TestABundleOfChangesIsRefused(t *testing.T) {
	content := made{tamper: func(b *bundle.Bundle) {
		b.Modules, b.Data = nil, nil
		b.Patch = bundle.Patch{Data: []bundle.PatchOperation{{Op: "upsert", Path: "/limits", Value: map[string]any{}}}}
	}}.bytes(t)
	if _, err := unpack(content, nil); err == nil {
		t.Fatal("a change was taken for a policy")
	}
}

func TestAKeyThatCannotVerifyIsNoticedAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.tar.gz")
	write(t, file, "")
	good := newPair(t)
	text := filepath.Join(t.TempDir(), "key.txt")
	write(t, text, "no key")
	private := filepath.Join(t.TempDir(), "private.pem")
	write(t, private, good.private)
	for name, key := range map[string]Key{
		"not there": {File: text + "x"}, "no PEM": {File: text}, "a private key": {File: private},
		"a shared secret's algorithm": {File: good.publicFile, Algorithm: "HS256"}, "no algorithm": {File: good.publicFile, Algorithm: "none"},
	} {
		if _, err := At(file, key); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := At(t.TempDir(), Key{File: good.publicFile}); err == nil {
		t.Error("a directory was taken for something signed")
	}
	if _, err := At(filepath.Join(t.TempDir(), "none"), Key{}); !os.IsNotExist(err) && err == nil {
		t.Error("nothing was taken for a place")
	}
}
