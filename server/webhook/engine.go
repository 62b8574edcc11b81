package webhook

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"resellerd/server/feed"
	"resellerd/store"
)

const (
	// mostItems bounds the items of a message, so that it stays small.
	mostItems = 100
	// places is how many webhooks are served at a time. Those whose last attempt failed
	// get half of the places, so that they delay no other.
	places = 256
	// lookEvery is the time between two looks at what depends on the clock.
	lookEvery = 25 * time.Second
	// restBetween is the least time between two rounds.
	restBetween = 500 * time.Millisecond
	// later is the time until a webhook is tried again that could not be decided.
	later = 5 * time.Second
	// inRow is how many messages of a webhook are sent before its place is given back.
	inRow = 20
)

// ErrUserEnded says that the user of a webhook may not act any more.
var ErrUserEnded = errors.New("the user of the webhook is not active any more")

// Options are what an engine needs.
type Options struct {
	Store *store.Store
	// Tell answers a reader with the rights that the webhook's user has now; without a
	// cursor with a cursor for now. It returns ErrUserEnded.
	Tell func(ctx context.Context, hook *store.Webhook, after *feed.Cursor, limit int) (feed.Answer, error)
	// Policy identifies the policy in force. Another one may tell something else.
	Policy func() any
	// Open opens a sealed secret of a webhook.
	Open    func(hook, sealed string) (Secret, error)
	Guard   Guard
	Roots   *x509.CertPool // nil: the system's
	Now     func() time.Time
	Logger  *slog.Logger
	Metrics *Metrics
}

// Engine delivers the messages of all webhooks of a store, if this process holds the
// lease.
type Engine struct {
	Options
	sender   *sender
	lease    *lease
	deciding chan struct{} // bounds the decisions at a time
	free     chan struct{} // places
	slow     chan struct{} // places of those whose last attempt failed
	working  sync.WaitGroup
	wake     chan struct{} // a place was given back

	mu    sync.Mutex
	hooks map[string]*known
}

// known is what the engine remembers of a webhook.
type known struct {
	busy   bool
	place  store.ChangePlace // nothing is to tell until here
	policy any
	looked time.Time
	not    time.Time // not before
}

// New returns an engine.
func New(o Options) *Engine {
	return &Engine{
		Options: o, sender: newSender(&o.Guard, o.Roots), lease: newLease(o.Store), deciding: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		free: make(chan struct{}, places), slow: make(chan struct{}, places/2), wake: make(chan struct{}, 1), hooks: map[string]*known{},
	}
}

// Run delivers until ctx ends. An attempt that is under way then is given up: its message
// is sent again, with the same id, by the next process.
func (e *Engine) Run(ctx context.Context) {
	for ctx.Err() == nil {
		changed := e.Store.Newer(e.Store.DataRevision())
		pause, err := e.Round(ctx)
		if err != nil && ctx.Err() == nil {
			e.Logger.Error("webhooks are late; they are tried again", "error", err)
		}
		e.rest(ctx, pause, changed)
	}
	e.working.Wait()
	e.lease.release(ctx)
}

func (e *Engine) rest(ctx context.Context, pause time.Duration, changed <-chan struct{}) {
	end := time.NewTimer(pause)
	defer end.Stop()
	select {
	case <-ctx.Done():
		return
	case <-end.C:
		return
	case <-changed:
	case <-e.wake:
	}
	least := time.NewTimer(restBetween)
	defer least.Stop()
	select {
	case <-ctx.Done():
	case <-least.C:
	}
}

// Round starts work on every webhook that has some, and does not wait for it. It returns
// the time until the next round, unless data changes before.
func (e *Engine) Round(ctx context.Context) (time.Duration, error) {
	known := e.Store.DataRevision().N // later changes may not be told yet
	all, err := e.Store.WebhooksDue(ctx)
	if err != nil {
		return beatEvery, err
	}
	if len(all) == 0 {
		e.lease.release(ctx)
		e.Metrics.oldest(0)
		return lookEvery, nil
	}
	holds, err := e.lease.renew(ctx, e.Now())
	if err != nil || !holds {
		e.Metrics.oldest(0)
		return beatEvery, err
	}
	e.forget(all)
	e.Metrics.oldest(oldest(all, e.Now()))
	newest := map[string]store.ChangePlace{}
	for i := range all {
		due := &all[i]
		place, read := newest[due.TenantID]
		if !read {
			if place, err = e.Store.NewestChange(ctx, due.TenantID, known); err != nil {
				return beatEvery, err
			}
			newest[due.TenantID] = place
		}
		if e.begin(due, place) {
			e.working.Go(func() { e.serve(ctx, due, place) })
		}
	}
	return beatEvery, nil
}

// Wait waits for the work that rounds have started.
func (e *Engine) Wait() { e.working.Wait() }

// oldest returns the age of the oldest message that waits.
func oldest(all []store.WebhookDue, now time.Time) (age time.Duration) {
	for _, due := range all {
		if due.Waiting {
			age = max(age, now.Sub(due.MadeAt.Time()))
		}
	}
	return age
}

// forget drops what is remembered of webhooks that are not active any more.
func (e *Engine) forget(all []store.WebhookDue) {
	active := make(map[string]bool, len(all))
	for _, due := range all {
		active[due.ID] = true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, k := range e.hooks {
		if !active[id] && !k.busy {
			delete(e.hooks, id)
		}
	}
}

// begin takes a place for a webhook that has work.
func (e *Engine) begin(due *store.WebhookDue, newest store.ChangePlace) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	k := e.hooks[due.ID]
	if k == nil {
		k = &known{}
		e.hooks[due.ID] = k
	}
	now := e.Now()
	if k.busy || now.Before(k.not) || !k.hasWork(due, newest, e.Policy(), now) {
		return false
	}
	if due.Failed {
		select {
		case e.slow <- struct{}{}:
		default:
			return false
		}
	}
	select {
	case e.free <- struct{}{}:
	default:
		e.giveBackSlow(due)
		return false
	}
	k.busy = true
	return true
}

func (e *Engine) giveBackSlow(due *store.WebhookDue) {
	if due.Failed {
		<-e.slow
	}
}

func (k *known) hasWork(due *store.WebhookDue, newest store.ChangePlace, policy any, now time.Time) bool {
	switch {
	case due.Letter, due.Fresh && !due.Waiting:
		return true
	case due.Waiting:
		return !now.Before(due.NextAt.Time())
	}
	return k.place != newest || k.policy != policy || now.Sub(k.looked) >= lookEvery
}

// serve works on one webhook until it has nothing to do.
func (e *Engine) serve(ctx context.Context, due *store.WebhookDue, newest store.ChangePlace) {
	policy, at := e.Policy(), e.Now()
	err := e.steps(ctx, due.ID)
	again := errors.Is(err, store.ErrLeaseLost) || errors.Is(err, errMore)
	if err != nil && !again && ctx.Err() == nil {
		e.Logger.Error("a webhook is late; it is tried again", "webhook", due.ID, "error", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	k := e.hooks[due.ID]
	*k = known{}
	switch {
	case again: // the next round sees what is left
	case err != nil:
		k.not = at.Add(later)
	default:
		k.place, k.policy, k.looked = newest, policy, at
	}
	<-e.free
	e.giveBackSlow(due)
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *Engine) steps(ctx context.Context, id string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	for range inRow {
		more, err := e.step(ctx, id)
		if err != nil || !more || ctx.Err() != nil {
			return err
		}
	}
	return errMore
}

// errMore says that a webhook has more to do than it may do in a row.
var errMore = errors.New("there is more to send")

func jitter() float64 { return rand.Float64() } //nolint:gosec // it only spreads attempts
