package decisionlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLogIsSoundOverRestartsAndRotations(t *testing.T) {
	for _, key := range []Key{{}, testKey} {
		path, n := logPath(t), 0
		var c tally
		for range 4 {
			l, err := Open(c.options(Options{Path: path, Key: key, RotateSize: 2000, Sync: true}))
			must(t, err)
			for range 25 {
				must(t, l.Add(Entry{Line: entry(n)}))
				n++
			}
			must(t, l.Close())
		}
		texts := files(t, path)
		r := verified(t, []Key{key}, texts...)
		if !r.Sound() || r.Entries != n || len(r.Spans) != 1 || r.Spans[0].First != 1 || !r.Stopped {
			t.Errorf("%+v", r)
		}
		if len(texts) < 3 || r.Intact != r.Lines {
			t.Errorf("%d files, %d of %d lines intact", len(texts), r.Intact, r.Lines)
		}
		for _, text := range texts {
			if r := verified(t, []Key{key}, text); !r.Sound() {
				t.Errorf("a file by itself: %+v", r.Findings)
			}
		}
		if got := ids(strings.Join(texts, "")); len(got) != n || c.written.Load() != int64(n) || c.dropped.Load() != 0 {
			t.Errorf("%d entries, written %d, dropped %d", len(got), c.written.Load(), c.dropped.Load())
		}
	}
}

func TestEveryLineStaysTheObjectThatItWas(t *testing.T) {
	var d disk
	d.room = -1
	l, err := Open((&tally{}).options(Options{Out: &d, Sync: true}))
	must(t, err)
	hostile := `{"a":"\"chain\":{\"id\":\"x\",\"seq\":1,\"mac\":\"","chain2":{"id":"x"}}` + "\n"
	must(t, l.Add(Entry{Line: []byte(hostile)}))
	must(t, l.Close())
	lines := strings.Split(d.String(), "\n")
	var got map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(lines[1]), &got))
	if len(got) != 3 || string(got["chain2"]) != `{"id":"x"}` {
		t.Errorf("%s", lines[1])
	}
	if r := verified(t, nil, d.String()); !r.Sound() {
		t.Errorf("%+v", r.Findings)
	}
}

func TestOldFilesAreRemovedBeyondThoseToKeep(t *testing.T) {
	path := logPath(t)
	for i := range 8 {
		l, err := Open((&tally{}).options(Options{Path: path, RotateSize: 1, Keep: 3}))
		must(t, err)
		must(t, l.Add(Entry{Line: entry(i)}))
		must(t, l.Close())
	}
	texts := files(t, path)
	if len(texts) != 4 {
		t.Fatalf("%d files", len(texts))
	}
	if r := verified(t, nil, texts...); !r.Sound() || r.Spans[0].First == 1 {
		t.Errorf("%+v", r)
	}
}

func TestAgeBeginsAnotherFile(t *testing.T) {
	path := logPath(t)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o := (&tally{}).options(Options{Path: path, RotateAge: time.Hour, Sync: true})
	o.Now = func() time.Time { return now }
	l, err := Open(o)
	must(t, err)
	must(t, l.Add(Entry{Line: entry(1)}))
	must(t, l.Close())
	now = now.Add(2 * time.Hour) // the age is the file's, not the process's
	l, err = Open(o)
	must(t, err)
	must(t, l.Add(Entry{Line: entry(2)}))
	must(t, l.Close())
	if texts := files(t, path); len(texts) != 2 || !verified(t, nil, texts...).Sound() {
		t.Errorf("%d files", len(texts))
	}
}

func TestAFileThatIsMovedAwayIsLeft(t *testing.T) {
	path := logPath(t)
	l, err := Open((&tally{}).options(Options{Path: path, Sync: true}))
	must(t, err)
	must(t, l.Add(Entry{Line: entry(1)}))
	must(t, os.Rename(path, path+".000007"))
	l.out.look.Store(true)
	must(t, l.Add(Entry{Line: entry(2)}))
	must(t, l.Close())
	texts := files(t, path)
	if r := verified(t, nil, texts...); len(texts) != 2 || !r.Sound() || r.Entries != 2 {
		t.Errorf("%d files, %+v", len(texts), r)
	}
}

func TestOneFileHasOneWriter(t *testing.T) {
	path := logPath(t)
	l, err := Open((&tally{}).options(Options{Path: path}))
	must(t, err)
	if _, err := Open((&tally{}).options(Options{Path: path})); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("opened twice: %v", err)
	}
	must(t, l.Close())
}

func TestAnotherKeyBeginsAnotherChainInAnotherFile(t *testing.T) {
	path := logPath(t)
	other := Key{secret: []byte("another key, long enough, too")}
	for i, key := range []Key{{}, testKey, other} {
		l, err := Open((&tally{}).options(Options{Path: path, Key: key}))
		must(t, err)
		must(t, l.Add(Entry{Line: entry(i)}))
		must(t, l.Close())
	}
	texts := files(t, path)
	if r := verified(t, []Key{testKey, other}, texts[1:]...); !r.Sound() || len(r.Spans) != 2 {
		t.Errorf("%+v", r)
	}
	if r := verified(t, []Key{testKey, other}, texts...); len(r.Findings) != 1 || r.Findings[0].Kind != Unkeyed {
		t.Errorf("%+v", r.Findings)
	}
	if err := NewVerifier(other).Read("x", strings.NewReader(texts[1])); err == nil {
		t.Error("checked without its key")
	}
	if err := NewVerifier().Read("x", strings.NewReader(texts[1])); err == nil {
		t.Error("checked without a key")
	}
}

func TestWhatIsNoChainIsPutAside(t *testing.T) {
	path := logPath(t)
	must(t, os.WriteFile(path, []byte("{\"decision_id\":\"old\"}\n"), 0o600))
	l, err := Open((&tally{}).options(Options{Path: path}))
	must(t, err)
	must(t, l.Close())
	texts := files(t, path)
	if len(texts) != 2 || texts[0] != "{\"decision_id\":\"old\"}\n" || !verified(t, nil, texts[1]).Sound() {
		t.Errorf("%q", texts)
	}
}

// A chain that an older program began, with its MACs in hex, goes on in the same file.
func TestAChainOfAnOlderProgramGoesOn(t *testing.T) {
	old, err := os.ReadFile("../../testdata/released/decisions.jsonl")
	must(t, err)
	path := logPath(t)
	must(t, os.WriteFile(path, old, 0o600))
	l, err := Open((&tally{}).options(Options{Path: path}))
	must(t, err)
	must(t, l.Add(Entry{Line: entry(1)}))
	must(t, l.Close())
	texts := files(t, path)
	if len(texts) != 1 || !strings.HasPrefix(texts[0], string(old)) || len(ids(texts[0])) != len(ids(string(old)))+1 {
		t.Fatalf("%d files, which end with %.300s", len(texts), texts[len(texts)-1][len(old):])
	}
	if r := verified(t, nil, texts...); !r.Sound() || len(r.Spans) != 1 {
		t.Errorf("%+v", r)
	}
	forged := strings.Replace(texts[0], `"outcome":"deny"`, `"outcome":"allow"`, 1)
	if forged == texts[0] || verified(t, nil, forged).Sound() {
		t.Error("a change of an old line is not found")
	}
}

// Wherever a write fails, each entry is counted once, every entry that is counted as
// written is there, and the log is sound.
func TestCountersAddUpAndNothingIsGluedWhateverTheDiskDoes(t *testing.T) {
	for seed := range uint64(60) {
		for _, sync := range []bool{true, false} {
			t.Run(fmt.Sprintf("seed %d, sync %v", seed, sync), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				d := &disk{room: 100_000}
				var c tally
				l, err := Open(c.options(Options{Out: d, Sync: sync, Key: testKey, Buffer: 2000}))
				must(t, err)
				decided, confirmed := 0, []string{}
				for i := range 120 {
					if random.IntN(3) == 0 {
						d.give(random.IntN(600))
					}
					decided++
					if err := l.Add(Entry{Line: entry(i)}); err == nil && sync {
						confirmed = append(confirmed, fmt.Sprintf("D%d", i))
					}
				}
				d.give(-1)
				must(t, l.Close())
				checkFaults(t, d.String(), &c, decided, confirmed)
			})
		}
	}
}

func checkFaults(t *testing.T, text string, c *tally, decided int, confirmed []string) {
	t.Helper()
	r := verified(t, []Key{testKey}, text)
	if !r.Sound() {
		t.Fatalf("%+v\n%s", r.Findings, text)
	}
	if c.written.Load()+c.dropped.Load() != int64(decided) || int64(r.Entries) != c.written.Load() {
		t.Errorf("decided %d, written %d, dropped %d, there %d", decided, c.written.Load(), c.dropped.Load(), r.Entries)
	}
	if int64(r.Dropped) != c.dropped.Load() {
		t.Errorf("dropped %d, the log tells of %d", c.dropped.Load(), r.Dropped)
	}
	there := ids(text)
	for _, id := range confirmed {
		if !slices.Contains(there, id) {
			t.Errorf("%s was confirmed and is not there", id)
		}
	}
}

// stuck is a disk whose writes hang until it is freed.
type stuck struct {
	disk
	first sync.Once
	hangs chan struct{}
	free  chan struct{}
	armed bool
}

func (s *stuck) Write(p []byte) (int, error) {
	if s.armed {
		s.first.Do(func() { close(s.hangs) })
		<-s.free
	}
	return s.disk.Write(p)
}

func TestFullMemoryDropsOrRefusesAndIsBounded(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		s := &stuck{disk: disk{room: -1}, hangs: make(chan struct{}), free: make(chan struct{})}
		var c tally
		l, err := Open(c.options(Options{Out: s, Buffer: 1000, Refuse: refuse, Key: testKey}))
		must(t, err)
		s.armed = true
		must(t, l.Add(Entry{Line: entry(0)}))
		<-s.hangs
		refused := 0
		for i := range 100 {
			if err := l.Add(Entry{Line: entry(i)}); errors.Is(err, ErrFull) {
				refused++
			} else {
				must(t, err)
			}
			if l.pending > 1000 {
				t.Fatalf("%d bytes wait", l.pending)
			}
		}
		close(s.free)
		must(t, l.Close())
		if refuse != (refused > 0) || refuse && int64(refused) != c.dropped.Load() || c.dropped.Load() == 0 {
			t.Errorf("refused %d, dropped %d", refused, c.dropped.Load())
		}
		checkFaults(t, s.String(), &c, 101, nil)
	}
}

func TestASlowDiskRefusesInSyncMode(t *testing.T) {
	s := &stuck{disk: disk{room: -1}, hangs: make(chan struct{}), free: make(chan struct{})}
	var c tally
	l, err := Open(c.options(Options{Out: s, Sync: true, Patience: time.Millisecond, Key: testKey}))
	must(t, err)
	s.armed = true
	if err := l.Add(Entry{Line: entry(0)}); !errors.Is(err, ErrSlow) {
		t.Errorf("%v", err)
	}
	close(s.free)
	must(t, l.Close())
	checkFaults(t, s.String(), &c, 1, nil)
}

// A server that is not ready gets no requests. So the log itself must find out that
// it can be written again.
func TestALogRecoversFromAFaultThoughNoEntryComes(t *testing.T) {
	for name, o := range map[string]Options{
		"sync":                       {Sync: true},
		"sync, each entry is synced": {Sync: true, Fsync: -1},
		"refuses when full":          {Refuse: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := &disk{room: 10_000}
			var c tally
			o.Out, o.Key = d, testKey
			l, err := Open(c.options(o))
			must(t, err)
			if err := l.Fault(); err != nil {
				t.Fatalf("before any fault: %v", err)
			}
			d.give(17)
			if err := l.Add(Entry{Line: entry(0)}); o.Sync != (err != nil) {
				t.Errorf("%v", err)
			}
			eventually(t, func() bool { return errors.Is(l.Fault(), errDiskFull) })
			if s := l.State(); s.Failing.IsZero() || o.Refuse && s.Pending == 0 {
				t.Errorf("it says %+v", s)
			}
			d.give(-1)
			eventually(t, func() bool { return l.Fault() == nil })
			eventually(t, func() bool { return l.State() == State{} })
			must(t, l.Add(Entry{Line: entry(1)}))
			must(t, l.Close())
			checkFaults(t, d.String(), &c, 2, nil)
		})
	}
}

// On one processor, the first entry comes before the log waits for it.
func TestALogThatCannotWriteItsFirstEntryPausesBetweenAttempts(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	d := &disk{room: 10_000}
	l, err := Open((&tally{}).options(Options{Out: d, Sync: true}))
	must(t, err)
	d.give(0)
	if err := l.Add(Entry{Line: entry(0)}); err == nil {
		t.Error("written to a full disk")
	}
	l.mu.Lock()
	if l.retry < firstPause {
		t.Errorf("tries again after %s", l.retry)
	}
	l.mu.Unlock()
	d.give(-1)
	must(t, l.Close())
}

func TestTheEndOfAFaultEndsItsLongPause(t *testing.T) {
	l := &Log{retry: longPause}
	l.o.setDefaults()
	l.tell(errDiskFull)
	l.tell(nil)
	if l.retry != firstPause {
		t.Errorf("the next fault begins with a pause of %s", l.retry)
	}
}

func TestALogThatHangsIsFaulty(t *testing.T) {
	s := &stuck{disk: disk{room: -1}, hangs: make(chan struct{}), free: make(chan struct{})}
	var late atomic.Int64
	o := (&tally{}).options(Options{Out: s, Refuse: true, Patience: time.Minute})
	o.Now = func() time.Time { return time.Unix(late.Load(), 0) }
	l, err := Open(o)
	must(t, err)
	s.armed = true
	must(t, l.Add(Entry{Line: entry(0)}))
	<-s.hangs
	late.Store(60)
	if err := l.Fault(); err != nil {
		t.Errorf("within its patience: %v", err)
	}
	late.Store(61)
	if err := l.Fault(); !errors.Is(err, ErrSlow) {
		t.Errorf("beyond its patience: %v", err)
	}
	if since := l.State().Failing; !since.Equal(time.Unix(0, 0)) {
		t.Errorf("it fails since %v", since)
	}
	close(s.free)
	must(t, l.Close())
	if err := l.Fault(); err != nil {
		t.Errorf("once it is written: %v", err)
	}
}

func TestClosedPipeRefusesOrDrops(t *testing.T) {
	for _, sync := range []bool{true, false} {
		in, out, err := os.Pipe()
		must(t, err)
		var c tally
		l, err := Open(c.options(Options{Out: out, Sync: sync}))
		must(t, err)
		must(t, in.Close())
		if err := l.Add(Entry{Line: entry(0)}); sync == (err == nil) {
			t.Errorf("sync %v: %v", sync, err)
		}
		if err := l.Close(); err == nil {
			t.Error("no error")
		}
		if c.dropped.Load() != 1 || c.written.Load() != 0 {
			t.Errorf("written %d, dropped %d", c.written.Load(), c.dropped.Load())
		}
		must(t, out.Close())
	}
}

func TestConcurrentEntriesAreAllThereOnce(t *testing.T) {
	for _, sync := range []bool{true, false} {
		path := logPath(t)
		var c tally
		l, err := Open(c.options(Options{Path: path, Sync: sync, RotateSize: 20_000, Fsync: time.Millisecond}))
		must(t, err)
		concurrently(8, func(worker int) {
			for i := range 100 {
				if err := l.Add(Entry{Line: entry(worker*100 + i)}); err != nil {
					t.Error(err)
				}
			}
		})
		must(t, l.Close())
		must(t, l.Close())
		if err := l.Add(Entry{Line: entry(0)}); !errors.Is(err, ErrClosed) {
			t.Errorf("after closing: %v", err)
		}
		there := ids(strings.Join(files(t, path), ""))
		slices.Sort(there)
		if n := len(slices.Compact(there)); n != 800 || len(there) != 800 {
			t.Errorf("%d entries, %d different", len(there), n)
		}
		if r := verified(t, nil, files(t, path)...); !r.Sound() || r.Entries != 800 {
			t.Errorf("%+v", r)
		}
	}
}

func concurrently(n int, do func(worker int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// BenchmarkSeal measures the work of the writing goroutine for one entry.
func BenchmarkSeal(b *testing.B) {
	for name, key := range map[string]Key{"plain": {}, "keyed": testKey} {
		b.Run(name, func(b *testing.B) {
			object := append([]byte(`{"decision_id":"`+strings.Repeat("x", 900)), "\"}"...)
			c := newChain(key, newLink())
			var text []byte
			b.SetBytes(int64(len(object)))
			b.ReportAllocs()
			for b.Loop() {
				text = c.seal(text[:0], object)
			}
		})
	}
}
