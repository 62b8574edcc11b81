// Package session is one user asking one policy: it finds the user, decides or plans,
// records that, and reads rows as the user sees them. It knows no HTTP. Its errors
// name the refusal, and the server turns them into answers.
//
// Its terms:
//
//	session    one user asking one policy
//	caller     who sent the request, and for whom
//	actor      a user of the store, as the policy reads it
//	viewer     the user who acts, under a preview, where the subject is another
//	facts      what the policy reads about a subject
//	read plan  what the policy says about all rows of a type for a user
//	access     the actions that the policy leaves a user, area by area
//	costs      what cards are bought for, and what is worked out from it
package session

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

// Shared is what the sessions of one server share. It is complete before the first
// session, and never changed after.
type Shared struct {
	Store  *store.Store
	Users  *Users
	Now    func() time.Time
	Logger *slog.Logger
	Count  Counter
	Shadow *shadow.Shadow // nil: none

	Log     *decisionlog.Log // nil: none
	OnEntry []func(line []byte)
	Memory  *record.Memory
	Labels  []byte // the fixed labels of a log entry
	Known   *record.Policies

	ForceEvaluate bool // answer checks by full evaluations
}

// Counter counts decisions. It is safe for concurrent use.
type Counter interface {
	// Decision counts one check about an area, with the reasons that the policy annotates.
	Decision(e *policies.Engine, annotated map[string]policies.Reason, area string, in *input.Input, d policies.Decision, took time.Duration)
	// Filter counts one list.
	Filter(e *policies.Engine, area string, in *input.Input, outcome policies.Outcome, took time.Duration)
	// Unrecorded counts a decision that could not be recorded.
	Unrecorded()
}

// Session is one user asking one policy: what is decided, and what is recorded of
// it. It knows no HTTP: requests, schedules and the command line have one each.
// It is used by one goroutine.
type Session struct {
	*Shared
	Ctx    context.Context // ends with the deadline, or when the client has gone
	From   Origin
	Engine *policies.Engine
	Caller Caller

	Actor   *Actor
	Subject *store.Subject // whose eyes we see with; under Resellerd-As the previewed user
	Facts   *input.Facts   // of subject
	Viewer  *store.Subject // the real acting user under Resellerd-As, else nil

	DecisionID string // of the request; its decisions are numbered after it
	decisions  int
	decidedAs  string               // of the decision being recorded
	costs      costsSeen            // by the acting user
	Revision   history.DataRevision // that the answer is at least as new as
	At         time.Time            // the moment that is asked about; now, when zero
}

// Origin is where the questions of a session come from.
type Origin struct {
	Name   string // in the decision log: "GET /v1/customers/:id"
	Path   string // that cursors are bound to
	Area   string // that a refusal before the route is recorded for
	Acting bool   // in the name of a user
}

// costsSeen remembers which costs one user is shown.
type costsSeen struct {
	facts *input.Facts
	shown CostsShown
}

// Input is what the policy reads for an action of the acting user on a
// resource. The caller adds the stored row, properties or a change.
func (r *Session) Input(action, typ, id string) *input.Input {
	in := &input.Input{
		Action:   input.Action{Name: action},
		Resource: input.Resource{Type: typ, ID: id},
		Context:  r.context(),
	}
	if r.Subject != nil {
		in.Subject = input.Subject{Type: "user", ID: r.Subject.User.ID, Facts: r.Facts}
	}
	return in
}

func (r *Session) context() input.Context {
	return input.Context{ClientIP: r.Caller.ClientIP, Time: r.moment(), Panel: r.Caller.TokenID}
}

func (r *Session) moment() time.Time {
	if r.At.IsZero() {
		return r.Now().UTC()
	}
	return r.At.UTC()
}

// Decide asks the policy, counts and records the decision.
func (r *Session) Decide(in *input.Input) policies.Decision {
	start := r.Now()
	d := r.Judge(in)
	r.Shadow.Check(r.Engine, in, d, false, r.DecisionID, r.Users.LiesBelow)
	return r.Record(in, d, start)
}

// Judge asks the policy; nothing is recorded.
func (r *Session) Judge(in *input.Input) policies.Decision {
	if r.ForceEvaluate {
		return r.Engine.Evaluate(r.Ctx, in)
	}
	return r.Engine.Decide(r.Ctx, in)
}

// DecideAbsent denies access to a row that is not there, as the policy denies access
// to a row that the user does not see. The policy is asked about a row without an
// owner.
func (r *Session) DecideAbsent(in *input.Input) policies.Decision {
	start := r.Now()
	d := policies.Absent(r.Judge(in))
	r.Shadow.Check(r.Engine, in, d, true, r.DecisionID, r.Users.LiesBelow)
	return r.RecordAs(decidedAbsent, in, d, start)
}

// Plan asks the policy which rows of a type the acting user may act on. The
// filter denies everything when the policy does; an error outcome is returned
// as an error. One log entry, with the filter. It leaves out all that is computed
// from rates that the user may not read; see HideCosts.
func (r *Session) Plan(action, typ string) (*policies.Plan, predicate.Env, error) {
	start := r.Now()
	in := r.Input(action, typ, "")
	p := r.Engine.Plan(r.Ctx, in)
	r.Shadow.Plan(r.Engine, in, p, r.DecisionID, r.Users.LiesBelow)
	if err := r.recordPlan(in, p, start); err != nil {
		return nil, nil, errors.Join(fault.ErrUnavailable, err)
	}
	if p.Outcome == policies.OutcomeError {
		return nil, nil, &DeniedError{Decision: policies.Decision{Outcome: p.Outcome, Err: p.Err}}
	}
	return r.HideCosts(typ, p), p.Bind(r.Ctx, in), nil
}

// DeniedError is a decision that does not allow what a session needs to go on.
type DeniedError struct{ Decision policies.Decision }

// Error tells the reasons, or what went wrong.
func (e *DeniedError) Error() string {
	if e.Decision.Err != nil {
		return "no decision: " + e.Decision.Err.Error()
	}
	return "denied: " + strings.Join(e.Decision.Reasons, ", ")
}

// Unwrap is what went wrong, nil for a denial.
func (e *DeniedError) Unwrap() error { return e.Decision.Err }
