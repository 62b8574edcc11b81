package server

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/server/resource"
)

// shadow decides what the live policy has decided once more by another, beside
// the requests: it is handed copies, drops what it cannot keep up with, takes a
// small part of the machine, and tells nobody but the metrics and the log. The
// live answer has been made before, and is never looked at again.
type shadow struct {
	engines *EngineHolder
	sample  float64 // of the decisions, 0 to 1
	decider func(*policies.Engine) decider
	share   float64 // of one processor that may be used
	sleep   func(time.Duration)
	metrics *shadowMetrics
	log     *shadowLog

	mu      sync.Mutex
	wake    *sync.Cond
	waiting []shadowed
	closed  bool
	done    chan struct{}
}

// decider is what decides: an engine.
type decider interface {
	Decide(ctx context.Context, in *input.Input) policies.Decision
	Evaluate(ctx context.Context, in *input.Input) policies.Decision
	Plan(ctx context.Context, in *input.Input) *policies.Plan
}

// shadowed is a decision of the live policy: of one check, or with a plan of a
// list. It needs nothing of the request that asked, which may have ended.
type shadowed struct {
	live   *policies.Engine
	by     *policies.Engine // decides once more
	in     input.Input
	check  policies.Decision
	plan   *policies.Plan
	absent bool // what is asked about is not there
	id     string
}

const (
	// shadowQueue is how many decisions may wait.
	shadowQueue = 4096
	// shadowLinger is how long the first that waits lets others join it: one
	// waking up for hundreds of decisions.
	shadowLinger = 10 * time.Millisecond
	// shadowShare is the part of the machine that a shadow may take.
	shadowShare = 0.05
	// shadowPatience is how long an end waits for it.
	shadowPatience = time.Second
	// shadowBurst is how long it may work before it rests.
	shadowBurst = 2 * time.Millisecond
)

// WithShadow decides a sample (0 to 1) of what the live policy decides by the
// policy that engines holds as well, while it holds one. Where they disagree
// is counted and logged; no answer depends on it.
func WithShadow(engines *EngineHolder, sample float64) Option {
	return func(s *Server) {
		s.shadow = &shadow{engines: engines, sample: sample, decider: func(e *policies.Engine) decider { return e }}
	}
}

// openShadow starts what WithShadow asked for.
func (s *Server) openShadow() {
	h := s.shadow
	if h == nil {
		return
	}
	h.metrics = newShadowMetrics(s.registry, h.engines)
	h.log = &shadowLog{logger: s.logger, views: &s.views, limit: rate.NewLimiter(shadowLines, shadowLines)}
	h.share = min(1, shadowShare*float64(runtime.GOMAXPROCS(0)))
	if h.sleep == nil {
		h.sleep = time.Sleep
	}
	h.wake, h.done = sync.NewCond(&h.mu), make(chan struct{})
	go h.run(s.cfg.ForceEvaluate)
}

// shadowCheck hands on a decision about one thing.
func (r *session) shadowCheck(in *input.Input, d policies.Decision, absent bool) {
	if by := r.s.shadow.picks(); by != nil {
		r.s.shadow.add(shadowed{live: r.engine, by: by, in: r.asAsked(by, in), check: d, absent: absent, id: r.decisionID})
	}
}

// shadowPlan hands on a decision about a list.
func (r *session) shadowPlan(in *input.Input, p *policies.Plan) {
	if by := r.s.shadow.picks(); by != nil {
		r.s.shadow.add(shadowed{live: r.engine, by: by, in: r.asAsked(by, in), plan: p, id: r.decisionID})
	}
}

// asAsked copies the input for a policy that reads it later. The write goes on to
// complete its change and its rows, and the account tree may belong to a
// transaction that ends before.
func (r *session) asAsked(by *policies.Engine, in *input.Input) input.Input {
	held := *in
	if in.Action.Change != nil {
		change := *in.Action.Change
		held.Action.Change = &change
	}
	held.Resource.Row = maps.Clone(in.Resource.Row)
	if f := in.Subject.Facts; f != nil && !f.Leaf {
		facts, below := *f, by.AppendBelow(nil, in)
		facts.Below = func(account string) bool {
			// A policy may name accounts that the request does not: they are
			// looked for in the tree as it is when the policy asks.
			return slices.Contains(below, account) || !held.Names(account) && r.s.liesBelow(f.Account.ID, account)
		}
		held.Subject.Facts = &facts
	}
	return held
}

// picks returns the policy to decide once more by. It returns nil when there is
// none, the decision is not in the sample, or the queue has no room. A copy of
// the input costs reads of the account tree, so it is made after this only.
func (h *shadow) picks() *policies.Engine {
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

// room reports whether one more decision may wait, and counts one that may not
// as dropped. The caller holds mu.
func (h *shadow) room() bool {
	if h.closed || len(h.waiting) >= shadowQueue {
		h.metrics.dropped.Inc()
		return false
	}
	return true
}

// add never waits: what there is no room for is dropped and counted.
func (h *shadow) add(d shadowed) {
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
func (h *shadow) run(whole bool) {
	defer close(h.done)
	var batch []shadowed
	for {
		h.mu.Lock()
		for len(h.waiting) == 0 && !h.closed {
			h.wake.Wait()
		}
		h.mu.Unlock()
		h.sleep(shadowLinger)
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
func (h *shadow) work(batch []shadowed, whole bool) {
	began := time.Now()
	for i := range batch {
		h.one(&batch[i], whole)
		if took := time.Since(began); took > shadowBurst && h.share < 1 {
			h.sleep(time.Duration(float64(took) * (1/h.share - 1)))
			began = time.Now()
		}
	}
}

// one decides once more and compares.
func (h *shadow) one(d *shadowed, whole bool) {
	check, plan, err := h.decide(h.decider(d.by), d, whole)
	failed := err != nil || check.Outcome == outcomeError || plan != nil && plan.Outcome == outcomeError
	if failed {
		h.metrics.failed.Inc()
	} else {
		h.metrics.compared.Inc()
	}
	kind := disagreement(d, check, plan)
	if err != nil {
		kind = kindError
	}
	if kind == "" {
		return
	}
	area := resource.AreaOf(d.live, &d.in, d.check)
	h.metrics.disagreements.WithLabelValues(area, kind).Inc()
	h.log.write(d, check, plan, area, kind, err)
}

// decide asks the other policy. A panic is an error like any other.
func (h *shadow) decide(by decider, d *shadowed, whole bool) (check policies.Decision, plan *policies.Plan, err error) {
	defer func() {
		if recover() != nil {
			err = errShadowPanic
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
		check = absentAs(check)
	}
	return check, plan, nil
}

// close stops deciding. A policy that is still at it is not waited for longer
// than patience: nothing depends on what it says.
func (h *shadow) close(patience time.Duration) {
	if h == nil || h.wake == nil {
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
	return cmp.Or(check.Outcome, outcomeError)
}
