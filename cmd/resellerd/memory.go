package main

import (
	"errors"
	"log/slog"

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
