package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/store"
)

const smallPolicy = `package reseller.main

default allow := false

allow if input.action.name == %q

decision := {"allow": allow, "reasons": set()}
`

// logged waits for the n-th line of the process's log with this message.
func (r *running) logged(t *testing.T, message string, n int) map[string]any {
	t.Helper()
	late := time.After(time.Minute)
	for {
		seen := 0
		for line := range strings.Lines(r.stderr.String()) {
			var entry map[string]any
			if json.Unmarshal([]byte(line), &entry) == nil && entry["msg"] == message {
				if seen++; seen == n {
					return entry
				}
			}
		}
		select {
		case <-late:
			t.Fatalf("no %q:\n%s", message, r.stderr)
		case <-r.stderr.line:
		}
	}
}

// decided asks whether the user may do the action, and returns the revision that
// decided it.
func (r *running) decided(t *testing.T, action string) (status int, decision, revision string) {
	t.Helper()
	return r.decidedAs(t, "u", action)
}

func (r *running) decidedAs(t *testing.T, user, action string) (status int, decision, revision string) {
	t.Helper()
	body := fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":%q},"resource":{"type":"invoice","id":"1"}}`, user, action)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.addr+"/access/v1/evaluation", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer secret")
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header.Get("Resellerd-Policy")
}

func replace(t *testing.T, path, content string) {
	t.Helper()
	next := filepath.Join(t.TempDir(), "next")
	if err := os.WriteFile(next, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

// newDatabase returns the database of a new carrier.
func newDatabase(t *testing.T) string {
	database, _ := founding(t)
	return database
}

func TestAPolicyIsChangedWhileServing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "main.rego")
	replace(t, file, fmt.Sprintf(smallPolicy, "read"))
	r := serve(t, []string{"RESELLERD_PANEL_TOKENS=secret"}, "--database", newDatabase(t), "--policies", dir, "--decision-log", "none")
	_, decision, first := r.decided(t, "read")
	if decision != `{"decision":true}` {
		t.Fatalf("decided %s", decision)
	}
	replace(t, file, "package reseller.main\n\nallow if nobody.said.so\n")
	refused := r.logged(t, "policy refused; the one in force stays", 1)
	if !strings.Contains(fmt.Sprint(refused["findings"]), "main.rego:3: ") {
		t.Errorf("findings: %v", refused["findings"])
	}
	if _, decision, revision := r.decided(t, "read"); decision != `{"decision":true}` || revision != first {
		t.Errorf("after a refusal: %s by %s, want %s", decision, revision, first)
	}
	if status, _ := get(t, "http://"+r.addr+"/readyz"); status != http.StatusOK {
		t.Errorf("not ready with the last good policy: %d", status)
	}
	replace(t, file, fmt.Sprintf(smallPolicy, "delete"))
	second := r.logged(t, "policy in force", 1)["revision"]
	if _, decision, revision := r.decided(t, "delete"); decision != `{"decision":true}` || revision != second || revision == first {
		t.Errorf("after the change: %s by %s, want by %s", decision, revision, second)
	}
	_, metrics := get(t, "http://"+r.addr+"/metrics")
	for _, want := range []string{
		`resellerd_policy_reloads_total{result="success"} 2`, `resellerd_policy_reloads_total{result="failure"} 1`,
		fmt.Sprintf(`resellerd_policy_info{revision="%s",source="directory"} 1`, second),
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(metrics, first) {
		t.Error("the old revision is still in the metrics")
	}
	if code := r.stop(); code != exitOK {
		t.Errorf("exit %d:\n%s", code, r.stderr)
	}
}

// tarball returns a bundle in the form that `opa build` writes.
func tarball(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	archive := tar.NewWriter(packed)
	for name, content := range files {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// bundleServer is a bundle server such as a carrier already runs for OPA.
type bundleServer struct {
	mu     sync.Mutex
	bundle []byte
	events []byte
	took   chan struct{}
}

// ServeHTTP implements http.Handler.
func (s *bundleServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer sesame":
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/logs":
		if body, err := gzip.NewReader(r.Body); err == nil {
			text, _ := io.ReadAll(body)
			s.events = append(s.events, text...)
			s.took <- struct{}{}
		}
	case s.bundle == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		_, _ = w.Write(s.bundle)
	}
}

func TestPoliciesComeFromABundleServerAndDecisionsGoThere(t *testing.T) {
	s := &bundleServer{took: make(chan struct{}, 16)}
	at := httptest.NewServer(s)
	defer at.Close()
	config := write(t, "opa.yaml", `
services:
  store: {url: "`+at.URL+`", credentials: {bearer: {token: "${STORE_TOKEN}"}}}
bundles:
  policy: {service: store, resource: /policy.tar.gz, polling: {min_delay_seconds: 1, max_delay_seconds: 1}}
decision_logs: {service: store, resource: /logs, reporting: {min_delay_seconds: 1, max_delay_seconds: 1}}
`)
	r := serve(t, []string{"RESELLERD_PANEL_TOKENS=secret", "STORE_TOKEN=sesame"},
		"--database", newDatabase(t), "--opa-config", config, "--decision-log", "none")
	if status, _ := get(t, "http://"+r.addr+"/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("ready before there is a policy: %d", status)
	}
	if status, body, _ := r.decided(t, "read"); status != http.StatusServiceUnavailable {
		t.Errorf("decided before there is a policy: %d %s", status, body)
	}
	s.mu.Lock()
	s.bundle = tarball(t, map[string]string{"/reseller/main.rego": fmt.Sprintf(smallPolicy, "read"), "/.manifest": `{"revision": "7"}`})
	s.mu.Unlock()
	entry := r.logged(t, "policy in force", 1)
	if fmt.Sprint(entry["bundles"]) != "map[policy:7]" || entry["source"] != "opa" {
		t.Errorf("in force: %v", entry)
	}
	if status, decision, revision := r.decided(t, "read"); decision != `{"decision":true}` || revision != entry["revision"] {
		t.Errorf("decided %d %s by %s", status, decision, revision)
	}
	if status, _ := get(t, "http://"+r.addr+"/readyz"); status != http.StatusOK {
		t.Errorf("not ready with a policy: %d", status)
	}
	select {
	case <-s.took:
	case <-time.After(time.Minute):
		t.Fatal("no decision was shipped")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.Contains(string(s.events), `"path":"reseller/main/decision"`) || !strings.Contains(string(s.events), fmt.Sprint(entry["revision"])) {
		t.Errorf("shipped %s", s.events)
	}
}

func TestPolicySettingsThatCannotWorkEndTheStart(t *testing.T) {
	dir := t.TempDir()
	config := write(t, "opa.yaml", "services: {s: {url: http://127.0.0.1:1}}\nbundles: {p: {service: s, resource: x}}\n")
	for name, c := range map[string]struct {
		args []string
		exit int
		want string
	}{
		"two sources":      {[]string{"--policies", dir, "--opa-config", config}, exitUsage, "exclude each other"},
		"no such place":    {[]string{"--policies", dir + "/none"}, exitUsage, "no such directory or bundle"},
		"a signed folder":  {[]string{"--policies", dir, "--policy-key", config}, exitUsage, "has no signature"},
		"no bundle":        {[]string{"--policies", config}, exitPolicy, "gzip"},
		"no configuration": {[]string{"--opa-config", dir + "/none"}, exitUsage, "opa configuration"},
		"a bad one":        {[]string{"--opa-config", write(t, "bad.yaml", "plugins: {x: {}}")}, exitUsage, "opa configuration"},
		"no part":          {[]string{"--shadow-sample", "1.5"}, exitUsage, "--shadow-sample=1.5: want a value from 0 to 1"},
		"no shadow":        {[]string{"--shadow-policies", dir + "/none"}, exitUsage, "no such directory or bundle"},
		"no tests":         {[]string{"--policies", smallTree(t), "--policy-test"}, exitPolicy, "the tree has no tests"},
	} {
		t.Run(name, func(t *testing.T) {
			stderr := newOutput()
			args := append([]string{"serve", "--listen", "127.0.0.1:0", "--panel-tokens", "x", "--database", newDatabase(t)}, c.args...)
			if code := run(t.Context(), args, nil, io.Discard, stderr); code != c.exit || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("exit %d: %s", code, stderr)
			}
		})
	}
}

func smallTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	replace(t, filepath.Join(dir, "main.rego"), fmt.Sprintf(smallPolicy, "read"))
	return dir
}

func TestAShadowIsFollowedAndABadOneKeepsNothingFromBeingServed(t *testing.T) {
	shadow := t.TempDir()
	replace(t, filepath.Join(shadow, "main.rego"), "package reseller.main\n\nallow if nobody.said.so\n")
	r := serve(t, []string{"RESELLERD_PANEL_TOKENS=secret"}, "--database", newDatabase(t), "--policies", smallTree(t),
		"--shadow-policies", shadow, "--decision-log", "none")
	r.logged(t, "policy refused; the one in force stays", 1)
	if _, decision, _ := r.decided(t, "read"); decision != `{"decision":true}` {
		t.Errorf("decided %s", decision)
	}
	replace(t, filepath.Join(shadow, "main.rego"), fmt.Sprintf(smallPolicy, "delete"))
	if entry := r.logged(t, "policy in force", 1); entry["role"] != "shadow" {
		t.Errorf("in force: %v", entry)
	}
	for action, want := range map[string]string{"read": `{"decision":true}`, "delete": `{"decision":false}`} {
		if _, decision, _ := r.decided(t, action); decision != want {
			t.Errorf("%s is decided %s", action, decision)
		}
	}
	r.logged(t, "shadow disagrees", 2)
	_, metrics := get(t, "http://"+r.addr+"/metrics")
	for _, want := range []string{
		`resellerd_shadow_disagreements_total{area="other",kind="allow_to_deny"} 1`,
		`resellerd_shadow_disagreements_total{area="other",kind="deny_to_allow"} 1`,
		`resellerd_shadow_decisions_total{result="compared"} 2`,
		`resellerd_shadow_policy_reloads_total{result="failure"} 1`,
		`resellerd_policy_reloads_total{result="success"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s", want)
		}
	}
	if !strings.Contains(metrics, `resellerd_policy_reloads_total{result="failure"} 0`) {
		t.Error("the shadow's refusal is counted as the live policy's")
	}
}

func TestPoliciesAreReadAgainOnRequest(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "main.rego")
	replace(t, file, fmt.Sprintf(smallPolicy, "read"))
	s := &policySettings{Policies: dir, ShadowPolicies: dir, PolicyTimeout: 10 * time.Second}
	d, err := s.delivery(func(string) string { return "" }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.first(t.Context(), store.PolicyOrder{}); err != nil {
		t.Fatal(err)
	}
	first := d.keeper.Engines.Current().Revision()
	replace(t, file, fmt.Sprintf(smallPolicy, "delete"))
	d.again(t.Context())
	if now := d.keeper.Engines.Current().Revision(); now == first || d.shadow.Engines.Current().Revision() != now {
		t.Errorf("the policy is still %s", now)
	}
	replace(t, file, "package reseller.main\n\nallow if nobody.said.so\n")
	before := d.keeper.Engines.Current()
	d.again(t.Context())
	if d.keeper.Engines.Current() != before {
		t.Error("a policy that does not compile is in force")
	}
}
