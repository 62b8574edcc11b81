package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"resellerd/server/transport"
)

func TestShutdownFinishesWhatItBegan(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	s := bareServer(t, Config{Listen: "127.0.0.1:0"}, get("/slow", func(r *exchange) error {
		close(started)
		<-release
		return answerOK(r)
	}))
	addr, stop := runServer(t, s)
	idle := dial(t, addr) // a connection without a request must not delay the shutdown
	_ = idle
	answered := make(chan string, 1)
	go func() {
		res, err := http.Get("http://" + addr + "/slow")
		if err != nil {
			answered <- err.Error()
			return
		}
		body, _ := io.ReadAll(res.Body)
		answered <- string(body)
	}()
	<-started
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	waitRefused(t, addr)
	select {
	case err := <-ended:
		t.Fatalf("ended with a request under way: %v", err)
	default:
	}
	close(release)
	if got := <-answered; got != "ok" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

// waitRefused returns when the address refuses connections.
func waitRefused(t *testing.T, addr string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		conn.Close()
	}
	t.Fatal("still listening")
}

func TestShutdownGivesUpInTheEnd(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	s := bareServer(t, Config{Listen: "127.0.0.1:0", Limits: Limits{Shutdown: 100 * time.Millisecond}}, get("/stuck", func(*exchange) error {
		close(started)
		<-release
		return nil
	}))
	addr, stop := runServer(t, s)
	go func() { _, _ = http.Get("http://" + addr + "/stuck") }()
	<-started
	if err := stop(); err == nil || !strings.Contains(err.Error(), "shutdown") {
		t.Errorf("ended with %v", err)
	}
}

func TestReadyLineSaysTheChosenAddress(t *testing.T) {
	t.Parallel()
	lines := make(chan []byte, 10)
	s := bareServer(t, Config{Listen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0"}, get("/ok", answerOK),
		route{method: "GET", path: "/livez", open: forAnyone, handle: livez, doc: operation{tag: "operations"}})
	s.logger = slog.New(slog.NewJSONHandler(lineWriter(lines), nil))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var ready struct{ Msg, Addr, MetricsAddr string }
	var raw map[string]string
	must(t, json.Unmarshal(<-lines, &raw))
	ready.Msg, ready.Addr, ready.MetricsAddr = raw["msg"], raw["addr"], raw["metrics_addr"]
	if ready.Msg != "ready" || strings.HasSuffix(ready.Addr, ":0") {
		t.Fatalf("%+v", raw)
	}
	for url, want := range map[string]int{
		ready.Addr + "/ok": 200, ready.Addr + "/livez": 404, ready.MetricsAddr + "/livez": 200, ready.MetricsAddr + "/ok": 404,
	} {
		res, err := http.Get("http://" + url)
		must(t, err)
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d", url, res.StatusCode)
		}
	}
	cancel()
	must(t, <-ended)
}

type lineWriter chan []byte

func (w lineWriter) Write(p []byte) (int, error) {
	w <- append([]byte(nil), p...)
	return len(p), nil
}

func TestUnixSocketIsForOwnerAndGroup(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r.sock")
	s := bareServer(t, Config{Listen: "unix:" + path}, get("/ok", answerOK))
	addr, stop := runServer(t, s)
	if addr != "unix:"+path {
		t.Errorf("address %q", addr)
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v", info.Mode())
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	res, err := client.Get("http://socket/ok")
	must(t, err)
	res.Body.Close()
	if _, err := s.listen("unix:" + path); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second server on the socket: %v", err)
	}
	client.CloseIdleConnections()
	must(t, stop())
}

func TestStaleSocketIsReplacedAndAFileIsNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	must(t, err)
	ln.SetUnlinkOnClose(false)
	must(t, ln.Close())
	s := bareServer(t, Config{})
	fresh, err := s.listen("unix:" + stale)
	must(t, err)
	must(t, fresh.Close())
	file := filepath.Join(dir, "precious")
	must(t, os.WriteFile(file, []byte("data"), 0o600))
	if _, err := s.listen("unix:" + file); err == nil {
		t.Error("a file was taken for a socket")
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "data" {
		t.Error("the file is gone")
	}
}

// authority signs certificates for the tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T, dir, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	file := filepath.Join(dir, name+".pem")
	writePEM(t, file, "CERTIFICATE", der)
	return &authority{cert: cert, key: key, file: file}
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func (a *authority) issue(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	certFile, keyFile = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	writePEM(t, certFile, "CERTIFICATE", der)
	writePEM(t, keyFile, "PRIVATE KEY", keyDER)
	return certFile, keyFile
}

func TestTLSDemandsAClientCertificateOfItsAuthority(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ours, theirs := newAuthority(t, dir, "ours"), newAuthority(t, dir, "theirs")
	cert, key := ours.issue(t, dir, "server")
	s := bareServer(t, Config{Listen: "127.0.0.1:0", TLS: transport.TLS{Cert: cert, Key: key, ClientCA: ours.file}}, get("/ok", answerOK))
	addr, _ := runServer(t, s)
	roots := x509.NewCertPool()
	roots.AddCert(ours.cert)
	ask := func(config *tls.Config) error {
		config.RootCAs = roots
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
		res, err := client.Get("https://" + addr + "/ok")
		if err == nil {
			res.Body.Close()
		}
		return err
	}
	for name, by := range map[string]*authority{"none": nil, "theirs": theirs, "ours": ours} {
		config := &tls.Config{}
		if by != nil {
			pair, err := tls.LoadX509KeyPair(by.issue(t, dir, "client-"+name))
			must(t, err)
			config.Certificates = []tls.Certificate{pair}
		}
		if err := ask(config); (err == nil) != (by == ours) {
			t.Errorf("certificate of %s: %v", name, err)
		}
	}
	pair, err := tls.LoadX509KeyPair(ours.issue(t, dir, "old"))
	must(t, err)
	if err := ask(&tls.Config{MaxVersion: tls.VersionTLS11, Certificates: []tls.Certificate{pair}}); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func TestClientGoneIsSeenThroughTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca := newAuthority(t, dir, "ca")
	cert, key := ca.issue(t, dir, "server")
	started, ended := make(chan struct{}, 1), make(chan error, 1)
	s := bareServer(t, Config{Listen: "127.0.0.1:0", TLS: transport.TLS{Cert: cert, Key: key}}, get("/slow", func(r *exchange) error {
		started <- struct{}{}
		<-r.Ctx.Done()
		ended <- context.Cause(r.Ctx)
		return r.Ctx.Err()
	}))
	addr, _ := runServer(t, s)
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots})
	must(t, err)
	_, err = io.WriteString(conn, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	<-started
	must(t, conn.Close())
	if err := <-ended; err != transport.ErrClientGone {
		t.Errorf("ended with %v", err)
	}
}
