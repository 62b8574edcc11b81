//go:build unix

package main

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const processArgs = "RESELLERD_TEST_PROCESS_ARGS"

// TestProcess is resellerd itself, in a process that another test starts.
func TestProcess(t *testing.T) {
	args := os.Getenv(processArgs)
	if args == "" {
		t.Skip("a process for another test to start")
	}
	os.Args = append([]string{"resellerd"}, strings.Split(args, "\n")...)
	main()
}

// process starts resellerd with at most this many open files, and waits for its
// line "ready". The process is killed when the test ends.
func process(t *testing.T, files string, args ...string) (cmd *exec.Cmd, addr string, stderr *output) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stderr = newOutput()
	cmd = exec.CommandContext(t.Context(), "sh", "-c", `ulimit -n "$1" && exec "$0" -test.run '^TestProcess$'`, self, files)
	cmd.Env = append(os.Environ(), processArgs+"="+strings.Join(args, "\n"))
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	waitForLog(t, stderr, `"msg":"ready"`)
	return cmd, readyAddr(stderr.String()), stderr
}

// waitForLog waits until a text is in the log.
func waitForLog(t *testing.T, log *output, text string) {
	t.Helper()
	late := time.After(time.Minute)
	for !strings.Contains(log.String(), text) {
		select {
		case <-late:
			t.Fatalf("no %q in the log:\n%s", text, log)
		case <-log.line:
		}
	}
}

func TestAHangUpAndTooManyConnectionsDoNotEndTheProcess(t *testing.T) {
	tokens := write(t, "tokens", "acc_x:the-first-token-of-all data")
	cmd, addr, stderr := process(t, "64", "serve", "--listen", "127.0.0.1:0", "--policy-timeout", "10s", "--drain-time", "0s",
		"--panel-token-file", tokens, "--decision-log", "none", "--database", newDatabase(t))
	alive := func(when string) {
		t.Helper()
		if status, _ := get(t, "http://"+addr+"/livez"); status != http.StatusOK {
			t.Errorf("%s: /livez answers %d", when, status)
		}
		http.DefaultClient.CloseIdleConnections()
	}
	hangUp := func() {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	hangUp()
	waitForLog(t, stderr, `"setting":"panel_tokens"`)
	alive("after a hang-up")
	var conns []net.Conn
	for range 100 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	const lack = "no connection can be accepted"
	waitForLog(t, stderr, lack)
	hangUp()
	for _, conn := range conns {
		conn.Close()
	}
	alive("after too many connections")
	if n := strings.Count(stderr.String(), lack); n != 1 {
		t.Errorf("%d log lines, want 1:\n%s", n, stderr)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v:\n%s", err, stderr)
	}
}

// selfSigned writes a certificate with a serial number, and its key.
func selfSigned(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(nil, tmpl, tmpl, public, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	replace(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func TestAHangUpRenewsTheLogAndEverySetting(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Mkdir(at("policies"), 0o700); err != nil {
		t.Fatal(err)
	}
	database, made := founding(t)
	const first, second = "the-first-token-of-all", "the-second-token-of-all"
	// set writes everything that a hang-up reads, and returns a user's token for its keys.
	set := func(token string, serial int64, action string) (jwt string) {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		replace(t, at("tokens"), made.Account+":"+token+" decide")
		replace(t, at("keys.json"), keySetOf(public))
		replace(t, at("policies/main.rego"), fmt.Sprintf(smallPolicy, action))
		selfSigned(t, at("cert.pem"), at("key.pem"), serial)
		return jwtOf(t, private, "admin")
	}
	old := set(first, 1, "read")
	cmd, addr, stderr := process(t, "256", "serve", "--listen", "127.0.0.1:0", "--policy-timeout", "10s", "--drain-time", "0s",
		"--panel-token-file", at("tokens"), "--tls-cert", at("cert.pem"), "--tls-key", at("key.pem"), "--policies", at("policies"),
		"--jwks", at("keys.json"), "--jwt-issuer", "https://id.halyard.example", "--jwt-audience", "resellerd",
		"--decision-log", at("log"), "--database", database)
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	ask := func(token string) (status int, policy string, serial int64) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+addr+"/access/v1/evaluation",
			strings.NewReader(`{"subject":{"type":"user","id":"admin"},"action":{"name":"read"},"resource":{"type":"invoice","id":"1"}}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		if err != nil {
			t.Fatalf("%v\n%s", err, stderr)
		}
		res.Body.Close()
		return res.StatusCode, res.Header.Get("Resellerd-Policy"), res.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	status, before, serial := ask(first)
	if ofUser, _, _ := ask(old); status != 200 || ofUser != 200 || serial != 1 {
		t.Fatalf("before: %d and %d, certificate %d", status, ofUser, serial)
	}
	hangUp := func() {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	hangUp() // files that have not changed are read, too
	for _, setting := range []string{"panel_tokens", "certificate", "key_set"} {
		waitForLog(t, stderr, `"setting":"`+setting+`"`)
	}
	if err := os.Rename(at("log"), at("log.1")); err != nil {
		t.Fatal(err)
	}
	renewed := set(second, 2, "update")
	hangUp()
	left := func() (left []string) {
		status, policy, serial := ask(second)
		former, _, _ := ask(first)
		ofUser, _, _ := ask(renewed)
		formerUser, _, _ := ask(old)
		text, _ := os.ReadFile(at("log")) // absent at first
		for what, is := range map[string]bool{
			"panel tokens": status == 200 && former == 401, "key set": ofUser == 200 && formerUser == 401,
			"certificate": serial == 2, "policy": policy != before, "log": strings.Contains(string(text), `"decision_id"`),
		} {
			if !is {
				left = append(left, what)
			}
		}
		return left
	}
	for deadline := time.Now().Add(time.Minute); len(left()) > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("not renewed: %v\n%s", left(), stderr)
		}
	}
}
