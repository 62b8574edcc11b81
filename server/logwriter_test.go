package server

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
)

// gate is a disk that hangs until it is opened.
type gate struct {
	mu   sync.Mutex
	out  bytes.Buffer
	open chan struct{}
	held chan struct{}
	once sync.Once
}

func newGate() *gate { return &gate{open: make(chan struct{}), held: make(chan struct{})} }

func (g *gate) Write(p []byte) (int, error) {
	g.once.Do(func() { close(g.held) })
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.out.Write(p)
}

func openLog(t *testing.T, cfg Config, out io.Writer) *decisionLog {
	t.Helper()
	s := bareServer(t, cfg)
	s.log = &decisionLog{out: out}
	must(t, s.openDecisionLog())
	return s.log
}

func TestAsyncLogDropsAndCountsWhatTheDiskDoesNotTake(t *testing.T) {
	disk := newGate()
	l := openLog(t, Config{DecisionLogBuffer: 3}, disk)
	must(t, l.add([]byte("first\n")))
	<-disk.held // the writer is stuck with the first line
	for range 5 {
		must(t, l.add([]byte("more\n")))
	}
	close(disk.open)
	must(t, l.close())
	if got := disk.out.String(); got != "first\n"+strings.Repeat("more\n", 3) {
		t.Errorf("wrote %q", got)
	}
	if w, d := counted(l.written), counted(l.dropped); w != 4 || d != 2 {
		t.Errorf("written %v, dropped %v", w, d)
	}
	if err := l.add([]byte("late\n")); !errors.Is(err, errLogClosed) {
		t.Errorf("after closing: %v", err)
	}
}

func TestLogKeepsNothingOfTheLine(t *testing.T) {
	var out bytes.Buffer
	disk := newGate()
	l := openLog(t, Config{}, disk)
	line := []byte("first\n")
	must(t, l.add(line))
	copy(line, "XXXXX")
	close(disk.open)
	must(t, l.close())
	if disk.out.String() != "first\n" {
		t.Errorf("wrote %q", out.String())
	}
}

type brokenDisk struct{}

func (brokenDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestSyncLogTellsWhenAnEntryIsNotWritten(t *testing.T) {
	l := openLog(t, Config{DecisionLogMode: "sync"}, brokenDisk{})
	if err := l.add([]byte("line\n")); err == nil {
		t.Error("no error")
	}
	if d := counted(l.dropped); d != 1 {
		t.Errorf("dropped %v", d)
	}
	must(t, l.close())
}

func TestConcurrentEntriesStayWholeLines(t *testing.T) {
	var out bytes.Buffer
	l := openLog(t, Config{}, &out)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			line := []byte(strings.Repeat(string(rune('a'+i)), 200) + "\n")
			for range 50 {
				_ = l.add(line)
			}
		})
	}
	all.Wait()
	must(t, l.close())
	for line := range strings.Lines(out.String()) {
		if line != strings.Repeat(line[:1], 200)+"\n" {
			t.Fatalf("torn line %q", line)
		}
	}
	if strings.Count(out.String(), "\n") != 400 {
		t.Errorf("%d lines", strings.Count(out.String(), "\n"))
	}
}
