package decisionlog

import (
	"bytes"
	"encoding/json"
	"time"
)

// linger is how long the first waiting entry waits for others. Under load, one write
// then takes hundreds of entries.
const linger = 2 * time.Millisecond

// run writes chunks until the log is closed and none is left.
func (l *Log) run() {
	defer close(l.done)
	for {
		c := l.next()
		if c == nil {
			return
		}
		l.write(c)
		l.finish(c)
	}
}

// next waits for entries. It returns nil if the log is closed and no entry is left.
// It returns a chunk without entries to test whether the log can be written again.
func (l *Log) next() *chunk {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) == 0 && !l.again {
		if l.closed {
			return nil
		}
		l.rest()
	}
	l.again = false
	if len(l.waiting) == 0 {
		return l.fresh()
	}
	if !l.o.Sync && len(l.waiting) == 1 && !l.closed {
		l.mu.Unlock()
		time.Sleep(linger)
		l.mu.Lock()
	}
	c := l.waiting[0]
	l.waiting = append(l.waiting[:0], l.waiting[1:]...)
	return c
}

// rest waits for an entry. While the log cannot be written, it also wakes up for the
// next attempt, because a server that is not ready gets no requests and so no
// entries.
func (l *Log) rest() {
	if l.fault != nil {
		defer time.AfterFunc(l.retry, l.tryAgain).Stop()
		l.retry = min(2*l.retry, longPause)
	}
	l.wake.Wait()
}

func (l *Log) tryAgain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again = true
	l.wake.Broadcast()
}

// finish releases the chunk's share of the buffer.
func (l *Log) finish(c *chunk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for account, bytes := range c.shares {
		l.pending -= bytes
		if l.shares[account] -= bytes; l.shares[account] == 0 {
			delete(l.shares, account)
		}
	}
	if c.done != nil {
		close(c.done)
		return
	}
	if !l.o.Sync && cap(c.lines) <= 2*chunkSize && len(l.spare) < 8 {
		clear(c.profiles)
		clear(c.held)
		clear(c.shares)
		*c = chunk{lines: c.lines[:0], profiles: c.profiles[:0], held: c.held, shares: c.shares}
		l.spare = append(l.spare, c)
	}
}

// The pause between two attempts to write the same entries.
const (
	firstPause = 20 * time.Millisecond
	longPause  = time.Second
)

// write writes the chunk. It retries until the log is closed. With Sync it does not
// retry, because a caller waits.
func (l *Log) write(c *chunk) {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		l.begin()
		c.err = l.attempt(c)
		l.tell(c.err)
		if c.written == c.entries || l.o.Sync || !l.pause(pause) {
			break
		}
	}
	if rest := c.entries - c.written; rest > 0 {
		l.mu.Lock()
		l.lost += rest
		l.mu.Unlock()
		l.o.Dropped(rest)
	}
}

// pause waits, and returns false at once if the log is closed.
func (l *Log) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.closing:
		return false
	}
}

func (l *Log) begin() {
	now := l.o.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = now
}

// tell stores the result of an attempt. It logs once when a fault begins and once
// when it ends.
func (l *Log) tell(err error) {
	l.mu.Lock()
	before := l.fault
	l.fault, l.began = err, time.Time{}
	switch {
	case err == nil:
		l.retry, l.failing = firstPause, time.Time{}
	case before == nil:
		l.failing = l.o.Now()
	}
	l.mu.Unlock()
	switch {
	case err != nil && before == nil:
		l.o.Logger.Error("decision log cannot be written", "error", err)
	case err == nil && before != nil:
		l.o.Logger.Info("decision log is written again")
	}
}

// debris is what failed writes left in the file after the last whole line.
type debris struct {
	pieces []piece
	open   bool // the last line does not end with a line feed
}

func (d *debris) none() bool { return len(d.pieces) == 0 && !d.open }

// attempt writes the rest of the chunk, after a record if there is something to
// report. It accounts for whatever part the file took: whole lines count as written,
// and the chain continues after them.
func (l *Log) attempt(c *chunk) error {
	rotated, err := l.out.ready(l.o.Now(), l.left.none())
	if err != nil {
		return err
	}
	if rotated && l.event == "" {
		l.event = eventRotated
	}
	l.told.begin(c.entries-c.written, rotated, !l.out.regular)
	before := l.seal.link
	told, err := l.compose(c.lines[c.tried:], c.profiles[c.written:])
	if err != nil {
		return err
	}
	if len(l.text) > 0 {
		var n int
		n, err = l.out.write(l.text)
		l.settle(c, before, told, n)
	}
	if err == nil && l.o.Fsync <= 0 {
		if err = l.out.sync(); err != nil {
			c.unsafe = true
			return err
		}
	}
	l.flush.wrote(l.seal.link, c.entries)
	return err
}

// compose builds the text to write and notes its lines. It returns how many dropped
// entries the record reports, -1 without a record.
func (l *Log) compose(lines []byte, of []Profiles) (told int, err error) {
	l.text, l.marks, told = l.text[:0], l.marks[:0], -1
	if l.left.open {
		l.text = append(l.text, '\n')
	}
	if r, ok := l.record(); ok {
		object, err := json.Marshal(r)
		if err != nil {
			return told, err
		}
		told = r.Dropped
		l.add(object, mark{})
	}
	named := map[string]bool{}
	for _, profiles := range of {
		for _, p := range profiles {
			if p != nil && !l.told.hashes[p.Hash] && !named[p.Hash] {
				named[p.Hash] = true
				l.add(p.Record, mark{profile: p.Hash})
			}
		}
		n := bytes.IndexByte(lines, '\n')
		l.add(lines[:n], mark{entry: true})
		lines = lines[n+1:]
	}
	return told, nil
}

// add seals a line of the text to write.
func (l *Log) add(object []byte, m mark) {
	l.text = l.seal.seal(l.text, object)
	m.end = len(l.text)
	l.marks = append(l.marks, m)
}

// record returns the record that must come before the next entry, if any.
func (l *Log) record() (record, bool) {
	l.mu.Lock()
	lost := l.lost
	l.mu.Unlock()
	r := record{
		Event: l.event, Timestamp: l.o.Now().UTC(), Prev: l.seal.mac, Key: l.o.Key.ID(), Dropped: lost, Torn: l.left.pieces,
	}
	switch {
	case r.Event != "":
	case len(r.Torn) > 0:
		r.Event = eventTorn
	case r.Dropped > 0:
		r.Event = eventDropped
	default:
		return r, false
	}
	return r, true
}

// settle accounts for the first n bytes of the text, which were written. A line that
// lacks only its line feed counts as whole.
func (l *Log) settle(c *chunk, before link, told, n int) {
	lines, end := l.whole(before, n)
	if told >= 0 && lines > 0 {
		l.reported(told)
	}
	entries := l.told.counted(l.marks[:lines])
	if n > 0 {
		l.left.open = false
		end = max(end, l.ends0())
	}
	if n > end {
		l.left.pieces = append(l.left.pieces, newPiece(l.text[end:n]))
	}
	l.left.open = l.left.open || n > 0 && l.text[n-1] != '\n'
	c.advance(entries)
	l.o.Written(entries)
}

// ends0 returns where the first line of the text begins.
func (l *Log) ends0() int {
	if l.text[0] == '\n' {
		return 1
	}
	return 0
}

// whole counts the whole lines in the first n bytes, returns where they end, and sets
// the chain to continue after them.
func (l *Log) whole(before link, n int) (lines, end int) {
	for lines < len(l.marks) && l.marks[lines].end-1 <= n {
		end = l.marks[lines].end
		lines++
	}
	if lines == len(l.marks) {
		return lines, end
	}
	l.seal.link = before
	if lines > 0 {
		at := end - len(lineEnd) - 1
		l.seal.seq, l.seal.mac = before.seq+uint64(lines), string(l.text[at-macLen:at])
	}
	return lines, end
}

// reported clears what a written record has reported.
func (l *Log) reported(dropped int) {
	l.event, l.left.pieces = "", nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost -= dropped
}

// advance skips entries that are written.
func (c *chunk) advance(entries int) {
	c.written += entries
	for range entries {
		c.tried += bytes.IndexByte(c.lines[c.tried:], '\n') + 1
	}
}
