package decisionlog

import (
	"encoding/json"
	"errors"
	"os"
	"sync"
	"time"
)

// checkpoint says how far a chain was durably written at some time. If it is kept
// where the log's writer cannot change it, it reveals that the end of the log was cut
// off later.
type checkpoint struct {
	Chain string    `json:"chain"`
	Seq   uint64    `json:"seq"`
	Mac   string    `json:"mac"`
	Time  time.Time `json:"time"`
}

// A checkpoint is due after checkpointTime or after checkpointEntries, whichever
// comes first.
const (
	checkpointTime    = 10 * time.Second
	checkpointEntries = 10_000
)

// flusher fsyncs the file at an interval, in a goroutine of its own, and writes
// checkpoints of the durable part.
type flusher struct {
	o    Options
	out  *output
	file *os.File // for checkpoints, or nil
	torn bool     // the last checkpoint was written only in part

	mu       sync.Mutex
	at       link      // the last line written
	entries  int       // written since the last checkpoint
	markedAt time.Time // the time of the last checkpoint
	failing  time.Time // since when the log cannot be made durable; zero if it can

	synced, marked link
	stop, done     chan struct{}
}

func newFlusher(o Options, out *output) (*flusher, error) {
	f := &flusher{o: o, out: out, stop: make(chan struct{}), done: make(chan struct{})}
	if o.Checkpoints != "" {
		if err := f.openMarks(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// openMarks opens the file of the checkpoints in place of the one that is open.
func (f *flusher) openMarks() error {
	file, err := os.OpenFile(f.o.Checkpoints, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	if f.file != nil {
		err = f.file.Close()
	}
	f.file, f.torn = file, false
	return err
}

// marksMoved reports whether the file of the checkpoints was moved or removed from
// its path.
func (f *flusher) marksMoved() bool {
	there, err := os.Stat(f.o.Checkpoints)
	if err != nil {
		return true
	}
	open, err := f.file.Stat()
	return err != nil || !os.SameFile(there, open)
}

// wrote notes that the chain is written up to a line.
func (f *flusher) wrote(at link, entries int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = at
	f.entries += entries
}

func (f *flusher) run() {
	defer close(f.done)
	every := f.o.Fsync
	if every <= 0 {
		every = time.Second
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			f.out.look.Store(true)
			f.tell(f.flush())
		case <-f.stop:
			return
		}
	}
}

// tell logs when a failure begins.
func (f *flusher) tell(err error) {
	now := f.o.Now()
	f.mu.Lock()
	began := err != nil && f.failing.IsZero()
	switch {
	case began:
		f.failing = now
	case err == nil:
		f.failing = time.Time{}
	}
	f.mu.Unlock()
	if began {
		f.o.Logger.Error("decision log cannot be made durable", "error", err)
	}
}

// flush makes the written lines durable, and writes a checkpoint if one is due.
func (f *flusher) flush() error {
	f.mu.Lock()
	at, entries, markedAt := f.at, f.entries, f.markedAt
	f.mu.Unlock()
	if at != f.synced && f.o.Fsync > 0 {
		if err := f.out.sync(); err != nil {
			return err
		}
	}
	f.synced = at
	if f.file == nil || at == f.marked || entries < checkpointEntries && f.o.Now().Sub(markedAt) < checkpointTime {
		return nil
	}
	return f.mark(at, entries)
}

// mark writes a checkpoint to the file that is at its path now.
func (f *flusher) mark(at link, entries int) error {
	if f.marksMoved() {
		if err := f.openMarks(); err != nil {
			return err
		}
	}
	now := f.o.Now().UTC()
	line, err := json.Marshal(checkpoint{Chain: at.id, Seq: at.seq, Mac: at.mac, Time: now})
	if err != nil {
		return err
	}
	if f.torn {
		line = append([]byte("\n"), line...)
	}
	n, err := f.file.Write(append(line, '\n'))
	f.torn = f.torn && n == 0 || n > 0 && err != nil
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil && !notSyncable(err) {
		return err
	}
	f.marked = at
	f.mu.Lock()
	defer f.mu.Unlock()
	f.markedAt = now
	f.entries -= entries
	return nil
}

// close writes a last checkpoint at the chain's end and stops the flusher.
func (f *flusher) close(end link) error {
	close(f.stop)
	<-f.done
	if f.file == nil {
		return nil
	}
	err := f.out.sync()
	if err == nil && end != f.marked {
		err = f.mark(end, 0)
	}
	return errors.Join(err, f.file.Close())
}
