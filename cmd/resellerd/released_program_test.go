package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"resellerd/cmd/resellerd/demo"
)

// program gives the answers: the code of the working tree in this process, or a
// released binary.
type program struct{ binary string }

// call runs a command to its end.
func (p program) call(t *testing.T, environ, args []string) (code int, stdout, stderr string) {
	t.Helper()
	if p.binary == "" {
		return call(t, environ, args)
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), p.binary, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append([]string{}, environ...), &out, &errs
	var ended *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// serve starts the sidecar. It ends with the test.
func (p program) serve(t *testing.T, environ []string, args ...string) *running {
	t.Helper()
	if p.binary == "" {
		return serve(t, environ, args...)
	}
	r := &running{stdout: newOutput(), stderr: newOutput()}
	cmd := exec.Command(p.binary, append([]string{"serve", "--listen", "127.0.0.1:0", "--policy-timeout", "10s"}, args...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append([]string{}, environ...), r.stdout, r.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.stop = func() int {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		_ = cmd.Wait()
		return cmd.ProcessState.ExitCode()
	}
	t.Cleanup(func() { r.stop() })
	late := time.After(time.Minute)
	for r.addr == "" {
		select {
		case <-late:
			t.Fatalf("not ready:\n%s", r.stderr)
		case <-r.stderr.line:
			r.addr = readyAddr(r.stderr.String())
		}
	}
	return r
}

// seed creates the demo's store in dir and returns its URL.
func (p program) seed(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "demo.db")
	if p.binary == "" {
		st, _, err := demo.Open(t.Context(), dir)
		if err == nil {
			err = st.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return "sqlite:" + file
	}
	r := p.serve(t, []string{"TMPDIR=" + dir}, "--demo")
	tour := waitForTour(t, r)
	source := filepath.Dir(regexp.MustCompile(`decisions  (\S+)`).FindStringSubmatch(tour)[1])
	for _, end := range []string{"", "-wal"} {
		content, err := os.ReadFile(filepath.Join(source, "demo.db"+end))
		if err == nil {
			err = os.WriteFile(file+end, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r.stop()
	return "sqlite:" + file
}

// releasedTokens are the panel tokens of a served corpus, by the names that cases
// use.
var releasedTokens = map[string]string{
	"panel":   "panel-token-of-the-corpus",
	"reading": "reading-token-of-the-corpus",
	"asking":  "asking-token-of-the-corpus",
	"foreign": "foreign-token-of-the-corpus",
	"wrong":   "no-token-at-all",
}

const demoTenant = "acc_tcwxq4qolpemjf7wmaztfstwah"

// house is a server over a demo store, with everything that a case may need.
type house struct {
	program
	*running
	dir, database, log string
	key                ed25519.PrivateKey
}

// open starts a server over a fresh demo store.
func (p program) open(t *testing.T) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{program: p, dir: dir, log: filepath.Join(dir, "decisions.jsonl"), database: p.seed(t, dir)}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.key = private
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tokens := file("tokens", fmt.Sprintf("%s:%s\n%s:%s data\n%s:%s decide\nacc_aaaaaaaaaaaaaaaaaaaaaaaaaa:%s\n",
		demoTenant, releasedTokens["panel"], demoTenant, releasedTokens["reading"],
		demoTenant, releasedTokens["asking"], releasedTokens["foreign"]))
	keys := file("keys.json", keySetOf(public))
	h.running = p.serve(t, nil, "--database", h.database, "--panel-token-file", tokens, "--decision-log", h.log,
		"--jwks", keys, "--jwt-issuer", "https://id.halyard.example", "--jwt-audience", "resellerd")
	return h
}

// keySetOf returns the key set of an identity provider with one key.
func keySetOf(public ed25519.PublicKey) string {
	return fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"1","x":%q}]}`,
		base64.RawURLEncoding.EncodeToString(public))
}

// jwt returns a token of the user, as the panel's identity provider would make it.
func (h *house) jwt(t *testing.T, user string) string {
	t.Helper()
	return jwtOf(t, h.key, user)
}

func jwtOf(t *testing.T, key ed25519.PrivateKey, user string) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{
		"sub": user, "iss": "https://id.halyard.example", "aud": "resellerd", "exp": time.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","kid":"1"}`)) + "." +
		base64.RawURLEncoding.EncodeToString(claims)
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(signed)))
}
