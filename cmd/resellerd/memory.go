package main

import (
	"errors"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// heapShare is the part of the cgroup's memory that the Go runtime may use. The rest is
	// for the pages of SQLite and for peaks between two collections.
	heapShare = 0.7
	// rateShare is the part of that memory that rates of look-ups may use.
	rateShare = 4
)

// fitMemory makes the runtime collect garbage before the process exceeds the memory of its
// cgroup, and makes the memory of rates a part of it. It changes nothing without such a
// limit. GOMEMLIMIT overrides the cgroup, as memlimit.Set says.
func (s *limitSettings) fitMemory(log *slog.Logger, cgroup memlimit.Provider) {
	limit, err := memlimit.Set(memlimit.WithProvider(cgroup), memlimit.WithRatio(heapShare))
	if err != nil {
		if !errors.Is(err, memlimit.ErrNoCgroup) {
			log.Warn("the memory limit of the cgroup cannot be read: set GOMEMLIMIT to 70 % of it", "error", err)
		}
		return
	}
	if most := limit / rateShare; s.RateMemory > most {
		log.Info("rates in memory are limited to a quarter of the memory limit", "memory_limit", limit, "rate_memory", most, "setting", s.RateMemory)
		s.RateMemory = most
	}
}

// How much garbage may pile up beside the live heap before it is collected: garbageRoom
// bytes, but not less or more than these percentages of the live heap. Requests produce
// many times more garbage than the few megabytes that stay in use, so collections of a
// small heap are rare. Of a large heap, no multiple is used.
const (
	garbageRoom  = 48 << 20
	leastPercent = 50
	mostPercent  = 400
)

// gcPercent is the percentage for a live heap of so many bytes, as SetGCPercent takes it.
func gcPercent(live uint64) int {
	return int(min(max(garbageRoom*100/max(live, 1), leastPercent), mostPercent))
}

// boundGarbage sets the garbage collector's percentage after each collection, unless
// GOGC sets it.
func boundGarbage() {
	if os.Getenv("GOGC") == "" { //nolint:forbidigo // a setting of Go's, not of ours
		debug.SetGCPercent(mostPercent)
		(&heap{live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}, percent: mostPercent}).collected()
	}
}

// heap is garbage from its first moment, so that its finalizer runs after each collection.
type heap struct {
	live    []metrics.Sample
	percent int
}

func (h *heap) collected() {
	metrics.Read(h.live)
	if percent := gcPercent(h.live[0].Value.Uint64()); percent != h.percent {
		h.percent = percent
		debug.SetGCPercent(percent)
	}
	runtime.SetFinalizer(h, (*heap).collected)
}
