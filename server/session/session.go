// Package session represents one user who asks one policy. It finds the user, decides
// or plans, records the decision, and reads rows as the user sees them. It does not
// know HTTP. Its errors name the refusal, and the server turns them into responses.
//
// Its terms:
//
//	session    one user who asks one policy
//	caller     who sent the request, and for which user
//	actor      a user of the store, as the policy reads it
//	viewer     in a preview: the user who really acts; the subject is the previewed user
//	facts      what the policy reads about a subject
//	read plan  the policy's answer about all rows of a type for one user
//	access     the actions that the policy allows a user, by area
//	costs      what cards are bought for, and values that are computed from it
package session

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/server/decisionlog"
	"resellerd/server/record"
	"resellerd/server/shadow"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/history"
	"resellerd/store/span"
)

// Shared is what all sessions of one server share. It is complete before the first
// session starts and does not change after that.
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

	ForceEvaluate bool // answer checks with full evaluations
}

// Counter counts decisions. It must be safe for concurrent use.
type Counter interface {
	// Decision counts one check about an area. annotated holds the reasons that the
	// policy annotates.
	Decision(e *policies.Engine, annotated map[string]policies.Reason, area string, in *input.Input, d policies.Decision, took time.Duration)
	// Filter counts one list.
	Filter(e *policies.Engine, area string, in *input.Input, outcome policies.Outcome, took time.Duration)
	// Unrecorded counts a decision that could not be recorded.
	Unrecorded()
}

// Session is one user who asks one policy, and the record of the decisions. It does
// not know HTTP: each request, each run of a schedule and each command has its own
// session. A session is for one goroutine.
type Session struct {
	*Shared
	Ctx    context.Context // ends at the deadline, or when the client disconnects
	From   Origin
	Engine *policies.Engine
	Caller Caller

	Actor   *Actor
	Subject *store.Subject // the user whose rights count; under Resellerd-As the previewed user
	Facts   *input.Facts   // of Subject
	Viewer  *Actor         // the real acting user under Resellerd-As, else nil

	DecisionID string // of the request; the ids of its decisions begin with it
	decisions  int
	decidedAs  string               // of the decision being recorded
	costs      costsSeen            // cached for the acting user
	viewing    *Session             // cached session of the viewer
	other      factsSeen            // cached for a subject that is no Actor
	Revision   history.DataRevision // the answer is at least as new as this
	Form       string               // of the request, as input.Action has it; "" is FormOne
	At         time.Time            // the time that the questions are about; zero means now
	Traced     bool                 // Ctx has a span, whose parts are marked
}

// Origin says where the questions of a session come from.
type Origin struct {
	Name   string // route in the decision log: "GET /v1/customers/:id"
	Path   string // path that list cursors are bound to
	Area   string // area that is recorded if the request is refused before its handler
	Acting bool   // the request acts for a user
}

// costsSeen caches which costs one user may see.
type costsSeen struct {
	facts *input.Facts
	shown CostsShown
}

// Input returns the policy input for an action of the acting user on a resource. The
// caller adds the stored row, the properties or the change.
func (r *Session) Input(action, typ, id string) *input.Input {
	in := &input.Input{
		Action:   input.Action{Name: action, Form: cmp.Or(r.Form, input.FormOne)},
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

// Decide asks the policy, then counts and records the decision.
func (r *Session) Decide(in *input.Input) policies.Decision {
	start := r.Now()
	return r.Decided(in, r.Judge(in), start)
}

// Decided counts and records a decision that Judge made.
func (r *Session) Decided(in *input.Input, d policies.Decision, start time.Time) policies.Decision {
	r.Shadow.Check(r.Engine, in, d, false, r.DecisionID, r.Users.LiesBelow)
	return r.Record(in, d, start)
}

// Part begins a part of the request's trace. The caller ends it with End.
func (r *Session) Part(name string) trace.Span {
	if !r.Traced {
		return span.None
	}
	return span.Begin(r.Ctx, name)
}

// Judge asks the policy and records nothing.
func (r *Session) Judge(in *input.Input) policies.Decision {
	defer r.Part("decide").End()
	if r.ForceEvaluate {
		return r.Engine.EvaluateWhole(r.Ctx, in)
	}
	return r.Engine.Decide(r.Ctx, in)
}

// DecideAbsent denies access to a row that does not exist, with the same answer as
// for a row that the user does not see. It asks the policy about a row without an
// owner.
func (r *Session) DecideAbsent(in *input.Input) policies.Decision {
	start := r.Now()
	d := policies.Absent(r.Judge(in))
	r.Shadow.Check(r.Engine, in, d, true, r.DecisionID, r.Users.LiesBelow)
	return r.RecordAs(decidedAbsent, in, d, start)
}

// Plan asks the policy which rows of a type the acting user may act on. If the policy
// denies, the returned filter passes no row. An error outcome is returned as a
// DeniedError. Plan writes one log entry, which contains the filter, and returns
// fault.ErrUnavailable if it cannot. The plan leaves out everything that is computed
// from rates that the user may not read, see HideCosts. In a preview it also leaves out
// the columns of each row that the viewer does not see on it.
func (r *Session) Plan(action, typ string) (*policies.Plan, predicate.Env, error) {
	return r.PlanFor(r.Input(action, typ, ""))
}

// PlanFor is Plan for any question.
func (r *Session) PlanFor(in *input.Input) (*policies.Plan, predicate.Env, error) {
	p, err := r.planned(in)
	if err != nil {
		return nil, nil, err
	}
	if p, err = r.likeViewer(in, r.HideCosts(in.Resource.Type, p)); err != nil {
		return nil, nil, err
	}
	return p, r.bind(p, in), nil
}

// planned is PlanFor without HideCosts, and without the columns that a viewer lacks.
func (r *Session) planned(in *input.Input) (*policies.Plan, error) {
	start := r.Now()
	part := r.Part("decide")
	p := r.Engine.Plan(r.Ctx, in)
	part.End()
	r.Shadow.Plan(r.Engine, in, p, r.DecisionID, r.Users.LiesBelow)
	if err := r.recordPlan(in, p, start); err != nil {
		return nil, errors.Join(fault.ErrUnavailable, err)
	}
	if p.Outcome == policies.OutcomeError {
		return nil, &DeniedError{Decision: policies.Decision{Outcome: p.Outcome, Err: p.Err}}
	}
	return p, nil
}

// DeniedError is a decision that stops the session's work: a denial or a failure.
type DeniedError struct{ Decision policies.Decision }

// Error returns the reasons, or the cause of a failure.
func (e *DeniedError) Error() string {
	if e.Decision.Err != nil {
		return "no decision: " + e.Decision.Err.Error()
	}
	return "denied: " + strings.Join(e.Decision.Reasons, ", ")
}

// Unwrap returns the cause of a failure, nil for a denial.
func (e *DeniedError) Unwrap() error { return e.Decision.Err }
