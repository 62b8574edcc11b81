package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	smuggledBody = `{"name":"smuggled"}`
	rawCaller    = "Authorization: Bearer " + wideToken + "\r\nResellerd-User: agent\r\nContent-Type: application/json\r\n"
)

// rawPost is a request that creates a customer, with these header lines besides
// the caller's, and this body. lines must include "Host: x".
func rawPost(lines, body string) string {
	return "POST /v1/customers HTTP/1.1\r\n" + rawCaller + lines + "\r\n" + body
}

// inOneChunk is a chunked body, followed by these trailer fields.
func inOneChunk(body, trailer string) string {
	return fmt.Sprintf("%x\r\n%s\r\n0\r\n%s\r\n", len(body), body, trailer)
}

func lengthOf(body string) string { return fmt.Sprintf("Content-Length: %d\r\n", len(body)) }

const chunkedHead = "Host: x\r\nTransfer-Encoding: chunked\r\n"

// rawAnswers reads the answers on a connection until it is closed.
func rawAnswers(t *testing.T, conn net.Conn) (statuses []int, mediaTypes []string) {
	t.Helper()
	must(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	in := bufio.NewReader(conn)
	for {
		if _, err := in.Peek(1); errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return statuses, mediaTypes
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Errorf("after %v: %v", statuses, err)
			return statuses, append(mediaTypes, "")
		}
		_, err = io.Copy(io.Discard, res.Body)
		must(t, err)
		statuses, mediaTypes = append(statuses, res.StatusCode), append(mediaTypes, res.Header.Get("Content-Type"))
	}
}

// customerNames returns the list of customers.
func (w *coreWorld) customerNames(t *testing.T, s *Server) string {
	t.Helper()
	a := knock(t, s, "GET", "/v1/customers", "", wideToken, "Resellerd-User: agent")
	if a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.text)
	}
	return a.text
}

var ambiguousRequests = map[string]string{
	"two lengths":                    rawPost("Host: x\r\n"+lengthOf(smuggledBody)+"Content-Length: 0\r\n", smuggledBody),
	"two lengths, none first":        rawPost("Host: x\r\nContent-Length: 0\r\n"+lengthOf(smuggledBody), smuggledBody),
	"the same length twice":          rawPost("Host: x\r\n"+lengthOf(smuggledBody)+lengthOf(smuggledBody), smuggledBody),
	"a list of lengths":              rawPost("Host: x\r\nContent-Length: 19, 19\r\n", smuggledBody),
	"a signed length":                rawPost("Host: x\r\nContent-Length: +19\r\n", smuggledBody),
	"a length beside chunked":        rawPost(chunkedHead+"Content-Length: 4\r\n", inOneChunk(smuggledBody, "")),
	"chunked beside a length":        rawPost("content-length: 4\r\n"+chunkedHead, inOneChunk(smuggledBody, "")),
	"a length beside identity":       rawPost("Host: x\r\nTransfer-Encoding: identity\r\n"+lengthOf(smuggledBody), smuggledBody),
	"chunked, identity":              rawPost("Host: x\r\nTransfer-Encoding: chunked, identity\r\n", inOneChunk(smuggledBody, "")),
	"identity, chunked":              rawPost("Host: x\r\nTransfer-Encoding: identity, chunked\r\n", inOneChunk(smuggledBody, "")),
	"gzip, chunked":                  rawPost("Host: x\r\nTransfer-Encoding: gzip, chunked\r\n", inOneChunk(smuggledBody, "")),
	"identity":                       rawPost("Host: x\r\nTransfer-Encoding: identity\r\n", ""),
	"chunked twice":                  rawPost(chunkedHead+"Transfer-Encoding: chunked\r\n", inOneChunk(smuggledBody, "")),
	"chunked on HTTP/1.0":            strings.Replace(rawPost(chunkedHead, inOneChunk(smuggledBody, "")), "HTTP/1.1", "HTTP/1.0", 1),
	"a folded line":                  rawPost("Host: x\r\nX-Long: a\r\n b\r\n"+lengthOf(smuggledBody), smuggledBody),
	"a line folded with a tab":       rawPost("Host: x\r\nX-Long: a\r\n\tb\r\n"+lengthOf(smuggledBody), smuggledBody),
	"a folded coding":                rawPost("Host: x\r\nTransfer-Encoding:\r\n chunked\r\n", inOneChunk(smuggledBody, "")),
	"a folded user":                  rawPost("Host: x\r\nX-User:\r\n Resellerd-User: staff\r\n"+lengthOf(smuggledBody), smuggledBody),
	"a blank before the first line":  strings.Replace(rawPost("Host: x\r\n"+lengthOf(smuggledBody), smuggledBody), "Authorization", " Authorization", 1),
	"no Host":                        rawPost(lengthOf(smuggledBody), smuggledBody),
	"an empty Host":                  rawPost("Host: \r\n"+lengthOf(smuggledBody), smuggledBody),
	"two Hosts":                      rawPost("Host: x\r\nHost: y\r\n"+lengthOf(smuggledBody), smuggledBody),
	"the same Host twice":            rawPost("Host: x\r\nHost: x\r\n"+lengthOf(smuggledBody), smuggledBody),
	"a Host with a user":             rawPost("Host: admin@x\r\n"+lengthOf(smuggledBody), smuggledBody),
	"a blank before a colon":         rawPost("Host: x\r\nContent-Length : 19\r\n", smuggledBody),
	"a blank within a name":          rawPost("Host: x\r\nResellerd User: staff\r\n"+lengthOf(smuggledBody), smuggledBody),
	"a line that ends with LF":       rawPost("Host: x\r\nX-A: a\n"+lengthOf(smuggledBody), smuggledBody),
	"a CR within a line":             rawPost("Host: x\r\nX-A: a\rb\r\n"+lengthOf(smuggledBody), smuggledBody),
	"a NUL within a line":            rawPost("Host: x\r\nX-A: a\x00b\r\n"+lengthOf(smuggledBody), smuggledBody),
	"HTTP/1.2":                       strings.Replace(rawPost("Host: x\r\n"+lengthOf(smuggledBody), smuggledBody), "HTTP/1.1", "HTTP/1.2", 1),
	"HTTP/2.0":                       strings.Replace(rawPost("Host: x\r\n"+lengthOf(smuggledBody), smuggledBody), "HTTP/1.1", "HTTP/2.0", 1),
	"an unknown method":              strings.Replace(rawPost("Host: x\r\n"+lengthOf(smuggledBody), smuggledBody), "POST", "BREW", 1),
	"a method in small letters":      strings.Replace(rawPost("Host: x\r\n"+lengthOf(smuggledBody), smuggledBody), "POST", "post", 1),
	"an address with a user":         rawTarget("http://admin:pw@x/v1/customers"),
	"an address with an empty user":  rawTarget("http://@x/v1/customers"),
	"an address with a user in %":    rawTarget("https://a%40b@x/v1/customers"),
	"an address of ftp":              rawTarget("ftp://x/v1/customers"),
	"an address without a host":      rawTarget("http:///v1/customers"),
	"an address without a scheme":    rawTarget("//x/v1/customers"),
	"an address behind slashes":      rawTarget("//http://x/v1/customers"),
	"a target with a fragment":       rawTarget("/v1/customers#x"),
	"a target without a slash":       rawTarget("v1/customers"),
	"a user as a trailer":            strings.Replace(rawPost(chunkedHead, inOneChunk(smuggledBody, "Resellerd-User: agent\r\n")), "Resellerd-User: agent\r\n", "", 1),
	"an announced user":              strings.Replace(rawPost(chunkedHead+"Trailer: Resellerd-User\r\n", inOneChunk(smuggledBody, "Resellerd-User: agent\r\n")), "Resellerd-User: agent\r\n", "", 1),
	"another user as a trailer":      rawPost(chunkedHead, inOneChunk(smuggledBody, "Resellerd-User: staff\r\n")),
	"the same user as a trailer":     rawPost(chunkedHead, inOneChunk(smuggledBody, "resellerd-user: agent\r\n")),
	"a preview as a trailer":         rawPost(chunkedHead, inOneChunk(smuggledBody, "Resellerd-As: agent\r\n")),
	"an address as a trailer":        rawPost(chunkedHead, inOneChunk(smuggledBody, "Resellerd-Client-IP: 127.0.0.1\r\n")),
	"a user's token as a trailer":    rawPost(chunkedHead, inOneChunk(smuggledBody, "Resellerd-User-JWT: a.b.c\r\n")),
	"a token as a trailer":           rawPost(chunkedHead, inOneChunk(smuggledBody, "Authorization: Bearer "+wideToken+"\r\n")),
	"a precondition as a trailer":    rawPost(chunkedHead, inOneChunk(smuggledBody, "If-Match: \"x\"\r\n")),
	"a key as a trailer":             rawPost(chunkedHead, inOneChunk(smuggledBody, "Idempotency-Key: k\r\n")),
	"any other trailer":              rawPost(chunkedHead, inOneChunk(smuggledBody, "X-Sum: 1\r\n")),
	"an empty trailer":               rawPost(chunkedHead, inOneChunk(smuggledBody, "Resellerd-As:\r\n")),
	"a trailer behind no data":       rawPost(chunkedHead, "0\r\nResellerd-User: agent\r\n\r\n"),
	"a chunk size with a sign":       rawPost(chunkedHead, "+13\r\n"+smuggledBody+"\r\n0\r\n\r\n"),
	"a chunk size with 0x":           rawPost(chunkedHead, "0x13\r\n"+smuggledBody+"\r\n0\r\n\r\n"),
	"a chunk size that ends with LF": rawPost(chunkedHead, "13\n"+smuggledBody+"\r\n0\r\n\r\n"),
	"a chunk that is longer":         rawPost(chunkedHead, "12\r\n"+smuggledBody+"\r\n0\r\n\r\n"),
}

func rawTarget(target string) string {
	return strings.Replace(rawPost("Host: x\r\n"+lengthOf(smuggledBody), smuggledBody), "/v1/customers", target, 1)
}

// Each of these requests can be read in two ways, or gives the same fact in two
// places. The bytes after it on the connection are never read as a request.
func TestAmbiguousRequestsGetOneAnswerAndNoMore(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	before := w.customerNames(t, s)
	const good = "GET /v1/me HTTP/1.1\r\nHost: x\r\n" + rawCaller + "\r\n"
	behind := rawPost("Host: x\r\n"+lengthOf(smuggledBody), smuggledBody)
	for name, request := range ambiguousRequests {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, addr)
			_, err := io.WriteString(conn, good+request+behind)
			must(t, err)
			statuses, mediaTypes := rawAnswers(t, conn)
			if fmt.Sprint(statuses) != "[200 400]" || mediaTypes[1] != problemMediaType {
				t.Errorf("answers %v %v", statuses, mediaTypes)
			}
			if after := w.customerNames(t, s); after != before {
				t.Errorf("it had an effect: %s", after)
				before = after
			}
		})
	}
}

// Correct requests that look similar take effect, and the connection stays open.
func TestPlainRequestsKeepTheirConnection(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	s := w.serve(t, nil)
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	const last = "GET /v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + rawCaller + "\r\n"
	for name, request := range map[string]string{
		"a length":                       rawPost("Host: x\r\n"+lengthOf(smuggledBody), smuggledBody),
		"chunked":                        rawPost(chunkedHead, inOneChunk(smuggledBody, "")),
		"chunked in capitals":            rawPost("Host: x\r\ntransfer-encoding: CHUNKED\r\n", inOneChunk(smuggledBody, "")),
		"a chunk extension":              rawPost(chunkedHead, "13;a=b\r\n"+smuggledBody+"\r\n0\r\n\r\n"),
		"a trailer that does not come":   rawPost(chunkedHead+"Trailer: Resellerd-User, X-Sum\r\n", inOneChunk(smuggledBody, "")),
		"the address of http":            rawTarget("http://x/v1/customers"),
		"the address of https, any case": rawTarget("HTTPS://X:443/v1/customers"),
		"HTTP/1.0 without Host": strings.Replace(rawPost("Connection: keep-alive\r\n"+lengthOf(smuggledBody), smuggledBody),
			"HTTP/1.1", "HTTP/1.0", 1),
		"an empty line before it": "\r\n" + rawPost("Host: x\r\n"+lengthOf(smuggledBody), smuggledBody),
		"an @ in the query":       rawTarget("http://x/v1/customers") + "GET http://x/v1/customers?name_contains=a@b HTTP/1.1\r\nHost: x\r\n" + rawCaller + "\r\n",
	} {
		conn := dial(t, addr)
		_, err := io.WriteString(conn, request+last)
		must(t, err)
		statuses, _ := rawAnswers(t, conn)
		if n := len(statuses); n < 2 || statuses[0] != 201 || statuses[n-1] != 200 {
			t.Errorf("%s: answers %v", name, statuses)
		}
	}
}

// No route accepts trailers, not even the route for files.
func TestNoRouteTakesTrailers(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		addr, _ := runServer(t, withListen(w.server, "127.0.0.1:0"))
		revision := w.store.Revision()
		for _, rt := range w.server.routes {
			if strings.HasPrefix(rt.path, forwardAuthPath) {
				continue // not served without its settings, and reads no body
			}
			path := strings.NewReplacer(":id", w.id("retail"), ":revision", "x", ":letter", "x").Replace(rt.path)
			if rt.path == importPath {
				path = w.importPathOf("retail", "mode=replace&apply=true")
			}
			for _, trailer := range []string{"Resellerd-User: m", "Resellerd-As: a2", "X-Sum: 1"} {
				conn := dial(t, addr)
				_, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nResellerd-User: %s\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n%s",
					rt.method, path, worldToken, w.id("a"), inOneChunk(deckOne, trailer+"\r\n"))
				must(t, err)
				if statuses, _ := rawAnswers(t, conn); fmt.Sprint(statuses) != "[400]" {
					t.Errorf("%s with %q: %v", rt.origin.Name, trailer, statuses)
				}
			}
		}
		if w.store.Revision() != revision {
			t.Error("something was written")
		}
	})
}

// rawBegin sends a head and returns the first status line of the answer.
func rawBegin(t *testing.T, conn net.Conn, head string) (string, *bufio.Reader) {
	t.Helper()
	must(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err := io.WriteString(conn, head)
	must(t, err)
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	must(t, err)
	return strings.TrimSpace(line), in
}

func TestNobodyUnknownIsAskedForABody(t *testing.T) {
	t.Parallel()
	w := sqliteCore(t)
	i := newIssuer(t)
	s := jwtServer(t, w, i, false)
	addr, _ := runServer(t, withListen(s, "127.0.0.1:0"))
	expecting := func(token, lines string) string {
		return "POST /v1/customers HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\n" + token + lines + "\r\n"
	}
	panel := "Authorization: Bearer " + wideToken + "\r\n"
	for name, c := range map[string]struct{ head, first string }{
		"no token":                     {expecting("", "Content-Length: 19\r\n"), "HTTP/1.1 401 Unauthorized"},
		"a wrong token":                {expecting("Authorization: Bearer wrong\r\n", "Content-Length: 19\r\n"), "HTTP/1.1 401 Unauthorized"},
		"a wrong token, chunked":       {expecting("Authorization: Bearer wrong\r\n", "Transfer-Encoding: chunked\r\n"), "HTTP/1.1 401 Unauthorized"},
		"a user's token that is wrong": {expecting("Authorization: Bearer a.b.c\r\n", "Content-Length: 19\r\n"), "HTTP/1.1 401 Unauthorized"},
		"a user's token, two users":    {expecting("Authorization: Bearer "+i.token(t, "agent")+"\r\n", "Resellerd-User: staff\r\nContent-Length: 19\r\n"), "HTTP/1.1 403 Forbidden"},
		"a body that is too large":     {expecting(panel, "Resellerd-User: agent\r\nContent-Length: 2000000\r\n"), "HTTP/1.1 413 Request Entity Too Large"},
		"a length beside chunked":      {expecting(panel, "Content-Length: 19\r\nTransfer-Encoding: chunked\r\n"), "HTTP/1.1 400 Bad Request"},
		"an unknown route":             {strings.Replace(expecting("", "Content-Length: 19\r\n"), "/v1/customers", "/v1/nothing", 1), "HTTP/1.1 404 Not Found"},
		"a panel":                      {expecting(panel, "Resellerd-User: agent\r\nContent-Length: 19\r\n"), "HTTP/1.1 100 Continue"},
		"a user":                       {expecting("Authorization: Bearer "+i.token(t, "agent")+"\r\n", "Transfer-Encoding: chunked\r\n"), "HTTP/1.1 100 Continue"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, addr)
			first, in := rawBegin(t, conn, c.head)
			if first != c.first {
				t.Fatalf("first %q, want %q", first, c.first)
			}
			if first != "HTTP/1.1 100 Continue" {
				if _, err := io.Copy(io.Discard, in); err != nil {
					t.Errorf("the connection goes on: %v", err)
				}
				return
			}
			body := smuggledBody
			if strings.Contains(c.head, "chunked") {
				body = inOneChunk(smuggledBody, "")
			}
			_, err := io.WriteString(conn, body)
			must(t, err)
			_, err = in.ReadString('\n') // the empty line after 100 Continue
			must(t, err)
			if line, err := in.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 201") {
				t.Errorf("then %q %v", line, err)
			}
		})
	}
}
