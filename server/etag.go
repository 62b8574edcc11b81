package server

import (
	"encoding/base64"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// etag identifies a representation as one viewer sees it. It is a keyed hash of
// the bytes. It changes exactly when something shown changes, and nobody can
// compute it from a guess about values that are not shown.
func (s *Server) etag(typ string, representation []byte) string { return s.etags(typ)(representation) }

// etags returns etag for many rows of a type. The function is for one goroutine.
func (s *Server) etags(typ string) func(representation []byte) string {
	mac, of := s.sealer.Macs("etag"), []byte(typ)
	return func(representation []byte) string {
		return `"` + base64.RawURLEncoding.EncodeToString(mac(of, representation)[:18]) + `"`
	}
}

// matches checks If-Match (RFC 9110, 13.1.1) against the current tag. An absent
// header and "*" match any row that exists. Weak tags never match. A tag in the body has
// to match, too. Errors: 412.
func (q *sent) matches(current string) error {
	switch {
	case q == nil:
		return nil
	case q.madeOf != "" && q.madeOf != current:
		return stale()
	case len(q.ifMatch) == 0:
		return nil
	}
	for _, value := range q.ifMatch {
		for one := range strings.SplitSeq(value, ",") {
			if one = strings.TrimSpace(one); one == "*" || one == current {
				return nil
			}
		}
	}
	return stale()
}

// unchanged reports whether If-None-Match (RFC 9110, 13.1.2) names the current tag. The
// comparison is weak.
func (r *exchange) unchanged(current string) bool {
	for _, value := range r.c.Request().Header.PeekAll(fiber.HeaderIfNoneMatch) {
		for one := range strings.SplitSeq(string(value), ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == current {
				return true
			}
		}
	}
	return false
}
