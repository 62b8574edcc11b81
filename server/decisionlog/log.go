package decisionlog

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Options say where a Log writes and what it promises.
type Options struct {
	// Path is the file to write. Out is written instead when it is set.
	Path string
	Out  io.Writer
	Key  Key

	// Sync makes Add return when its entry is written, or refused. Else entries
	// wait in memory, and what the disk does not take now is tried again.
	Sync bool
	// Patience is how long Add waits with Sync; 15 s by default.
	Patience time.Duration
	// Refuse makes Add fail when the memory is full, instead of dropping.
	Refuse bool
	// Buffer bounds the bytes of entries that wait; 16 MiB by default.
	Buffer int

	// Fsync is the time between two fsyncs of the file. Zero or less: each entry
	// is fsynced before it counts as written.
	Fsync time.Duration
	// RotateSize and RotateAge begin a new file; zero never does. Keep is how many
	// files before it are kept; zero keeps all.
	RotateSize int64
	RotateAge  time.Duration
	Keep       int
	// Checkpoints is a file for checkpoints, if any.
	Checkpoints string

	Now     func() time.Time
	Logger  *slog.Logger
	Written func(entries int) // counts
	Dropped func(entries int) // counts
}

// Why an entry was not taken.
var (
	ErrClosed = errors.New("decision log: closed")
	ErrFull   = errors.New("decision log: no room for another entry")
	ErrSlow   = errors.New("decision log: not written in time")
)

// Log writes entries in the order in which Add takes them. Every entry that Add
// is given is counted once, as written or as dropped. Safe for concurrent use.
type Log struct {
	o    Options
	out  *output
	seal *chain

	mu      sync.Mutex
	wake    *sync.Cond
	waiting []*chunk
	spare   []*chunk
	pending int // bytes that wait or are being written
	lost    int // entries dropped that no record tells of
	closed  bool
	closing chan struct{}
	done    chan struct{}
	fault   error         // of the last attempt to write
	began   time.Time     // of the attempt that is under way; zero for none
	again   bool          // the writer is to try again, though no entry waits
	retry   time.Duration // until then
	event   string        // what the next record tells of, if anything
	left    debris
	text    []byte // scratch
	ends    []int  // scratch: where the lines in text end

	flush *flusher
}

// chunk is a number of entries that are written at once.
type chunk struct {
	lines   []byte
	entries int
	tried   int  // bytes of lines that are written
	written int  // entries that are
	unsafe  bool // they are, and could not be fsynced
	err     error
	done    chan struct{} // closed when it is dealt with; in sync mode only
}

const chunkSize = 128 << 10

// Open opens the log, continues its chain, or starts one, and writes a record
// that says so with the first entry. It fails when another process writes the
// file.
func Open(o Options) (*Log, error) {
	o.setDefaults()
	l := &Log{o: o, event: eventStarted, retry: firstPause, closing: make(chan struct{}), done: make(chan struct{})}
	l.wake = sync.NewCond(&l.mu)
	at, err := l.openOutput()
	if err != nil {
		return nil, fmt.Errorf("decision log: %w", err)
	}
	l.seal = newChain(o.Key, at)
	if l.flush, err = newFlusher(o, l.out); err != nil {
		return nil, errors.Join(fmt.Errorf("decision log checkpoints: %w", err), l.out.close())
	}
	if err := l.attempt(&chunk{}); err != nil {
		return nil, errors.Join(fmt.Errorf("decision log: %w", err), l.out.close())
	}
	go l.flush.run()
	go l.run()
	return l, nil
}

func (o *Options) setDefaults() {
	if o.Patience <= 0 {
		o.Patience = 15 * time.Second
	}
	if o.Buffer <= 0 {
		o.Buffer = 16 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Written == nil {
		o.Written = func(int) {}
	}
	if o.Dropped == nil {
		o.Dropped = func(int) {}
	}
}

// Add takes one entry, a JSON object with a line feed behind it, and keeps
// nothing of it. With Sync a nil error says that it is written; else that it
// waits, or was dropped for want of room where that was chosen. Any error says
// that the caller must refuse what the entry is about.
func (l *Log) Add(line []byte) error {
	l.mu.Lock()
	switch {
	case l.closed:
		l.mu.Unlock()
		l.o.Dropped(1)
		return ErrClosed
	case l.pending > 0 && l.pending+len(line) > l.o.Buffer:
		l.lost++
		l.mu.Unlock()
		l.o.Dropped(1)
		if l.o.Sync || l.o.Refuse {
			return ErrFull
		}
		return nil
	}
	c := l.put(line)
	n := c.entries
	l.mu.Unlock()
	if !l.o.Sync {
		return nil
	}
	return c.wait(n, l.o.Patience)
}

// put adds a line to what waits.
func (l *Log) put(line []byte) *chunk {
	if n := len(l.waiting); n == 0 || len(l.waiting[n-1].lines)+len(line) > chunkSize {
		l.waiting = append(l.waiting, l.fresh())
	}
	c := l.waiting[len(l.waiting)-1]
	c.lines = append(c.lines, line...)
	c.entries++
	l.pending += len(line)
	l.wake.Signal()
	return c
}

func (l *Log) fresh() *chunk {
	if l.o.Sync {
		return &chunk{done: make(chan struct{})}
	}
	n := len(l.spare)
	if n == 0 {
		return &chunk{lines: make([]byte, 0, chunkSize)}
	}
	c := l.spare[n-1]
	l.spare = l.spare[:n-1]
	return c
}

// wait returns nil when the chunk's first n entries are written.
func (c *chunk) wait(n int, patience time.Duration) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		return ErrSlow
	}
	if c.err != nil && (n > c.written || c.unsafe) {
		return fmt.Errorf("decision log: %w", c.err)
	}
	return nil
}

// Fault says why the log cannot be written now, nil when it can: the last attempt
// failed, or one that is under way takes longer than Patience. With Sync the log
// tries again by itself until it can be written.
func (l *Log) Fault() error {
	now := l.o.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fault == nil && !l.began.IsZero() && now.Sub(l.began) > l.o.Patience {
		return ErrSlow
	}
	return l.fault
}

// Close writes what waits, with one attempt for each part, and closes the file.
// Entries that come later are dropped. It may be called again.
func (l *Log) Close() error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.wake.Broadcast()
	l.mu.Unlock()
	if !first {
		<-l.done
		return nil
	}
	close(l.closing)
	<-l.done
	l.event = eventStopped
	err := errors.Join(l.attempt(&chunk{}), l.flush.close(l.seal.link), l.out.close())
	if err != nil {
		return fmt.Errorf("decision log: %w", err)
	}
	return nil
}
