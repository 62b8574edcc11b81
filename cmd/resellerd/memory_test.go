package main

import (
	"bytes"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// TestTheMemoryLimitOfTheCgroup is not parallel: the limit is of the process.
func TestTheMemoryLimitOfTheCgroup(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	none := func() (uint64, error) { return 0, memlimit.ErrNoLimit }
	absent := func() (uint64, error) { return 0, memlimit.ErrNoCgroup }
	broken := func() (uint64, error) { return 0, io.ErrUnexpectedEOF }
	for _, test := range []struct {
		name        string
		cgroup      memlimit.Provider
		set         int64 // --rate-memory
		limit, rate int64
		log         string
	}{
		{"a small cgroup limits both", memlimit.Limit(1000 << 20), 256 << 20, 700 << 20, 175 << 20, "rates in memory are limited"},
		{"a smaller setting stays", memlimit.Limit(1000 << 20), 1 << 20, 700 << 20, 1 << 20, ""},
		{"no rates in memory stays", memlimit.Limit(1000 << 20), 0, 700 << 20, 0, ""},
		{"a cgroup without a limit changes nothing", none, 256 << 20, math.MaxInt64, 256 << 20, ""},
		{"a process without a cgroup", absent, 256 << 20, math.MaxInt64, 256 << 20, ""},
		{"a limit that cannot be read is a warning", broken, 256 << 20, math.MaxInt64, 256 << 20, "set GOMEMLIMIT"},
	} {
		debug.SetMemoryLimit(math.MaxInt64)
		var log bytes.Buffer
		s := limitSettings{RateMemory: test.set}
		s.fitMemory(slog.New(slog.NewTextHandler(&log, nil)), test.cgroup)
		if got := debug.SetMemoryLimit(-1); got != test.limit || s.RateMemory != test.rate {
			t.Errorf("%s: limit %d and rates %d, want %d and %d", test.name, got, s.RateMemory, test.limit, test.rate)
		}
		if (test.log == "") != (log.Len() == 0) || !strings.Contains(log.String(), test.log) {
			t.Errorf("%s: log %q, want %q", test.name, log.String(), test.log)
		}
	}
}

func TestTheOperatorsMemoryLimitWins(t *testing.T) {
	before := debug.SetMemoryLimit(300 << 20)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	t.Setenv("GOMEMLIMIT", "300MiB")
	s := limitSettings{RateMemory: 256 << 20}
	s.fitMemory(slog.New(slog.DiscardHandler), memlimit.Limit(1<<30))
	if got := debug.SetMemoryLimit(-1); got != 300<<20 || s.RateMemory != 75<<20 {
		t.Errorf("limit %d and rates %d, want 300 MiB and a quarter of it", got, s.RateMemory)
	}
}

func TestGarbageBesideTheLiveHeapIsBounded(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 1 << 20: 400, 12 << 20: 400, 24 << 20: 200, 48 << 20: 100, 96 << 20: 50, 4 << 30: 50} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d live bytes: %d %%, want %d", live, got, want)
		}
	}
}

// TestThePercentageFollowsTheLiveHeap is not parallel: the percentage is of the process. A
// process of its own has GOGC set.
func TestThePercentageFollowsTheLiveHeap(t *testing.T) {
	percent := func() int {
		sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(sample)
		return int(sample[0].Value.Uint64())
	}
	held := make([]byte, 256<<20)
	if os.Getenv("GOGC") == "200" {
		boundGarbage()
		if runtime.GC(); percent() != 200 {
			t.Errorf("%d %%, although GOGC is set", percent())
		}
		runtime.KeepAlive(held)
		return
	}
	t.Setenv("GOGC", "200")
	if out, err := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	before := debug.SetGCPercent(mostPercent)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	t.Setenv("GOGC", "")
	boundGarbage()
	for late := time.Now().Add(time.Minute); percent() != leastPercent; runtime.Gosched() {
		if time.Now().After(late) {
			t.Fatalf("%d %% beside %d bytes", percent(), len(held))
		}
		runtime.GC()
	}
	runtime.KeepAlive(held)
}
