package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/store"
)

// forwardServer serves forward auth on a real listener.
func forwardServer(t *testing.T, w *coreWorld, i *issuer, forward ForwardAuth, change func(*Config)) *Server {
	t.Helper()
	return w.serveTree(t, mapped(t), func(c *Config) {
		c.JWT, c.ForwardAuth, c.Listen = jwtConfig(t, w.ID("master"), i.keys()), forward, "127.0.0.1:0"
		if change != nil {
			change(c)
		}
	}, WithClock(func() time.Time { return jwtNow }))
}

// sendRaw sends a request as it is written, over a connection of its own.
func sendRaw(t *testing.T, network, addr, request string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial(network, addr)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.WriteString(conn, request)
	must(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	return res, string(text)
}

// raw writes a request with headers, each a "Name: value" line.
func raw(line string, headers ...string) string {
	return line + " HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

func TestForwardAuthByHeaders(t *testing.T) {
	t.Parallel()
	w, i := sqliteCore(t), newIssuer(t)
	s := forwardServer(t, w, i, ForwardAuth{From: "X-Forwarded-Method,X-Forwarded-Uri", Cookie: "panel_jwt"}, nil)
	addr, _ := runServer(t, s)
	agent, clerk := "Authorization: Bearer "+i.token(t, "agent"), "Authorization: Bearer "+i.token(t, "clerk")
	get, cdr := "X-Forwarded-Method: GET", "X-Forwarded-Uri: /cdr/1?page=2"
	for name, c := range map[string]struct {
		line    string
		headers []string
		status  int
	}{
		"allowed":                   {"GET /forward-auth", []string{agent, get, cdr}, 204},
		"with a query of its own":   {"GET /forward-auth?x=1", []string{agent, get, cdr}, 204},
		"any method":                {"POST /forward-auth", []string{agent, get, cdr, "Content-Length: 0"}, 204},
		"a head":                    {"HEAD /forward-auth", []string{agent, get, cdr}, 204},
		"an image is accepted":      {"GET /forward-auth", []string{agent, get, cdr, "Accept: image/png"}, 204},
		"no access":                 {"GET /forward-auth", []string{clerk, get, cdr}, 403},
		"without the letter":        {"GET /forward-auth", []string{agent, "X-Forwarded-Method: DELETE", cdr}, 403},
		"a form":                    {"GET /forward-auth", []string{agent, "X-Forwarded-Method: POST", cdr}, 403},
		"unmapped":                  {"GET /forward-auth", []string{agent, get, "X-Forwarded-Uri: /nowhere"}, 403},
		"no token":                  {"GET /forward-auth", []string{get, cdr}, 401},
		"a panel token":             {"GET /forward-auth", []string{"Authorization: Bearer " + wideToken, get, cdr}, 401},
		"a forged token":            {"GET /forward-auth", []string{"Authorization: Bearer " + newIssuer(t).token(t, "agent"), get, cdr}, 401},
		"two tokens":                {"GET /forward-auth", []string{agent, clerk, get, cdr}, 401},
		"an unknown user":           {"GET /forward-auth", []string{"Authorization: Bearer " + i.token(t, "nobody"), get, cdr}, 403},
		"a disabled user":           {"GET /forward-auth", []string{"Authorization: Bearer " + i.token(t, "gone"), get, cdr}, 403},
		"a cookie":                  {"GET /forward-auth", []string{"Cookie: a=b; panel_jwt=" + i.token(t, "agent"), get, cdr}, 204},
		"a cookie of another":       {"GET /forward-auth", []string{"Cookie: panel_jwt=" + i.token(t, "clerk"), get, cdr}, 403},
		"two cookies":               {"GET /forward-auth", []string{"Cookie: panel_jwt=" + i.token(t, "agent") + "; panel_jwt=" + i.token(t, "clerk"), get, cdr}, 401},
		"two lines of cookies":      {"GET /forward-auth", []string{"Cookie: panel_jwt=" + i.token(t, "agent"), "Cookie: panel_jwt=" + i.token(t, "clerk"), get, cdr}, 401},
		"another scheme beside it":  {"GET /forward-auth", []string{"Authorization: Basic eDp5", "Cookie: panel_jwt=" + i.token(t, "agent"), get, cdr}, 401},
		"a user in a header":        {"GET /forward-auth", []string{clerk, "Resellerd-User: agent", get, cdr}, 403},
		"no method":                 {"GET /forward-auth", []string{agent, cdr}, 403},
		"no path":                   {"GET /forward-auth", []string{agent, get}, 403},
		"two methods":               {"GET /forward-auth", []string{agent, get, get, cdr}, 403},
		"two paths":                 {"GET /forward-auth", []string{agent, get, cdr, "X-Forwarded-Uri: /admin/x"}, 403},
		"two paths in one":          {"GET /forward-auth", []string{agent, get, "X-Forwarded-Uri: /cdr, /cdr"}, 403},
		"a method in small letters": {"GET /forward-auth", []string{agent, "X-Forwarded-Method: get", cdr}, 403},
		"a suffix":                  {"GET /forward-auth/cdr", []string{agent, get, cdr}, 403},
		"another header is no path": {"GET /forward-auth", []string{agent, get, "X-Original-Uri: /cdr"}, 403},
		"a trailer is no header":    {"POST /forward-auth", []string{get, cdr, "Transfer-Encoding: chunked", "Trailer: Authorization", "", "0", agent}, 400},
		"a trailer adds no path":    {"POST /forward-auth", []string{agent, get, "Transfer-Encoding: chunked", "Trailer: X-Forwarded-Uri", "", "0", cdr}, 400},
	} {
		res, text := sendRaw(t, "tcp", addr, raw(c.line, c.headers...))
		if res.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, res.StatusCode, text)
		}
		user, account := res.Header.Get(headerUserID), res.Header.Get(headerAccountID)
		if allowed := c.status == 204; allowed && (user != w.ID("agent") || account != w.ID("reseller")) || !allowed && user+account != "" {
			t.Errorf("%s: the user is %q of %q", name, user, account)
		}
		if res.Header.Get(headerDecisionID) != "" {
			t.Errorf("%s: a user is told the decision", name)
		}
	}
}

func TestForwardAuthByThePath(t *testing.T) {
	t.Parallel()
	w, i := sqliteCore(t), newIssuer(t)
	s := forwardServer(t, w, i, ForwardAuth{From: "path"}, func(c *Config) {
		c.CORSOrigins, c.MetricsListen = []string{"https://panel.example"}, "127.0.0.1:0"
	})
	addr, _ := runServer(t, s)
	agent := "Authorization: Bearer " + i.token(t, "agent")
	preflight := []string{"Origin: https://panel.example", "Access-Control-Request-Method: GET"}
	for line, want := range map[string]int{
		"GET /forward-auth/cdr": 204, "HEAD /forward-auth/cdr": 204, "GET /forward-auth/cdr/1?page=2": 204, "DELETE /forward-auth/cdr": 403, "POST /forward-auth/cdr": 403,
		"POST /forward-auth/customers/17": 204, "GET /forward-auth/index.php?module=cdr": 204, "GET /forward-auth/index.php?module=cdr&module=policy": 403,
		"GET /forward-auth": 403, "GET /forward-auth/": 403, "GET /forward-auth/nowhere": 403, "GET /forward-auth/admin/x": 403,
		"GET /forward-auth//cdr": 403, "GET /forward-auth/x/../cdr": 403, "GET /forward-auth/cdr/%2e%2e/admin": 403, "GET /forward-auth/cdr%2f1": 403,
		"GET /forward-auth/cdr;x": 403, "GET /forward-auth/CDR": 403, "GET /forward-auth/cdr.": 403, "GET /forward-auth/cdr%252f": 403,
		"GET /forward-auth/cdr%00": 403, `GET /forward-auth/cdr\x`: 403, "GET http://panel.example/forward-auth/cdr": 403, "OPTIONS /forward-auth/cdr": 403,
		"GET /x/../forward-auth/cdr": 404, "GET /Forward-Auth/cdr": 404, "GET /forward-authcdr": 404,
	} {
		res, text := sendRaw(t, "tcp", addr, raw(line, append(preflight, agent, "X-Forwarded-Uri: /cdr", "X-HTTP-Method-Override: GET")...))
		if res.StatusCode != want {
			t.Errorf("%s: %d %s", line, res.StatusCode, text)
		}
	}
	if res, text := sendRaw(t, "tcp", addr, raw("OPTIONS /forward-auth/cdr", preflight...)); res.StatusCode != 401 {
		t.Errorf("a preflight request: %d %s", res.StatusCode, text)
	}
}

func TestForwardAuthIsOffByDefault(t *testing.T) {
	t.Parallel()
	w, i := sqliteCore(t), newIssuer(t)
	s := jwtServer(t, w, i, false)
	if a := knock(t, s, "GET", "/forward-auth", "", i.token(t, "agent")); a.StatusCode != 404 {
		t.Errorf("%d %s", a.StatusCode, a.text)
	}
	for setting, c := range map[string]Config{
		"no key set":        {ForwardAuth: ForwardAuth{From: "path"}},
		"one header":        {ForwardAuth: ForwardAuth{From: "X-A"}},
		"twice the same":    {ForwardAuth: ForwardAuth{From: "X-A,x-a"}},
		"no name":           {ForwardAuth: ForwardAuth{From: "X A,X-B"}},
		"a cookie's name":   {ForwardAuth: ForwardAuth{Cookie: "a=b"}},
		"no trusted proxy":  {ForwardAuth: ForwardAuth{ClientIPHeader: "X-Real-IP"}},
		"no header":         {ForwardAuth: ForwardAuth{TrustedProxies: []string{"unix"}}},
		"no network":        {ForwardAuth: ForwardAuth{ClientIPHeader: "X-Real-IP", TrustedProxies: []string{"10.0.0.1"}}},
		"envoy, no key set": {ExtAuthzListen: "127.0.0.1:0"},
	} {
		if c.Validate() == nil {
			t.Errorf("%s: the setting is accepted", setting)
		}
	}
}

// Only a trusted proxy says what the client's address is.
func TestTheClientsAddressOfForwardAuth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		proxies []string
		headers []string
		want    int
	}{
		"a trusted proxy":      {[]string{"127.0.0.0/8"}, []string{"X-Real-IP: 10.1.2.3"}, 204},
		"another address":      {[]string{"127.0.0.0/8"}, []string{"X-Real-IP: 192.0.2.1"}, 403},
		"an unknown proxy":     {[]string{"10.0.0.0/8"}, []string{"X-Real-IP: 10.1.2.3"}, 403},
		"no address":           {[]string{"127.0.0.0/8"}, nil, 403},
		"two addresses":        {[]string{"127.0.0.0/8"}, []string{"X-Real-IP: 10.1.2.3", "X-Real-IP: 10.1.2.3"}, 403},
		"a list of addresses":  {[]string{"127.0.0.0/8"}, []string{"X-Real-IP: 10.1.2.3, 10.1.2.4"}, 403},
		"the header of panels": {[]string{"127.0.0.0/8"}, []string{"Resellerd-Client-IP: 10.1.2.3"}, 403},
		"mapped to IPv6":       {[]string{"127.0.0.0/8"}, []string{"X-Real-IP: ::ffff:10.1.2.3"}, 204},
	} {
		w, i := sqliteCore(t), newIssuer(t)
		coreWrite(t, w.store, w.ID("master"), func(tx *store.Tx) error {
			_, err := tx.UpdateUser(tctx, w.ID("agent"), store.UserPatch{IPAllow: &[]string{"10.0.0.0/8"}})
			return err
		})
		s := forwardServer(t, w, i, ForwardAuth{From: "path", ClientIPHeader: "X-Real-IP", TrustedProxies: c.proxies}, nil)
		addr, _ := runServer(t, s)
		res, text := sendRaw(t, "tcp", addr, raw("GET /forward-auth/cdr", append(c.headers, "Authorization: Bearer "+i.token(t, "agent"))...))
		if res.StatusCode != c.want || c.want == 403 && len(c.headers) == 0 && !strings.Contains(text, "client_ip_unknown") {
			t.Errorf("%s: %d %s", name, res.StatusCode, text)
		}
	}
}

// upstream is what nginx guards. It notes what reaches it.
type upstream struct {
	mu   sync.Mutex
	seen []string // targets, with the headers of the user
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen = append(u.seen, fmt.Sprintf("%s %s %v %v %v", r.Method, r.RequestURI, r.Header.Values(headerUserID), r.Header.Values(headerAccountID), r.Header.Values(headerUser)))
}

func (u *upstream) take() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := u.seen
	u.seen = nil
	return seen
}

// startNginx runs the example of README.md in front of an upstream. It returns the path of
// its socket.
func startNginx(t *testing.T, resellerd, guarded string) string {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		if os.Getenv("RESELLERD_TEST_REQUIRE_NGINX") != "" {
			t.Fatal(err)
		}
		t.Skip("nginx is not installed: .ci/run installs it")
	}
	page, err := os.ReadFile("README.md")
	must(t, err)
	example := regexp.MustCompile("(?s)```nginx ci file=\\S+\n(.*?)```").FindSubmatch(page)
	if example == nil {
		t.Fatal("README.md has no example for nginx")
	}
	dir, err := os.MkdirTemp("", "ngx") //nolint:usetesting // t.TempDir is too long for a socket
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	socket := filepath.Join(dir, "s")
	server := strings.NewReplacer("listen 80;", "listen unix:"+socket+";", "127.0.0.1:8080", resellerd, "127.0.0.1:9000", guarded).Replace(string(example[1]))
	if !strings.Contains(server, socket) || !strings.Contains(server, resellerd) || !strings.Contains(server, guarded) {
		t.Fatal("the example for nginx has other addresses")
	}
	config := fmt.Sprintf("daemon off; pid %[1]s/pid; error_log stderr error; events {}\nhttp { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/c;\n%[2]s}\n", dir, server)
	file := filepath.Join(dir, "nginx.conf")
	must(t, os.WriteFile(file, []byte(config), 0o600))
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "nginx", "-p", dir, "-c", file, "-e", "stderr")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	must(t, cmd.Start())
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	soon(t, "nginx answers", func() bool {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return socket
}

func TestForwardAuthBehindNginx(t *testing.T) {
	t.Parallel()
	w, i := sqliteCore(t), newIssuer(t)
	s := forwardServer(t, w, i, ForwardAuth{From: "X-Original-Method,X-Original-URI", Cookie: "panel_jwt"}, nil)
	addr, stop := runServer(t, s)
	guarded := &upstream{}
	panel := httptest.NewServer(guarded)
	t.Cleanup(panel.Close)
	nginx := startNginx(t, addr, panel.Listener.Addr().String())
	agent, clerk := "Authorization: Bearer "+i.token(t, "agent"), "Authorization: Bearer "+i.token(t, "clerk")
	as := fmt.Sprintf("[%s] [%s] []", w.ID("agent"), w.ID("reseller"))
	ask := func(name, line string, status int, reaches string, headers ...string) {
		t.Helper()
		res, text := sendRaw(t, "unix", nginx, raw(line, headers...))
		seen := guarded.take()
		if res.StatusCode != status || reaches == "" && len(seen) > 0 || reaches != "" && (len(seen) != 1 || seen[0] != reaches) {
			t.Errorf("%s: %d, and the panel sees %q\n%s", name, res.StatusCode, seen, text)
		}
	}
	ask("allowed", "GET /cdr/1?page=2", 200, "GET /cdr/1?page=2 "+as, agent)
	ask("by cookie", "GET /cdr", 200, "GET /cdr "+as, "Cookie: panel_jwt="+i.token(t, "agent"))
	ask("forged names", "GET /cdr", 200, "GET /cdr "+as, agent, "Resellerd-User-Id: usr_x", "Resellerd-Account-Id: acc_x", "Resellerd-User: staff", "X-Original-URI: /cdr", "X-Original-Method: GET")
	ask("denied", "GET /cdr", 403, "", clerk)
	ask("a forged path", "GET /admin/x", 403, "", agent, "X-Original-URI: /cdr", "X-Forwarded-Uri: /cdr")
	ask("a forged method", "DELETE /cdr", 403, "", agent, "X-Original-Method: GET", "X-HTTP-Method-Override: GET")
	ask("another method in the body", "POST /cdr", 403, "", agent, "Content-Type: application/x-www-form-urlencoded", "Content-Length: 0")
	ask("unauthenticated", "GET /cdr", 401, "", "X-Original-Method: GET")
	ask("two tokens", "GET /cdr", 400, "", agent, clerk)
	for _, path := range []string{"//cdr", "/cdr//1", "/cdr/../admin", "/x/../cdr", "/cdr/..;/admin", "/cdr%2f1", "/cdr%2F1", "/%2e%2e/cdr", "/cdr/%2e%2e/admin", "/cdr;x", "/CDR", "/cdr.", "/cdr%252f",
		"/cdr%00", `/cdr\x`, "/%63dr", "/index.php?module=cdr&module=policy", "/index.php?module[]=policy&module=cdr", "/forward-auth", "/_resellerd", "/cdr/%"} {
		res, text := sendRaw(t, "unix", nginx, raw("GET "+path, agent))
		if seen := guarded.take(); res.StatusCode < 400 || len(seen) > 0 {
			t.Errorf("%s: %d, and the panel sees %q\n%s", path, res.StatusCode, seen, text)
		}
	}
	ask("an absolute address", "GET http://panel.example/cdr", 200, "GET /cdr "+as, agent)
	ask("an absolute address, denied", "GET http://panel.example/admin/x", 403, "", agent)
	must(t, stop())
	ask("the sidecar is down", "GET /cdr", 500, "", agent)
}
