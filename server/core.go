package server

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/server/decisionlog"
	"resellerd/server/record"
	"resellerd/server/shadow"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/history"
)

// shared is what the sessions of one server share. It is complete before the first
// session, and never changed after.
type shared struct {
	store  *store.Store
	users  *users
	now    func() time.Time
	logger *slog.Logger
	count  counter
	shadow *shadow.Shadow // nil: none

	log     *decisionlog.Log // nil: none
	onEntry []func(line []byte)
	memory  *record.Memory
	labels  []byte // the fixed labels of a log entry
	known   *record.Policies

	forceEvaluate bool // answer checks by full evaluations
}

// counter counts decisions. It is safe for concurrent use.
type counter interface {
	// Decision counts one check about an area, with the reasons that the policy annotates.
	Decision(e *policies.Engine, annotated map[string]policies.Reason, area string, in *input.Input, d policies.Decision, took time.Duration)
	// Filter counts one list.
	Filter(e *policies.Engine, area string, in *input.Input, outcome policies.Outcome, took time.Duration)
	// Unrecorded counts a decision that could not be recorded.
	Unrecorded()
}

// core is one user asking one policy: what is decided, and what is recorded of
// it. It knows no HTTP: requests, schedules and the command line have one each.
// It is used by one goroutine.
type core struct {
	*shared
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

// costsSeen remembers which costs one user is shown.
type costsSeen struct {
	facts *input.Facts
	shown costsShown
}

// input is what the policy reads for an action of the acting user on a
// resource. The caller adds the stored row, properties or a change.
func (r *core) input(action, typ, id string) *input.Input {
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

func (r *core) context() input.Context {
	return input.Context{ClientIP: r.caller.clientIP, Time: r.moment(), Panel: r.caller.tokenID}
}

func (r *core) moment() time.Time {
	if r.at.IsZero() {
		return r.now().UTC()
	}
	return r.at.UTC()
}

// decide asks the policy, counts and records the decision.
func (r *core) decide(in *input.Input) policies.Decision {
	start := r.now()
	d := r.judge(in)
	r.shadow.Check(r.engine, in, d, false, r.decisionID, r.users.liesBelow)
	return r.record(in, d, start)
}

// judge asks the policy; nothing is recorded.
func (r *core) judge(in *input.Input) policies.Decision {
	if r.forceEvaluate {
		return r.engine.Evaluate(r.ctx, in)
	}
	return r.engine.Decide(r.ctx, in)
}

// decideAbsent denies what is not there for the reason that the policy gives
// for what is not visible: it is asked about a row that names no owner.
func (r *core) decideAbsent(in *input.Input) policies.Decision {
	start := r.now()
	d := policies.Absent(r.judge(in))
	r.shadow.Check(r.engine, in, d, true, r.decisionID, r.users.liesBelow)
	return r.recordAs(decidedAbsent, in, d, start)
}

// plan asks the policy which rows of a type the acting user may act on. The
// filter denies everything when the policy does; an error outcome is returned
// as an error. One log entry, with the filter. It leaves out all that is computed
// from rates that the user may not read; see hideCosts.
func (r *core) plan(action, typ string) (*policies.Plan, predicate.Env, error) {
	start := r.now()
	in := r.input(action, typ, "")
	p := r.engine.Plan(r.ctx, in)
	r.shadow.Plan(r.engine, in, p, r.decisionID, r.users.liesBelow)
	if err := r.recordPlan(in, p, start); err != nil {
		return nil, nil, errors.Join(fault.ErrUnavailable, err)
	}
	if p.Outcome == policies.OutcomeError {
		return nil, nil, &deniedError{decision: policies.Decision{Outcome: p.Outcome, Err: p.Err}}
	}
	return r.hideCosts(typ, p), p.Bind(r.ctx, in), nil
}

// deniedError is a decision that does not allow what a session needs to go on.
type deniedError struct{ decision policies.Decision }

func (e *deniedError) Error() string {
	if e.decision.Err != nil {
		return "no decision: " + e.decision.Err.Error()
	}
	return "denied: " + strings.Join(e.decision.Reasons, ", ")
}

func (e *deniedError) Unwrap() error { return e.decision.Err }
