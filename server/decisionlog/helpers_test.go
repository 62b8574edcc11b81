package decisionlog

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var testKey = Key{secret: []byte("a key for tests, long enough")}

// tally counts the entries that a log reports as written and as dropped.
type tally struct{ written, dropped atomic.Int64 }

func (c *tally) options(o Options) Options {
	o.Written = func(n int) { c.written.Add(int64(n)) }
	o.Dropped = func(n int) { c.dropped.Add(int64(n)) }
	o.Logger = slog.New(slog.DiscardHandler)
	if o.Fsync == 0 {
		o.Fsync = time.Hour
	}
	return o
}

func entry(i int) []byte {
	return fmt.Appendf(nil, `{"decision_id":"D%d","path":"x","text":"%s"}`+"\n", i, strings.Repeat("é", i%7))
}

// disk is a file with limited room. A write may end in the middle of a line.
type disk struct {
	mu   sync.Mutex
	text bytes.Buffer
	room int // bytes; -1 means no limit
}

var errDiskFull = errors.New("no space left on device")

func (d *disk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(p)
	if d.room >= 0 && d.room < n {
		n = d.room
	}
	d.text.Write(p[:n])
	if d.room >= 0 {
		d.room -= n
	}
	if n < len(p) {
		return n, errDiskFull
	}
	return n, nil
}

func (d *disk) give(room int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = room
}

func (d *disk) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

// verified verifies the texts of files in order.
func verified(t testing.TB, keys []Key, texts ...string) *Report {
	t.Helper()
	v := NewVerifier(keys...)
	for i, text := range texts {
		must(t, v.Read(fmt.Sprintf("file-%d", i+1), strings.NewReader(text)))
	}
	return v.Finish()
}

// files returns the contents of a log's files, oldest first.
func files(t testing.TB, path string) []string {
	t.Helper()
	old, err := rotated(path)
	must(t, err)
	var texts []string
	for _, f := range append(old, numbered{path: path}) {
		text, err := os.ReadFile(f.path)
		must(t, err)
		texts = append(texts, string(text))
	}
	return texts
}

func logPath(t testing.TB) string { return filepath.Join(t.TempDir(), "decisions.jsonl") }

// ids returns the decision ids in a text, in order.
func ids(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, `{"decision_id":"`); ok && strings.HasSuffix(line, "}}\n") {
			id, _, _ := strings.Cut(rest, `"`)
			list = append(list, id)
		}
	}
	return list
}

// eventually waits until a condition holds.
func eventually(t testing.TB, holds func() bool) {
	t.Helper()
	for late := time.Now().Add(time.Minute); !holds(); runtime.Gosched() {
		if time.Now().After(late) {
			t.Fatal("it did not come to hold")
		}
	}
}
