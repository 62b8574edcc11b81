package history

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"resellerd/store/fault"
)

// source is a database that has a history or does not answer.
type source struct {
	mu      sync.Mutex
	history []DataRevision
	gone    bool
	standby bool
	// between is called once, while a question is being answered.
	between func()
}

// commit adds commits up to number n, with the marks of a line of history.
func (s *source) commit(n int64, line byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := int64(len(s.history)) + 1; at <= n; at++ {
		s.history = append(s.history, made(at, line))
	}
}

// lose removes all commits after number n.
func (s *source) lose(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history = s.history[:n]
}

func made(n int64, line byte) DataRevision { return DataRevision{N: n, Mark: Mark{line}} }

func (s *source) ask(_ context.Context, x *Observation) error {
	s.mu.Lock()
	if between := s.between; between != nil {
		s.between = nil
		defer between()
	}
	defer s.mu.Unlock()
	if s.gone {
		return fault.ErrUnavailable
	}
	has := func(r DataRevision) bool {
		return r.N > 0 && r.N <= int64(len(s.history)) && s.history[r.N-1] == r
	}
	x.now, x.kept, x.has, x.standby = s.history[len(s.history)-1], has(x.Known.DataRevision), has(x.wanted), s.standby
	return nil
}

// loss is a loss that a tracker reported.
type loss struct{ known, found int64 }

// tracking is a started tracker over db, and the losses that it reports.
func tracking(t *testing.T, db *source, p Pace) (*Tracker, *[]loss) {
	t.Helper()
	tr, losses := NewTracker(p, db.ask), &[]loss{}
	tr.Report = func(known, found DataRevision) { *losses = append(*losses, loss{known.N, found.N}) }
	tr.Start()
	t.Cleanup(tr.Stop)
	synctest.Wait()
	return tr, losses
}

func stands(t *testing.T, tr *Tracker, about string, want DataRevision) State {
	t.Helper()
	known, err := tr.current(t.Context())
	if err != nil || known.DataRevision != want {
		t.Errorf("%s: %v, %v, want %v", about, known, err, want)
	}
	return known
}

func TestTheRevisionIsPolled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &source{}
		db.commit(5, 'a')
		tr, losses := tracking(t, db, Pace{})
		first := stands(t, tr, "at first", made(5, 'a'))
		db.commit(6, 'a')
		time.Sleep(101 * time.Millisecond)
		if then := stands(t, tr, "after another's write", made(6, 'a')); then.Epoch <= first.Epoch {
			t.Errorf("epoch %d after %d", then.Epoch, first.Epoch)
		}
		own := Observation{Known: tr.State(), now: made(9, 'a'), kept: true, At: time.Now()}
		db.commit(9, 'a')
		if err := tr.Advance(t.Context(), own); err != nil {
			t.Error(err)
		}
		stands(t, tr, "after a write of its own", made(9, 'a'))
		db.mu.Lock()
		db.gone = true
		db.mu.Unlock()
		time.Sleep(1900 * time.Millisecond)
		stands(t, tr, "just gone", made(9, 'a'))
		time.Sleep(300 * time.Millisecond)
		if _, err := tr.current(t.Context()); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("gone for longer than may be: %v", err)
		}
		db.mu.Lock()
		db.gone = false
		db.mu.Unlock()
		stands(t, tr, "back, before the next poll", made(9, 'a'))
		if len(*losses) > 0 {
			t.Errorf("losses %v, want none", *losses)
		}
	})
}

// The next question detects every kind of loss, whatever the numbers are by then,
// and begins a new epoch.
func TestALostHistoryIsNoticed(t *testing.T) {
	t.Parallel()
	for about, c := range map[string]struct {
		kept, then int64 // commits left of the old line, and the last number of the new one
	}{
		"an older number": {5, 5}, "a lower number of another line": {5, 7},
		"the same number again": {5, 9}, "a higher number": {5, 20}, "nothing in common": {0, 9},
	} {
		synctest.Test(t, func(t *testing.T) {
			db := &source{}
			db.commit(9, 'a')
			tr, losses := tracking(t, db, Pace{})
			before := stands(t, tr, about, made(9, 'a'))
			changed := tr.Newer(before.DataRevision)
			db.lose(c.kept)
			db.commit(c.then, 'b')
			time.Sleep(101 * time.Millisecond)
			want := made(c.then, 'b')
			if c.then == c.kept {
				want = made(c.then, 'a')
			}
			if after := stands(t, tr, about, want); after.Epoch <= before.Epoch || after.Losses != 1 {
				t.Errorf("%s: %+v after %+v", about, after, before)
			}
			if len(*losses) != 1 || (*losses)[0] != (loss{9, c.then}) {
				t.Errorf("%s: losses %v", about, *losses)
			}
			select {
			case <-changed:
			default:
				t.Errorf("%s: who waits for newer data is not woken", about)
			}
			time.Sleep(time.Second)
			if len(*losses) != 1 {
				t.Errorf("%s: told again: %v", about, *losses)
			}
		})
	}
}

// Data that was read before a loss, or from a database without a known commit, is
// neither cached nor used. A write there is not acknowledged.
func TestNothingIsTakenFromAnotherHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &source{}
		db.commit(9, 'a')
		tr, _ := tracking(t, db, Pace{Poll: time.Hour})
		early := Observation{Known: tr.State(), now: made(9, 'a'), kept: true, At: time.Now()}
		if epoch, err := tr.EpochOf(early); err != nil || epoch != tr.State().Epoch {
			t.Errorf("of this history: epoch %d, %v", epoch, err)
		}
		stray := Observation{Known: tr.State(), now: made(5, 'a'), At: time.Now()}
		if epoch, err := tr.EpochOf(stray); epoch != 0 || !errors.Is(err, ErrLost) {
			t.Errorf("read from an older copy: epoch %d, %v", epoch, err)
		}
		if _, fresh, _ := tr.latest(); fresh {
			t.Error("what is known counts as confirmed after a loss")
		}
		if epoch, err := tr.EpochOf(early); epoch != 0 || !errors.Is(err, ErrLost) {
			t.Errorf("read before the loss: epoch %d, %v", epoch, err)
		}
		stands(t, tr, "asked again", made(9, 'a'))
		if err := tr.Advance(t.Context(), early); !errors.Is(err, ErrLost) {
			t.Errorf("written before the loss: %v", err)
		}
		same := Observation{Known: tr.State(), now: made(9, 'b'), kept: true, At: time.Now()}
		if _, err := tr.EpochOf(same); !errors.Is(err, ErrLost) {
			t.Errorf("the same number with another mark: %v", err)
		}
		stands(t, tr, "asked again", made(9, 'a'))
		back := Observation{Known: tr.State(), now: made(8, 'a'), kept: true, At: time.Now()}
		if _, err := tr.EpochOf(back); !errors.Is(err, ErrLost) {
			t.Errorf("an older number in a ring that has the known mark: %v", err)
		}
	})
}

// A question that was asked before a write of this process says nothing about the
// time after it.
func TestAWriteWhileTheDatabaseIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &source{}
		db.commit(5, 'a')
		tr, losses := tracking(t, db, Pace{Poll: time.Hour})
		own := Observation{Known: tr.State(), now: made(7, 'a'), kept: true, At: time.Now()}
		db.commit(6, 'a')
		db.between = func() {
			db.commit(7, 'a')
			if err := tr.Advance(t.Context(), own); err != nil {
				t.Error(err)
			}
		}
		if _, known, err := tr.refresh(t.Context(), DataRevision{}); err != nil || known.DataRevision != made(7, 'a') {
			t.Errorf("%v, %v", known, err)
		}
		stands(t, tr, "then", made(7, 'a'))
		if len(*losses) > 0 {
			t.Errorf("losses %v", *losses)
		}
	})
}

func TestWaitingForARevision(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &source{}
		db.commit(1, 'a')
		tr, _ := tracking(t, db, Pace{})
		go func() {
			time.Sleep(time.Second)
			db.commit(7, 'a')
		}()
		wait := func(r DataRevision) error {
			soon, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			return tr.Wait(soon, r)
		}
		if err := wait(made(7, 'a')); err != nil || tr.State().N != 7 {
			t.Errorf("revision %d, %v", tr.State().N, err)
		}
		if err := wait(made(3, 'a')); err != nil {
			t.Errorf("an older one: %v", err)
		}
		for about, r := range map[string]DataRevision{
			"another mark": made(3, 'b'), "the newest with another mark": made(7, 'b'), "no mark": {N: 3}, "ahead of the database": made(8, 'a'),
		} {
			if err := wait(r); !errors.Is(err, ErrRevisionLost) {
				t.Errorf("%s: %v", about, err)
			}
		}
		db.mu.Lock()
		db.standby = true
		db.mu.Unlock()
		if err := wait(made(8, 'a')); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("a standby tells nothing: %v", err)
		}
		if err := tr.CatchUp(t.Context()); !errors.Is(err, fault.ErrUnavailable) || tr.State().DataRevision != made(7, 'a') {
			t.Errorf("a standby confirms the state: %v, %v", tr.State().DataRevision, err)
		}
		db.mu.Lock()
		db.standby = false
		db.mu.Unlock()
		db.lose(5)
		db.commit(9, 'b')
		if err := wait(made(8, 'b')); err != nil || tr.State().DataRevision != made(9, 'b') {
			t.Errorf("of a new history that was not met yet: %v, %v", tr.State().DataRevision, err)
		}
		if err := wait(made(7, 'a')); !errors.Is(err, ErrRevisionLost) {
			t.Errorf("of the lost one, which was known: %v", err)
		}
	})
}

func TestRevisionsOlderThanTheRingAreNotRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &source{}
		db.commit(5, 'a')
		tr, _ := tracking(t, db, Pace{})
		own := Observation{Known: tr.State(), now: made(5+ringSize-1, 'a'), kept: true, At: time.Now()}
		if err := tr.Advance(t.Context(), own); err != nil || !tr.remembers(made(5, 'a')) {
			t.Errorf("the oldest of the ring is not remembered: %v", err)
		}
		own.Known, own.now = tr.State(), made(5+ringSize, 'a')
		if err := tr.Advance(t.Context(), own); err != nil || tr.remembers(made(5, 'a')) {
			t.Errorf("one that is older than the ring is remembered: %v", err)
		}
	})
}

func TestCacheHoldsForOneEpoch(t *testing.T) {
	t.Parallel()
	c := newRowCache(2000)
	c.get(1, 0, "a")
	c.put(1, "a", cachedRow{value: "old"})
	c.put(1, "timed", cachedRow{value: "v", until: 100})
	if v, ok := c.get(1, 99, "a"); !ok || v != "old" {
		t.Error("a row of this epoch is lost")
	}
	if _, ok := c.get(1, 99, "timed"); !ok {
		t.Error("a timed row is gone before its time")
	}
	if _, ok := c.get(1, 100, "timed"); ok {
		t.Error("a timed row outlives its time")
	}
	if _, ok := c.get(2, 0, "a"); ok {
		t.Error("a row outlives its epoch")
	}
	c.put(1, "late", cachedRow{value: "read before the write"})
	if _, ok := c.get(2, 0, "late"); ok {
		t.Error("a row read in an older epoch is kept for a newer one")
	}
	if _, ok := c.get(1, 0, "a"); ok {
		t.Error("a reader of an older epoch is answered from a newer one")
	}
	c.put(3, "new", cachedRow{value: "read in the next epoch"})
	if _, ok := c.get(2, 0, "new"); ok {
		t.Error("a reader of an older epoch is answered from the next one")
	}
}

func TestACacheOfRowsIsBoundedByBytes(t *testing.T) {
	t.Parallel()
	const limit = 100_000
	c := newRowCache(limit)
	for i := range 1000 {
		row := map[string]any{"id": fmt.Sprint(i), "names": []any{strings.Repeat("x", 10_000)}}
		c.put(1, fmt.Sprint(i), cachedRow{value: row})
		if n := c.kept.Use().Bytes; n > limit || n < 10_000 {
			t.Fatalf("%d bytes after row %d", n, i)
		}
	}
	if _, ok := c.get(1, 0, "999"); !ok {
		t.Error("the newest row is not cached")
	}
	if c.get(2, 0, "999"); c.kept.Use().Bytes != 0 {
		t.Errorf("%d bytes of an older epoch", c.kept.Use().Bytes)
	}
}
