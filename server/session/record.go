package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/record"
	"resellerd/server/resource"
)

// These values mark, in the log entry, a decision that the policy did not make alone.
const (
	decidedAbsent   = "absent"  // the row does not exist: an allowed action is denied as not visible
	DecidedByServer = "refusal" // the server refused before or after it asked the policy
)

// RecordAs is Record for a decision that the policy did not make alone.
func (r *Session) RecordAs(as string, in *input.Input, d policies.Decision, start time.Time) policies.Decision {
	r.decidedAs = as
	defer func() { r.decidedAs = "" }()
	return r.Record(in, d, start)
}

// failure returns how to log that a decision has no result. It is no error of ours if the
// client went away before.
func (r *Session) failure(err error) func(message string, args ...any) {
	if errors.Is(err, context.Canceled) || r.Ctx != nil && errors.Is(r.Ctx.Err(), context.Canceled) {
		return r.Logger.Debug
	}
	return r.Logger.Error
}

// Record counts a decision and writes it to the log. If the log does not take the
// entry, Record returns an error outcome, which denies the request.
func (r *Session) Record(in *input.Input, d policies.Decision, start time.Time) policies.Decision {
	took := r.Now().Sub(start)
	area := resource.AreaOf(r.Engine, in, d)
	r.Count.Decision(r.Engine, r.Known.Of(r.Engine).Reasons, area, in, d, took)
	if d.Outcome == policies.OutcomeError {
		r.failure(d.Err)("no decision could be made", "decision_id", r.DecisionID,
			"type", in.Resource.Type, "action", in.Action.Name, "error", d.Err)
	}
	if err := r.Log(in, d, nil, took); err != nil {
		return policies.Decision{Outcome: policies.OutcomeError, Err: err}
	}
	return d
}

// recordPlan is Record for a list. It writes one entry, which contains the filter.
func (r *Session) recordPlan(in *input.Input, p *policies.Plan, start time.Time) error {
	took := r.Now().Sub(start)
	d := policies.Decision{Outcome: p.Outcome, Err: p.Err}
	r.Count.Filter(r.Engine, resource.AreaOf(r.Engine, in, d), in, p.Outcome, took)
	if p.Outcome == policies.OutcomeError {
		r.failure(p.Err)("no filter could be made", "decision_id", r.DecisionID,
			"type", in.Resource.Type, "action", in.Action.Name, "error", p.Err)
	}
	return r.Log(in, d, &record.Listed{Plan: p.Text()}, took)
}

// RecordRefusal counts and records that a user was refused before the request reached
// its handler.
func (r *Session) RecordRefusal(reason string) {
	if r.Engine == nil {
		return
	}
	r.RecordAs(DecidedByServer, r.refused(), policies.Decision{Outcome: policies.OutcomeDeny, Reasons: []string{reason}}, r.Now())
}

// RecordFailure counts and records that a request failed before any decision, for
// example because the database did not answer. The caller logs the error.
func (r *Session) RecordFailure(err error) {
	if r.Engine == nil || r.decisions > 0 {
		return
	}
	in := r.refused()
	d := policies.Decision{Outcome: policies.OutcomeError, Err: err}
	r.Count.Decision(r.Engine, nil, resource.AreaOf(r.Engine, in, d), in, d, 0)
	r.decidedAs = DecidedByServer
	defer func() { r.decidedAs = "" }()
	_ = r.Log(in, d, nil, 0) // the request has failed already
}

// refused is the question of a request that was refused before its handler.
func (r *Session) refused() *input.Input {
	return &input.Input{
		Subject:  input.Subject{Type: SubjectUser, ID: r.Caller.UserRef},
		Resource: input.Resource{Type: "area", ID: r.From.Area},
		Action:   input.Action{Name: "read"},
		Context:  r.context(),
	}
}

// Log writes one entry. l is set for a list. It returns ErrNotRecorded if the entry
// was not written. Then the caller must not answer with this decision.
func (r *Session) Log(in *input.Input, d policies.Decision, l *record.Listed, took time.Duration) error {
	if r.Shared.Log == nil && len(r.OnEntry) == 0 && r.Memory == nil {
		return nil
	}
	defer r.Part("log").End()
	w := lines.Get().(*record.Writer)
	defer lines.Put(w)
	e, line, err := r.line(w, in, d, l, took)
	if err != nil {
		r.Count.Unrecorded()
		r.Logger.Error("decision log entry cannot be masked", "decision_id", r.DecisionID, "error", err)
		return errors.Join(ErrNotRecorded, err)
	}
	for _, take := range r.OnEntry {
		take(line)
	}
	if r.Shared.Log != nil {
		if err := r.Shared.Log.Add(w.Logged(e)); err != nil {
			return errors.Join(ErrNotRecorded, err)
		}
	}
	r.remember(in, l, line)
	return nil
}

// line builds the whole entry in w's own memory.
func (r *Session) line(w *record.Writer, in *input.Input, d policies.Decision, l *record.Listed, took time.Duration) (*record.Entry, []byte, error) {
	m, dynamic, err := r.entryMask(in, d)
	if err != nil {
		return nil, nil, err
	}
	acting, preview := r.who()
	e := &record.Entry{
		ID: r.decisionNumber(), In: in, Engine: r.Engine, Decision: d, List: l, DecidedAs: r.decidedAs,
		DataRevision: r.Revision.N, Route: r.From.Name, Acting: acting, Preview: preview, Panel: r.Caller.TokenID,
		Took: took, Labels: r.Labels, Known: r.logged(in, m, dynamic),
	}
	return e, w.Entry(m, e), nil
}

// who returns the ids of the acting user and of the user whom it previews.
func (r *Session) who() (acting, preview string) {
	switch {
	case !r.From.Acting:
		return "", ""
	case r.Viewer != nil:
		return r.Viewer.Subject.User.ID, r.Subject.User.ID
	case r.Subject != nil:
		return r.Subject.User.ID, ""
	}
	return "", ""
}

// entryMask returns the mask for this entry. A dynamic mask asks the policy about the
// whole entry.
func (r *Session) entryMask(in *input.Input, d policies.Decision) (m *record.Mask, dynamic bool, err error) {
	held := r.Known.Of(r.Engine)
	if held.Err != nil || held.Static {
		return held.Mask, false, held.Err
	}
	erased, err := r.Engine.Mask(r.Ctx, map[string]any{
		"input": r.Engine.Document(in), "result": record.ResultDocument(d), "decision_id": r.DecisionID, "path": record.DecisionPath,
	})
	if err != nil {
		return nil, true, fmt.Errorf("mask: %w", err)
	}
	m, err = record.NewMask(erased)
	return m, true, err
}

// logged returns the cached log text of the subject's facts. It returns nil if the
// mask is dynamic or there are no facts.
func (r *Session) logged(in *input.Input, m *record.Mask, dynamic bool) *record.FactsText {
	f := in.Subject.Facts
	switch {
	case dynamic || f == nil:
		return nil
	case r.Actor != nil && f == r.Actor.Facts:
		return &r.Actor.Log
	case r.other.facts != f:
		r.other = factsSeen{f, record.NewFactsText(m, f)}
	}
	return &r.other.text
}

// factsSeen caches the log text of facts that are not those of an Actor, such as
// those that a write has read.
type factsSeen struct {
	facts *input.Facts
	text  record.FactsText
}

// remember stores a decision about a known user in the memory. It stores no refusal
// by the server, because only the log may say why the user was refused.
func (r *Session) remember(in *input.Input, l *record.Listed, line []byte) {
	if r.Memory == nil || in.Subject.Facts == nil {
		return
	}
	about := record.Remembered{
		ID: r.numbered(r.decisions), Account: in.Subject.Facts.Account.ID, Branch: in.Subject.Facts.Branch,
		Revision: r.Engine.Revision(), List: l != nil,
	}
	about.User, _ = in.Subject.Facts.User["id"].(string)
	if r.Viewer != nil {
		about.Acting = r.Viewer.Subject.User.ID
	}
	r.Memory.Keep(about, line)
}

// numbered returns the id of the n-th decision of the request.
func (r *Session) numbered(n int) string { return record.Numbered(r.DecisionID, n) }

// lines holds buffers for log entries.
var lines = sync.Pool{New: func() any { return record.NewWriter() }}

// ErrNotRecorded marks a decision that the caller must not get, because the log did
// not take it. The server answers 503, and the client may retry.
var ErrNotRecorded = errors.New("decision not recorded")

// decisionNumber returns the id of the next decision of this request. The first has
// the request's id. The others add "-2", "-3" and so on.
func (r *Session) decisionNumber() string {
	r.decisions++
	return r.numbered(r.decisions)
}
