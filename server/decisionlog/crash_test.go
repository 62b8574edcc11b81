package decisionlog

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

// TestCrashingWriter is a process that writes until it is killed, in the tests
// below. It prints the number of each entry that a crash must not lose.
func TestCrashingWriter(t *testing.T) {
	path := os.Getenv("CRASH_LOG")
	if path == "" {
		t.Skip("a process for the tests below, started by them")
	}
	sync := os.Getenv("CRASH_SYNC") == "true"
	l, err := Open((&tally{}).options(Options{Path: path, Sync: sync, Key: testKey, Fsync: time.Millisecond, RotateSize: 300_000}))
	must(t, err)
	var at []time.Time
	for n, safe := 0, 0; ; n++ {
		must(t, l.Add(Entry{Line: entry(n)}))
		at = append(at, time.Now())
		for safe < n && (sync || time.Since(at[safe]) > crashInterval) {
			fmt.Println("safe", safe)
			safe++
		}
	}
}

// crashInterval is much longer than entries wait, to allow for a busy machine.
const crashInterval = 200 * time.Millisecond

func TestAKilledProcessLosesNothingThatWasPromised(t *testing.T) {
	for _, sync := range []bool{true, false} {
		t.Run(fmt.Sprintf("sync %v", sync), func(t *testing.T) {
			path := logPath(t)
			safe := 0
			for range 3 {
				safe = crash(t, path, sync, 2000)
			}
			l, err := Open((&tally{}).options(Options{Path: path, Key: testKey}))
			must(t, err)
			must(t, l.Close())
			texts := files(t, path)
			r := verified(t, []Key{testKey}, texts...)
			if !r.Sound() || len(r.Spans) != 1 {
				t.Errorf("%+v", r)
			}
			there := ids(strings.Join(texts, ""))
			last := there[max(0, slices.Index(there, "D0")):]
			for i := len(there) - 1; i >= 0; i-- {
				if there[i] == "D0" { // the first entry of the last process
					last = there[i:]
					break
				}
			}
			for n := range safe {
				if n >= len(last) || last[n] != fmt.Sprintf("D%d", n) {
					t.Fatalf("%d entries were promised, %d are there", safe, len(last))
				}
			}
		})
	}
}

// crash runs the writer and kills it after the given number of promises. It returns
// the number of promises.
func crash(t *testing.T, path string, sync bool, after int) (promised int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestCrashingWriter$")
	cmd.Env = append(os.Environ(), "CRASH_LOG="+path, "CRASH_SYNC="+strconv.FormatBool(sync))
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if n, ok := strings.CutPrefix(lines.Text(), "safe "); ok {
			promised, err = strconv.Atoi(n)
			must(t, err)
			promised++
			if promised == after {
				must(t, cmd.Process.Kill())
			}
		}
	}
	_ = cmd.Wait() // killed
	return promised
}

// However much of the last lines a crash left, the next process reports it and
// continues.
func TestATornEndIsToldOfAndTheChainGoesOn(t *testing.T) {
	path := logPath(t)
	o := (&tally{}).options(Options{Path: path, Sync: true, Key: testKey})
	l, err := Open(o)
	must(t, err)
	for i := range 3 {
		must(t, l.Add(Entry{Line: entry(i)}))
	}
	must(t, l.Close())
	whole := read(t, path)
	last := strings.LastIndex(whole[:len(whole)-1], "\n") + 1
	for n := last; n <= len(whole); n++ {
		must(t, os.WriteFile(path, []byte(whole[:n]), 0o600))
		l, err := Open(o)
		must(t, err)
		must(t, l.Add(Entry{Line: entry(9)}))
		must(t, l.Close())
		r := verified(t, []Key{testKey}, read(t, path))
		torn := n > last && n < len(whole)-1
		if !r.Sound() || len(r.Spans) != 1 || torn != (r.Torn == 1) || r.Entries != 4 {
			t.Fatalf("%d bytes of the last line: %+v\n%s", n-last, r, read(t, path))
		}
	}
}
