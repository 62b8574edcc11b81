package server

import "github.com/gofiber/fiber/v2"

// sent holds what a write reads from its request, as plain data. An inquiry can
// read it without knowing HTTP. The body is the request's own memory and valid
// until the handler returns.
type sent struct {
	raw                 []byte
	encoding, mediaType string
	limit               int      // bytes of the body, compressed or not
	ifMatch             []string // each value of If-Match
	file                *spool   // the uploaded file, in place of a body
}

// sent copies the parts of the request that a write reads.
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
