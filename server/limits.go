package server

import (
	"bytes"
	"compress/gzip"
	"io"
)

// body returns the request body, decompressed. It is the request's own memory
// and valid until the handler returns. Errors: those of unpacked.
func (r *exchange) body() ([]byte, error) {
	q := r.c.Request()
	return unpacked(q.Body(), string(q.Header.ContentEncoding()), r.s.cfg.Limits.Body)
}

// unpacked returns a decompressed body of at most limit bytes. Errors: 413 above
// the limit, before or after decompression; 415 for an encoding other than gzip;
// 400 for broken gzip.
func unpacked(raw []byte, encoding string, limit int) ([]byte, error) {
	if len(raw) > limit {
		return nil, &problem{kind: kindTooLarge}
	}
	switch encoding {
	case "", "identity":
		return raw, nil
	case "gzip":
		return gunzip(raw, limit)
	default:
		return nil, &problem{kind: kindMediaType, detail: "The content encoding must be gzip or none."}
	}
}

// gunzip decompresses at most limit bytes. It never holds more than one byte
// above that.
func gunzip(packed []byte, limit int) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, badRequest("the gzip body is damaged")
	}
	plain, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	switch {
	case len(plain) > limit:
		return nil, &problem{kind: kindTooLarge, detail: "The unpacked body is too large."}
	case err != nil:
		return nil, badRequest("the gzip body is damaged")
	}
	return plain, nil
}
