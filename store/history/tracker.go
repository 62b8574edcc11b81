package history

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"resellerd/store/fault"
)

// rememberedRevisions bounds the revisions that Wait can confirm without asking the
// database.
const rememberedRevisions = 4096

// State is what a store knows about its database.
type State struct {
	DataRevision // the newest known revision; none before the first answer and after a loss
	// Epoch is the key of caches. It grows with each newer revision and each
	// loss, so a value that was read in one epoch is never used in another.
	Epoch  int64
	Losses int64 // the number of losses of history
}

// Tracker follows the data revision. It polls the database, learns of this
// process's own writes at once, and knows when the revision was last confirmed. It
// detects when the database has lost commits that it knows. It is safe for
// concurrent use.
type Tracker struct {
	ask      func(context.Context, *Observation) error
	Missing  func() bool                     // whether the database's file was missing at the last check
	Lose     func(losses int64)              // called on a loss, while the lock is held
	Report   func(known, found DataRevision) // called after Lose, without the lock
	poll     time.Duration
	maxStale time.Duration
	asking   chan struct{} // holds one entry while a question is running

	mu        sync.Mutex
	known     State
	confirmed time.Time                          // the time of the last confirmation; zero before the first answer and after a loss
	changed   chan struct{}                      // closed and replaced when known changes
	seen      *lru.Cache[DataRevision, struct{}] // revisions that this history contains

	stopping context.CancelFunc
	stopped  chan struct{}
}

// Pace says how often the tracker polls, and how long a confirmation is valid.
type Pace struct {
	Poll     time.Duration // 100 ms by default
	MaxStale time.Duration // 2 s by default
}

func (p Pace) withDefaults() Pace {
	if p.Poll <= 0 {
		p.Poll = 100 * time.Millisecond
	}
	if p.MaxStale <= 0 {
		p.MaxStale = 2 * time.Second
	}
	return p
}

// NewTracker returns a tracker that reads the history with ask. It does not poll
// before Start.
func NewTracker(p Pace, ask func(context.Context, *Observation) error) *Tracker {
	p = p.withDefaults()
	seen, _ := lru.New[DataRevision, struct{}](rememberedRevisions) // fails only for a size below 1
	return &Tracker{
		ask: ask, poll: p.Poll, maxStale: p.MaxStale, asking: make(chan struct{}, 1), changed: make(chan struct{}), seen: seen,
		Missing: func() bool { return false }, Lose: func(int64) {}, Report: func(DataRevision, DataRevision) {},
	}
}

// Start polls until Stop.
func (t *Tracker) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	t.stopping, t.stopped = cancel, make(chan struct{})
	go func() {
		defer close(t.stopped)
		tick := time.NewTicker(t.poll)
		defer tick.Stop()
		for {
			_, _, _ = t.refresh(ctx, DataRevision{}) // after failures the confirmation expires: then current asks, and returns the error
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
}

// Stop ends the polling and waits until it has ended.
func (t *Tracker) Stop() {
	if t.stopping != nil {
		t.stopping()
		<-t.stopped
	}
}

// refresh reads the history, and asks whether it contains the wanted revision.
// After a loss it asks once more, on a new connection. Without a wanted revision,
// refresh does not ask if another question that began after the call of refresh has
// confirmed the state meanwhile. If an answer says nothing about the state that is
// known by then, refresh asks again.
func (t *Tracker) refresh(ctx context.Context, wanted DataRevision) (Observation, State, error) {
	ctx, cancel := context.WithTimeout(ctx, t.maxStale)
	defer cancel()
	begun, none := time.Now(), wanted == DataRevision{}
	select {
	case t.asking <- struct{}{}:
		defer func() { <-t.asking }()
	case <-ctx.Done():
		return Observation{}, State{}, fmt.Errorf("data revision: %w", errors.Join(fault.ErrUnavailable, ctx.Err()))
	}
	for lost := false; ; {
		if known, since := t.confirmedSince(begun); since && none {
			return Observation{}, known, nil
		}
		x := Observation{Known: t.State(), wanted: wanted, At: time.Now()}
		known, err := t.askOnce(ctx, &x)
		switch {
		case err == nil && (known.DataRevision == x.now || !none && wanted.N <= x.Known.N):
			return x, known, nil
		case err != nil && (lost || !errors.Is(err, ErrLost)):
			return x, State{}, err
		}
		lost = lost || err != nil
	}
}

// askOnce asks a question and records the answer.
func (t *Tracker) askOnce(ctx context.Context, x *Observation) (State, error) {
	if err := t.ask(ctx, x); err != nil {
		t.distrust(*x, err)
		return State{}, err
	}
	return t.Observe(*x)
}

// EpochOf is Observe for a value that is to be cached. It returns the epoch of the
// value, or 0 if the value may be used only once.
func (t *Tracker) EpochOf(x Observation) (epoch int64, err error) {
	known, err := t.Observe(x)
	if err != nil || known.DataRevision != x.now {
		return 0, err
	}
	return known.Epoch, nil
}

// Advance records the commit x.now of this process. Afterwards, the known state is
// at least that revision. If other revisions became known since the write asked,
// Advance asks the database whether it has both. It returns ErrLost if a loss was
// found meanwhile, or if the database does not have the write.
func (t *Tracker) Advance(ctx context.Context, x Observation) error {
	known, err := t.Observe(x)
	if err != nil || known.DataRevision == x.now {
		return err
	}
	answer, known, err := t.refresh(ctx, x.now)
	if err == nil && (known.Losses != x.Known.Losses || !answer.has) {
		err = ErrLost
	}
	if err == nil {
		t.remember(x.now, known.Losses)
	}
	return err
}

// followsWithin bounds the question whether the database has a commit of a replica.
const followsWithin = 100 * time.Millisecond

// Follows reports whether a replica, in the moment of x, has every known commit and
// none that the database lacks. Afterwards, the known revision is at least that of the
// replica. x then confirms nothing about the database.
func (t *Tracker) Follows(ctx context.Context, x *Observation) bool {
	x.beside = true
	if x.Known.N == 0 || !x.kept || x.now.N < x.Known.N {
		return false
	}
	if x.now == x.Known.DataRevision || t.remembers(x.now) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, followsWithin)
	defer cancel()
	answer, known, err := t.refresh(ctx, x.now)
	if err != nil || !answer.has || known.Losses != x.Known.Losses {
		return false
	}
	t.remember(x.now, known.Losses)
	return true
}

// Observe records an observation. The observation shows that the database has all
// known commits only if it asked about the known revision or found it. Otherwise
// Observe records nothing but a loss. Of a standby it records nothing at all, and returns
// ErrUnavailable. It returns ErrLost if data of the same
// transaction must not be used.
func (t *Tracker) Observe(x Observation) (State, error) {
	t.mu.Lock()
	if x.beside {
		defer t.mu.Unlock()
		if x.Known.Losses != t.known.Losses {
			return t.known, ErrLost
		}
		return t.known, nil
	}
	if x.standby {
		defer t.mu.Unlock()
		return t.known, errStandby
	}
	was := t.known
	lost := t.loses(x)
	if lost == nil && x.now != was.DataRevision && x.Known.DataRevision == was.DataRevision {
		t.become(State{DataRevision: x.now, Epoch: was.Epoch + 1, Losses: was.Losses})
	}
	if lost == nil && x.now == t.known.DataRevision {
		t.seen.Add(x.now, struct{}{})
		if x.At.After(t.confirmed) {
			t.confirmed = x.At
		}
	}
	now := t.known
	t.mu.Unlock()
	t.tell(was, now, x)
	return now, lost
}

// Holds returns ErrLost unless x belongs to the known history. It records a loss,
// but nothing else.
func (t *Tracker) Holds(x Observation) error {
	t.mu.Lock()
	was := t.known
	lost := t.loses(x)
	now := t.known
	t.mu.Unlock()
	t.tell(was, now, x)
	return lost
}

// distrust records a loss if the error of a question shows one.
func (t *Tracker) distrust(x Observation, err error) {
	if errors.Is(err, ErrLost) && x.Known.N != 0 {
		_ = t.Holds(Observation{Known: x.Known}) // the zero answer counts as a loss
	}
}

// loses returns ErrLost if x shows a loss. If the loss is new, it drops the
// history.
func (t *Tracker) loses(x Observation) error {
	if x.Known.Losses != t.known.Losses {
		return ErrLost // of a history that was dropped before
	}
	kept := x.Known.N == 0 || x.kept && x.now.N >= x.Known.N
	if kept && (x.now.N != t.known.N || x.now.Mark == t.known.Mark) {
		return nil
	}
	t.seen.Purge()
	t.confirmed = time.Time{}
	t.become(State{Epoch: t.known.Epoch + 1, Losses: t.known.Losses + 1})
	t.Lose(t.known.Losses)
	return ErrLost
}

func (t *Tracker) become(now State) {
	t.known = now
	close(t.changed)
	t.changed = make(chan struct{})
}

// tell reports a loss between was and now.
func (t *Tracker) tell(was, now State, x Observation) {
	if now.Losses != was.Losses {
		t.Report(was.DataRevision, x.now)
	}
}

// remember records that r belongs to the present history, if its number of losses
// is still losses.
func (t *Tracker) remember(r DataRevision, losses int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known.Losses == losses {
		t.seen.Add(r, struct{}{})
	}
}

// remembers reports whether r is known to belong to the present history and the
// known revision is r or later. It reports false for a revision whose mark the
// database has overwritten.
func (t *Tracker) remembers(r DataRevision) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.seen.Get(r)
	return ok && r.N <= t.known.N && t.known.N-r.N < ringSize
}

// State returns the known state.
func (t *Tracker) State() State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known
}

// confirmedSince returns the known state, and whether a question that began after
// the given time has confirmed it.
func (t *Tracker) confirmedSince(begun time.Time) (State, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known, t.confirmed.After(begun)
}

// latest returns the known state, whether it was confirmed within maxStale, and a
// channel that is closed when the state changes. If the database's file is missing,
// no confirmation counts.
func (t *Tracker) latest() (known State, fresh bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fresh = !t.Missing() && !t.confirmed.IsZero() && time.Since(t.confirmed) <= t.maxStale
	return t.known, fresh, t.changed
}

// Confirmed returns when the known state was last confirmed, the zero time if never or
// not since a loss, and whether answers may use it without another question.
func (t *Tracker) Confirmed() (at time.Time, fresh bool) {
	_, fresh, _ = t.latest()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.confirmed, fresh
}

// Confirm returns an error unless the known state was confirmed within maxStale, or
// is confirmed now.
func (t *Tracker) Confirm(ctx context.Context) error {
	_, err := t.current(ctx)
	return err
}

// CatchUp asks the database for its state, and returns when that is known.
func (t *Tracker) CatchUp(ctx context.Context) error {
	_, _, err := t.refresh(ctx, DataRevision{})
	return err
}

// current returns the known state if it was confirmed within maxStale. Otherwise it
// asks the database.
func (t *Tracker) current(ctx context.Context) (State, error) {
	if known, fresh, _ := t.latest(); fresh {
		return known, nil
	}
	_, known, err := t.refresh(ctx, DataRevision{})
	return known, err
}

// Newer returns a channel that is closed when the known revision is another one
// than r.
func (t *Tracker) Newer(r DataRevision) <-chan struct{} {
	known, _, changed := t.latest()
	if known.DataRevision != r {
		now := make(chan struct{})
		close(now)
		return now
	}
	return changed
}

// Wait returns nil when the database is known to have the revision want. It returns
// ErrRevisionLost if the database does not have it, and ErrUnavailable if the
// database does not answer. If the database has not reached the number yet, Wait
// waits until ctx ends. It then returns ErrRevisionLost.
func (t *Tracker) Wait(ctx context.Context, want DataRevision) error {
	if want.Mark == (Mark{}) {
		return fmt.Errorf("revision %d has no mark: %w", want.N, ErrRevisionLost)
	}
	ahead := false // want is newer than the database
	for ask := true; ; {
		known, _, changed := t.latest()
		if t.remembers(want) {
			return nil
		}
		if ask || known.N >= want.N {
			ask = false
			x, known, err := t.refresh(ctx, want)
			switch {
			case err != nil && ctx.Err() == nil:
				return err
			case err == nil && x.has:
				t.remember(want, known.Losses)
				return nil
			case err == nil && !x.has && x.now.N >= want.N:
				return fmt.Errorf("revision %d: %w", want.N, ErrRevisionLost)
			case err == nil:
				ahead = true
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if ahead {
				return fmt.Errorf("revision %d: %w", want.N, ErrRevisionLost)
			}
			return fmt.Errorf("revision %d: %w", want.N, errors.Join(fault.ErrUnavailable, ctx.Err()))
		}
	}
}
