package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// decisionLog writes one JSON object a line. In async mode entries wait in a
// bounded buffer for one writing goroutine; what does not fit is dropped and
// counted, never waited for. In sync mode add returns after the write. Safe
// for concurrent use.
type decisionLog struct {
	out    io.Writer
	file   io.Closer // nil when out is not ours to close
	sync   bool
	limit  int // entries that may wait
	logger *slog.Logger

	written, dropped prometheus.Counter

	mu      sync.Mutex
	wake    *sync.Cond
	waiting []byte
	entries int
	closed  bool
	failing bool
	done    chan struct{}
}

// errLogClosed answers an entry that comes after the log was closed.
var errLogClosed = errors.New("decision log: closed")

// openDecisionLog opens what the settings name.
func (s *Server) openDecisionLog() error {
	l := s.log
	if l == nil {
		l = &decisionLog{}
		switch name := s.cfg.DecisionLog; name {
		case "none":
			return nil
		case "stdout":
			l.out = os.Stdout
		default:
			f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
			if err != nil {
				return fmt.Errorf("decision log: %w", err)
			}
			l.out, l.file = f, f
		}
	}
	l.sync, l.limit, l.logger = s.cfg.DecisionLogMode == "sync", s.cfg.DecisionLogBuffer, s.logger
	l.written = s.metrics.logEntries.WithLabelValues("written")
	l.dropped = s.metrics.logEntries.WithLabelValues("dropped")
	l.start()
	s.log = l
	return nil
}

func (l *decisionLog) start() {
	l.wake = sync.NewCond(&l.mu)
	l.done = make(chan struct{})
	if l.sync {
		close(l.done)
		return
	}
	go l.run()
}

// add takes a whole line. It keeps nothing of it. An error means that the
// entry was not written, in sync mode only.
func (l *decisionLog) add(line []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		l.dropped.Inc()
		return errLogClosed
	}
	if l.sync {
		return l.write(line, 1)
	}
	if l.entries >= l.limit {
		l.dropped.Inc()
		return nil
	}
	l.waiting = append(l.waiting, line...)
	if l.entries++; l.entries == 1 {
		l.wake.Signal()
	}
	return nil
}

// logLinger is how long the first entry that waits lets others join it: one
// write for hundreds of entries under load, and no later than this without.
const logLinger = 2 * time.Millisecond

// run writes what waits, as much at once as there is.
func (l *decisionLog) run() {
	defer close(l.done)
	var batch []byte
	for {
		l.mu.Lock()
		for l.entries == 0 && !l.closed {
			l.wake.Wait()
		}
		if l.entries == 0 {
			l.mu.Unlock()
			return
		}
		if !l.closed {
			l.mu.Unlock()
			time.Sleep(logLinger)
			l.mu.Lock()
		}
		n := l.entries
		batch, l.waiting, l.entries = l.waiting, batch[:0], 0
		l.mu.Unlock()
		_ = l.write(batch, n) // counted and logged there
	}
}

// write puts n lines out and counts them. Only one goroutine is in here.
func (l *decisionLog) write(lines []byte, n int) error {
	_, err := l.out.Write(lines)
	if err != nil {
		l.dropped.Add(float64(n))
		if !l.failing {
			l.logger.Error("decision log cannot be written", "error", err)
		}
		l.failing = true
		return fmt.Errorf("decision log: %w", err)
	}
	l.failing = false
	l.written.Add(float64(n))
	return nil
}

// close writes what waits and closes the file. Entries that come later are
// dropped.
func (l *decisionLog) close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	l.closed = true
	l.wake.Broadcast()
	l.mu.Unlock()
	<-l.done
	if l.file == nil {
		return nil
	}
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("decision log: %w", err)
	}
	return nil
}
