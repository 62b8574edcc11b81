package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// rememberedRevisions bounds the revisions that need not be asked for again.
const rememberedRevisions = 4096

// state is how a store stands to its database.
type state struct {
	DataRevision // the newest that is known; none before the first answer and after a loss
	// epoch is the key of caches. It grows with each newer revision and each
	// loss, so what was read in one epoch is never used in another.
	epoch  int64
	losses int64 // of the history
}

// tracker follows the data revision: it asks for it on a timer, learns of this
// process's own writes at once, knows when it was last confirmed, and notices
// when the database has lost what is known here.
type tracker struct {
	ask      func(context.Context, *observation) error
	missing  func() bool                     // whether the file of the database was last found missing
	lose     func(losses int64)              // called under the lock
	report   func(known, found DataRevision) // called after it
	poll     time.Duration
	maxStale time.Duration
	asking   chan struct{} // holds one while the database is asked

	mu        sync.Mutex
	known     state
	confirmed time.Time                          // monotonic; zero before the first answer and after a loss
	changed   chan struct{}                      // closed and replaced when known changes
	seen      *lru.Cache[DataRevision, struct{}] // revisions of this history

	stopping context.CancelFunc
	stopped  chan struct{}
}

// pace says how often the data revision is asked for, and how long an answer
// holds.
type pace struct {
	Poll     time.Duration // 100 ms by default
	MaxStale time.Duration // 2 s by default
}

func (p pace) withDefaults() pace {
	if p.Poll <= 0 {
		p.Poll = 100 * time.Millisecond
	}
	if p.MaxStale <= 0 {
		p.MaxStale = 2 * time.Second
	}
	return p
}

// newTracker makes a tracker that learns of the history by ask. It does nothing
// of itself before start.
func newTracker(p pace, ask func(context.Context, *observation) error) *tracker {
	p = p.withDefaults()
	seen, _ := lru.New[DataRevision, struct{}](rememberedRevisions) // errs only for a size below 1
	return &tracker{
		ask: ask, poll: p.Poll, maxStale: p.MaxStale, asking: make(chan struct{}, 1), changed: make(chan struct{}), seen: seen,
		missing: func() bool { return false }, lose: func(int64) {}, report: func(DataRevision, DataRevision) {},
	}
}

// start polls until stop.
func (t *tracker) start() {
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

// stop ends the polling, and waits for it.
func (t *tracker) stop() {
	if t.stopping != nil {
		t.stopping()
		<-t.stopped
	}
}

// refresh asks the database now, and whether it has a wanted revision. After a
// loss it asks once more, over a new connection. An answer to a question that was
// asked while this one waited for its turn stands for this one, too. An answer
// that says nothing about what is known by then is not used: refresh asks again.
func (t *tracker) refresh(ctx context.Context, wanted DataRevision) (observation, state, error) {
	ctx, cancel := context.WithTimeout(ctx, t.maxStale)
	defer cancel()
	begun, none := time.Now(), wanted == DataRevision{}
	select {
	case t.asking <- struct{}{}:
		defer func() { <-t.asking }()
	case <-ctx.Done():
		return observation{}, state{}, fmt.Errorf("data revision: %w", errors.Join(ErrUnavailable, ctx.Err()))
	}
	for lost := false; ; {
		if known, since := t.confirmedSince(begun); since && none {
			return observation{}, known, nil
		}
		x := observation{known: t.state(), wanted: wanted, at: time.Now()}
		known, err := t.askOnce(ctx, &x)
		switch {
		case err == nil && (known.DataRevision == x.now || !none && wanted.N <= x.known.N):
			return x, known, nil
		case err != nil && (lost || !errors.Is(err, errLost)):
			return x, state{}, err
		}
		lost = lost || err != nil
	}
}

// askOnce asks a question and notes the answer.
func (t *tracker) askOnce(ctx context.Context, x *observation) (state, error) {
	if err := t.ask(ctx, x); err != nil {
		t.distrust(*x, err)
		return state{}, err
	}
	return t.observe(*x)
}

// epochOf is observe for what is read to be cached: the epoch that it may be
// kept in, 0 where it may be used only once.
func (t *tracker) epochOf(x observation) (epoch int64, err error) {
	known, err := t.observe(x)
	if err != nil || known.DataRevision != x.now {
		return 0, err
	}
	return known.epoch, nil
}

// advance notes a write of this process that has just been committed as x.now:
// what is known is at least that afterwards. Where other revisions became known
// since the write asked, it asks the database whether it has both. It returns
// errLost when a loss was found meanwhile, or when the database does not
// have the write.
func (t *tracker) advance(ctx context.Context, x observation) error {
	known, err := t.observe(x)
	if err != nil || known.DataRevision == x.now {
		return err
	}
	answer, known, err := t.refresh(ctx, x.now)
	if err == nil && (known.losses != x.known.losses || !answer.has) {
		err = errLost
	}
	if err == nil {
		t.remember(x.now, known.losses)
	}
	return err
}

// observe notes what a statement found out. Only where it asked about the very
// revision that is known, or found that one, does it follow that the database
// has all that is known: else nothing is noted but a loss. It returns
// errLost when what was read beside it may not be used.
func (t *tracker) observe(x observation) (state, error) {
	t.mu.Lock()
	was := t.known
	lost := t.loses(x)
	if lost == nil && x.now != was.DataRevision && x.known.DataRevision == was.DataRevision {
		t.become(state{DataRevision: x.now, epoch: was.epoch + 1, losses: was.losses})
	}
	if lost == nil && x.now == t.known.DataRevision {
		t.seen.Add(x.now, struct{}{})
		if x.at.After(t.confirmed) {
			t.confirmed = x.at
		}
	}
	now := t.known
	t.mu.Unlock()
	t.tell(was, now, x)
	return now, lost
}

// holds returns errLost unless x stems from the history that is known.
func (t *tracker) holds(x observation) error {
	t.mu.Lock()
	was := t.known
	lost := t.loses(x)
	now := t.known
	t.mu.Unlock()
	t.tell(was, now, x)
	return lost
}

// distrust treats the failure of a question as a loss where it is one.
func (t *tracker) distrust(x observation, err error) {
	if errors.Is(err, errLost) && x.known.N != 0 {
		_ = t.holds(observation{known: x.known}) // nothing was found, so nothing is kept
	}
}

// loses finds out whether x shows a loss, and lets go of the history then.
func (t *tracker) loses(x observation) error {
	if x.known.losses != t.known.losses {
		return errLost // of a history that is given up already
	}
	kept := x.known.N == 0 || x.kept && x.now.N >= x.known.N
	if kept && (x.now.N != t.known.N || x.now.Mark == t.known.Mark) {
		return nil
	}
	t.seen.Purge()
	t.confirmed = time.Time{}
	t.become(state{epoch: t.known.epoch + 1, losses: t.known.losses + 1})
	t.lose(t.known.losses)
	return errLost
}

func (t *tracker) become(now state) {
	t.known = now
	close(t.changed)
	t.changed = make(chan struct{})
}

// tell reports a loss between was and now.
func (t *tracker) tell(was, now state, x observation) {
	if now.losses != was.losses {
		t.report(was.DataRevision, x.now)
	}
}

// remember notes that a revision belongs to the history since its n-th loss.
func (t *tracker) remember(r DataRevision, losses int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known.losses == losses {
		t.seen.Add(r, struct{}{})
	}
}

// remembers reports whether what is known is of revision r or later. A revision
// that the database itself would not know any more is not remembered either.
func (t *tracker) remembers(r DataRevision) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.seen.Get(r)
	return ok && r.N <= t.known.N && t.known.N-r.N < ringSize
}

// state is how the store stands now.
func (t *tracker) state() state {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known
}

// confirmedSince is how the store stands, and whether a question that was asked
// after begun has confirmed it.
func (t *tracker) confirmedSince(begun time.Time) (state, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known, t.confirmed.After(begun)
}

// latest is how the store stands, and whether that was confirmed lately. Without
// the file of the database no confirmation counts.
func (t *tracker) latest() (known state, fresh bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fresh = !t.missing() && !t.confirmed.IsZero() && time.Since(t.confirmed) <= t.maxStale
	return t.known, fresh, t.changed
}

// current is how the store stands when that was confirmed lately, and else what
// the database says now.
func (t *tracker) current(ctx context.Context) (state, error) {
	if known, fresh, _ := t.latest(); fresh {
		return known, nil
	}
	_, known, err := t.refresh(ctx, DataRevision{})
	return known, err
}

// newer is closed once other data than of revision r is known of.
func (t *tracker) newer(r DataRevision) <-chan struct{} {
	known, _, changed := t.latest()
	if known.DataRevision != r {
		now := make(chan struct{})
		close(now)
		return now
	}
	return changed
}

// wait returns when the database is known to have a revision, ErrRevisionLost
// when it does not have it, and ErrUnavailable when ctx ends before that is
// known.
func (t *tracker) wait(ctx context.Context, want DataRevision) error {
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
				t.remember(want, known.losses)
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
			return fmt.Errorf("revision %d: %w", want.N, errors.Join(ErrUnavailable, ctx.Err()))
		}
	}
}
