package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// running is a `resellerd serve` in this process.
type running struct {
	addr   string
	stdout *output
	stderr *output
	stop   func() int // returns the exit code
}

// output can be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	line chan struct{} // one for each write, dropped if nobody waits
}

func newOutput() *output { return &output{line: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.line <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// serve starts the sidecar on a free port and waits for its line "ready".
func serve(t *testing.T, environ []string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{stdout: newOutput(), stderr: newOutput()}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0", "--policy-timeout", "10s"}, args...), environ, r.stdout, r.stderr)
	}()
	r.stop = sync.OnceValue(func() int { cancel(); return <-ended })
	t.Cleanup(func() { r.stop() })
	late := time.After(time.Minute)
	for {
		select {
		case code := <-ended:
			ended <- code
			t.Fatalf("ended with %d:\n%s", code, r.stderr)
		case <-late:
			t.Fatalf("not ready:\n%s", r.stderr)
		case <-r.stderr.line:
		}
		if r.addr = readyAddr(r.stderr.String()); r.addr != "" {
			return r
		}
	}
}

// readyAddr finds the address in the log. It returns "" if the log does not contain
// it yet.
func readyAddr(log string) string {
	for line := range strings.Lines(log) {
		var entry struct{ Msg, Addr string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "ready" {
			return entry.Addr
		}
	}
	return ""
}

func get(t *testing.T, url string, headers ...string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestServingANewStoreFromInitToTheFirstAnswer(t *testing.T) {
	dir := t.TempDir()
	database := "sqlite:" + filepath.Join(dir, "store.db")
	made, code := found(t, database, "--company", "Halyard", "--login", "admin@halyard.example", "--external-id", "admin")
	if code != exitOK {
		t.Fatalf("init: exit %d", code)
	}
	log := filepath.Join(dir, "decisions.jsonl")
	r := serve(t, []string{"RESELLERD_PANEL_TOKENS=" + made.Account + ":secret"}, "--database", database, "--decision-log", log)
	status, body := get(t, "http://"+r.addr+"/v1/me", "Authorization", "Bearer secret", "Resellerd-User", "admin")
	if status != http.StatusOK || !strings.Contains(body, made.User) {
		t.Errorf("/v1/me answers %d: %s\n%s", status, body, r.stderr)
	}
	if status, _ := get(t, "http://"+r.addr+"/readyz"); status != http.StatusOK {
		t.Errorf("/readyz answers %d", status)
	}
	if code := r.stop(); code != exitOK {
		t.Errorf("exit %d:\n%s", code, r.stderr)
	}
	if text, err := os.ReadFile(log); err != nil || !strings.Contains(string(text), made.User) {
		t.Errorf("the decision log has %q (%v), want the decision", text, err)
	}
	if r.stdout.String() != "" {
		t.Errorf("stdout has %q, want nothing", r.stdout)
	}
}

func TestATokenForEveryTenantIsWarnedAbout(t *testing.T) {
	database, made := founding(t)
	for token, warning := range map[string]string{
		"a-secret-of-the-panel data": "work for every tenant", made.Account + ":a-secret-of-the-panel data": "",
		"acc_x:a-secret-of-the-panel data":                                   `no master of this store: requests with them find no user","tenant":"acc_x"`,
		made.User + ":a-secret-of-the-panel data":                            "no master of this store",
		made.Account + ":a-secret-of-the-panel data account=acc_x":           `that is not in this store: requests with them find no user","account":"acc_x"`,
		made.Account + ":a-secret-of-the-panel data account=" + made.Account: "",
		"a-secret-of-the-panel:" + made.Account + " data":                    `"tenant":"no id of an account"`,
		made.Account + ":a-secret-of-the-panel data,decide":                  "", made.Account + ":fifteen-letters data": "under 16 characters",
	} {
		r := serve(t, nil, "--database", database, "--panel-tokens", token)
		if got := strings.Count(r.stderr.String(), `"level":"WARN"`); got != min(len(warning), 1) || !strings.Contains(r.stderr.String(), warning) {
			t.Errorf("%s: %d warnings, want %q:\n%s", token, got, warning, r.stderr)
		}
		r.stop()
	}
}

func TestASettingThatCannotBeUsedEndsTheStart(t *testing.T) {
	database, _ := founding(t)
	empty := "sqlite:" + filepath.Join(t.TempDir(), "empty.db")
	if code, _, stderr := call(t, nil, []string{"migrate", "--database", empty}); code != exitOK {
		t.Fatal(stderr)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	bad := write(t, "bad", "acc_x:a-secret-of-the-panel no-such-scope")
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a store without a carrier":      {[]string{"--database", empty}, exitUsage, "resellerd init"},
		"a database of an unknown kind":  {[]string{"--database", "mysql://x"}, exitUsage, "sqlite:FILE, postgres://"},
		"an address without a port":      {[]string{"--listen", "localhost"}, exitUsage, "listen on localhost"},
		"a port that is none":            {[]string{"--listen", "127.0.0.1:99999"}, exitUsage, "listen on"},
		"a socket in no folder":          {[]string{"--listen", "unix:" + bad + "/socket"}, exitUsage, "listen on"},
		"an address of another machine":  {[]string{"--metrics-listen", "192.0.2.1:0"}, exitUsage, "listen on"},
		"an address that is in use":      {[]string{"--listen", taken.Addr().String()}, exitError, "address already in use"},
		"a token file that is absent":    {[]string{"--panel-token-file", bad + ".none"}, exitUsage, "panel token file"},
		"a token file that is malformed": {[]string{"--panel-token-file", bad}, exitUsage, "panel token"},
		"a certificate that is none":     {[]string{"--tls-cert", bad, "--tls-key", bad}, exitUsage, "tls certificate"},
		"a key set that is none":         {[]string{"--jwks", bad, "--jwt-issuer", "i", "--jwt-audience", "a"}, exitUsage, "key set"},
		"a key of the log that is short": {[]string{"--decision-log-key-file", write(t, "key", "short")}, exitUsage, "decision log key"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"serve", "--listen", "127.0.0.1:0", "--database", database, "--panel-tokens", "a-secret-of-the-panel"}, c.args...)
			code, _, stderr := call(t, nil, args)
			if code != c.code || !strings.Contains(stderr, c.says) || strings.Contains(stderr, "a-secret") {
				t.Errorf("exit %d, want %d saying %q:\n%s", code, c.code, c.says, stderr)
			}
		})
	}
}

func TestAnIssuerForOneOfSeveralTenantsHasToSayWhich(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	one, _ := found(t, database, "--company", "Halyard", "--login", "admin@halyard.example")
	keys := write(t, "keys.json", `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"d","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
	args := []string{"--database", database, "--jwks", keys, "--jwt-issuer", "iss", "--jwt-audience", "aud", "--decision-log", "none"}
	serve(t, nil, args...).stop()
	if _, code := found(t, database, "--company", "Another", "--login", "admin@another.example", "--another"); code != exitOK {
		t.Fatalf("init: exit %d", code)
	}
	for _, more := range [][]string{nil, {"--jwt-tenant", "acc_x"}} {
		code, _, stderr := call(t, nil, append(append([]string{"serve", "--listen", "127.0.0.1:0"}, args...), more...))
		if code != exitUsage || !strings.Contains(stderr, "--jwt-tenant") {
			t.Errorf("%v: exit %d: %s", more, code, stderr)
		}
	}
	serve(t, nil, append(args, "--jwt-tenant", one.Account)...).stop()
}

func TestAStartThatIsCalledOffIsNoError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	database := newDatabase(t)
	for _, args := range [][]string{{"serve", "--panel-tokens", "t", "--database", database}, {"serve", "--demo"}} {
		errs := newOutput()
		if code := run(ctx, args, nil, io.Discard, errs); code != exitOK {
			t.Errorf("%v: exit %d: %s", args, code, errs)
		}
	}
}

func TestTheDemoShowsOneCardThreeWays(t *testing.T) {
	began := time.Now()
	r := serve(t, nil, "--demo")
	t.Logf("ready after %v", time.Since(began))
	tour := waitForTour(t, r)
	lines := regexp.MustCompile(`(?m)^  curl .*$`).FindAllString(tour, -1)
	wants := [][]string{
		{`"kind":"customer"`, `"notes":"floor agreed with Tidewater`, `"public_name":"Halyard A-Z Gold"`},
		{`"kind":"provider"`, `"name":"Halyard A-Z Gold"`, `"carrier":"Halyard"`},
		{`"status":404`, `urn:resellerd:problem:not_found`},
		{`"decision":false`, `"reasons":["`},
	}
	if len(lines) != len(wants) {
		t.Fatalf("%d lines to paste, want %d:\n%s", len(lines), len(wants), tour)
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("skipped: there is no curl to paste the lines for")
	}
	for i, line := range lines {
		answer, err := exec.CommandContext(t.Context(), "sh", "-c", line).Output()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for _, want := range wants[i] {
			if !bytes.Contains(answer, []byte(want)) {
				t.Errorf("%s\nanswers %s\nwithout %s", line, answer, want)
			}
		}
		if i > 0 && bytes.Contains(answer, []byte("Tidewater")) {
			t.Errorf("%s\nshows what is upstream: %s", line, answer)
		}
	}
	dir := filepath.Dir(regexp.MustCompile(`decisions  (\S+)`).FindStringSubmatch(tour)[1])
	if code := r.stop(); code != exitOK {
		t.Errorf("exit %d:\n%s", code, r.stderr)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", dir, err)
	}
}

// waitForTour waits for the end of the demo's output right after "ready".
func waitForTour(t *testing.T, r *running) string {
	t.Helper()
	late := time.After(10 * time.Second)
	for !strings.Contains(r.stdout.String(), "export RESELLERD_URL=") {
		select {
		case <-r.stdout.line:
		case <-late:
			t.Fatalf("no tour:\n%s", r.stdout)
		}
	}
	return r.stdout.String()
}
