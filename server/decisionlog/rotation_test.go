package decisionlog

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/policies/policiestest/depth"
)

// memoryFolder is a folder whose files cost no disk, where the system has one:
// a test that fsyncs 100,000 files takes seconds there, and minutes elsewhere.
func memoryFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "decisionlog-") //nolint:usetesting // t.TempDir is on the disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

// collector verifies a log's files, wherever they were moved, and removes them.
// It is called while no entry is being added.
type collector struct {
	path    string
	v       *Verifier
	entries int // found; each is the one after the entry before
}

type collected struct {
	name, text string
	seq        uint64 // of the first line
}

// collect takes all files but the newest, or all of a log that is closed.
func (c *collector) collect(t *testing.T, closed bool) {
	t.Helper()
	names, err := filepath.Glob(c.path + "*")
	must(t, err)
	var files []collected
	for _, name := range names {
		if name == c.path && !closed {
			continue
		}
		text := read(t, name)
		if text == "" { // put there by the mover, and never written
			must(t, os.Remove(name))
			continue
		}
		first, _, _ := strings.Cut(text, "\n")
		s, err := open([]byte(first))
		must(t, err)
		files = append(files, collected{name, text, s.seq})
	}
	slices.SortFunc(files, func(a, b collected) int { return cmp.Compare(a.seq, b.seq) })
	if !closed && len(files) > 0 {
		files = files[:len(files)-1] // the newest may be the one that is written
	}
	var whole strings.Builder
	for _, f := range files {
		whole.WriteString(f.text)
		for _, id := range ids(f.text) {
			if want := fmt.Sprintf("D%d", c.entries); id != want {
				t.Fatalf("%s holds %s, want %s", f.name, id, want)
			}
			c.entries++
		}
		must(t, os.Remove(f.name))
	}
	must(t, c.v.Read("files", strings.NewReader(whole.String())))
}

// moving moves the file away until ctx ends, as logrotate does: every second time
// with an empty file in its place.
func moving(ctx context.Context, path string) (moved int) {
	for ctx.Err() == nil {
		runtime.Gosched()
		if os.Rename(path, fmt.Sprintf("%s.outside-%d", path, moved)) != nil {
			continue
		}
		if moved++; moved%2 == 0 {
			if f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o640); err == nil {
				_ = f.Close() // the log's own file may be there first
			}
		}
	}
	return moved
}

// rotating adds so many entries, each of which begins a new file, beside the
// watcher, and beside an outside mover where one is asked for.
func rotating(t *testing.T, n int, outside bool) {
	path := filepath.Join(memoryFolder(t), "decisions.jsonl")
	var tally tally
	l, err := Open(tally.options(Options{Path: path, Key: testKey, Sync: true, RotateSize: 1, Fsync: time.Millisecond}))
	must(t, err)
	c := collector{path: path, v: NewVerifier(testKey)}
	stopped := make(chan int, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if outside {
		go func() { stopped <- moving(ctx, path) }()
	}
	for i := range n {
		if err := l.Add(fmt.Appendf(nil, `{"decision_id":"D%d"}`+"\n", i)); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
		if i%100 == 99 {
			c.collect(t, false)
		}
	}
	stop()
	if outside {
		if moved := <-stopped; moved < n/100 {
			t.Errorf("only %d files were moved", moved)
		}
	}
	must(t, l.Close())
	c.collect(t, true)
	r := c.v.Finish()
	if !r.Sound() || r.Entries != n || c.entries != n || len(r.Spans) != 1 || !r.Stopped {
		t.Errorf("%d of %d entries: %+v", c.entries, n, r)
	}
	if tally.written.Load() != int64(n) || tally.dropped.Load() != 0 {
		t.Errorf("written %d, dropped %d", tally.written.Load(), tally.dropped.Load())
	}
}

// rotations is how many a test makes.
func rotations(quick int) int {
	if depth.Long() {
		return 100_000
	}
	return depth.Runs(quick)
}

func TestALogThatRotatesIsNotTakenForOneThatWasMoved(t *testing.T) {
	rotating(t, rotations(2_000), false)
}

func TestALogLosesNothingWhileSomebodyElseMovesItsFiles(t *testing.T) {
	rotating(t, rotations(1_000), true)
}

// A mover may put the file back before the log looks for it. The log must not
// lock itself out of it.
func TestAFileThatIsMovedAwayAndBackIsKept(t *testing.T) {
	path := logPath(t)
	l, err := Open((&tally{}).options(Options{Path: path, Sync: true}))
	must(t, err)
	must(t, l.Add(entry(1)))
	must(t, os.Rename(path, path+".away"))
	l.out.look.Store(true)
	must(t, os.Rename(path+".away", path))
	must(t, l.Add(entry(2)))
	must(t, l.out.openFile()) // as when the file comes back after the look
	must(t, l.Add(entry(3)))
	must(t, l.Close())
	if r := verified(t, nil, files(t, path)...); !r.Sound() || r.Entries != 3 {
		t.Errorf("%+v", r)
	}
}
