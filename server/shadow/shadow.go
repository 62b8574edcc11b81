// Package shadow repeats the live policy's decisions with another policy. It counts
// and logs the decisions on which the two disagree. No response depends on it.
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

// Shadow repeats the live policy's decisions with another policy, in a goroutine of
// its own. It works on copies, drops decisions if it falls behind, and uses a small
// share of the CPU. Its only output is metrics and log lines. It runs after the live
// decision and cannot change it.
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
	bytes   int // of waiting, as estimated
	closed  bool
	done    chan struct{}
}

// Options say which policy the shadow uses, and how much of the load it repeats.
type Options struct {
	Engines *policies.Holder
	Sample  float64 // share of the decisions, 0 to 1
	// Decider makes a Decider for a policy; nil uses the policy's engine.
	Decider func(*policies.Engine) Decider
	// Share is the share of the CPUs that the shadow may use, 0 to 1; 0 means 0.05.
	Share float64
	// Sleep replaces time.Sleep if it is not nil.
	Sleep func(time.Duration)
}

// Settings are what a shadow shares with its server.
type Settings struct {
	Registry prometheus.Registerer
	Logger   *slog.Logger
	Known    *record.Policies // of the live policy
	Whole    bool             // decide with full evaluations
}

// Below reports whether account lies below own in the current account tree.
type Below func(own, account string) bool

// Decider makes decisions. An engine is a Decider.
type Decider interface {
	Decide(ctx context.Context, in *input.Input) policies.Decision
	Evaluate(ctx context.Context, in *input.Input) policies.Decision
	Plan(ctx context.Context, in *input.Input) *policies.Plan
}

// decision is a decision of the live policy about one check, or about a list if plan
// is set. It keeps no reference to the request, which may have ended.
type decision struct {
	live   *policies.Engine
	by     *policies.Engine // the shadow's policy
	in     input.Input
	check  policies.Decision
	plan   *policies.Plan
	absent bool // the resource does not exist
	id     string
}

const (
	// maxWaiting is the most decisions that may wait, and maxBytes how many bytes
	// they may take together.
	maxWaiting = 4096
	maxBytes   = 16 << 20
	// linger is how long the worker waits after the first decision arrives, so that
	// one wakeup handles hundreds of decisions.
	linger = 10 * time.Millisecond
	// defaultShare is the default of Options.Share.
	defaultShare = 0.05
	// Patience is how long a stopping server waits for its shadow.
	Patience = time.Second
	// burst is how long the shadow may work before it pauses.
	burst = 2 * time.Millisecond
)

// New returns a shadow that decides with the current policy of o.Engines, if there is
// one. The shadow decides nothing before Start.
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

// Start registers the metrics and starts deciding, until Close. Call it once, before
// all other methods.
func (h *Shadow) Start(s Settings) {
	h.metrics = newMetrics(s.Registry)
	h.log = &disagreementLog{logger: s.Logger, known: s.Known, limit: rate.NewLimiter(linesPerSecond, linesPerSecond)}
	h.started = true
	go h.run(s.Whole)
}

// Check queues a decision about one resource that the live policy has made. absent
// says that the resource does not exist. id names the decision in the log.
func (h *Shadow) Check(live *policies.Engine, in *input.Input, d policies.Decision, absent bool, id string, below Below) {
	if by := h.picks(); by != nil {
		h.add(decision{live: live, by: by, in: asAsked(by, in, below), check: d, absent: absent, id: id})
	}
}

// Plan queues a decision about a list that the live policy has made.
func (h *Shadow) Plan(live *policies.Engine, in *input.Input, p *policies.Plan, id string, below Below) {
	if by := h.picks(); by != nil {
		h.add(decision{live: live, by: by, in: asAsked(by, in, below), plan: p, id: id})
	}
}

// asAsked copies the input for a policy that reads it later. It must copy, because a
// write still completes its change and its rows, and in.Subject.Facts may read the
// account tree in a transaction that ends earlier.
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
			// A policy may name accounts that the request does not name. For those,
			// the tree is read when the policy asks.
			return slices.Contains(named, account) || !held.Names(account) && below(f.Account.ID, account)
		}
		held.Subject.Facts = &facts
	}
	return held
}

// picks returns the policy of the shadow. It returns nil if there is none, if the
// decision is not in the sample, or if the queue is full. Copying an input reads the
// account tree, so callers copy it only after picks.
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

// Waiting returns how many decisions wait.
func (h *Shadow) Waiting() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiting)
}

// room reports whether one more decision may wait. If not, it counts the decision as
// dropped. The caller holds mu.
func (h *Shadow) room() bool {
	if h.closed || len(h.waiting) >= maxWaiting || h.bytes >= maxBytes {
		h.metrics.dropped.Inc()
		return false
	}
	return true
}

// add never waits. It drops and counts a decision for which there is no room.
func (h *Shadow) add(d decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.room() {
		return
	}
	h.waiting = append(h.waiting, d)
	h.bytes += d.bytes()
	if len(h.waiting) == 1 {
		h.wake.Signal()
	}
}

// run decides everything that waits, in batches.
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
		batch, h.waiting, h.bytes = h.waiting, batch[:0], 0
		h.mu.Unlock()
		h.work(batch, whole)
		clear(batch)
	}
}

// work decides a batch and pauses as often as its share of the CPUs requires.
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

// one decides one decision again and compares the results.
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

// decide asks the shadow's policy. It returns a panic as an error.
func (h *Shadow) decide(by Decider, d *decision, whole bool) (check policies.Decision, plan *policies.Plan, err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	ctx := context.Background() // the engine limits each evaluation
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

// Close stops the shadow. It waits at most patience for an evaluation that is
// running, because nothing depends on its result.
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

// outcomeOf returns the outcome of a check or of a list.
func outcomeOf(check policies.Decision, plan *policies.Plan) policies.Outcome {
	if plan != nil {
		return plan.Outcome
	}
	return cmp.Or(check.Outcome, policies.OutcomeError)
}
