package webhook

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"resellerd/server/feed"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

const (
	// mostItems bounds the items of a message, so that it stays small.
	mostItems = 100
	// lookEvery is the time between two looks at what depends on the clock.
	lookEvery = 25 * time.Second
	// restBetween is the least time between two rounds.
	restBetween = 500 * time.Millisecond
	// later is the time until a webhook is tried again that could not be decided. It
	// doubles with each failure in a row, up to latest.
	later  = 5 * time.Second
	latest = 5 * time.Minute
	// A webhook gives its place back after inRow messages, and after inTime.
	inRow  = 20
	inTime = 30 * time.Second
	// PartOfKeep is the part of Options.Keep after which a cursor is replaced by a newer
	// one, so that it never becomes too old. Twice as often, a webhook is asked for.
	PartOfKeep = 4
	// mostKept is how many webhooks the engine keeps what it knows of their users for.
	mostKept = 4096
)

// ErrUserEnded says that the user of a webhook may not act any more.
var ErrUserEnded = errors.New("the user of the webhook is not active any more")

// Teller says what the user of a webhook is told, with the rights that it has at that
// time. It is for one goroutine at a time. Its errors are also ErrUserEnded.
type Teller interface {
	// Tell answers after a cursor, or nil for the first answer. The cursor of an empty
	// answer may be a newer one than after.
	Tell(ctx context.Context, after *feed.Cursor, limit int) (feed.Answer, error)
	// Again answers with what the user may be told now of an earlier answer.
	Again(ctx context.Context, a feed.Answer) (feed.Answer, error)
	// AsOf reports whether an answer that was judged last is also right by the data, the
	// policy and the clock of now.
	AsOf(ctx context.Context, now store.WebhookNow, a feed.Answer) (bool, error)
}

// Options are what an engine needs.
type Options struct {
	Store *store.Store
	// Teller returns what tells a webhook.
	Teller func(hook *store.Webhook) Teller
	// Policy identifies the policy in force, in all processes. Another one may tell something
	// else.
	Policy func() string
	// Open opens a sealed secret of a webhook.
	Open    func(hook, sealed string) (Secret, error)
	Keep    time.Duration // how long changes are kept
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
	sender  *sender
	lease   *lease
	health  health
	working sync.WaitGroup
	wake    chan struct{} // a place was given back

	mu     sync.Mutex
	hooks  map[string]*known
	shares shares
	looked time.Time // until then, the clock was looked at
	worked time.Time // when there was work
}

// known is what the engine remembers of a webhook.
type known struct {
	busy   bool
	told   bool  // something was asked for since the process began
	until  int64 // nothing is to tell until this data revision
	policy string
	turned bool      // by the clock
	asked  time.Time // when something was asked for
	faults int       // in a row
	lost   bool      // the store does not know of the last fault
	not    time.Time // not before, if it is lost; else the store knows
	turn   int64     // its last one
	teller Teller
}

// New returns an engine.
func New(o Options) *Engine {
	return &Engine{
		Options: o, sender: newSender(&o.Guard, o.Roots), lease: newLease(o.Store), shares: newShares(), wake: make(chan struct{}, 1), hooks: map[string]*known{},
	}
}

// Run delivers until ctx ends. A message that is on its way then may be answered for
// drainTime. If it is not, the next process sends it again, with the same id.
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
	now := e.Now()
	e.Metrics.oldest(oldest(all, now))
	e.forget(all)
	if err := e.lookAtClock(ctx, now); err != nil {
		return beatEvery, err
	}
	newest, err := e.Store.NewestChanges(ctx, known)
	if err != nil {
		return beatEvery, err
	}
	policy := e.Policy()
	work, busy := e.withWork(all, newest, policy, now)
	if len(work) == 0 && !busy {
		e.health.idle()
		told := store.Told{Looked: schema.MicrosOf(e.looked), Policy: policy}
		if now.Sub(e.worked) < idleFor {
			return idleFor, e.lease.rest(ctx, told)
		}
		told.Done = e.doneUntil(known)
		return untilNext(all, now), e.lease.rest(ctx, told)
	}
	e.worked = now
	aside := e.health.aside(now, len(newest), busy)
	if aside && !busy {
		e.lease.release(ctx)
		return beatEvery, nil
	}
	holds, err := e.lease.renew(ctx, now, latestOf(work, newest))
	switch {
	case err != nil, aside: // what is on its way ends first
		return beatEvery, err
	case !holds:
		e.servedElsewhere(work, newest, policy, now)
		return beatEvery, nil
	}
	if e.lease.took {
		e.askAll()
	}
	for _, c := range e.begin(work) {
		e.working.Go(func() { e.serve(ctx, c, newest[c.due.TenantID]) })
	}
	return beatEvery, nil
}

// latestOf returns the data revision until which webhooks have work.
func latestOf(work []candidate, newest map[string]int64) (until int64) {
	for _, c := range work {
		if until = max(until, newest[c.due.TenantID]); c.inStore() {
			return math.MaxInt64
		}
	}
	return until
}

// doneUntil returns a data revision if every webhook was served until then, apart from those
// that the store says are late. It returns 0 if the store does not know of a fault.
func (e *Engine) doneUntil(revision int64) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range e.hooks {
		if k.lost {
			return 0
		}
	}
	return revision
}

// askAll lets every webhook ask what there is to tell: another process may have ended before
// it noticed something.
func (e *Engine) askAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range e.hooks {
		k.told = false
	}
}

// servedElsewhere remembers what the process with the lease has served. It may notice another
// policy and the clock later than this process does.
func (e *Engine) servedElsewhere(work []candidate, newest map[string]int64, policy string, now time.Time) {
	told := e.lease.served()
	clock := told.Looked >= schema.MicrosOf(e.looked)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range work {
		last := newest[c.due.TenantID]
		if told.Done == 0 || c.inStore() || last > told.Done {
			continue
		}
		k := e.of(c.due.ID)
		if k.until = last; told.Policy == policy && (clock || !k.turned) {
			k.told, k.turned, k.policy, k.asked = true, false, policy, now
		}
	}
}

// untilNext returns the time until the next message is due.
func untilNext(all []store.WebhookDue, now time.Time) time.Duration {
	next := lookEvery
	for i := range all {
		if at := all[i].NextAt; at != 0 {
			next = min(next, at.Time().Sub(now))
		}
	}
	return max(next, restBetween)
}

// lookAtClock marks the webhooks whose users may see something else because of the clock. All
// processes look until the same moments. The first look begins where the process with the lease
// has served everything.
func (e *Engine) lookAtClock(ctx context.Context, now time.Time) error {
	until, after := now.Truncate(lookEvery), schema.MicrosOf(e.looked)
	if !until.After(e.looked) {
		return nil
	}
	if e.looked.IsZero() {
		lease, err := e.Store.WebhookLease(ctx)
		if err != nil {
			return err
		}
		after = lease.Looked
	}
	turned, err := e.Store.TurnedByClock(ctx, after, schema.MicrosOf(until))
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range turned {
		e.of(id).turned = true
	}
	e.looked = until
	return nil
}

// Wait waits for the work that rounds have started.
func (e *Engine) Wait() { e.working.Wait() }

// oldest returns the age of what has waited longest.
func oldest(all []store.WebhookDue, now time.Time) (age time.Duration) {
	for _, due := range all {
		if due.MadeAt != 0 {
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

// of returns what is known of a webhook. The caller holds the lock.
func (e *Engine) of(id string) *known {
	k := e.hooks[id]
	if k == nil {
		k = &known{}
		e.hooks[id] = k
	}
	return k
}

// withWork returns the webhooks that have work and wait for a place, and whether others
// are being served.
func (e *Engine) withWork(all []store.WebhookDue, newest map[string]int64, policy string, now time.Time) (work []candidate, busy bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range all {
		due := &all[i]
		k := e.of(due.ID)
		if !k.busy && (due.Ended || !now.Before(k.not) && k.hasWork(due, newest[due.TenantID], policy, now, e.Keep/PartOfKeep/2)) {
			work = append(work, candidate{due: due, host: hostOf(due.URL), last: k.turn})
		}
	}
	return work, e.shares.all > 0
}

func (k *known) hasWork(due *store.WebhookDue, newest int64, policy string, now time.Time, every time.Duration) bool {
	switch {
	case now.Before(due.NextAt.Time()):
		return false
	case due.Letter, due.Fresh, due.Waiting, due.Late:
		return true
	}
	return !k.told || k.turned || k.until != newest || k.policy != policy || every > 0 && now.Sub(k.asked) >= every
}

// begin takes places for webhooks that have work.
func (e *Engine) begin(work []candidate) []candidate {
	e.mu.Lock()
	defer e.mu.Unlock()
	chosen := e.shares.choose(work)
	for _, c := range chosen {
		k := e.of(c.due.ID)
		k.busy, k.turned, k.turn = true, false, c.last
	}
	return chosen
}

// serve works on one webhook until it has nothing to do.
func (e *Engine) serve(ctx context.Context, c candidate, newest int64) {
	policy, at := e.Policy(), e.Now()
	err := e.steps(ctx, c.due.ID)
	again, lost := errors.Is(err, store.ErrLeaseLost) || errors.Is(err, errMore), false
	e.mu.Lock()
	k := e.hooks[c.due.ID]
	next := at.Add(min(later<<min(k.faults, 10), latest))
	e.mu.Unlock()
	if err != nil && !again && ctx.Err() == nil {
		e.Logger.Error("a webhook is late; it is tried again", "webhook", c.due.ID, "error", err)
		lost = e.late(ctx, c.due.ID, next) != nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	k.busy, k.lost = false, lost
	switch {
	case again: // the next round sees what is left
		k.told = false
	case err != nil:
		k.told, k.teller, k.not = false, nil, time.Time{}
		if k.faults++; lost {
			k.not = next
		}
	default:
		k.told, k.until, k.policy, k.asked, k.faults = true, newest, policy, at, 0
	}
	if len(e.hooks) > mostKept {
		k.teller = nil
	}
	e.shares.count(c, -1)
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// late shows in the state of a webhook that something waits which cannot be decided, until the
// next try. So every process knows of it.
func (e *Engine) late(ctx context.Context, id string, next time.Time) error {
	hook, state, err := e.Store.WebhookState(ctx, id)
	if errors.Is(err, fault.ErrNotFound) || err == nil && hook.Status != store.Active {
		return nil
	}
	if err != nil {
		return err
	}
	state.Error, state.NextAt = store.LateWebhook, schema.MicrosOf(next)
	if state.MadeAt == 0 {
		state.MadeAt = schema.MicrosOf(e.Now())
	}
	return e.Store.PutWebhookState(ctx, e.lease.own, &state, nil)
}

// teller returns the teller of a webhook that is being served. It is kept for its next
// turn, so that the user's rights are learnt again only when they may be others.
func (e *Engine) teller(hook *store.Webhook) Teller {
	e.mu.Lock()
	defer e.mu.Unlock()
	k := e.of(hook.ID)
	if k.teller == nil {
		k.teller = e.Teller(hook)
	}
	return k.teller
}

func (e *Engine) steps(ctx context.Context, id string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	begun := e.Now()
	for range inRow {
		more, err := e.step(ctx, id, e.teller)
		if err != nil || !more || ctx.Err() != nil {
			return err
		}
		if e.Now().Sub(begun) >= inTime || e.health.isLeaving() {
			break
		}
	}
	return errMore
}

// errMore says that a webhook has more to do than it may do in a row.
var errMore = errors.New("there is more to send")

func jitter() float64 { return rand.Float64() } //nolint:gosec // it only spreads attempts
