package shipping

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/bundle"

	"resellerd/policies"
	"resellerd/policies/input"
)

// policy returns a whole tree in one module. Every denial has the given
// reason, which identifies the tree in the tests.
func policy(reason string) string {
	return fmt.Sprintf(`package reseller.main

default allow := false

allow if input.action.name == "read"

decision := {"allow": allow, "reasons": reasons}

reasons contains %q if not allow
`, reason)
}

const broken = "package reseller.main\n\nallow if nobody.said.so\n"

// keeping is a keeper in a test, with the results of its attempts and its log.
type keeping struct {
	*Keeper
	told chan error
	log  *bytes.Buffer // read it only when nothing is running
}

func keep(t *testing.T) keeping {
	t.Helper()
	k := keeping{told: make(chan error, 64), log: &bytes.Buffer{}}
	k.Keeper = &Keeper{
		Engines: &policies.Holder{}, Kept: Kept{Dir: t.TempDir()}, Logger: slog.New(slog.NewJSONHandler(k.log, nil)),
		Done: func(err error) { k.told <- err },
	}
	return k
}

// next returns the result of the next attempt.
func (k keeping) next(t *testing.T) error {
	t.Helper()
	select {
	case err := <-k.told:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the keeper was told nothing")
		return nil
	}
}

// nothing fails the test if there was another attempt.
func (k keeping) nothing(t *testing.T) {
	t.Helper()
	select {
	case err := <-k.told:
		t.Fatalf("the keeper was told %v", err)
	default:
	}
}

// reason returns the reason that the policy in force gives for denials.
func (k keeping) reason(t *testing.T) string {
	t.Helper()
	e := k.Engines.Current()
	if e == nil {
		return ""
	}
	d := e.Evaluate(t.Context(), &input.Input{
		Subject: input.Subject{Type: "user", ID: "u"}, Action: input.Action{Name: "delete"},
		Resource: input.Resource{Type: "invoice", ID: "1"},
	})
	if d.Err != nil || len(d.Reasons) != 1 {
		t.Fatalf("decision: %+v", d)
	}
	return d.Reasons[0]
}

// follow follows a place until the test ends, with a poll interval too long to
// matter.
func (k keeping) follow(t *testing.T, p Place) {
	t.Helper()
	k.followEvery(t, p, time.Hour)
}

func (k keeping) followEvery(t *testing.T, p Place, poll time.Duration) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Follow(ctx, k.Keeper, p, poll)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

// at returns a place whose files count as written at once.
func at(t *testing.T, path string, key Key) Place {
	t.Helper()
	p, err := At(path, key)
	if err != nil {
		t.Fatal(err)
	}
	switch p := p.(type) {
	case *directory:
		p.settle = func(ctx context.Context) error { return ctx.Err() }
	case *bundleFile:
		p.settle = func(ctx context.Context) error { return ctx.Err() }
	}
	return p
}

// pair is a key pair. The public key is in a file.
type pair struct{ private, publicFile string }

func newPair(t *testing.T) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	p := pair{
		private:    string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})),
		publicFile: filepath.Join(t.TempDir(), "key.pem"),
	}
	write(t, p.publicFile, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
	return p
}

// made describes a bundle for a test.
type made struct {
	rego, revision string
	data           map[string]any
	key            string // signs the bundle
	tamper         func(*bundle.Bundle)
}

// bytes makes the bundle.
func (m made) bytes(t *testing.T) []byte {
	t.Helper()
	roots := []string{""}
	b := bundle.Bundle{
		Manifest: bundle.Manifest{Revision: m.revision, Roots: &roots},
		Modules:  []bundle.ModuleFile{{URL: "/reseller/main.rego", Path: "/reseller/main.rego", Raw: []byte(m.rego)}},
		Data:     m.data,
	}
	if b.Data == nil {
		b.Data = map[string]any{}
	}
	if m.key != "" {
		b.Modules[0].Parsed = nil
		if err := b.GenerateSignature(bundle.NewSigningConfig(m.key, "ES256", ""), "policy", false); err != nil {
			t.Fatal(err)
		}
	}
	if m.tamper != nil {
		m.tamper(&b)
	}
	var out bytes.Buffer
	if err := bundle.NewWriter(&out).DisableFormat(true).Write(b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// logged returns the entries of the keeper's log with this message.
func (k keeping) logged(t *testing.T, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range bytes.Lines(k.log.Bytes()) {
		var entry map[string]any
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Fatal(err)
		}
		if entry["msg"] == message {
			found = append(found, entry)
		}
	}
	return found
}
