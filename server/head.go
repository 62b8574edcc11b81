package server

import (
	"bytes"
	"math"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// A proxy in front of this server and this server must find the same requests in
// the same bytes. A head that two readers can read differently gets 400, and the
// connection closes after the answer: nobody can say what the bytes after it
// are. The HTTP layer itself refuses two lengths, two hosts, a missing host, and
// codings other than chunked and identity.

// headFault describes the fault in the head of a request. It is empty if there
// is none.
func headFault(h *fasthttp.RequestHeader) string {
	if !knownMethods[string(h.Method())] {
		return "the method is not known"
	}
	if version := string(h.Protocol()); version != "HTTP/1.1" && version != "HTTP/1.0" {
		return "the protocol must be HTTP/1.0 or HTTP/1.1"
	}
	if fault := targetFault(h.RequestURI()); fault != "" {
		return fault
	}
	if bytes.IndexByte(h.Host(), '@') >= 0 {
		return "the Host header holds a user name"
	}
	return linesFault(h.RawHeaders())
}

var knownMethods = func() map[string]bool {
	known := map[string]bool{}
	for _, method := range fiber.DefaultMethods {
		known[method] = true
	}
	return known
}()

// targetFault checks the target of the request line. It must be a path, or a
// full address of this server (RFC 9112, section 3.2).
func targetFault(target []byte) string {
	if bytes.IndexByte(target, '#') >= 0 {
		return "the request target holds a fragment"
	}
	if bytes.HasPrefix(target, []byte("//")) {
		return "the request target begins with two slashes"
	}
	if len(target) > 0 && target[0] == '/' {
		return ""
	}
	scheme, rest, absolute := bytes.Cut(target, []byte("://"))
	if !absolute {
		return "" // "*", or the host of CONNECT: no route accepts them
	}
	if !isName(scheme, "http") && !isName(scheme, "https") {
		return "the scheme of the request target must be http or https"
	}
	if end := bytes.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	if len(rest) == 0 || bytes.IndexByte(rest, '@') >= 0 {
		return "the request target must name a host, without a user name"
	}
	return ""
}

// linesFault checks the raw header lines.
func linesFault(raw []byte) string {
	var length, coding bool
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte{'\n'})
		raw = rest
		if len(line) == 0 || line[len(line)-1] != '\r' {
			return "each header line must end with CR LF"
		}
		if line[0] == ' ' || line[0] == '\t' {
			return "a header line is folded"
		}
		name, value, _ := bytes.Cut(line, []byte{':'})
		switch {
		case bytes.IndexByte(name, ' ') >= 0:
			return "the name of a header holds a blank"
		case isName(name, fiber.HeaderContentLength):
			length = true
		case isName(name, fiber.HeaderTransferEncoding):
			coding = true
			if !isName(bytes.TrimSpace(value), "chunked") {
				return "the transfer coding must be chunked, and nothing else"
			}
		}
	}
	if length && coding {
		return "the request has both a Content-Length and a Transfer-Encoding"
	}
	return ""
}

// announcedLength returns the length of a body as its sender announced it, in
// bytes: -1 for a chunked body, 0 for none. It expects a head without a fault.
func announcedLength(raw []byte) int {
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte{'\n'})
		raw = rest
		name, value, _ := bytes.Cut(line, []byte{':'})
		switch {
		case isName(name, fiber.HeaderTransferEncoding):
			return -1
		case isName(name, fiber.HeaderContentLength):
			n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
			if err != nil {
				return math.MaxInt
			}
			return n
		}
	}
	return 0
}

// isName reports whether b is this header name or scheme, ignoring case.
func isName(b []byte, name string) bool {
	return len(b) == len(name) && equalFoldASCII(b, name)
}

// dropBody leaves the body of a request unread. The connection closes after the
// answer. A client that waits for `100 Continue` gets the answer instead.
func dropBody(h *fasthttp.RequestHeader) {
	h.SetContentLength(0)
	h.Del(fiber.HeaderExpect)
	h.SetConnectionClose()
}

// closeWhenDraining closes each connection after its next answer while the server
// drains. A proxy then opens its next connection to another server.
func (s *Server) closeWhenDraining(app *fiber.App) {
	next := app.Server().Handler
	app.Server().Handler = func(ctx *fasthttp.RequestCtx) {
		next(ctx)
		if s.draining.Load() {
			ctx.SetConnectionClose()
		}
	}
}

// guardHead answers requests with a faulty head before any other code reads
// them. The body of every such request was dropped, which closes its connection.
// Heads on connections that stay open are therefore not checked again.
func (s *Server) guardHead(app *fiber.App) {
	next := app.Server().Handler
	app.Server().Handler = func(ctx *fasthttp.RequestCtx) {
		if !ctx.Request.Header.ConnectionClose() {
			next(ctx)
			return
		}
		fault := headFault(&ctx.Request.Header)
		if fault == "" {
			next(ctx)
			return
		}
		c := app.AcquireCtx(ctx)
		defer app.ReleaseCtx(c)
		_ = s.refuse(c, badRequest(fault)) // it writes to memory and cannot fail
	}
}
