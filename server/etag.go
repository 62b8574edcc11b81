package server

import (
	"encoding/base64"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// etag names a representation as one viewer sees it: a keyed hash of its
// bytes, so that it changes exactly when something shown changes and cannot be
// computed from a guess about what is not shown.
func (s *Server) etag(typ string, representation []byte) string {
	hash := s.sealer.Mac("etag", []byte(typ), representation)
	return `"` + base64.RawURLEncoding.EncodeToString(hash[:18]) + `"`
}

// matches checks If-Match (RFC 9110, 13.1.1) against the current tag: absent
// and "*" match what exists. Weak tags never match. Errors: 412.
func (r *call) matches(current string) error {
	header := r.c.Request().Header.PeekAll(fiber.HeaderIfMatch)
	if len(header) == 0 {
		return nil
	}
	for _, value := range header {
		for one := range strings.SplitSeq(string(value), ",") {
			if one = strings.TrimSpace(one); one == "*" || one == current {
				return nil
			}
		}
	}
	return stale()
}
