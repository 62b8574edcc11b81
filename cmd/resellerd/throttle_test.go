package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestEqualLogMessagesAreCountedAfterAHundred(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Unix(0, 0)
	var over []func()
	h := newThrottle(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.kinds.now = func() time.Time { return now }
	h.kinds.after = func(_ time.Duration, f func()) { over = append(over, f) }
	log := slog.New(h)
	check := func(when string, text string, want int) {
		t.Helper()
		if n := strings.Count(out.String(), text); n != want {
			t.Errorf("%s: %d lines with %q, want %d", when, n, text, want)
		}
	}
	for i := range 34_000 {
		log.With("route", i).Error("request refused", "n", i)
		log.Warn("request refused")
	}
	log.Debug("request refused")
	log.Info("another message")
	check("errors", "level=ERROR msg=\"request refused\"", 100)
	check("warnings", "level=WARN msg=\"request refused\"", 100)
	check("debug", "level=DEBUG", 1)
	check("others", "another message", 1)
	if len(over) != 2 {
		t.Fatalf("%d periods, want 2", len(over))
	}
	now = now.Add(throttlePeriod)
	for _, end := range over {
		end()
	}
	check("the counts", `msg="log lines were left out" message="request refused" lines=33900`, 2)
	log.Error("request refused")
	check("the next period", "level=ERROR msg=\"request refused\"", 101)
	for i := range 3 * throttleKinds {
		for range 2 {
			log.Info(fmt.Sprint("message ", i))
		}
	}
	if n := len(h.kinds.seen); n > throttleKinds+2 {
		t.Errorf("%d kinds in memory", n)
	}
}
