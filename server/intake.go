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

// Bodies arrive as streams, so that a file can be larger than the memory for it.
// All other bodies are read here as a whole, within their limit, before the
// handler runs.

// prefetched is the length, in bytes, up to which the HTTP layer has already
// read a body that announces its length.
const prefetched = 8 << 10

// readBody reads the body. Errors: 413 above the limit, 408 if it does not
// arrive in time, 400 if it is cut off.
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

// cutShort returns the answer to a body that did not arrive as a whole.
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

// arriving returns the body of a request as a stream, or nil if there is none.
// Read a body only from here.
func arriving(ctx *fasthttp.RequestCtx) io.Reader {
	body := ctx.RequestBodyStream()
	if body == nil {
		return nil
	}
	return arrivingBody{body, ctx}
}

// arrivingBody refuses a body that ends with trailer fields. The HTTP layer adds
// these to the headers, and a handler could not tell them apart.
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

// leaveBody discards an unread body up to Limits.Body bytes, so that its sender
// sees the answer. If there is more, or it cannot be read, the connection closes
// after the answer: the rest of a body must never be read as a request. A slow
// sender has Limits.Read for it, not the time of an upload.
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

// expect reads the headers before the body arrives. An upload by an
// authenticated caller gets a larger limit and more time. expect drops a body
// that is too large or has an ambiguous head. It also drops a body that waits
// for `100 Continue` if its caller is refused.
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

// body is the limit for a body, in bytes.
func (l Limits) body(upload bool) int {
	if upload {
		return l.Import
	}
	return l.Body
}

// letsIn reports whether a request's caller is authenticated. It takes at most
// Limits.Request.
func (s *Server) letsIn(h *fasthttp.RequestHeader) bool {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Limits.Request)
	defer cancel()
	_, err := s.authenticate(ctx, h)
	return err == nil
}

// withheld refuses a request whose body expect dropped: an empty body would have
// another meaning. Public routes read no body, so they stay open to any caller.
func (r *exchange) withheld() error {
	h := &r.c.Request().Header
	if !h.ConnectionClose() {
		return nil
	}
	length, kept := announcedLength(h.RawHeaders()), h.ContentLength()
	switch {
	case length == kept, length == 0 && kept == -2: // a request without a body
		return nil
	case length > r.s.cfg.Limits.body(r.route.doc.upload):
		return &problem{kind: kindTooLarge}
	case r.route.open != forAnyone:
		return &problem{kind: kindUnavailable,
			detail: "The caller could not be checked when the body was announced, so the body was not read. Repeat the request."}
	}
	return nil
}
