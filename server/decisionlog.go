package server

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/record"
	"resellerd/server/resource"
)

// Decisions that are not, or not only, the policy's say so in their entry.
const (
	decidedAbsent   = "absent"  // of a row that is not there: what is allowed is not visible
	decidedByServer = "refusal" // by the server, before or beside the policy
)

// recordAs is record for a decision that is not the policy's alone.
func (r *core) recordAs(as string, in *input.Input, d policies.Decision, start time.Time) policies.Decision {
	r.decidedAs = as
	defer func() { r.decidedAs = "" }()
	return r.record(in, d, start)
}

// record counts a decision and writes it to the log. When the log must be
// written before the answer and cannot be, the decision becomes a denial.
func (r *core) record(in *input.Input, d policies.Decision, start time.Time) policies.Decision {
	took := r.now().Sub(start)
	area := resource.AreaOf(r.engine, in, d)
	r.count.Decision(r.engine, r.known.Of(r.engine).Reasons, area, in, d, took)
	if d.Outcome == policies.OutcomeError {
		r.logger.Error("no decision could be made", "decision_id", r.decisionID,
			"type", in.Resource.Type, "action", in.Action.Name, "error", d.Err)
	}
	if err := r.log(in, d, nil, took); err != nil {
		return policies.Decision{Outcome: policies.OutcomeError, Err: err}
	}
	return d
}

// recordPlan is record for a list: one entry, with its filter.
func (r *core) recordPlan(in *input.Input, p *policies.Plan, start time.Time) error {
	took := r.now().Sub(start)
	d := policies.Decision{Outcome: p.Outcome, Err: p.Err}
	r.count.Filter(r.engine, resource.AreaOf(r.engine, in, d), in, p.Outcome, took)
	if p.Outcome == policies.OutcomeError {
		r.logger.Error("no filter could be made", "decision_id", r.decisionID,
			"type", in.Resource.Type, "action", in.Action.Name, "error", p.Err)
	}
	return r.log(in, d, &record.Listed{Plan: p.Text()}, took)
}

// recordRefusal counts and records a user who was refused before the route.
func (r *core) recordRefusal(reason string) {
	if r.engine == nil {
		return
	}
	in := &input.Input{
		Subject:  input.Subject{Type: subjectUser, ID: r.caller.userRef},
		Resource: input.Resource{Type: "area", ID: r.from.area},
		Action:   input.Action{Name: "read"},
		Context:  r.context(),
	}
	r.recordAs(decidedByServer, in, policies.Decision{Outcome: policies.OutcomeDeny, Reasons: []string{reason}}, r.now())
}

// log writes one entry; l is set for a list. An error, which is errNotRecorded,
// says that what the entry is about must not be answered.
func (r *core) log(in *input.Input, d policies.Decision, l *record.Listed, took time.Duration) error {
	if r.shared.log == nil && len(r.onEntry) == 0 && r.memory == nil {
		return nil
	}
	w := lines.Get().(*record.Writer)
	defer lines.Put(w)
	line, err := r.line(w, in, d, l, took)
	if err != nil {
		r.count.Unrecorded()
		r.logger.Error("decision log entry cannot be masked", "decision_id", r.decisionID, "error", err)
		return errors.Join(errNotRecorded, err)
	}
	for _, take := range r.onEntry {
		take(line)
	}
	if r.shared.log != nil {
		if err := r.shared.log.Add(line); err != nil {
			return errors.Join(errNotRecorded, err)
		}
	}
	r.remember(in, l, line)
	return nil
}

// line makes the whole entry in the writer's own memory.
func (r *core) line(w *record.Writer, in *input.Input, d policies.Decision, l *record.Listed, took time.Duration) ([]byte, error) {
	m, dynamic, err := r.entryMask(in, d)
	if err != nil {
		return nil, err
	}
	acting, preview := r.who()
	return w.Entry(m, &record.Entry{
		ID: r.decisionNumber(), In: in, Engine: r.engine, Decision: d, List: l, DecidedAs: r.decidedAs,
		DataRevision: r.revision.N, Route: r.from.name, Acting: acting, Preview: preview, Panel: r.caller.tokenID,
		Took: took, Labels: r.labels, Known: r.logged(in, dynamic),
	}), nil
}

// who is the acting user, and whom it previews.
func (r *core) who() (acting, preview string) {
	switch {
	case !r.from.acting:
		return "", ""
	case r.viewer != nil:
		return r.viewer.User.ID, r.subject.User.ID
	case r.subject != nil:
		return r.subject.User.ID, ""
	}
	return "", ""
}

// entryMask is the mask for this entry. Dynamic masks ask the policy about
// the whole entry.
func (r *core) entryMask(in *input.Input, d policies.Decision) (m *record.Mask, dynamic bool, err error) {
	held := r.known.Of(r.engine)
	if held.Err != nil || held.Static {
		return held.Mask, false, held.Err
	}
	erased, err := r.engine.Mask(r.ctx, map[string]any{
		"input": r.engine.Document(in), "result": record.ResultDocument(d), "decision_id": r.decisionID, "path": record.DecisionPath,
	})
	if err != nil {
		return nil, true, fmt.Errorf("mask: %w", err)
	}
	m, err = record.NewMask(erased)
	return m, true, err
}

// logged is what the cache holds of the subject's facts, ready to be written.
func (r *core) logged(in *input.Input, dynamic bool) *record.FactsText {
	if dynamic || r.actor == nil || in.Subject.Facts != r.actor.facts {
		return nil
	}
	return &r.actor.log
}

// remember keeps a decision of a user that the store knows. Who was refused at
// the server has not decided anything: why, the log alone says.
func (r *core) remember(in *input.Input, l *record.Listed, line []byte) {
	if r.memory == nil || in.Subject.Facts == nil {
		return
	}
	about := record.Remembered{ID: r.numbered(r.decisions), Revision: r.engine.Revision(), List: l != nil}
	about.User, _ = in.Subject.Facts.User["id"].(string)
	if r.viewer != nil {
		about.Acting = r.viewer.User.ID
	}
	r.memory.Keep(about, line)
}

// numbered names the n-th decision of a request.
func (r *core) numbered(n int) string { return record.Numbered(r.decisionID, n) }

// lines holds buffers for log entries.
var lines = sync.Pool{New: func() any { return record.NewWriter() }}

// errNotRecorded marks a decision that must not be answered, because the log
// did not take it: the caller is told to come again, 503.
var errNotRecorded = errors.New("decision not recorded")

// decisionNumber names the next decision of this request: the first has the
// request's id, the following "-2", "-3" after it.
func (r *core) decisionNumber() string {
	r.decisions++
	return r.numbered(r.decisions)
}
