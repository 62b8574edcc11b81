package shipping

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/open-policy-agent/opa/v1/bundle"
	plugin "github.com/open-policy-agent/opa/v1/plugins/bundle"
	"github.com/open-policy-agent/opa/v1/plugins/logs"
)

// bundleServer serves bundles by name and receives decision logs. Like a real
// bundle server, it requires a bearer token and uses ETags.
type bundleServer struct {
	*httptest.Server
	mu        sync.Mutex
	bundles   map[string][]byte
	unchanged int // answers "not modified"
	events    []map[string]any
}

func serveBundles(t *testing.T) *bundleServer {
	s := &bundleServer{bundles: map[string][]byte{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *bundleServer) put(name string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bundles[name] = content
}

// ServeHTTP implements http.Handler.
func (s *bundleServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer sesame" {
		http.Error(w, "who are you", http.StatusUnauthorized)
		return
	}
	if r.URL.Path == "/logs" {
		s.takeLogs(r)
		return
	}
	content, ok := s.bundles[strings.TrimPrefix(r.URL.Path, "/bundles/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	etag := fmt.Sprintf("%x", files{"": content}.digest())
	if r.Header.Get("If-None-Match") == etag {
		s.unchanged++
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("ETag", etag)
	_, _ = w.Write(content)
}

func (s *bundleServer) takeLogs(r *http.Request) {
	body, err := gzip.NewReader(r.Body)
	if err != nil {
		return
	}
	var events []map[string]any
	if json.NewDecoder(body).Decode(&events) == nil {
		s.events = append(s.events, events...)
	}
}

const opaConfig = `
services:
  store:
    url: ${STORE_URL}
    credentials: {bearer: {token: "${STORE_TOKEN}"}}
`

// running holds OPA's plugins in a test. The test triggers each fetch.
type running struct {
	*OPA
	keeping
	t *testing.T
}

func run(t *testing.T, s *bundleServer, config string) running {
	t.Helper()
	k := keep(t)
	env := map[string]string{"STORE_URL": s.URL, "STORE_TOKEN": "sesame"}
	o, err := NewOPA([]byte(opaConfig+config), func(name string) string { return env[name] }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := o.start(ctx, k.Keeper); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		Follow(ctx, k.Keeper, o, opaPoll)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		o.stop()
	})
	return running{o, k, t}
}

// fetch requests the bundles now.
func (r running) fetch() { _ = plugin.Lookup(r.manager).Trigger(r.t.Context()) }

const oneBundle = `
bundles:
  policy: {service: store, resource: /bundles/policy.tar.gz, trigger: manual%s}
`

// keySection returns the configuration with the public key of a pair.
func keySection(t *testing.T, p pair) string {
	t.Helper()
	text, err := os.ReadFile(p.publicFile)
	if err != nil {
		t.Fatal(err)
	}
	section, err := json.Marshal(map[string]any{"policy": map[string]string{"key": string(text), "algorithm": "ES256"}})
	if err != nil {
		t.Fatal(err)
	}
	return "keys: " + string(section) + "\n"
}

func TestABundleServerIsFollowed(t *testing.T) {
	s := serveBundles(t)
	s.put("policy.tar.gz", made{rego: policy("one"), revision: "1", data: map[string]any{"limits": map[string]any{"max_depth": 3}}}.bytes(t))
	r := run(t, s, fmt.Sprintf(oneBundle, ""))
	if r.Engines.Current() != nil {
		t.Fatal("a policy is in force before there is one")
	}
	r.fetch()
	if err := r.next(t); err != nil || r.reason(t) != "one" {
		t.Fatalf("in force: %q, %v", r.reason(t), err)
	}
	if e := r.Engines.Current(); e.Source() != "opa" || e.Limits().MaxDepth != 3 {
		t.Fatalf("source %s, depth %d", e.Source(), e.Limits().MaxDepth)
	}
	r.fetch()
	if s.unchanged != 1 {
		t.Fatalf("%d answers said that nothing changed", s.unchanged)
	}
	s.put("policy.tar.gz", made{rego: policy("two"), revision: "2"}.bytes(t))
	r.fetch()
	if err := r.next(t); err != nil || r.reason(t) != "two" {
		t.Fatalf("in force: %q, %v", r.reason(t), err)
	}
}

func TestABundleFetchedHasTheRevisionOfItsFile(t *testing.T) {
	s := serveBundles(t)
	content := made{rego: policy("one"), revision: "1", data: map[string]any{"limits": map[string]any{"max_depth": 3}}}.bytes(t)
	s.put("policy.tar.gz", content)
	r := run(t, s, fmt.Sprintf(oneBundle, ""))
	r.fetch()
	if err := r.next(t); err != nil {
		t.Fatal(err)
	}
	a, err := unpack(content, nil)
	if err != nil {
		t.Fatal(err)
	}
	k := keep(t)
	if err := k.Offer(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if x, y := r.Engines.Current().Revision(), k.Engines.Current().Revision(); x != y {
		t.Fatalf("fetched %s, from a file %s", x, y)
	}
}

func TestWhatABundleServerSendsWrongIsRefusedAndTheLastGoodPolicyStays(t *testing.T) {
	good, other := newPair(t), newPair(t)
	first := made{rego: policy("one"), revision: "5", key: good.private}
	for name, c := range map[string]struct {
		bundle made
		raw    []byte
		want   string
	}{
		"signed by another": {made{rego: policy("two"), revision: "6", key: other.private}, nil, "failed to verify JWT signature"},
		"not signed":        {made{rego: policy("two"), revision: "6"}, nil, "signature"},
		"tampered with": {made{rego: policy("two"), revision: "6", key: good.private,
			tamper: func(b *bundle.Bundle) { b.Modules[0].Raw = []byte(policy("three")) }}, nil, "digest mismatch"},
		"older":              {made{rego: policy("two"), revision: "4", key: good.private}, nil, "older"},
		"does not compile":   {made{rego: broken, revision: "6", key: good.private}, nil, "main.rego:3: "},
		"without entrypoint": {made{rego: "package reseller.main\n\nallow := true\n", revision: "6", key: good.private}, nil, "decision is not defined"},
		"asks the network":   {made{rego: policy("two") + "\nallow if http.send({\"method\": \"get\", \"url\": \"http://x\"}).status_code == 200\n", revision: "6", key: good.private}, nil, "http.send is not available"},
		"no bundle":          {made{}, []byte("<html>proxy says hello</html>"), "gzip"},
		"a bundle of changes": {made{tamper: func(b *bundle.Bundle) {
			b.Modules, b.Data, b.Patch.Data = nil, nil, []bundle.PatchOperation{{Op: "upsert", Path: "/limits", Value: 1}}
		}}, nil, "delta"},
		"not there any longer": {made{}, []byte{}, "Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveBundles(t)
			s.put("policy.tar.gz", first.bytes(t))
			r := run(t, s, keySection(t, good)+fmt.Sprintf(oneBundle, "")) // and no "signing": it is required nevertheless
			r.fetch()
			if err := r.next(t); err != nil || r.reason(t) != "one" {
				t.Fatalf("in force: %q, %v", r.reason(t), err)
			}
			switch {
			case c.raw == nil:
				s.put("policy.tar.gz", c.bundle.bytes(t))
			case len(c.raw) == 0:
				s.mu.Lock()
				delete(s.bundles, "policy.tar.gz")
				s.mu.Unlock()
			default:
				s.put("policy.tar.gz", c.raw)
			}
			r.fetch()
			if err := r.next(t); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("told %v; want %q", err, c.want)
			}
			if got := r.reason(t); got != "one" {
				t.Fatalf("in force: %q", got)
			}
			s.put("policy.tar.gz", made{rego: policy("four"), revision: "7", key: good.private}.bytes(t))
			r.fetch()
			for r.reason(t) != "four" {
				_ = r.next(t)
			}
		})
	}
}

func TestAPolicyOfTwoBundlesIsNotInForceByHalf(t *testing.T) {
	s := serveBundles(t)
	roots := func(names ...string) func(*bundle.Bundle) {
		return func(b *bundle.Bundle) { b.Manifest.Roots = &names }
	}
	s.put("rego.tar.gz", made{rego: policy("one"), tamper: roots("reseller")}.bytes(t))
	r := run(t, s, `
bundles:
  rego: {service: store, resource: /bundles/rego.tar.gz, trigger: manual}
  data: {service: store, resource: /bundles/data.tar.gz, trigger: manual}
`)
	r.fetch()
	if err := r.next(t); err == nil || r.Engines.Current() != nil {
		t.Fatalf("half a policy: %v", err)
	}
	s.put("data.tar.gz", made{data: map[string]any{"limits": map[string]any{"max_depth": 4}}, tamper: func(b *bundle.Bundle) {
		b.Modules = nil
		roots("limits")(b)
	}}.bytes(t))
	r.fetch()
	for r.Engines.Current() == nil {
		_ = r.next(t)
	}
	if depth := r.Engines.Current().Limits().MaxDepth; depth != 4 || r.reason(t) != "one" {
		t.Fatalf("in force: %q, depth %d", r.reason(t), depth)
	}
}

func TestDiscoveryConfiguresTheBundles(t *testing.T) {
	good := newPair(t)
	for name, c := range map[string]struct{ key, want string }{
		"signed": {good.private, "one"}, "not signed": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveBundles(t)
			s.put("discovery.tar.gz", made{key: good.private, data: map[string]any{"config": map[string]any{"bundles": map[string]any{
				"policy": map[string]any{"service": "store", "resource": "/bundles/policy.tar.gz", "trigger": "manual"},
			}}}, tamper: nil, rego: "package unused\n"}.bytes(t))
			s.put("policy.tar.gz", made{rego: policy("one"), key: c.key}.bytes(t))
			r := run(t, s, keySection(t, good)+"discovery: {resource: /bundles/discovery.tar.gz, service: store, decision: config, trigger: manual}\n")
			if err := r.discovery.Trigger(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.listen()
			r.fetch()
			err := r.next(t)
			if (err == nil) != (c.want != "") || r.reason(t) != c.want {
				t.Fatalf("in force: %q, %v", r.reason(t), err)
			}
		})
	}
}

func TestAConfigurationThatCannotWorkIsNoticedAtOnce(t *testing.T) {
	for name, config := range map[string]string{
		"no YAML":           "bundles: [",
		"unknown service":   "bundles: {policy: {service: nobody, resource: x}}",
		"unknown plugin":    "plugins: {envoy_ext_authz_grpc: {addr: x}}",
		"out-of-date":       "bundle: {name: x, service: store}\nservices: {store: {url: http://127.0.0.1:1}}",
		"no key to sign by": "services: {store: {url: http://127.0.0.1:1}}\nbundles: {policy: {service: store, resource: x, signing: {keyid: k}}}",
	} {
		if _, err := NewOPA([]byte(config), func(string) string { return "" }, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestDecisionsAreShippedAsOPALogsThem(t *testing.T) {
	s := serveBundles(t)
	r := run(t, s, "decision_logs: {service: store, resource: /logs, reporting: {trigger: manual}}\nlabels: {region: eu}\n")
	line := `{"decision_id":"D1","path":"reseller/main/decision","timestamp":"2026-11-24T10:00:00Z",` +
		`"input":{"subject":{"id":"usr_1"}},"result":{"allow":false,"reasons":["area_denied"]},"outcome":"deny",` +
		`"policy_revision":"abc","requested_by":"panel","erased":["/input/resource/notes"]}` + "\n"
	buffer := []byte(line)
	if !r.Ship(buffer) {
		t.Fatal("dropped")
	}
	clear(buffer) // the caller may reuse the line
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.ship(ctx) // entries that still wait
	if err := logs.Lookup(r.manager).Trigger(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.events) != 1 {
		t.Fatalf("%d events", len(s.events))
	}
	text, err := json.Marshal(s.events[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"decision_id":"D1"`, `"path":"reseller/main/decision"`, `"requested_by":"panel"`, `"subject":{"id":"usr_1"}`,
		`"result":{"allow":false,"reasons":["area_denied"]}`, `"policy_revision":"abc"`, `"region":"eu"`,
		`"erased":["/input/resource/notes"]`, `"timestamp":"2026-11-24T10:00:00Z"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the event lacks %s: %s", want, text)
		}
	}
}

func TestShippingNeverWaits(t *testing.T) {
	o, err := NewOPA([]byte("decision_logs: {console: true}"), func(string) string { return "" }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for range shipQueue {
		if !o.Ship([]byte("{}")) {
			t.Fatal("dropped with room left")
		}
	}
	if o.Ship([]byte("{}")) {
		t.Fatal("more is kept than there is room for")
	}
}
