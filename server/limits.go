package server

import (
	"bytes"
	"compress/gzip"
	"io"
)

// body returns the request body, unpacked. It is the request's own memory:
// valid until the handler returns. Errors: 413 past the limit, before or after
// unpacking; 415 for an encoding that is not gzip; 400 for broken gzip.
func (r *call) body() ([]byte, error) {
	raw := r.c.Request().Body()
	limit := r.s.cfg.Limits.Body
	if len(raw) > limit {
		return nil, &problem{kind: kindTooLarge}
	}
	switch encoding := string(r.c.Request().Header.ContentEncoding()); encoding {
	case "", "identity":
		return raw, nil
	case "gzip":
		return gunzip(raw, limit)
	default:
		return nil, &problem{kind: kindMediaType, detail: "content encoding must be gzip or none"}
	}
}

// gunzip unpacks at most limit bytes and never holds more.
func gunzip(packed []byte, limit int) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, badRequest("the gzip body is broken")
	}
	plain, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	switch {
	case len(plain) > limit:
		return nil, &problem{kind: kindTooLarge, detail: "the body is too large when unpacked"}
	case err != nil:
		return nil, badRequest("the gzip body is broken")
	}
	return plain, nil
}
