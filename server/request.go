package server

import (
	"context"
	"net/url"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/server/strictjson"
	"resellerd/store"
	"resellerd/store/history"
)

// session is one user asking one policy: what is decided for a request, and what
// is recorded of it. It knows no HTTP: requests, schedules and the command line
// have one each. It is used by one goroutine.
type session struct {
	s      *Server
	ctx    context.Context // ends with the deadline, or when the client has gone
	from   origin
	engine *policies.Engine
	caller caller

	actor   *actor
	subject *store.Subject // whose eyes we see with; under Resellerd-As the previewed user
	facts   *input.Facts   // of subject
	viewer  *store.Subject // the real acting user under Resellerd-As, else nil

	decisionID string // of the request; its decisions are numbered after it
	decisions  int
	decidedAs  string               // of the decision being recorded
	costs      costsSeen            // by the acting user
	revision   history.DataRevision // that the answer is at least as new as
	at         time.Time            // the moment that is asked about; now, when zero
}

// origin is where the questions of a session come from.
type origin struct {
	name   string // in the decision log: "GET /v1/customers/:id"
	path   string // that cursors are bound to
	area   string // that a refusal before the route is recorded for
	acting bool   // in the name of a user
}

// exchange is one HTTP request and its answer, with the session that decides
// about it. It lives until the answer is written. Every string it hands out is a
// copy that may be kept.
type exchange struct {
	session
	c     *fiber.Ctx
	route *boundRoute
	file  *spool // what was uploaded, once it has arrived
}

// costsSeen remembers which costs one user is shown.
type costsSeen struct {
	facts *input.Facts
	shown costsShown
}

// input is what the policy reads for an action of the acting user on a
// resource. The caller adds the stored row, properties or a change.
func (r *session) input(action, typ, id string) *input.Input {
	in := &input.Input{
		Action:   input.Action{Name: action},
		Resource: input.Resource{Type: typ, ID: id},
		Context:  r.context(),
	}
	if r.subject != nil {
		in.Subject = input.Subject{Type: "user", ID: r.subject.User.ID, Facts: r.facts}
	}
	return in
}

func (r *session) context() input.Context {
	return input.Context{ClientIP: r.caller.clientIP, Time: r.moment(), Panel: r.caller.tokenID}
}

func (r *session) moment() time.Time {
	if r.at.IsZero() {
		return r.s.now().UTC()
	}
	return r.at.UTC()
}

// decide asks the policy, counts and records the decision.
func (r *session) decide(in *input.Input) policies.Decision {
	start := r.s.now()
	d := r.judge(in)
	r.s.shadow.Check(r.engine, in, d, false, r.decisionID, r.s.liesBelow)
	return r.record(in, d, start)
}

// judge asks the policy; nothing is recorded.
func (r *session) judge(in *input.Input) policies.Decision {
	if r.s.cfg.ForceEvaluate {
		return r.engine.Evaluate(r.ctx, in)
	}
	return r.engine.Decide(r.ctx, in)
}

// decideAbsent denies what is not there for the reason that the policy gives
// for what is not visible: it is asked about a row that names no owner.
func (r *session) decideAbsent(in *input.Input) policies.Decision {
	start := r.s.now()
	d := policies.Absent(r.judge(in))
	r.s.shadow.Check(r.engine, in, d, true, r.decisionID, r.s.liesBelow)
	return r.recordAs(decidedAbsent, in, d, start)
}

// plan asks the policy which rows of a type the acting user may act on. The
// filter denies everything when the policy does; an error outcome is returned
// as an error. One log entry, with the filter. It leaves out all that is computed
// from rates that the user may not read; see hideCosts.
func (r *session) plan(action, typ string) (*policies.Plan, predicate.Env, error) {
	start := r.s.now()
	in := r.input(action, typ, "")
	p := r.engine.Plan(r.ctx, in)
	r.s.shadow.Plan(r.engine, in, p, r.decisionID, r.s.liesBelow)
	if err := r.recordPlan(in, p, start); err != nil {
		return nil, nil, unavailable(err)
	}
	if p.Outcome == outcomeError {
		return nil, nil, denied(policies.Decision{Outcome: p.Outcome, Err: p.Err})
	}
	return r.hideCosts(typ, p), p.Bind(r.ctx, in), nil
}

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
