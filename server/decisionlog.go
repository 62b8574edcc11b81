package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
)

const (
	outcomeAllow = policies.OutcomeAllow
	outcomeDeny  = policies.OutcomeDeny
	outcomeError = policies.OutcomeError

	decisionPath = "reseller/main/decision"
	filterPath   = "reseller/main/allow"
)

// listed is the answer to a question about many: the filter of a list with how
// its rows are shown, or the access to every area.
type listed struct {
	plan   *policies.PlanText
	access map[string][]string
}

// Decisions that are not, or not only, the policy's say so in their entry.
const (
	decidedAbsent   = "absent"  // of a row that is not there: what is allowed is not visible
	decidedByServer = "refusal" // by the server, before or beside the policy
)

// recordAs is record for a decision that is not the policy's alone.
func (r *session) recordAs(as string, in *input.Input, d policies.Decision, start time.Time) policies.Decision {
	r.decidedAs = as
	defer func() { r.decidedAs = "" }()
	return r.record(in, d, start)
}

// lines holds buffers for log entries.
var lines = sync.Pool{New: func() any { return &fieldWriter{dst: make([]byte, 0, 2048)} }}

// record counts a decision and writes it to the log. When the log must be
// written before the answer and cannot be, the decision becomes a denial.
func (r *session) record(in *input.Input, d policies.Decision, start time.Time) policies.Decision {
	took := r.s.now().Sub(start)
	area := r.areaOf(in, d)
	r.s.metrics.decision(r.engine, r.s.views.of(r.engine).reasons, area, in, d, took)
	if d.Outcome == outcomeError {
		r.s.logger.Error("no decision could be made", "decision_id", r.decisionID,
			"type", in.Resource.Type, "action", in.Action.Name, "error", d.Err)
	}
	if err := r.log(in, d, nil, took); err != nil {
		return policies.Decision{Outcome: outcomeError, Err: err}
	}
	return d
}

// recordPlan is record for a list: one entry, with its filter.
func (r *session) recordPlan(in *input.Input, p *policies.Plan, start time.Time) error {
	took := r.s.now().Sub(start)
	d := policies.Decision{Outcome: p.Outcome, Err: p.Err}
	r.s.metrics.filter(r.engine, r.areaOf(in, d), in, p.Outcome, took)
	if p.Outcome == outcomeError {
		r.s.logger.Error("no filter could be made", "decision_id", r.decisionID,
			"type", in.Resource.Type, "action", in.Action.Name, "error", p.Err)
	}
	return r.log(in, d, &listed{plan: p.Text()}, took)
}

// recordRefusal counts and records a user who was refused before the route.
func (r *session) recordRefusal(reason string) {
	if r.engine == nil {
		return
	}
	in := &input.Input{
		Subject:  input.Subject{Type: subjectUser, ID: r.caller.userRef},
		Resource: input.Resource{Type: "area", ID: r.from.area},
		Action:   input.Action{Name: "read"},
		Context:  r.context(),
	}
	r.recordAs(decidedByServer, in, policies.Decision{Outcome: outcomeDeny, Reasons: []string{reason}}, r.s.now())
}

// log writes one entry; l is set for a list. An error, which is errNotRecorded,
// says that what the entry is about must not be answered.
func (r *session) log(in *input.Input, d policies.Decision, l *listed, took time.Duration) error {
	if r.s.log == nil && len(r.s.onEntry) == 0 && r.s.memory == nil {
		return nil
	}
	w := lines.Get().(*fieldWriter)
	defer lines.Put(w)
	w.dst, w.erased = w.dst[:0], w.erased[:0]
	if err := r.entry(w, in, d, l, took); err != nil {
		r.s.metrics.logEntries.WithLabelValues("dropped").Inc()
		r.s.logger.Error("decision log entry cannot be masked", "decision_id", r.decisionID, "error", err)
		return errors.Join(errNotRecorded, err)
	}
	for _, take := range r.s.onEntry {
		take(w.dst)
	}
	if r.s.log != nil {
		if err := r.s.log.Add(w.dst); err != nil {
			return errors.Join(errNotRecorded, err)
		}
	}
	r.remember(in, l, w.dst)
	return nil
}

// entry appends the whole line. What the mask erases is never written to the
// buffer.
func (r *session) entry(w *fieldWriter, in *input.Input, d policies.Decision, l *listed, took time.Duration) error {
	m, dynamic, err := r.entryMask(in, d)
	if err != nil {
		return err
	}
	path := decisionPath
	if l != nil {
		path = filterPath
	}
	w.dst = append(w.dst, '{')
	w.text(nil, "decision_id", r.decisionNumber())
	w.text(nil, "path", path)
	w.name(nil, "timestamp")
	w.dst = appendTime(w.dst, in.Context.Time)
	if inner := m.at("input"); inner.erases() {
		w.erased = append(w.erased, inner.path)
	} else {
		w.name(nil, "input")
		w.input(inner, r.engine, in, r.logged(in, dynamic))
	}
	w.result(m.at("result"), d, l)
	r.entryTail(w, d, took)
	return nil
}

// entryTail appends what describes the decision rather than states it.
func (r *session) entryTail(w *fieldWriter, d policies.Decision, took time.Duration) {
	w.text(nil, "outcome", string(d.Outcome))
	if r.decidedAs != "" {
		w.text(nil, "decided_as", r.decidedAs)
	}
	w.name(nil, "reasons")
	w.dst = appendStrings(w.dst, d.Reasons)
	w.text(nil, "policy_revision", r.engine.Revision())
	w.number(nil, "data_revision", r.revision.N)
	w.text(nil, "route", r.from.name)
	if acting, preview := r.who(); acting != "" {
		w.text(nil, "acting_user", acting)
		if preview != "" {
			w.text(nil, "preview_of", preview)
		}
	}
	w.text(nil, "requested_by", r.caller.tokenID)
	w.name(nil, "metrics")
	w.dst = append(w.dst, `{"timer_decision_ns":`...)
	w.dst = append(strconv.AppendInt(w.dst, took.Nanoseconds(), 10), '}')
	w.dst = append(w.dst, r.s.labels...)
	if len(w.erased) > 0 {
		slices.Sort(w.erased)
		w.name(nil, "erased")
		w.dst = appendStrings(w.dst, w.erased)
	}
	w.dst = append(w.dst, '}', '\n')
}

// who is the acting user, and whom it previews.
func (r *session) who() (acting, preview string) {
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
func (r *session) entryMask(in *input.Input, d policies.Decision) (m *mask, dynamic bool, err error) {
	held := r.s.views.of(r.engine)
	if held.err != nil || held.static {
		return held.mask, false, held.err
	}
	erased, err := r.engine.Mask(r.ctx, map[string]any{
		"input": r.engine.Document(in), "result": resultDocument(d), "decision_id": r.decisionID, "path": decisionPath,
	})
	if err != nil {
		return nil, true, fmt.Errorf("mask: %w", err)
	}
	m, err = newMask(erased)
	return m, true, err
}

func resultDocument(d policies.Decision) map[string]any {
	reasons := make([]any, len(d.Reasons))
	for i, code := range d.Reasons {
		reasons[i] = code
	}
	return map[string]any{"allow": d.Allow, "reasons": reasons}
}

// logged is what the cache holds of the subject's facts, ready to be written.
func (r *session) logged(in *input.Input, dynamic bool) *actor {
	if dynamic || r.actor == nil || in.Subject.Facts != r.actor.facts {
		return nil
	}
	return r.actor
}

// appendLabels makes the fixed end of every entry.
func appendLabels(labels map[string]string) []byte {
	if len(labels) == 0 {
		return nil
	}
	text, err := json.Marshal(labels)
	if err != nil {
		return nil
	}
	return append([]byte(`,"labels":`), text...)
}

func appendTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = t.AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"')
}
