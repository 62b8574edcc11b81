// Package shadow decides what the live policy has decided once more by another
// policy, and counts and logs where the two disagree. No answer depends on it.
package shadow

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/record"
	"resellerd/server/resource"
)

// Shadow decides what the live policy has decided once more by another, beside
// the requests: it is handed copies, drops what it cannot keep up with, takes a
// small part of the machine, and tells nobody but the metrics and the log. The
// live answer has been made before, and is never looked at again.
type Shadow struct {
	engines *policies.Holder
	sample  float64
	decider func(*policies.Engine) Decider
	share   float64
	sleep   func(time.Duration)
	metrics *metrics
	log     *disagreementLog
	started bool

	mu      sync.Mutex
	wake    *sync.Cond
	waiting []decision
	closed  bool
	done    chan struct{}
}

// Options say which policy decides once more, and how much.
type Options struct {
	Engines *policies.Holder
	Sample  float64 // of the decisions, 0 to 1
	// Decider is what decides by a policy; nil for the policy itself.
	Decider func(*policies.Engine) Decider
	// Share is the part of the machine that may be used, 0 to 1; 0 for 0.05.
	Share float64
	// Sleep replaces time.Sleep; nil does not.
	Sleep func(time.Duration)
}

// Settings are what a shadow shares with the server beside it.
type Settings struct {
	Registry prometheus.Registerer
	Logger   *slog.Logger
	Known    *record.Policies // of the live policy
	Whole    bool             // decide by full evaluations
}

// Below asks the account tree as it is now whether account lies below own.
type Below func(own, account string) bool

// Decider is what decides: an engine.
type Decider interface {
	Decide(ctx context.Context, in *input.Input) policies.Decision
	Evaluate(ctx context.Context, in *input.Input) policies.Decision
	Plan(ctx context.Context, in *input.Input) *policies.Plan
}

// decision is a decision of the live policy: of one check, or with a plan of a
// list. It needs nothing of the request that asked, which may have ended.
type decision struct {
	live   *policies.Engine
	by     *policies.Engine // decides once more
	in     input.Input
	check  policies.Decision
	plan   *policies.Plan
	absent bool // what is asked about is not there
	id     string
}

const (
	// maxWaiting is how many decisions may wait.
	maxWaiting = 4096
	// linger is how long the first that waits lets others join it: one
	// waking up for hundreds of decisions.
	linger = 10 * time.Millisecond
	// defaultShare is the part of the machine that a shadow may take.
	defaultShare = 0.05
	// Patience is how long a server that ends waits for its shadow.
	Patience = time.Second
	// burst is how long it may work before it rests.
	burst = 2 * time.Millisecond
)

// New makes a shadow that decides by the policy that o.Engines holds, while it
// holds one. It decides nothing before Start.
func New(o Options) *Shadow {
	if o.Decider == nil {
		o.Decider = func(e *policies.Engine) Decider { return e }
	}
	if o.Share == 0 {
		o.Share = defaultShare
	}
	if o.Sleep == nil {
		o.Sleep = time.Sleep
	}
	h := &Shadow{
		engines: o.Engines, sample: o.Sample, decider: o.Decider, sleep: o.Sleep,
		share: min(1, o.Share*float64(runtime.GOMAXPROCS(0))), done: make(chan struct{}),
	}
	h.wake = sync.NewCond(&h.mu)
	return h
}

// Start registers the metrics and begins to decide, until Close. It must be called
// once, before anything else.
func (h *Shadow) Start(s Settings) {
	h.metrics = newMetrics(s.Registry)
	h.log = &disagreementLog{logger: s.Logger, known: s.Known, limit: rate.NewLimiter(linesPerSecond, linesPerSecond)}
	h.started = true
	go h.run(s.Whole)
}

// Check hands on a decision that the policy live has made about one thing. Absent
// says that what was asked about is not there. ID names the decision in the log.
func (h *Shadow) Check(live *policies.Engine, in *input.Input, d policies.Decision, absent bool, id string, below Below) {
	if by := h.picks(); by != nil {
		h.add(decision{live: live, by: by, in: asAsked(by, in, below), check: d, absent: absent, id: id})
	}
}

// Plan hands on a decision that the policy live has made about a list.
func (h *Shadow) Plan(live *policies.Engine, in *input.Input, p *policies.Plan, id string, below Below) {
	if by := h.picks(); by != nil {
		h.add(decision{live: live, by: by, in: asAsked(by, in, below), plan: p, id: id})
	}
}

// asAsked copies the input for a policy that reads it later. The write goes on to
// complete its change and its rows, and the account tree may belong to a
// transaction that ends before.
func asAsked(by *policies.Engine, in *input.Input, below Below) input.Input {
	held := *in
	if in.Action.Change != nil {
		change := *in.Action.Change
		held.Action.Change = &change
	}
	held.Resource.Row = maps.Clone(in.Resource.Row)
	if f := in.Subject.Facts; f != nil && !f.Leaf {
		facts, named := *f, by.AppendBelow(nil, in)
		facts.Below = func(account string) bool {
			// A policy may name accounts that the request does not: they are
			// looked for in the tree as it is when the policy asks.
			return slices.Contains(named, account) || !held.Names(account) && below(f.Account.ID, account)
		}
		held.Subject.Facts = &facts
	}
	return held
}

// picks returns the policy to decide once more by. It returns nil when there is
// none, the decision is not in the sample, or the queue has no room. A copy of
// the input costs reads of the account tree, so it is made after this only.
func (h *Shadow) picks() *policies.Engine {
	if h == nil || h.sample < 1 && rand.Float64() >= h.sample { //nolint:gosec // a sample, no secret
		return nil
	}
	by := h.engines.Current()
	if by == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.room() {
		return nil
	}
	return by
}

// Waiting is how many decisions wait to be made once more.
func (h *Shadow) Waiting() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiting)
}

// room reports whether one more decision may wait, and counts one that may not
// as dropped. The caller holds mu.
func (h *Shadow) room() bool {
	if h.closed || len(h.waiting) >= maxWaiting {
		h.metrics.dropped.Inc()
		return false
	}
	return true
}

// add never waits: what there is no room for is dropped and counted.
func (h *Shadow) add(d decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.room() {
		return
	}
	h.waiting = append(h.waiting, d)
	if len(h.waiting) == 1 {
		h.wake.Signal()
	}
}

// run decides what waits, as much at once as there is.
func (h *Shadow) run(whole bool) {
	defer close(h.done)
	var batch []decision
	for {
		h.mu.Lock()
		for len(h.waiting) == 0 && !h.closed {
			h.wake.Wait()
		}
		h.mu.Unlock()
		h.sleep(linger)
		h.mu.Lock()
		if h.closed {
			h.mu.Unlock()
			return
		}
		batch, h.waiting = h.waiting, batch[:0]
		h.mu.Unlock()
		h.work(batch, whole)
		clear(batch)
	}
}

// work decides a batch, resting as often as its share of the machine demands.
func (h *Shadow) work(batch []decision, whole bool) {
	began := time.Now()
	for i := range batch {
		h.one(&batch[i], whole)
		if took := time.Since(began); took > burst && h.share < 1 {
			h.sleep(time.Duration(float64(took) * (1/h.share - 1)))
			began = time.Now()
		}
	}
}

// one decides once more and compares.
func (h *Shadow) one(d *decision, whole bool) {
	check, plan, err := h.decide(h.decider(d.by), d, whole)
	failed := err != nil || check.Outcome == policies.OutcomeError || plan != nil && plan.Outcome == policies.OutcomeError
	if failed {
		h.metrics.failed.Inc()
	} else {
		h.metrics.compared.Inc()
	}
	kind := disagreement(d, check, plan)
	if err != nil {
		kind = KindError
	}
	if kind == "" {
		return
	}
	area := resource.AreaOf(d.live, &d.in, d.check)
	h.metrics.disagreements.WithLabelValues(area, kind).Inc()
	h.log.write(d, check, plan, area, kind, err)
}

// decide asks the other policy. A panic is an error like any other.
func (h *Shadow) decide(by Decider, d *decision, whole bool) (check policies.Decision, plan *policies.Plan, err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	ctx := context.Background() // the engine bounds each evaluation
	in := d.in
	switch {
	case d.plan != nil:
		plan = by.Plan(ctx, &in)
	case whole:
		check = by.Evaluate(ctx, &in)
	default:
		check = by.Decide(ctx, &in)
	}
	if d.absent {
		check = policies.Absent(check)
	}
	return check, plan, nil
}

// Close stops deciding. A policy that is still at it is not waited for longer
// than patience: nothing depends on what it says.
func (h *Shadow) Close(patience time.Duration) {
	if h == nil || !h.started {
		return
	}
	h.mu.Lock()
	h.closed = true
	h.wake.Broadcast()
	h.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-h.done:
	case <-timer.C:
	}
}

// outcomeOf is the outcome of a check or of a list.
func outcomeOf(check policies.Decision, plan *policies.Plan) policies.Outcome {
	if plan != nil {
		return plan.Outcome
	}
	return cmp.Or(check.Outcome, policies.OutcomeError)
}
