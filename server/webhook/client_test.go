package webhook

import (
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// receiver answers requests over TLS with a certificate for 127.0.0.1.
func receiver(t *testing.T, answer http.HandlerFunc) (url string, roots *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(answer)
	t.Cleanup(s.Close)
	roots = x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s.URL, roots
}

var loopback = Guard{[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

func TestOutcomesOfAttempts(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_800_000_000, 0)
	var asked atomic.Int64
	url, roots := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch code := strings.TrimPrefix(r.URL.Path, "/"); code {
		case "301", "302", "303", "307", "308":
			w.Header().Set("Location", "/200")
			w.WriteHeader(int(code[2]-'0') + 300)
		case "429":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusTooManyRequests)
		case "503":
			w.Header().Set("Retry-After", at.Add(time.Hour).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		case "410":
			w.WriteHeader(http.StatusGone)
		case "204":
			w.WriteHeader(http.StatusNoContent)
		default:
			_, _ = io.Copy(w, io.LimitReader(zeros{}, 1<<20))
		}
	})
	send := newSender(&loopback, roots)
	for path, want := range map[string]outcome{
		"/200": {delivered: true}, "/204": {delivered: true}, "/301": {error: "status_301"}, "/308": {error: "status_308"},
		"/429": {error: "status_429", after: 2 * time.Minute}, "/503": {error: "status_503", after: time.Hour}, "/410": {error: "status_410", gone: true},
	} {
		before := asked.Load()
		if got := send.send(context.Background(), url+path, "msg_1", "{}", at, []Secret{NewSecret()}); got != want {
			t.Errorf("%s: the outcome is %+v, want %+v", path, got, want)
		}
		if n := asked.Load() - before; n != 1 {
			t.Errorf("%s: %d requests", path, n)
		}
	}
	if got := newSender(&loopback, nil).send(context.Background(), url, "msg_1", "{}", at, nil); got.error != "tls" {
		t.Errorf("an unknown authority: %+v", got)
	}
	if got := newSender(&Guard{}, roots).send(context.Background(), url, "msg_1", "{}", at, nil); got.error != "address" {
		t.Errorf("a local address: %+v", got)
	}
	for target, code := range map[string]string{strings.Replace(url, "https", "http", 1): "address", "https://name.invalid/": "name", "https://127.0.0.1:1/": "connection"} {
		if got := send.send(context.Background(), target, "msg_1", "{}", at, nil); got.error != code {
			t.Errorf("%s: %+v, want %s", target, got, code)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A name that leads to a local address is as good as the address: the check is made when
// the address is dialled.
func TestNamesOfLocalAddressesAreRefused(t *testing.T) {
	t.Parallel()
	_, roots := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("the receiver was asked") })
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433", "0x7f.1"} {
		got := newSender(&Guard{}, roots).send(context.Background(), "https://"+host+":8443/", "msg_1", "{}", time.Unix(1, 0), nil)
		if got.error != "address" && got.error != "name" {
			t.Errorf("%s: %+v", host, got)
		}
	}
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) {})
	if got := newSender(&loopback, roots).send(context.Background(), url, "msg_1", "{}", time.Unix(1, 0), nil); !got.delivered {
		t.Errorf("the outcome is %+v", got)
	}
}

func TestReceiversMayAskForLaterAttempts(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "-5": 0, "30": 30 * time.Second, "999999999": mostAfter, "99999999999999999999": 0, "soon": 0,
		"Mon, 30 Nov 2026 12:05:00 GMT": 5 * time.Minute, "Mon, 30 Nov 2026 11:00:00 GMT": 0, "Fri, 30 Nov 2029 12:00:00 GMT": mostAfter,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestPausesGrowUntilAMessageIsDead(t *testing.T) {
	t.Parallel()
	var last, sum time.Duration
	for attempts := 1; attempts <= len(pauses); attempts++ {
		least, dead := pause(attempts, 0, 0)
		most, _ := pause(attempts, 0, 1)
		if dead || least <= last || most < least || most > least+least/10 {
			t.Errorf("after %d attempts: %s to %s, dead %v", attempts, least, most, dead)
		}
		last, sum = least, sum+least
		if asked, _ := pause(attempts, 48*time.Hour, 0); asked != 48*time.Hour {
			t.Errorf("the receiver asked for 48 h and gets %s", asked)
		}
	}
	if sum < 48*time.Hour {
		t.Errorf("all attempts take %s", sum)
	}
	if _, dead := pause(len(pauses)+1, time.Hour, 0); !dead {
		t.Error("a message is never dead")
	}
}
