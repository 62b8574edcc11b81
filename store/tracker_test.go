package store

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// source is a database that has a revision, or is gone.
type source struct {
	n     atomic.Int64
	gone  atomic.Bool
	asked atomic.Int64
}

func (s *source) ask(context.Context) (int64, error) {
	s.asked.Add(1)
	if s.gone.Load() {
		return 0, ErrUnavailable
	}
	return s.n.Load(), nil
}

func TestTheRevisionIsPolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &source{}
		db.n.Store(5)
		tr := newTracker(Options{}.withDefaults(), db.ask)
		tr.start()
		defer tr.stop()
		synctest.Wait()
		if n, err := tr.current(t.Context()); n != 5 || err != nil {
			t.Errorf("at first: %d, %v", n, err)
		}
		db.n.Store(6)
		time.Sleep(101 * time.Millisecond)
		if n, _ := tr.current(t.Context()); n != 6 {
			t.Errorf("after another's write: %d", n)
		}
		tr.advance(9)
		db.n.Store(9)
		if n, _ := tr.current(t.Context()); n != 9 {
			t.Errorf("after a write of its own: %d", n)
		}
		db.gone.Store(true)
		time.Sleep(1900 * time.Millisecond)
		if n, err := tr.current(t.Context()); n != 9 || err != nil {
			t.Errorf("just gone: %d, %v", n, err)
		}
		time.Sleep(300 * time.Millisecond)
		if _, err := tr.current(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("gone for longer than may be: %v", err)
		}
		db.gone.Store(false)
		if n, err := tr.current(t.Context()); n != 9 || err != nil {
			t.Errorf("back, before the next poll: %d, %v", n, err)
		}
	})
}

func TestWaitingForARevision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := &source{}
		db.n.Store(1)
		s := &Store{tracker: newTracker(Options{}.withDefaults(), db.ask)}
		s.tracker.start()
		defer s.tracker.stop()
		synctest.Wait()
		go func() {
			time.Sleep(time.Second)
			db.n.Store(7)
		}()
		if err := s.WaitRevision(t.Context(), 7); err != nil || s.Revision() != 7 {
			t.Errorf("revision %d, %v", s.Revision(), err)
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.WaitRevision(soon, 8); !errors.Is(err, ErrUnavailable) {
			t.Errorf("a revision that does not come: %v", err)
		}
	})
}

func TestCacheHoldsForOneRevision(t *testing.T) {
	c := newRowCache(2)
	c.get(1, 0, "a")
	c.put(1, "a", cachedRow{value: "old"})
	c.put(1, "timed", cachedRow{value: "v", until: 100})
	if v, ok := c.get(1, 99, "a"); !ok || v != "old" {
		t.Error("a row of this revision is lost")
	}
	if _, ok := c.get(1, 99, "timed"); !ok {
		t.Error("a timed row is gone before its time")
	}
	if _, ok := c.get(1, 100, "timed"); ok {
		t.Error("a timed row outlives its time")
	}
	if _, ok := c.get(2, 0, "a"); ok {
		t.Error("a row outlives its revision")
	}
	c.put(1, "late", cachedRow{value: "read before the write"})
	if _, ok := c.get(2, 0, "late"); ok {
		t.Error("a row read at an older revision is kept for a newer one")
	}
	if _, ok := c.get(1, 0, "a"); ok {
		t.Error("a reader of an older revision is answered from a newer one")
	}
}
