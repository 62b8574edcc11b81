package server

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// changingKeys runs a server that reads its key set once at the start. That key
// set lacks the key that signs the tokens. Each later read runs later first.
func changingKeys(t *testing.T, w *coreWorld, change func(*Config), later http.HandlerFunc, clock func() time.Time) (*Server, string) {
	t.Helper()
	i := newIssuer(t)
	var started atomic.Bool
	keys := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if !started.Load() {
			_, _ = out.Write(jwks(t, i.keys()[:1]))
			return
		}
		later(out, r)
		_, _ = out.Write(jwks(t, i.keys()))
	}))
	t.Cleanup(func() {
		keys.CloseClientConnections() // ends a read that nothing else has ended
		keys.Close()
	})
	s := w.serve(t, func(c *Config) {
		c.JWT = jwtConfig(t, w.ID("master"), i.keys())
		c.JWT.JWKS = keys.URL
		if change != nil {
			change(c)
		}
	}, WithClock(clock))
	started.Store(true)
	return s, i.token(t, "staff")
}

func expectingGroup(token, lines string) string {
	return "POST /v1/groups/default-reseller HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\n" +
		"Authorization: Bearer " + token + "\r\n" + lines + "\r\n"
}

// The key set cannot be read when the body is announced, and can be read a
// moment later. By then the body was withheld, and an empty body has another
// meaning on this route.
func TestARequestWhoseBodyWasWithheldIsNotRunWithoutIt(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string]string{
		"a length": "Content-Length: 15\r\n",
		"chunked":  "Transfer-Encoding: chunked\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := sqliteCore(t)
			var past, reads atomic.Int64
			s, token := changingKeys(t, w, nil, func(out http.ResponseWriter, _ *http.Request) {
				past.Add(int64(time.Minute))
				if reads.Add(1) == 1 {
					out.WriteHeader(http.StatusServiceUnavailable)
				}
			}, func() time.Time { return jwtNow.Add(time.Duration(past.Load())) })
			past.Add(int64(time.Minute))
			addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
			before := s.store.Revision()
			first, in := rawBegin(t, dial(t, addr), expectingGroup(token, lines))
			rest, err := io.ReadAll(in)
			if first != "HTTP/1.1 503 Service Unavailable" || !strings.Contains(string(rest), "Repeat the request") || err != nil {
				t.Errorf("answered %q %s, then %v", first, rest, err)
			}
			if s.store.Revision() != before {
				t.Error("something was written")
			}
			if reads.Load() != 2 {
				t.Errorf("the key set was read %d times: nothing was tried", reads.Load())
			}
		})
	}
}

// The body of a request is read even if the client closes the connection after
// the request.
func TestABodyIsReadOnAConnectionThatEnds(t *testing.T) {
	t.Parallel()
	s := sqliteCore(t).serve(t, nil)
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	for name, body := range map[string]string{
		"a length": "Content-Length: 17\r\n\r\n{\"name\":\"Length\"}",
		"chunked":  "Transfer-Encoding: chunked\r\n\r\n12\r\n{\"name\":\"Chunked\"}\r\n0\r\n\r\n",
	} {
		head := "POST /v1/customers HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n" +
			"Authorization: Bearer " + wideToken + "\r\nResellerd-User: agent\r\n" + body
		first, in := rawBegin(t, dial(t, addr), head)
		rest, err := io.ReadAll(in)
		must(t, err)
		if first != "HTTP/1.1 201 Created" || !strings.Contains(string(rest), `"name":"`) {
			t.Errorf("%s: %q %s", name, first, rest)
		}
	}
}

// A caller who is not authenticated does not get the size and time of an upload.
func TestAnUploadNeedsATokenToBeLarge(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, func(c *Config) { c.Limits.Body, c.Limits.Import = 1<<10, 1<<20 })
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	for token, want := range map[string]string{"nobody": "HTTP/1.1 401 Unauthorized", wideToken: "HTTP/1.1 403 Forbidden"} {
		for length, with := range map[int]string{1 << 11: want, 1 << 21: "HTTP/1.1 413 Request Entity Too Large"} {
			if token == "nobody" {
				with = want
			}
			conn := dial(t, addr)
			head := fmt.Sprintf("POST /v1/cards/crd_none/import?mode=replace HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
				"Resellerd-User: nobody\r\nContent-Length: %d\r\n\r\n", token, length)
			if token == wideToken && with == want {
				head += strings.Repeat("x", length) // read and discarded, so that its sender sees the answer
			}
			if first, _ := rawBegin(t, conn, head); first != with {
				t.Errorf("%s sends %d bytes: %q, want %q", token, length, first, with)
			}
		}
	}
}

// Public routes read no body, so a withheld body loses nothing there.
func TestNoPublicRouteWrites(t *testing.T) {
	t.Parallel()
	for _, rt := range routes() {
		if rt.open == forAnyone && rt.method != "GET" {
			t.Errorf("%s %s: a request whose body was withheld would run without it", rt.method, rt.path)
		}
	}
}

func TestTheCheckBeforeABodyEndsWithTheTimeOfARequest(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	var past atomic.Int64
	s, token := changingKeys(t, w, func(c *Config) { c.Limits.Request = 50 * time.Millisecond },
		func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		func() time.Time { return jwtNow.Add(time.Duration(past.Load())) })
	s.jwt.Client.Timeout = 0 // only the time limit of the request ends the read
	past.Store(int64(time.Minute))
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	if first, _ := rawBegin(t, dial(t, addr), expectingGroup(token, "Content-Length: 15\r\n")); first != "HTTP/1.1 401 Unauthorized" {
		t.Errorf("answered %q", first)
	}
}
