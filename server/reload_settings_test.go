package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"resellerd/server/transport"
)

// reloadsOf returns how often a setting was read again, and how often not.
func reloadsOf(s *Server, name string) (good, bad float64) {
	return counted(s.metrics.settings.WithLabelValues(name, "success")), counted(s.metrics.settings.WithLabelValues(name, "failure"))
}

// settle lets the server find a changed file, and find it again unchanged.
func settle(s *Server) {
	for range 2 {
		s.look(context.Background())
	}
}

func TestPanelTokensAreReadAgainWhenTheirFileHasChanged(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	file := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) { must(t, os.WriteFile(file, []byte(text), 0o600)) }
	write("the-first-token-of-all data")
	var log bytes.Buffer
	s := w.serve(t, func(c *Config) { c.PanelTokens, c.PanelTokenFile = "", file }, WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	check := func(when string, tokens map[string]int) {
		t.Helper()
		for token, want := range tokens {
			if a := knock(t, s, "GET", "/v1/me", "", token, "Resellerd-User: agent"); a.StatusCode != want {
				t.Errorf("%s: %s gets %d, want %d", when, token, a.StatusCode, want)
			}
		}
	}
	old, changed := map[string]int{"the-first-token-of-all": 200, "the-second-token-of-all": 401}, map[string]int{"the-first-token-of-all": 401, "the-second-token-of-all": 200}
	check("at the start", old)
	settle(s)
	if good, bad := reloadsOf(s, "panel_tokens"); good+bad != 0 {
		t.Errorf("read again without a change: %v and %v times", good, bad)
	}
	for _, malformed := range []string{"the-second-token-of-all no-such-scope", "# nobody", ":the-second-token-of-all"} {
		write(malformed)
		settle(s)
		settle(s) // the same file is refused once
		check("after "+malformed, old)
	}
	must(t, os.Remove(file))
	settle(s)
	check("without the file", old)
	if good, bad := reloadsOf(s, "panel_tokens"); good != 0 || bad != 4 || strings.Count(log.String(), "level=ERROR") != 4 {
		t.Errorf("read again %v times, refused %v times, want 0 and 4:\n%s", good, bad, &log)
	}
	if strings.Contains(log.String(), "token-of-all") {
		t.Errorf("the log holds a token:\n%s", &log)
	}
	write("the-second-token-of-all data")
	s.look(context.Background())
	check("while the file may still be written", old)
	s.look(context.Background())
	check("after the change", changed)
}

func TestAHangUpReadsEverySettingAgainAtOnce(t *testing.T) {
	t.Parallel()
	w, dir := sqliteCore(t), t.TempDir()
	ca := newAuthority(t, dir, "ca")
	cert, key := ca.issue(t, dir, "server")
	first, second := newIssuer(t), newIssuer(t)
	s := w.serve(t, func(c *Config) {
		c.JWT, c.TLS = jwtConfig(t, w.ID("master"), first.keys()), transport.TLS{Cert: cert, Key: key}
		c.PanelTokenFile = filepath.Join(dir, "tokens")
		must(t, os.WriteFile(c.PanelTokenFile, nil, 0o600))
	}, WithClock(func() time.Time { return jwtNow }))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.follow(ctx, nil)
	}()
	must(t, os.WriteFile(s.cfg.PanelTokenFile, []byte("a-token-of-the-file data"), 0o600))
	must(t, os.WriteFile(s.cfg.JWT.JWKS, jwks(t, second.keys()), 0o600))
	s.Reload()
	for deadline := time.Now().Add(time.Minute); ; {
		good, _ := reloadsOf(s, "key_set") // the last one
		if good == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("not read again")
		}
		runtime.Gosched()
	}
	cancel()
	<-done
	for _, name := range []string{"panel_tokens", "certificate", "key_set"} {
		if good, bad := reloadsOf(s, name); name != "certificate" && good != 1 || bad != 0 {
			t.Errorf("%s: read again %v times, refused %v times", name, good, bad)
		}
	}
	if a := knock(t, s, "GET", "/v1/me", "", "a-token-of-the-file", "Resellerd-User: agent"); a.StatusCode != 200 {
		t.Errorf("the new token gets %d", a.StatusCode)
	}
	for from, want := range map[*issuer]bool{first: false, second: true} {
		if _, err := s.jwt.Verify(ctx, []byte(from.token(t, "jane"))); (err == nil) != want {
			t.Errorf("the token of an issuer: %v, want it accepted: %v", err, want)
		}
	}
}

// A connection that is open keeps its certificate. A new one gets the new one.
func TestACertificateIsReadAgainWhenItsFilesHaveChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca := newAuthority(t, dir, "ca")
	cert, key := ca.issue(t, dir, "server")
	s := bareServer(t, Config{Listen: "127.0.0.1:0", TLS: transport.TLS{Cert: cert, Key: key}}, get("/ok", answerOK))
	addr, _ := runServer(t, s)
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	served := func() []byte {
		t.Helper()
		conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots})
		must(t, err)
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Raw
	}
	before := served()
	must(t, os.WriteFile(cert, []byte("-----BEGIN CERTIFICATE-----\n"), 0o600))
	settle(s)
	if !bytes.Equal(served(), before) {
		t.Error("a malformed certificate changes what is served")
	}
	ca.issue(t, dir, "server")
	settle(s)
	if bytes.Equal(served(), before) {
		t.Error("the old certificate is served")
	}
	if good, bad := reloadsOf(s, "certificate"); good == 0 || bad == 0 {
		t.Errorf("read again %v times, refused %v times", good, bad)
	}
}

func TestAPipeIsNeverReadAgain(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := bareServer(t, Config{})
	s.logger = slog.New(slog.NewTextHandler(&log, nil))
	p := &reloadable{name: "panel_tokens", files: []string{os.DevNull}, load: func(context.Context) error {
		t.Error("read again")
		return nil
	}}
	s.reloadable = []*reloadable{p}
	settle(s)
	s.reload(context.Background(), p)
	if !strings.Contains(log.String(), "not a regular file") {
		t.Errorf("logged: %s", &log)
	}
}

func TestAServerThatIsTerminatedDrainsBeforeItCloses(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, func(c *Config) { c.Listen = "127.0.0.1:0" })
	over, draining := make(chan time.Time), make(chan time.Duration, 1)
	s.after = func(d time.Duration) <-chan time.Time {
		draining <- d
		return over
	}
	ln, err := s.listen(s.cfg.Listen)
	must(t, err)
	ctx, end := context.WithCancelCause(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.serve(ctx, ln, nil) }()
	ask := func(path string) *http.Response {
		t.Helper()
		res, err := http.Get("http://" + address(ln) + path)
		must(t, err)
		res.Body.Close()
		return res
	}
	if res := ask("/readyz"); res.StatusCode != 200 || res.Close {
		t.Fatalf("before: %d, close %v", res.StatusCode, res.Close)
	}
	idle := dial(t, address(ln))
	end(ErrDrain)
	if d := <-draining; d != 5*time.Second {
		t.Errorf("drains for %v", d)
	}
	for path, want := range map[string]int{"/readyz": 503, "/livez": 200, "/no-route": 404} {
		if res := ask(path); res.StatusCode != want || !res.Close {
			t.Errorf("%s: %d, close %v, want %d with Connection: close", path, res.StatusCode, res.Close, want)
		}
	}
	if _, err := idle.Write([]byte("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Error(err)
	}
	if res, _ := readResponse(t, idle); res.StatusCode != 200 || !res.Close {
		t.Errorf("a connection that was idle: %d, close %v", res.StatusCode, res.Close)
	}
	close(over)
	must(t, <-ended)
}

func TestOnlyATerminationDrains(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cause error
		drain time.Duration
	}{"an interruption": {context.Canceled, time.Hour}, "no drain time": {ErrDrain, -1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := bareServer(t, Config{Listen: "127.0.0.1:0", Limits: Limits{Drain: c.drain}}, get("/ok", answerOK))
			ln, err := s.listen(s.cfg.Listen)
			must(t, err)
			ctx, end := context.WithCancelCause(context.Background())
			end(c.cause)
			must(t, s.serve(ctx, ln, nil))
		})
	}
}
