package server

import (
	"net/url"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/trace"

	"resellerd/server/insight"
	"resellerd/server/session"
	"resellerd/server/strictjson"
)

// inquiry is what handlers, schedules and commands ask through: a user who asks
// a policy, and the server. It does not know HTTP. It is not safe for concurrent
// use.
type inquiry struct {
	session.Session
	s       *Server
	hasTurn bool       // the request has a turn of heavy work
	whole   trace.Span // of a traced request
}

// exchange is one HTTP request and its answer, with the session that decides on
// it. It lives until the answer is written. Every string that its methods return
// is a copy that may be kept.
type exchange struct {
	inquiry
	c     *fiber.Ctx
	route *boundRoute
	file  *spool // the uploaded file, once it has arrived
	media string // the media type of the answer
}

// insight returns a reader of decisions and previews for the acting user.
func (r *inquiry) insight() *insight.Reader { return &insight.Reader{Session: &r.Session} }

// param returns a path parameter, unescaped. Errors: 404 for invalid text.
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

// sendCopy is send for a body that the caller reuses after the call.
func (r *exchange) sendCopy(status int, mediaType string, body []byte) error {
	r.c.Status(status).Set(fiber.HeaderContentType, mediaType)
	r.c.Response().SetBody(body)
	return nil
}
