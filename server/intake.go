package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// Bodies come as streams, so that a file can be larger than what is held in
// memory. All other bodies are read here, whole and within their limit, before
// anything is done with the request.

// prefetched is how much of a body the HTTP layer has read already, when it
// names its length.
const prefetched = 8 << 10

// readBody reads the body. Errors: 413 past the limit, 408 when it does not
// arrive in time, 400 when it is cut off.
func (s *Server) readBody(c *fiber.Ctx) error {
	req := c.Request()
	if !req.IsBodyStream() {
		return nil
	}
	length, limit := req.Header.ContentLength(), s.cfg.Limits.Body
	if length >= 0 && length <= prefetched {
		req.Body()
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(arriving(c.Context()), int64(limit)+1))
	switch {
	case len(body) > limit:
		return &problem{kind: kindTooLarge}
	case err != nil:
		return cutShort(err)
	}
	req.SetBodyRaw(body)
	return nil
}

// cutShort is the answer to a body that did not come whole.
func cutShort(err error) error {
	var known *problem
	var network net.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &network) && network.Timeout():
		return &problem{kind: kindTimeout, cause: err}
	}
	return &problem{kind: kindBadRequest, detail: "The body is incomplete, or its chunks are not valid.", cause: err}
}

// arriving is the body of a request as it comes, or nil where there is none.
// Whoever reads a body reads it from here.
func arriving(ctx *fasthttp.RequestCtx) io.Reader {
	body := ctx.RequestBodyStream()
	if body == nil {
		return nil
	}
	return arrivingBody{body, ctx}
}

// arrivingBody refuses a body with trailer fields at its end. The HTTP layer
// adds these to the headers, and a handler could not tell them apart.
type arrivingBody struct {
	io.Reader
	ctx *fasthttp.RequestCtx
}

func (b arrivingBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if !errors.Is(err, io.EOF) || len(b.ctx.Request.Header.TrailerHeader()) <= len("\r\n") {
		return n, err
	}
	b.ctx.SetConnectionClose()
	return n, badRequest("trailer fields are not accepted; send them as headers")
}

// leaveBody reads a little of a body that nobody has read, so that its sender
// sees the answer; where there is more, or it cannot be read, the connection
// ends with the answer. What is left of a body must never be taken for a
// request. Who sends slowly is not given the time of an upload for it.
func (s *Server) leaveBody(c *fiber.Ctx) {
	req := c.Request()
	if !req.IsBodyStream() {
		return
	}
	if err := c.Context().Conn().SetReadDeadline(time.Now().Add(s.cfg.Limits.Read)); err != nil {
		c.Context().SetConnectionClose()
		return
	}
	limit := int64(s.cfg.Limits.Body)
	n, err := io.Copy(io.Discard, io.LimitReader(arriving(c.Context()), limit))
	if err != nil || n == limit {
		c.Context().SetConnectionClose()
	}
}

var importEnding = []byte("/import")

// expect looks at a header before its body comes: an upload by a caller who is let
// in is given the size and the time that it needs. It does not wait for a body
// that is too large, whose length is ambiguous, or whose caller is refused.
func (s *Server) expect(h *fasthttp.RequestHeader) (c fasthttp.RequestConfig) {
	path, _, _ := bytes.Cut(h.RequestURI(), []byte("?"))
	upload := h.IsPost() && bytes.HasSuffix(path, importEnding)
	waits := len(h.Peek(fiber.HeaderExpect)) > 0
	faulty := headFault(h) != ""
	letIn := !faulty && (upload || waits) && s.letsIn(h)
	if upload && letIn {
		c.ReadTimeout = s.cfg.Limits.ImportTimeout
	}
	if faulty || h.ContentLength() > s.cfg.Limits.body(upload && letIn) || waits && !letIn {
		dropBody(h)
	}
	return c
}

// body is the limit of a body that is announced, in bytes.
func (l Limits) body(upload bool) int {
	if upload {
		return l.Import
	}
	return l.Body
}

// letsIn reports whether the caller of a request is authenticated. It takes no
// longer than a request may.
func (s *Server) letsIn(h *fasthttp.RequestHeader) bool {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Limits.Request)
	defer cancel()
	_, err := s.authenticate(ctx, h)
	return err == nil
}

// withheld refuses a request whose body expect did not wait for: an empty body
// has a meaning of its own. Public routes read no body, so any caller may ask
// them.
func (r *exchange) withheld() error {
	h := &r.c.Request().Header
	if !h.ConnectionClose() {
		return nil
	}
	length, kept := announcedLength(h.RawHeaders()), h.ContentLength()
	switch {
	case length == kept, length == 0 && kept == -2: // of a request without a body
		return nil
	case length > r.s.cfg.Limits.body(r.route.doc.upload):
		return &problem{kind: kindTooLarge}
	case r.route.open != forAnyone:
		return &problem{kind: kindUnavailable,
			detail: "The caller could not be checked when the body was announced, so the body was not read. Repeat the request."}
	}
	return nil
}
