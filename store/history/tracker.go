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

// rememberedRevisions bounds the revisions that need not be asked for again.
const rememberedRevisions = 4096

// State is how a store stands to its database.
type State struct {
	DataRevision // the newest that is known; none before the first answer and after a loss
	// Epoch is the key of caches. It grows with each newer revision and each
	// loss, so what was read in one epoch is never used in another.
	Epoch  int64
	Losses int64 // of the history
}

// Tracker follows the data revision: it asks for it on a timer, learns of this
// process's own writes at once, knows when it was last confirmed, and notices
// when the database has lost what is known here.
type Tracker struct {
	ask      func(context.Context, *Observation) error
	Missing  func() bool                     // whether the file of the database was last found missing
	Lose     func(losses int64)              // called under the lock
	Report   func(known, found DataRevision) // called after it
	poll     time.Duration
	maxStale time.Duration
	asking   chan struct{} // holds one while the database is asked

	mu        sync.Mutex
	known     State
	confirmed time.Time                          // monotonic; zero before the first answer and after a loss
	changed   chan struct{}                      // closed and replaced when known changes
	seen      *lru.Cache[DataRevision, struct{}] // revisions of this history

	stopping context.CancelFunc
	stopped  chan struct{}
}

// Pace says how often the data revision is asked for, and how long an answer
// holds.
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

// NewTracker makes a tracker that learns of the history by ask. It does nothing
// of itself before start.
func NewTracker(p Pace, ask func(context.Context, *Observation) error) *Tracker {
	p = p.withDefaults()
	seen, _ := lru.New[DataRevision, struct{}](rememberedRevisions) // errs only for a size below 1
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
			_, _, _ = t.refresh(ctx, DataRevision{}) // a failure shows as age: current asks again, and fails itself
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
}

// Stop ends the polling, and waits for it.
func (t *Tracker) Stop() {
	if t.stopping != nil {
		t.stopping()
		<-t.stopped
	}
}

// refresh asks the database now, and whether it has a wanted revision. After a
// loss it asks once more, over a new connection. An answer to a question that was
// asked while this one waited for its turn stands for this one, too. An answer
// that says nothing about what is known by then is not used: refresh asks again.
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

// askOnce asks a question and notes the answer.
func (t *Tracker) askOnce(ctx context.Context, x *Observation) (State, error) {
	if err := t.ask(ctx, x); err != nil {
		t.distrust(*x, err)
		return State{}, err
	}
	return t.Observe(*x)
}

// EpochOf is Observe for what is read to be cached: the epoch that it may be
// kept in, 0 where it may be used only once.
func (t *Tracker) EpochOf(x Observation) (epoch int64, err error) {
	known, err := t.Observe(x)
	if err != nil || known.DataRevision != x.now {
		return 0, err
	}
	return known.Epoch, nil
}

// Advance notes a write of this process that has just been committed as x.now:
// what is known is at least that afterwards. Where other revisions became known
// since the write asked, it asks the database whether it has both. It returns
// ErrLost when a loss was found meanwhile, or when the database does not
// have the write.
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

// Observe notes what a statement found out. Only where it asked about the very
// revision that is known, or found that one, does it follow that the database
// has all that is known: else nothing is noted but a loss. It returns
// ErrLost when what was read beside it may not be used.
func (t *Tracker) Observe(x Observation) (State, error) {
	t.mu.Lock()
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

// Holds returns ErrLost unless x stems from the history that is known.
func (t *Tracker) Holds(x Observation) error {
	t.mu.Lock()
	was := t.known
	lost := t.loses(x)
	now := t.known
	t.mu.Unlock()
	t.tell(was, now, x)
	return lost
}

// distrust treats the failure of a question as a loss where it is one.
func (t *Tracker) distrust(x Observation, err error) {
	if errors.Is(err, ErrLost) && x.Known.N != 0 {
		_ = t.Holds(Observation{Known: x.Known}) // nothing was found, so nothing is kept
	}
}

// loses finds out whether x shows a loss, and lets go of the history then.
func (t *Tracker) loses(x Observation) error {
	if x.Known.Losses != t.known.Losses {
		return ErrLost // of a history that is given up already
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

// remember notes that a revision belongs to the history since its n-th loss.
func (t *Tracker) remember(r DataRevision, losses int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known.Losses == losses {
		t.seen.Add(r, struct{}{})
	}
}

// remembers reports whether what is known is of revision r or later. A revision
// that the database itself would not know any more is not remembered either.
func (t *Tracker) remembers(r DataRevision) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.seen.Get(r)
	return ok && r.N <= t.known.N && t.known.N-r.N < ringSize
}

// State is how the store stands now.
func (t *Tracker) State() State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known
}

// confirmedSince is how the store stands, and whether a question that was asked
// after begun has confirmed it.
func (t *Tracker) confirmedSince(begun time.Time) (State, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known, t.confirmed.After(begun)
}

// latest is how the store stands, and whether that was confirmed lately. Without
// the file of the database no confirmation counts.
func (t *Tracker) latest() (known State, fresh bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fresh = !t.Missing() && !t.confirmed.IsZero() && time.Since(t.confirmed) <= t.maxStale
	return t.known, fresh, t.changed
}

// current is how the store stands when that was confirmed lately, and else what
// the database says now.
func (t *Tracker) current(ctx context.Context) (State, error) {
	if known, fresh, _ := t.latest(); fresh {
		return known, nil
	}
	_, known, err := t.refresh(ctx, DataRevision{})
	return known, err
}

// Newer is closed once other data than of revision r is known of.
func (t *Tracker) Newer(r DataRevision) <-chan struct{} {
	known, _, changed := t.latest()
	if known.DataRevision != r {
		now := make(chan struct{})
		close(now)
		return now
	}
	return changed
}

// Wait returns when the database is known to have a revision, ErrRevisionLost
// when it does not have it, and ErrUnavailable when ctx ends before that is
// known.
func (t *Tracker) Wait(ctx context.Context, want DataRevision) error {
	if want.Mark == (Mark{}) {
		return fmt.Errorf("revision %d has no mark: %w", want.N, ErrRevisionLost)
	}
	ahead := false // of a database that follows no other
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
				ahead = !x.standby
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
