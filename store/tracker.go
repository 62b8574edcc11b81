package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// tracker follows the data revision: it asks for it on a timer, learns of this
// process's own writes at once, and knows when it was last confirmed.
type tracker struct {
	ask      func(context.Context) (int64, error)
	poll     time.Duration
	maxStale time.Duration

	mu        sync.Mutex
	revision  int64
	confirmed time.Time     // monotonic; zero before the first answer
	changed   chan struct{} // closed and replaced when revision grows

	stopping context.CancelFunc
	stopped  chan struct{}
}

func newTracker(o Options, ask func(context.Context) (int64, error)) *tracker {
	return &tracker{ask: ask, poll: o.Poll, maxStale: o.MaxStale, changed: make(chan struct{})}
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
			_, _ = t.refresh(ctx) // a failure shows as age: current asks again, and fails itself
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
}

func (t *tracker) stop() {
	if t.stopping != nil {
		t.stopping()
		<-t.stopped
	}
}

// refresh asks the database now.
func (t *tracker) refresh(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, t.maxStale)
	defer cancel()
	asked := time.Now()
	n, err := t.ask(ctx)
	if err != nil {
		return 0, err
	}
	return t.observe(n, asked), nil
}

// observe notes that the database was at revision n at the given time, and
// returns the newest revision known.
func (t *tracker) observe(n int64, at time.Time) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n > t.revision {
		t.revision = n
		close(t.changed)
		t.changed = make(chan struct{})
	}
	if at.After(t.confirmed) {
		t.confirmed = at
	}
	return t.revision
}

// advance notes a write of this process that has just been committed.
func (t *tracker) advance(n int64) { t.observe(n, time.Now()) }

// latest is the newest revision known, and whether it was confirmed lately.
func (t *tracker) latest() (n int64, fresh bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.revision, !t.confirmed.IsZero() && time.Since(t.confirmed) <= t.maxStale, t.changed
}

// current is the newest revision known when it was confirmed lately, and else
// what the database says now.
func (t *tracker) current(ctx context.Context) (int64, error) {
	if n, fresh, _ := t.latest(); fresh {
		return n, nil
	}
	return t.refresh(ctx)
}

// Revision is the newest data revision that this store knows of; it grows by
// one with every write of any process, and may lag behind others' by the
// polling interval. 0 before the first answer of the database.
func (s *Store) Revision() int64 {
	n, _, _ := s.tracker.latest()
	return n
}

// Newer is closed once data newer than revision n is known of.
func (s *Store) Newer(n int64) <-chan struct{} {
	known, _, changed := s.tracker.latest()
	if known > n {
		now := make(chan struct{})
		close(now)
		return now
	}
	return changed
}

// WaitRevision returns when the store reads data of revision n or later. It
// asks the database at once, then waits for the polling; when ctx ends first
// it returns ErrUnavailable.
func (s *Store) WaitRevision(ctx context.Context, n int64) error {
	if s.Revision() >= n {
		return nil
	}
	if _, err := s.tracker.refresh(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	for {
		known, _, changed := s.tracker.latest()
		if known >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("revision %d: %w", n, errors.Join(ErrUnavailable, ctx.Err()))
		}
	}
}

func (s *Store) readRevision(ctx context.Context) (int64, error) {
	var n int64
	rows, err := s.beat.QueryContext(ctx, "SELECT n FROM data_revision")
	if err == nil {
		err = scanOne(rows, &n)
	}
	if err != nil {
		return 0, fmt.Errorf("data revision: %w", errors.Join(ErrUnavailable, err))
	}
	return n, nil
}
