package record

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/decisionlog"
)

// Paths of the policy rules that entries name as the source of a decision.
const (
	DecisionPath = "reseller/main/decision"
	FilterPath   = "reseller/main/allow"
)

// Listed is the answer to a question about many resources: a list's plan, or the
// access to every area.
type Listed struct {
	Plan   *policies.PlanText
	Access map[string][]string
}

// Entry holds the content of one line of the decision log.
type Entry struct {
	ID        string // of the decision
	In        *input.Input
	Engine    *policies.Engine
	Decision  policies.Decision
	List      *Listed // for a question about many resources, else nil
	DecidedAs string  // "" if the policy decided alone

	DataRevision    int64
	Route           string
	Acting, Preview string // user ids; "" without an acting user or without a preview
	Panel           string // the id of the token
	Took            time.Duration
	Labels          []byte     // result of Labels
	Known           *FactsText // cached text of the subject's facts, or nil
}

// Entry returns the whole line. The line is in the writer's own memory and is valid
// until the writer's next use. Members that the mask erases are never written.
func (w *Writer) Entry(m *Mask, e *Entry) []byte {
	w.begin(e)
	if inner := m.At("input"); inner.Erases() {
		w.erased = append(w.erased, inner.path)
	} else {
		w.name(nil, "input")
		w.Input(inner, e.Engine, e.In, e.Known)
	}
	w.Result(m.At("result"), e.Decision, e.List)
	w.entryTail(e)
	return w.Dst
}

// begin begins the line of an entry.
func (w *Writer) begin(e *Entry) {
	path := DecisionPath
	if e.List != nil {
		path = FilterPath
	}
	w.Open()
	w.Text(nil, "decision_id", e.ID)
	w.Text(nil, "path", path)
	w.name(nil, "timestamp")
	w.Dst = appendTime(w.Dst, e.In.Context.Time)
}

// Logged returns the last Entry as the decision log takes it: it refers to the profile
// of its subject, to the access that a change gives or takes, and to a long answer. It is valid until the writer's next use.
func (w *Writer) Logged(e *Entry) decisionlog.Entry {
	out := decisionlog.Entry{Line: w.Dst}
	if f := e.In.Subject.Facts; f != nil {
		out.Account = f.Account.ID
	}
	out.Line, out.Profiles = w.referring()
	if len(out.Line) > MaxEntry {
		out.Line, out.Profiles = w.truncated(e), decisionlog.Profiles{}
	}
	return out
}

// MaxEntry is the most bytes of an entry in the log. A longer one is truncated.
const MaxEntry = 64 << 10

// truncated returns the line of an entry that is longer than MaxEntry. It has no
// input and no result, so it cannot be replayed.
func (w *Writer) truncated(e *Entry) []byte {
	w.begin(e)
	w.name(nil, "truncated")
	w.Dst = append(w.Dst, "true"...)
	short := *e
	short.Decision.Reasons = clipped(e.Decision.Reasons)
	w.entryTail(&short)
	return w.Dst
}

// clipped returns the first reasons, as far as they are short.
func clipped(reasons []string) []string {
	n, left := 0, MaxEntry/8
	for n < len(reasons) && len(reasons[n]) < left {
		left -= len(reasons[n])
		n++
	}
	return reasons[:n]
}

// entryTail appends the members that describe how and when the decision was made.
func (w *Writer) entryTail(e *Entry) {
	w.Text(nil, "outcome", string(e.Decision.Outcome))
	if e.DecidedAs != "" {
		w.Text(nil, "decided_as", e.DecidedAs)
	}
	w.name(nil, "reasons")
	w.Dst = AppendStrings(w.Dst, e.Decision.Reasons)
	w.Text(nil, "policy_revision", e.Engine.Revision())
	w.number(nil, "data_revision", e.DataRevision)
	w.Text(nil, "route", e.Route)
	if e.Acting != "" {
		w.Text(nil, "acting_user", e.Acting)
		if e.Preview != "" {
			w.Text(nil, "preview_of", e.Preview)
		}
	}
	w.Text(nil, "requested_by", e.Panel)
	w.name(nil, "metrics")
	w.Dst = append(w.Dst, `{"timer_decision_ns":`...)
	w.Dst = append(strconv.AppendInt(w.Dst, e.Took.Nanoseconds(), 10), '}')
	w.Dst = append(w.Dst, e.Labels...)
	if len(w.erased) > 0 {
		slices.Sort(w.erased)
		w.name(nil, "erased")
		w.Dst = AppendStrings(w.Dst, w.erased)
	}
	w.Dst = append(w.Dst, '}', '\n')
}

// ResultDocument returns the result of a decision in the form that a dynamic mask
// reads.
func ResultDocument(d policies.Decision) map[string]any {
	reasons := make([]any, len(d.Reasons))
	for i, code := range d.Reasons {
		reasons[i] = code
	}
	return map[string]any{"allow": d.Allow, "reasons": reasons}
}

// Labels returns the labels as the JSON member that ends every entry, or nil without
// labels.
func Labels(labels map[string]string) []byte {
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
