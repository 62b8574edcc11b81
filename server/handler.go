package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/pprof"
	"github.com/valyala/fasthttp"

	"resellerd/policies/input"
	"resellerd/server/identity"
	"resellerd/server/session"
	"resellerd/server/transport"
	"resellerd/store/history"
)

// boundRoute is a route with its metrics.
type boundRoute struct {
	route
	origin  session.Origin
	timings routeTimings
	offers  []string        // media types of its answers
	params  []string        // its parameters, unless it is a list
	takes   map[string]bool // the fields of its body
}

func bindRoutes(table []route) []*boundRoute {
	bound := make([]*boundRoute, len(table))
	for i, rt := range table {
		bound[i] = &boundRoute{route: rt, offers: offersOf(rt.doc), params: paramsOf(rt), takes: fieldsTaken(rt.doc.body), origin: session.Origin{
			Name: rt.method + " " + rt.path, Path: rt.path, Area: rt.doc.tag, Acting: rt.open == asUser}}
	}
	return bound
}

// build creates the Fiber application from the route table.
func (s *Server) build() {
	s.app = s.newApp()
	s.allowOrigins(s.app)
	ops := s.app
	if s.cfg.MetricsListen != "" {
		s.ops = s.newApp()
		ops = s.ops
		s.profile(ops)
	}
	for _, rt := range s.routes {
		app := s.app
		if rt.probe() {
			app = ops
		}
		app.Add(rt.method, rt.path, s.handler(rt))
		if rt.open == forProxies {
			app.All(rt.path, s.handler(rt))
			app.All(rt.path+"/*", s.handler(rt))
		} else if rt.method == fiber.MethodGet {
			app.Head(rt.path, s.handler(rt))
		}
	}
}

// profile serves profiles of the program, if that is configured. It leaves out the command
// line, which may hold secrets.
func (s *Server) profile(ops *fiber.App) {
	if s.cfg.Profiles {
		ops.Use(pprof.New(pprof.Config{Next: func(c *fiber.Ctx) bool { return strings.HasPrefix(c.Path(), "/debug/pprof/cmdline") }}))
	}
}

func (s *Server) newApp() *fiber.App {
	l := s.cfg.Limits
	app := fiber.New(fiber.Config{
		AppName: "resellerd", DisableStartupMessage: true, DisableDefaultDate: false,
		Immutable: true, CaseSensitive: true, StrictRouting: true,
		BodyLimit: l.Body, ReadBufferSize: l.Header, WriteBufferSize: 10 << 10, // an idle connection keeps both
		ReadTimeout: l.Read, IdleTimeout: l.Idle,
		DisablePreParseMultipartForm: true, DisableHeaderNormalizing: false,
		StreamRequestBody: true, ErrorHandler: s.refuse,
	})
	app.Server().HeaderReceived = s.expect
	app.Server().ConnState = func(conn net.Conn, state fasthttp.ConnState) {
		if state == fasthttp.StateIdle {
			transport.Answered(conn)
		}
	}
	s.guardHead(app)
	s.closeWhenDraining(app)
	return app
}

// refuse answers requests that reach no route: unknown routes and methods, and
// requests that the HTTP layer could not read.
func (s *Server) refuse(c *fiber.Ctx, err error) error {
	s.echoRequestID(c)
	s.leaveBody(c)
	c.Set(fiber.HeaderCacheControl, "no-store")
	p := routeProblem(err)
	if p.kind.status >= 500 {
		s.logger.Error("request refused", "error", err)
	}
	return p.write(c, "", nil)
}

// handler is the entry point of every route. It authenticates, reads the body,
// loads the acting user, calls the handler, answers and counts. A panic in a
// handler becomes a 500 and a log line.
func (s *Server) handler(rt *boundRoute) fiber.Handler {
	return func(c *fiber.Ctx) error {
		start := time.Now()
		r := &exchange{inquiry: inquiry{s: s, Session: session.Session{Shared: s.shared, From: rt.origin, DecisionID: s.newID()}}, c: c, route: rt}
		err := r.serve(start)
		if err != nil {
			err = r.fail(err)
		}
		r.stamp()
		s.metrics.observe(rt, c.Response().StatusCode(), time.Since(start), r.exemplar())
		r.endTrace(c.Response().StatusCode())
		return err
	}
}

// serve runs the handler within its time limits.
func (r *exchange) serve(start time.Time) (err error) {
	s := r.s
	s.echoRequestID(r.c)
	if !r.route.public() {
		r.c.Set(fiber.HeaderCacheControl, "no-store")
	}
	life := transport.NewRequestContext(s.watch, r.c.Context().Conn(), s.cfg.Limits.request(r.route.doc))
	r.Ctx = life
	defer s.leaveBody(r.c)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		life.End()
	}()
	if r.route.open == forProxies { // its headers must be read before the trailers of a body
		r.beginTrace("", start)
		return r.route.handle(r)
	}
	if r.route.open != forAnyone {
		r.Caller, err = s.authenticate(r.Ctx, &r.c.Request().Header)
		r.traceCaller(start)
		if err != nil {
			return err
		}
		if err := r.admit(); err != nil {
			return err
		}
	}
	if err := r.withheld(); err != nil {
		return err
	}
	if !r.route.doc.upload {
		if err := s.readBody(r.c); err != nil {
			return err
		}
	}
	if r.route.open != forAnyone {
		if err := r.enter(); err != nil {
			return err
		}
	}
	if err := r.strictly(); err != nil {
		return err
	}
	r.Form = r.form()
	return r.route.handle(r)
}

// form returns the form of the request, as policies read it.
func (r *exchange) form() string {
	path, doc := r.route.path, &r.route.doc
	switch {
	case doc.tag == "lookup":
		return input.FormLookup
	case path == "/v1/changes", path == "/v1/filters":
		return input.FormPage
	case path == "/v1/audit/export":
		return input.FormExport
	case r.route.scope == identity.ScopeData && r.media != "" && r.media != fiber.MIMEApplicationJSON:
		return input.FormExport
	case doc.lists && r.query("count") == "true":
		return input.FormCount
	case doc.lists:
		return input.FormPage
	default:
		return input.FormOne
	}
}

// admit refuses a panel token from a network that it is not for, and counts the
// requests of each panel token.
func (r *exchange) admit() error {
	if r.Caller.JWT {
		return nil
	}
	if !r.Caller.Limits.Admits(r.remote()) {
		token := r.Caller.TokenID
		r.Caller = session.Caller{} // no header of the answer is for this caller
		return r.s.refuseToken(token, "network", unauthorized(""))
	}
	r.s.metrics.panels.WithLabelValues(r.Caller.TokenID).Inc()
	return nil
}

// enter checks that the token's scopes cover the route, waits for the revision
// that the caller has seen, and loads the acting user.
func (r *exchange) enter() error {
	s := r.s
	if r.Engine = s.engines.Current(); r.Engine == nil {
		return unavailable(errors.New("no policy is loaded"))
	}
	if !r.Caller.Scopes.Has(r.route.scope) {
		return forbidden("the token lacks the scope " + r.route.scope.String())
	}
	if err := r.waitAtLeast(); err != nil {
		return err
	}
	r.Revision = s.store.DataRevision()
	if r.route.open == subjectInBody {
		return r.refusePreview()
	}
	if err := r.LoadUser(); err != nil {
		return err
	}
	r.Ctx = r.queued(r.Ctx)
	return r.preview()
}

// waitAtLeast waits until the store has the data revision that the caller names,
// for at most Limits.AtLeast. It refuses a revision that the store has lost.
func (r *exchange) waitAtLeast() error {
	sealed, err := oneHeader(&r.c.Request().Header, headerAtLeast)
	if err != nil || sealed == "" {
		return err
	}
	if r.Caller.JWT {
		return forbidden("only a panel may send " + headerAtLeast)
	}
	wanted, err := r.s.sealer.OpenRevision(sealed)
	if err != nil {
		return malformed(headerAtLeast, "is not a revision of this store")
	}
	ctx, cancel := context.WithTimeout(r.Ctx, r.s.cfg.Limits.AtLeast)
	defer cancel()
	err = r.s.store.WaitRevision(ctx, wanted)
	switch {
	case errors.Is(err, history.ErrRevisionLost):
		return &problem{kind: kindRevisionLost, cause: err,
			detail: "The store does not have the revision that " + headerAtLeast + " names. Drop the revision and repeat the request."}
	case err != nil:
		return unavailable(err)
	}
	return nil
}

// statusClientGone is the status that metrics show for a request whose client has
// gone, as in nginx. Nobody receives it.
const statusClientGone = 499

// fail answers an error as a problem and logs it once. A server error is logged
// as an error, a refused caller as a warning, and any other refusal at debug
// level.
func (r *exchange) fail(err error) error {
	if errors.Is(err, transport.ErrClientGone) || r.Ctx != nil && errors.Is(context.Cause(r.Ctx), transport.ErrClientGone) {
		r.s.logger.Debug("the client has gone", "route", r.route.path, "method", r.route.method, "decision_id", r.DecisionID)
		r.c.Status(statusClientGone)
		return nil
	}
	p := problemOf(err)
	level, caller := r.s.logger.Debug, r.Caller.TokenID
	var token *tokenRefused
	if errors.As(err, &token) {
		caller = token.token
	}
	switch {
	case p.kind.status >= 500:
		level = r.s.logger.Error
	case p.kind.code == kindUnknownUser.code, p.kind.status == 401, token != nil:
		level = r.s.logger.Warn
	}
	level("request refused", "route", r.route.path, "method", r.route.method, "status", p.kind.status,
		"caller", caller, "decision_id", r.DecisionID, "error", err)
	switch {
	case p.kind.code == kindUnknownUser.code:
		r.RecordRefusal(session.TrueReason(p.cause))
	case p.kind.status >= 500:
		r.RecordFailure(err)
	}
	return p.write(r.c, r.DecisionID, r.route.takes)
}

// stamp sets the headers that only a panel may read, not its users.
func (r *exchange) stamp() {
	h := &r.c.Response().Header
	if r.Viewer != nil {
		h.Set(headerPreview, "true")
	}
	if r.Caller.TokenID == "" || r.Caller.JWT {
		return
	}
	h.Set(headerDecisionID, r.DecisionID)
	if r.Engine == nil {
		return
	}
	h.Set(headerPolicy, r.Engine.Revision())
	if now := r.s.store.DataRevision(); now.N != 0 && r.route.method != fiber.MethodGet && r.route.open == asUser {
		r.Revision = now
	}
	if r.Revision.N != 0 {
		h.Set(headerRevision, r.s.sealed.of(r.s.sealer, r.Revision))
	}
}

const requestIDChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

var requestIDChar = func() (set [256]bool) {
	for i := range len(requestIDChars) {
		set[requestIDChars[i]] = true
	}
	return set
}()

// echoRequestID returns the caller's X-Request-ID. It returns a new id instead
// if the caller's is too long or holds other characters, and nothing if there is
// none.
func (s *Server) echoRequestID(c *fiber.Ctx) {
	id := c.Request().Header.Peek(headerRequestID)
	if len(id) == 0 {
		return
	}
	valid := len(id) <= 128
	for _, b := range id {
		valid = valid && requestIDChar[b]
	}
	if valid {
		c.Response().Header.SetBytesV(headerRequestID, id)
	} else {
		c.Response().Header.Set(headerRequestID, s.newID())
	}
}
