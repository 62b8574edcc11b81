package server

import "github.com/gofiber/fiber/v2"

// sent is what a write was sent with, as plain data: a session can read it, and
// still knows no HTTP. The body is the request's own memory, valid until the
// handler returns.
type sent struct {
	raw                 []byte
	encoding, mediaType string
	limit               int      // bytes of the body, packed and unpacked
	ifMatch             []string // each value of If-Match
	file                *spool   // what was uploaded in place of a body
}

// sent takes what a write reads from its request.
func (r *exchange) sent() *sent {
	h := &r.c.Request().Header
	q := &sent{
		encoding: string(h.ContentEncoding()), mediaType: string(h.ContentType()), limit: r.s.cfg.Limits.Body, file: r.file,
	}
	if r.file == nil {
		q.raw = r.c.Request().Body()
	}
	for _, value := range h.PeekAll(fiber.HeaderIfMatch) {
		q.ifMatch = append(q.ifMatch, string(value))
	}
	return q
}
