package server

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/identity"
)

// strictly refuses a request that asks for what its route does not have: a media
// type, or in the data API a parameter or a field. Otherwise a caller could take the
// answer for one to a question that resellerd did not read. It sets the media type of
// the answer. Lists check their own parameters, because these depend on the columns
// that the reader is shown. Errors: 406, 422, and for a body those of sent.fields.
func (r *exchange) strictly() error {
	if r.route.probe() {
		return nil
	}
	if len(r.route.offers) > 1 {
		r.c.Vary(fiber.HeaderAccept)
	}
	if r.media = r.accepted(); r.media == "" {
		return &problem{kind: kindNotAcceptable, detail: "This request can be answered as " + strings.Join(r.route.offers, ", ") + "."}
	}
	if !strings.HasPrefix(r.route.path, "/v1/") {
		return nil
	}
	if !r.route.doc.lists {
		for name, value := range r.c.Request().URI().QueryArgs().All() {
			if !slices.Contains(r.route.params, string(name)) {
				return r.route.unknown(string(name))
			}
			if len(value) == 0 && !r.route.doc.upload {
				return invalid(string(name), emptyParameter)
			}
		}
	}
	if r.route.doc.upload || r.route.doc.body != nil || len(r.c.Request().Body()) == 0 {
		return nil
	}
	f, err := r.sent().fields(anyField)
	if err != nil {
		return err
	}
	return f.err()
}

// accepted returns the media type that the caller prefers of those that the route
// offers, "" if it accepts none.
func (r *exchange) accepted() string {
	sent := r.c.Request().Header.PeekAll(fiber.HeaderAccept)
	if len(sent) == 1 {
		switch first := r.route.offers[0]; string(sent[0]) {
		case "", "*/*", first: // nearly all requests
			return first
		}
	}
	values := make([]string, len(sent))
	for i, value := range sent {
		values[i] = string(value)
	}
	return acceptedOf(values, r.route.offers)
}

// offersOf lists the media types of a route's answers.
func offersOf(doc operation) (offers []string) {
	if doc.response != nil || len(doc.produces) == 0 {
		offers = append(offers, fiber.MIMEApplicationJSON)
	}
	return append(offers, doc.produces...)
}

// unknown is the answer to a parameter that the route does not have. That of a look-up
// does not name the parameter: it may be the number of a call, which no log may hold.
func (rt *boundRoute) unknown(name string) error {
	if rt.doc.tag != "lookup" {
		return unknownParameter(name)
	}
	if len(rt.params) == 0 {
		return invalid("", "this request takes no parameters")
	}
	return invalid("", "this request takes only the parameters "+strings.Join(rt.params, ", "))
}

// unknownParameter is the answer to a parameter that a request does not have.
func unknownParameter(name string) error {
	if name == "" {
		return invalid("", "the query has a parameter without a name")
	}
	return invalid(strings.ToValidUTF8(name, "\uFFFD"), "is not a known parameter")
}

// paramsOf lists the parameters of a route that is no list. Every write takes
// dry_run, because its own answer says whether there is one.
func paramsOf(rt route) (names []string) {
	if rt.scope == identity.ScopeWrite {
		names = append(names, "dry_run")
	}
	if rt.doc.query == nil {
		return names
	}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(rt.doc.query)) {
		if name := f.Tag.Get("query"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// probe reports whether the route is for machines that watch the server, which send
// whatever they like.
func (rt *boundRoute) probe() bool {
	return rt.doc.tag == "operations" && !rt.public()
}

// public reports whether the answer is the same for everyone, so that anyone may keep
// it.
func (rt *boundRoute) public() bool {
	return slices.Contains([]string{"/openapi.json", "/docs", "/docs/:page", "/llms.txt"}, rt.path)
}

// routeProblem is the answer to a request that reaches no route. The answer for a
// path that does not exist differs from the one for a row that does not.
func routeProblem(err error) *problem {
	if fe := (*fiber.Error)(nil); errors.As(err, &fe) && fe.Code == fiber.StatusNotFound {
		return &problem{kind: kindNoRoute, cause: err}
	}
	return problemOf(err)
}
