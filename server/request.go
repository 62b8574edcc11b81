package server

import (
	"net/url"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/insight"
	"resellerd/server/session"
	"resellerd/server/strictjson"
)

// session is what handlers, schedules and commands ask through: a user who asks a
// policy, and the server that it asks. It knows no HTTP. It is used by one goroutine.
type inquiry struct {
	session.Session
	s *Server
}

// exchange is one HTTP request and its answer, with the session that decides
// about it. It lives until the answer is written. Every string it hands out is a
// copy that may be kept.
type exchange struct {
	inquiry
	c     *fiber.Ctx
	route *boundRoute
	file  *spool // what was uploaded, once it has arrived
}

// insight reads what the acting user may know of decisions.
func (r *exchange) insight() *insight.Reader { return &insight.Reader{Session: &r.Session} }

// param returns a path parameter, unescaped.
func (r *exchange) param(name string) (string, error) {
	value, err := url.PathUnescape(r.c.Params(name))
	if err != nil || !strictjson.CleanText(value) {
		return "", notFound()
	}
	return value, nil
}

// query returns a query parameter, "" when absent.
func (r *exchange) query(name string) string { return r.c.Query(name) }

// header returns a request header, "" when absent.
func (r *exchange) header(name string) string { return r.c.Get(name) }

// send answers with a body of this media type.
func (r *exchange) send(status int, mediaType string, body []byte) error {
	r.c.Status(status).Set(fiber.HeaderContentType, mediaType)
	return r.c.Send(body)
}

// sendCopy is send for a body that is used again once this has returned.
func (r *exchange) sendCopy(status int, mediaType string, body []byte) error {
	r.c.Status(status).Set(fiber.HeaderContentType, mediaType)
	r.c.Response().SetBody(body)
	return nil
}
