package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
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
		want.answered = true
		if got := attempt(t, send, url+path, at); got != want {
			t.Errorf("%s: the outcome is %+v, want %+v", path, got, want)
		}
		if n := asked.Load() - before; n != 1 {
			t.Errorf("%s: %d requests", path, n)
		}
	}
}

// attempt sends a message to a receiver.
func attempt(t *testing.T, s *sender, url string, at time.Time) outcome {
	t.Helper()
	got, err := s.send(context.Background(), post{url: url, id: "msg_1", body: "{}", ready: func(context.Context) error { return nil },
		signed: func() (time.Time, string, error) { return at, "", nil }})
	if err != nil {
		t.Error(err)
	}
	return got
}

// The codes say nothing about networks that are not public: neither what is there, nor
// whether the operator allows them.
func TestCodesShowNothingOfPrivateNetworks(t *testing.T) {
	t.Parallel()
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("the receiver was asked") })
	for _, s := range []*sender{newSender(&loopback, nil), newSender(&Guard{}, roots), newSender(&loopback, roots)} {
		for _, target := range []string{url, strings.Replace(url, "https", "http", 1), "https://name.invalid/", "https://127.0.0.1:1/", "https://10.0.0.1/"} {
			if s.roots == roots && s.guard == &loopback && target == url {
				continue
			}
			if got := attempt(t, s, target, time.Unix(1, 0)); got != (outcome{error: unreachable}) {
				t.Errorf("%s: %+v", target, got)
			}
		}
	}
	public := &net.TCPAddr{IP: net.ParseIP("1.1.1.1"), Port: 443}
	for code, err := range map[string]error{"tls": tls.AlertError(40), "timeout": os.ErrDeadlineExceeded, "connection": io.EOF} {
		if got := newSender(&Guard{}, nil).codeOf(err, public); got != code {
			t.Errorf("%v of a public address is %s, want %s", err, got, code)
		}
	}
}

// What changes until the connection stands ends an attempt before anything is sent.
func TestNothingIsSentIfSomethingHasChanged(t *testing.T) {
	t.Parallel()
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("the receiver was asked") })
	changed := errors.New("changed")
	for _, p := range []post{
		{ready: func(context.Context) error { return changed }},
		{ready: func(context.Context) error { return nil }, signed: func() (time.Time, string, error) { return time.Time{}, "", changed }},
	} {
		p.url = url
		if _, err := newSender(&loopback, roots).send(context.Background(), p); !errors.Is(err, changed) {
			t.Errorf("the error is %v", err)
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
		if got := attempt(t, newSender(&Guard{}, roots), "https://"+host+":8443/", time.Unix(1, 0)); got.error != unreachable {
			t.Errorf("%s: %+v", host, got)
		}
	}
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	url, roots := receiver(t, func(http.ResponseWriter, *http.Request) {})
	if got := attempt(t, newSender(&loopback, roots), url, time.Unix(1, 0)); !got.delivered {
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
