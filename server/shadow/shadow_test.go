package shadow

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/policiestest"
	"resellerd/server/record"
)

// policy allows every question, and shows one column.
func policy(t *testing.T) *policies.Engine {
	t.Helper()
	tree := fstest.MapFS{"main.rego": {Data: []byte(`package reseller.main

default allow := false

allow if input.resource.type

decision["allow"] := allow

decision["reasons"] := set()

decision["view"] := view

decision["columns"] := columns

view := "customer"

columns contains "id"
`)}}
	e, err := policies.Load(context.Background(), tree, policies.Options{Schema: policiestest.Schema(), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func nowhere(string, string) bool { return false }

func counted(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// working is a decider that runs a function before it allows.
type working struct {
	Decider
	do func()
}

func (w working) Decide(context.Context, *input.Input) policies.Decision {
	w.do()
	return policies.Decision{Allow: true, Outcome: policies.OutcomeAllow}
}

// A write asks from within its transaction, so a full queue must not cost it
// anything.
func TestAFullShadowReadsNoAccountTree(t *testing.T) {
	t.Parallel()
	h := &Shadow{engines: &policies.Holder{}, sample: 1}
	h.engines.Swap(policy(t))
	h.metrics = newMetrics(prometheus.NewRegistry())
	h.wake = sync.NewCond(&h.mu)
	read := 0
	in := input.Input{
		Subject:  input.Subject{Facts: &input.Facts{Below: func(string) bool { read++; return true }}},
		Resource: input.Resource{Type: "customer", Properties: map[string]any{"note": "text"}},
	}
	ask := func() {
		h.Check(nil, &in, policies.Decision{}, false, "", nowhere)
		h.Plan(nil, &in, &policies.Plan{}, "", nowhere)
	}
	if ask(); read == 0 {
		t.Fatal("nothing was read: nothing was tried")
	}
	read, h.waiting = 0, make([]decision, maxWaiting)
	if ask(); read != 0 || counted(t, h.metrics.dropped) != 2 {
		t.Errorf("%d reads, %v dropped", read, counted(t, h.metrics.dropped))
	}
	h.waiting, h.closed = nil, true
	if ask(); read != 0 || counted(t, h.metrics.dropped) != 4 {
		t.Errorf("at the end: %d reads, %v dropped", read, counted(t, h.metrics.dropped))
	}
}

// Large rows and changes fill the queue before many decisions do.
func TestAShadowWaitsWithFewBytes(t *testing.T) {
	t.Parallel()
	h := &Shadow{engines: &policies.Holder{}, sample: 1}
	h.engines.Swap(policy(t))
	h.metrics = newMetrics(prometheus.NewRegistry())
	h.wake = sync.NewCond(&h.mu)
	long := map[string]any{"note": strings.Repeat("x", 1<<20)}
	access := map[string][]string{strings.Repeat("y", 1<<20): {"read"}}
	for name, in := range map[string]input.Input{
		"properties": {Resource: input.Resource{Type: "customer", Properties: long}},
		"a row":      {Resource: input.Resource{Type: "customer", Row: long}},
		"a list":     {Context: input.Context{Properties: map[string]any{"all": []any{map[string]any{"in": long}}}}},
		"a change":   {Action: input.Action{Change: &input.Change{After: access}}},
		"a user":     {Subject: input.Subject{Facts: &input.Facts{Access: access, Leaf: true}}},
	} {
		h.waiting, h.bytes = nil, 0
		for range 100 {
			h.Check(nil, &in, policies.Decision{}, false, "", nowhere)
		}
		if n := h.Waiting(); n < 5 || n > maxBytes>>20 {
			t.Errorf("%s: %d decisions of a megabyte wait", name, n)
		}
	}
}

func TestAShadowIsAskedAboutTheChangeAsItStoodThen(t *testing.T) {
	t.Parallel()
	change := &input.Change{Fields: []string{"rows"}, Before: map[string][]string{"cdr": {"read"}}}
	held := asAsked(nil, &input.Input{Action: input.Action{Name: "update", Change: change}}, nowhere)
	change.After, change.Fields = change.Before, nil
	if c := held.Action.Change; c.After != nil || len(c.Fields) != 1 {
		t.Errorf("asked about %+v", c)
	}
}

func TestOnlyTheSampleIsDecidedTwice(t *testing.T) {
	t.Parallel()
	engines := &policies.Holder{}
	h := &Shadow{engines: engines, sample: 1}
	if h.picks() != nil {
		t.Error("picked without a policy to ask")
	}
	engines.Swap(policy(t))
	for sample, between := range map[float64][2]int{0: {0, 0}, 0.25: {350, 650}, 1: {2000, 2000}} {
		h.sample = sample
		picked := 0
		for range 2000 {
			if h.picks() != nil {
				picked++
			}
		}
		if picked < between[0] || picked > between[1] {
			t.Errorf("sample %v: %d of 2000", sample, picked)
		}
	}
}

func TestAShadowRestsForLongerThanItWorks(t *testing.T) {
	t.Parallel()
	var rested time.Duration
	h := &Shadow{engines: &policies.Holder{}, share: 0.1, sleep: func(d time.Duration) { rested += d }}
	h.engines.Swap(policy(t))
	h.metrics = newMetrics(prometheus.NewRegistry())
	h.log = &disagreementLog{}
	var worked time.Duration
	h.decider = func(*policies.Engine) Decider {
		return working{do: func() {
			for began := time.Now(); ; {
				if took := time.Since(began); took > 3*burst {
					worked += took
					return
				}
			}
		}}
	}
	same := policies.Decision{Allow: true, Outcome: policies.OutcomeAllow}
	d := decision{by: h.engines.Current(), check: same}
	h.work([]decision{d, d, d}, false)
	if rested < 8*worked {
		t.Errorf("worked for %s, rested for %s: want nine times as long", worked, rested)
	}
}

func TestTooManyDisagreementsAreCountedAndNotAllLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	engines := &policies.Holder{}
	engines.Swap(policy(t))
	h := New(Options{Engines: engines, Sample: 1, Share: 1, Sleep: func(time.Duration) { runtime.Gosched() }})
	h.Start(Settings{Registry: prometheus.NewRegistry(), Logger: slog.New(slog.NewJSONHandler(&log, nil)), Known: &record.Policies{}})
	in := &input.Input{Action: input.Action{Name: "read"}, Resource: input.Resource{Type: "customer", Row: map[string]any{}}}
	for range 1000 {
		h.Check(engines.Current(), in, policies.Decision{Outcome: policies.OutcomeDeny, Reasons: []string{"no"}}, false, "", nowhere)
	}
	for h.Waiting() > 0 {
		runtime.Gosched()
	}
	h.Close(time.Minute)
	if n := counted(t, h.metrics.compared); n != 1000 {
		t.Errorf("%v of 1000 compared", n)
	}
	if n := strings.Count(log.String(), "shadow disagrees"); n < linesPerSecond || n > 900 {
		t.Errorf("%d lines for 1000 disagreements", n)
	}
}
