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
	// Path is the file to write. If Out is set, the log writes to Out instead.
	Path string
	Out  io.Writer
	Key  Key

	// With Sync, Add returns after its entry is written or refused. Without it,
	// entries wait in memory, and failed writes are retried.
	Sync bool
	// Patience is how long Add waits with Sync; default 15 s.
	Patience time.Duration
	// Refuse makes Add fail if the memory is full. Otherwise Add drops the entry.
	Refuse bool
	// Buffer is the most bytes of waiting entries; default 16 MiB.
	Buffer int

	// Fsync is the time between two fsyncs of the file. If it is zero or less, each
	// entry is fsynced before it counts as written.
	Fsync time.Duration
	// RotateSize and RotateAge say when a new file begins; zero means never. Keep is
	// how many rotated files are kept; zero keeps all.
	RotateSize int64
	RotateAge  time.Duration
	Keep       int
	// Checkpoints is the file for checkpoints; empty writes none.
	Checkpoints string

	Now     func() time.Time
	Logger  *slog.Logger
	Written func(entries int) // counts
	Dropped func(entries int) // counts
}

// Errors that say why an entry was not taken.
var (
	ErrClosed = errors.New("decision log: closed")
	ErrFull   = errors.New("decision log: no room for another entry")
	ErrSlow   = errors.New("decision log: not written in time")
)

// Log writes entries in the order in which Add takes them. It counts every entry
// given to Add once, as written or as dropped. It is safe for concurrent use.
type Log struct {
	o    Options
	out  *output
	seal *chain

	mu      sync.Mutex
	wake    *sync.Cond
	waiting []*chunk
	spare   []*chunk
	pending int            // bytes that wait or are being written
	shares  map[string]int // the same by account
	lost    int            // dropped entries that no record reports yet
	closed  bool
	closing chan struct{}
	done    chan struct{}
	fault   error         // of the last attempt to write
	failing time.Time     // when the fault began; zero for none
	began   time.Time     // start of the current attempt; zero for none
	again   bool          // the writer must try again even if no entry waits
	retry   time.Duration // pause before that attempt
	event   string        // event of the next record, if any
	left    debris
	text    []byte // scratch
	marks   []mark // scratch: the lines in text
	told    profiles

	flush *flusher
}

// chunk is a batch of entries that are written together.
type chunk struct {
	lines    []byte
	profiles []Profiles      // of each entry
	held     map[string]bool // the profiles whose bytes are counted
	shares   map[string]int  // bytes by account

	entries int
	tried   int  // bytes of lines that are written
	written int  // entries that are written
	unsafe  bool // the entries are written, but fsync failed
	err     error
	done    chan struct{} // closed when the chunk is finished; only with Sync
}

const chunkSize = 128 << 10

// Entry is one line of the log.
type Entry struct {
	Line     []byte // a JSON object with a line feed at its end
	Account  string // whose share of the buffer the entry uses
	Profiles Profiles
}

// Open opens the log and continues its chain, or starts one. It writes a record that
// says so before the first entry. It fails if another process writes the file.
func Open(o Options) (*Log, error) {
	o.setDefaults()
	l := &Log{
		o: o, event: eventStarted, retry: firstPause, closing: make(chan struct{}), done: make(chan struct{}), shares: map[string]int{},
	}
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

// Add takes one entry. It does not keep e.Line. With Sync, a nil error means that the
// entry is written. Without Sync, it means that the entry waits, or that it was
// dropped because there is no room and Refuse is not set. After any error, the caller
// must refuse the request that the entry is about.
//
// The entries of one account never use more of the buffer than they leave free. So
// one account alone can use half of it, and the entries of others still find room.
func (l *Log) Add(e Entry) error {
	c, n, err := l.take(e)
	if c == nil {
		l.o.Dropped(1)
		return err
	}
	if !l.o.Sync {
		return nil
	}
	return c.wait(n, l.o.Patience)
}

// take puts an entry into a chunk, as its n-th one. It returns nil if it drops the entry.
func (l *Log) take(e Entry) (c *chunk, n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := l.size(e)
	switch {
	case l.closed:
		return nil, 0, ErrClosed
	case l.pending > 0 && l.shares[e.Account]+size > l.o.Buffer-l.pending:
		l.lost++
		if l.o.Sync || l.o.Refuse {
			err = ErrFull
		}
		return nil, 0, err
	}
	c = l.put(e, size)
	return c, c.entries, nil
}

// size returns the bytes that an entry needs in the buffer. A chunk holds each profile
// once.
func (l *Log) size(e Entry) int {
	n := len(e.Line)
	c := l.last(len(e.Line))
	for _, p := range e.Profiles {
		if p != nil && (c == nil || !c.held[p.Hash]) {
			n += len(p.Record)
		}
	}
	return n
}

// last returns the waiting chunk that still has room for a line, or nil.
func (l *Log) last(line int) *chunk {
	if n := len(l.waiting); n > 0 && len(l.waiting[n-1].lines)+line <= chunkSize {
		return l.waiting[n-1]
	}
	return nil
}

// put adds an entry to the waiting chunks.
func (l *Log) put(e Entry, size int) *chunk {
	c := l.last(len(e.Line))
	if c == nil {
		c = l.fresh()
		l.waiting = append(l.waiting, c)
	}
	c.lines = append(c.lines, e.Line...)
	c.profiles = append(c.profiles, e.Profiles)
	for _, p := range e.Profiles {
		if p != nil {
			c.held[p.Hash] = true
		}
	}
	c.entries++
	c.shares[e.Account] += size
	l.shares[e.Account] += size
	l.pending += size
	l.wake.Signal()
	return c
}

func (l *Log) fresh() *chunk {
	if l.o.Sync {
		return &chunk{held: map[string]bool{}, shares: map[string]int{}, done: make(chan struct{})}
	}
	n := len(l.spare)
	if n == 0 {
		return &chunk{lines: make([]byte, 0, chunkSize), held: map[string]bool{}, shares: map[string]int{}}
	}
	c := l.spare[n-1]
	l.spare = l.spare[:n-1]
	return c
}

// wait returns nil if the chunk's first n entries are written.
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

// Reopen makes the log check at once whether its file was moved away from its path.
// If so, the log opens a new file there. Other programs rotate the log in this way.
func (l *Log) Reopen() {
	l.out.look.Store(true)
	l.tryAgain()
}

// Fault returns why the log cannot be written now, or nil if it can. The log has a
// fault if the last attempt failed, or if the current attempt takes longer than
// Patience. After a fault the log retries by itself until it can be written.
func (l *Log) Fault() error {
	now := l.o.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fault == nil && !l.began.IsZero() && now.Sub(l.began) > l.o.Patience {
		return ErrSlow
	}
	return l.fault
}

// State is how far the log is behind.
type State struct {
	Pending    int       // bytes of entries that wait or are being written
	Failing    time.Time // since when it cannot be written or made durable; zero if it can
	Checkpoint time.Time // of the last checkpoint; zero for none
}

// State returns how far the log is behind now.
func (l *Log) State() State {
	now := l.o.Now()
	l.mu.Lock()
	s := State{Pending: l.pending, Failing: l.failing}
	if s.Failing.IsZero() && !l.began.IsZero() && now.Sub(l.began) > l.o.Patience {
		s.Failing = l.began
	}
	l.mu.Unlock()
	f := l.flush
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Checkpoint = f.markedAt
	if s.Failing.IsZero() || !f.failing.IsZero() && f.failing.Before(s.Failing) {
		s.Failing = f.failing
	}
	return s
}

// Close writes what waits, with one attempt for each chunk, and closes the file.
// Entries that come later are dropped. Close may be called again.
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
