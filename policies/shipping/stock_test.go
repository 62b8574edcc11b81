package shipping

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/compile"

	"resellerd/policies"
)

// stockBuild makes a bundle of a folder as `opa build --bundle` does with its defaults:
// with `--signing-key` if there is a key.
func stockBuild(t *testing.T, dir, key string) []byte {
	t.Helper()
	var out bytes.Buffer
	build := compile.New().WithCapabilities(ast.CapabilitiesForThisVersion()).WithTarget("rego").WithAsBundle(true).WithOutput(&out).
		WithRegoAnnotationEntrypoints(true).WithPaths(dir).WithRegoVersion(ast.RegoV1).WithRevision("2026.12.1")
	if key != "" {
		build = build.WithBundleSigningConfig(bundle.NewSigningConfig(key, "ES256", "")).WithBundleVerificationKeyID("default")
	}
	if err := build.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// stockSign adds the signature that `opa sign --bundle` writes: without the name of a key.
func stockSign(t *testing.T, content []byte, key string) []byte {
	t.Helper()
	b, err := bundle.NewCustomReader(bundle.NewTarballLoaderWithBaseURL(bytes.NewReader(content), "")).WithSkipBundleVerification(true).Read()
	if err == nil {
		err = b.GenerateSignature(bundle.NewSigningConfig(key, "ES256", ""), "", false)
	}
	var out bytes.Buffer
	if err == nil {
		err = bundle.NewWriter(&out).DisableFormat(true).Write(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The embedded tree as a bundle of stock OPA is the embedded tree. A key verifies it,
// whatever key its signature names, or none.
func TestBundlesOfStockOPAAreTaken(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, policies.Embedded()); err != nil {
		t.Fatal(err)
	}
	key, other := newPair(t), newPair(t)
	plain := stockBuild(t, dir, "")
	for name, c := range map[string]struct {
		content []byte
		key     Key
		taken   bool
	}{
		"built":                         {plain, Key{}, true},
		"built and not signed":          {plain, Key{File: key.publicFile}, false},
		"built with a key":              {stockBuild(t, dir, key.private), Key{File: key.publicFile}, true},
		"built with a key, not checked": {stockBuild(t, dir, key.private), Key{}, true},
		"signed afterwards":             {stockSign(t, plain, key.private), Key{File: key.publicFile}, true},
		"signed with another key":       {stockSign(t, plain, other.private), Key{File: key.publicFile}, false},
	} {
		path := filepath.Join(t.TempDir(), "policy.tar.gz")
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := at(t, path, c.key).Read(t.Context())
		if (err == nil) != c.taken {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !c.taken {
			continue
		}
		var files []string
		err = fs.WalkDir(got.Tree, ".", func(path string, _ fs.DirEntry, err error) error {
			files = append(files, path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"reseller/main/main.rego", "reseller/resource/card/card.rego", "system/log/log.rego", "data.json"} {
			if !slices.ContainsFunc(files, func(path string) bool { return strings.HasSuffix(path, file) }) {
				t.Errorf("%s: no %s in %v", name, file, files)
			}
		}
	}
}
