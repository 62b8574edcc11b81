package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Limits of the process's own log.
const (
	throttleLines  = 100              // of one level and message in each period
	throttlePeriod = 10 * time.Second // after it, one line says how many were left out
	throttleKinds  = 1000             // levels and messages that are told apart
)

// throttle passes a limited number of records of one level and message, and counts
// the others. It passes every debug record, because somebody has asked for those.
type throttle struct {
	slog.Handler
	kinds *logKinds // shared with the handlers that WithAttrs and WithGroup return
}

// logKinds are the levels and messages of the current periods.
type logKinds struct {
	base  slog.Handler // writes the counts
	now   func() time.Time
	after func(time.Duration, func())

	mu   sync.Mutex
	seen map[logKind]*logTally
}

type logKind struct {
	level   slog.Level
	message string
}

type logTally struct {
	began   time.Time
	passed  int
	leftOut int
}

func newThrottle(h slog.Handler) *throttle {
	after := func(d time.Duration, f func()) { time.AfterFunc(d, f) }
	return &throttle{Handler: h, kinds: &logKinds{base: h, now: time.Now, after: after, seen: map[logKind]*logTally{}}}
}

// Handle implements slog.Handler.
func (t *throttle) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo && !t.kinds.pass(logKind{r.Level, r.Message}) {
		return nil
	}
	return t.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (t *throttle) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &throttle{Handler: t.Handler.WithAttrs(attrs), kinds: t.kinds}
}

// WithGroup implements slog.Handler.
func (t *throttle) WithGroup(name string) slog.Handler {
	return &throttle{Handler: t.Handler.WithGroup(name), kinds: t.kinds}
}

// pass counts a record, and reports whether it is written.
func (k *logKinds) pass(kind logKind) bool {
	now := k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	tally := k.tally(&kind, now)
	if tally.passed < throttleLines {
		tally.passed++
		return true
	}
	if tally.leftOut++; tally.leftOut == 1 {
		k.after(throttlePeriod, func() { k.tell(kind) })
	}
	return false
}

// tally returns the tally of a kind in its period. If too many kinds are known, it
// changes the kind to one for all others.
func (k *logKinds) tally(kind *logKind, now time.Time) *logTally {
	if _, known := k.seen[*kind]; !known && len(k.seen) >= throttleKinds {
		for other, t := range k.seen {
			if t.over(now) {
				delete(k.seen, other)
			}
		}
		if len(k.seen) >= throttleKinds {
			*kind = logKind{kind.level, "other messages"}
		}
	}
	tally := k.seen[*kind]
	if tally == nil || tally.over(now) {
		tally = &logTally{began: now}
		k.seen[*kind] = tally
	}
	return tally
}

// over reports whether the period has ended. A period in which lines were left out
// ends with the line that says so.
func (t *logTally) over(now time.Time) bool {
	return t.leftOut == 0 && now.Sub(t.began) >= throttlePeriod
}

// tell ends a period, and writes how many lines it left out.
func (k *logKinds) tell(kind logKind) {
	k.mu.Lock()
	n := k.seen[kind].leftOut
	delete(k.seen, kind)
	k.mu.Unlock()
	r := slog.NewRecord(k.now(), kind.level, "log lines were left out", 0)
	r.AddAttrs(slog.String("message", kind.message), slog.Int("lines", n))
	_ = k.base.Handle(context.Background(), r) // as slog does
}
