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

// memoryFolder returns a folder in memory, if the system has one. A test that fsyncs
// 100,000 files takes seconds there, and minutes on a disk.
func memoryFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "decisionlog-") //nolint:usetesting // t.TempDir is on the disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

// collector verifies and removes a log's files, including those that were moved. It
// must not run while an entry is being added.
type collector struct {
	path    string
	v       *Verifier
	entries int // entries found so far, in order without gaps
}

type collected struct {
	name, text string
	seq        uint64 // of the first line
}

// collect takes all files but the newest, or all files if the log is closed.
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
		if text == "" { // created by the mover and never written
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
		files = files[:len(files)-1] // the log may still write to the newest file
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

// moving moves the file away again and again until ctx ends, like logrotate. Every
// second time it puts an empty file in its place.
func moving(ctx context.Context, path string) (moved int) {
	for ctx.Err() == nil {
		runtime.Gosched()
		if os.Rename(path, fmt.Sprintf("%s.outside-%d", path, moved)) != nil {
			continue
		}
		if moved++; moved%2 == 0 {
			if f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o640); err == nil {
				_ = f.Close() // the log may have created its file first
			}
		}
	}
	return moved
}

// rotating adds n entries, each of which begins a new file. outside says whether
// another program moves the file meanwhile.
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
		if err := l.Add(Entry{Line: fmt.Appendf(nil, `{"decision_id":"D%d"}`+"\n", i)}); err != nil {
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

// rotations returns how many rotations a test makes.
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

// Another program may move the file away and back before the log checks. The log must
// then not lock itself out.
func TestAFileThatIsMovedAwayAndBackIsKept(t *testing.T) {
	path := logPath(t)
	l, err := Open((&tally{}).options(Options{Path: path, Sync: true}))
	must(t, err)
	must(t, l.Add(Entry{Line: entry(1)}))
	must(t, os.Rename(path, path+".away"))
	l.out.look.Store(true)
	must(t, os.Rename(path+".away", path))
	must(t, l.Add(Entry{Line: entry(2)}))
	must(t, l.out.openFile()) // the file came back after the check
	must(t, l.Add(Entry{Line: entry(3)}))
	must(t, l.Close())
	if r := verified(t, nil, files(t, path)...); !r.Sound() || r.Entries != 3 {
		t.Errorf("%+v", r)
	}
}

// A program that rotates the log need not wait for the next entry. The log takes entries
// afterwards as before.
func TestALogThatIsReopenedBeginsAFileAtItsPath(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{"waits": {}, "sync": {Sync: true, Patience: time.Minute}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "log")
			c := &tally{}
			o.Path = path
			l, err := Open(c.options(o))
			must(t, err)
			defer l.Close()
			l.Reopen() // the file is in its place
			must(t, os.Rename(path, path+".old"))
			l.Reopen()
			eventually(t, func() bool {
				text, err := os.ReadFile(path)
				return err == nil && strings.Contains(string(text), eventRotated)
			})
			for i := range 3 {
				must(t, l.Add(Entry{Line: entry(i), Account: "a"}))
				eventually(t, func() bool { return c.written.Load() == int64(i+1) })
			}
			must(t, l.Close())
			v := NewVerifier(Key{})
			must(t, v.Read("files", strings.NewReader(read(t, path+".old")+read(t, path))))
			if r := v.Finish(); !r.Sound() || r.Entries != 3 {
				t.Errorf("%+v", r)
			}
		})
	}
}
