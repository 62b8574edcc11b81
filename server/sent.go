package server

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// sent holds what a write reads from its request, as plain data. An inquiry can
// read it without knowing HTTP. The body is the request's own memory and valid
// until the handler returns.
type sent struct {
	raw                 []byte
	encoding, mediaType string
	patches             bool     // the request is a PATCH
	limit               int      // bytes of the body, compressed or not
	ifMatch             []string // each value of If-Match
	madeOf              string   // the tag in the body; "" for none
	file                *spool   // the uploaded file, in place of a body

	object map[string]any // a row of a bulk request, in place of a body
	fault  error          // of the object; nil for none
}

// sent copies the parts of the request that a write reads.
func (r *exchange) sent() *sent {
	h := &r.c.Request().Header
	q := &sent{
		encoding: string(h.ContentEncoding()), mediaType: string(h.ContentType()), patches: r.route.method == fiber.MethodPatch,
		limit: r.s.cfg.Limits.Body, file: r.file,
	}
	if r.file == nil {
		q.raw = r.c.Request().Body()
	}
	for _, value := range h.PeekAll(fiber.HeaderIfMatch) {
		q.ifMatch = append(q.ifMatch, string(value))
	}
	return q
}

// is reports whether the body has a media type.
func (q *sent) is(mediaType string) bool {
	own, _, _ := strings.Cut(q.mediaType, ";")
	return strings.EqualFold(strings.TrimSpace(own), mediaType)
}

// merges reports whether the body changes objects as RFC 7396 defines.
func (q *sent) merges() bool { return q.patches && q.is(mediaMergePatch) }
