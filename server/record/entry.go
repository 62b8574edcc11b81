package record

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"resellerd/policies"
	"resellerd/policies/input"
)

// The rules that an entry's decision comes from.
const (
	DecisionPath = "reseller/main/decision"
	FilterPath   = "reseller/main/allow"
)

// Listed is the answer to a question about many: the filter of a list with how
// its rows are shown, or the access to every area.
type Listed struct {
	Plan   *policies.PlanText
	Access map[string][]string
}

// Entry is what one line of the decision log tells.
type Entry struct {
	ID        string // of the decision
	In        *input.Input
	Engine    *policies.Engine
	Decision  policies.Decision
	List      *Listed // of a question about many; nil else
	DecidedAs string  // "" where the policy alone decided

	DataRevision    int64
	Route           string
	Acting, Preview string // user ids; "" where nobody acts, or none is previewed
	Panel           string // the id of the token
	Took            time.Duration
	Labels          []byte     // as Labels makes them
	Known           *FactsText // of the subject's facts, or nil
}

// Entry makes the whole line, in the writer's own memory: it holds until the
// writer is used again. What the mask erases is never written.
func (w *Writer) Entry(m *Mask, e *Entry) []byte {
	path := DecisionPath
	if e.List != nil {
		path = FilterPath
	}
	w.Open()
	w.Text(nil, "decision_id", e.ID)
	w.Text(nil, "path", path)
	w.name(nil, "timestamp")
	w.Dst = appendTime(w.Dst, e.In.Context.Time)
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

// entryTail appends what describes the decision rather than states it.
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

// ResultDocument is the result of a decision as a dynamic mask reads it.
func ResultDocument(d policies.Decision) map[string]any {
	reasons := make([]any, len(d.Reasons))
	for i, code := range d.Reasons {
		reasons[i] = code
	}
	return map[string]any{"allow": d.Allow, "reasons": reasons}
}

// Labels makes the fixed end of every entry.
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
