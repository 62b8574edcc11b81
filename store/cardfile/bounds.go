package cardfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

var (
	errTooMany = broken("the file holds more than %d prefixes", maxRates)
	errTooLong = broken("the file has more than %d lines", maxLines)
	// ErrTooMuch refuses a file that takes too much time of a processor to read.
	ErrTooMuch  = broken("reading the file takes too long: divide it, or save it as CSV")
	errLongLine = broken("a line, a value or a run of empty lines is longer than %d bytes", maxLine)
	errNotParts = broken("the workbook has more parts, sheets or styles than workbooks have")
)

// tooMany returns errTooMany if the ranges and prefixes of a file are more than
// maxRates. It expands no range. The reading itself finds all other errors.
func tooMany(ctx context.Context, f File, format string, o Options, work *stopwatch) error {
	r := newReader(ctx, o, nil)
	r.work, r.countOnly = work, true
	if err := r.file(f, format); errors.Is(err, errTooMany) {
		return err
	}
	return nil
}

// counted counts the prefixes of a line before any of them is taken.
func (r *reader) counted() error {
	r.mentions += len(r.prefixed) + r.unexpanded
	if r.mentions > maxRates {
		return errTooMany
	}
	if r.ranged <= maxUncounted || r.countOnly || r.countFirst == nil {
		return nil
	}
	count := r.countFirst
	r.countFirst = nil
	return count()
}

// oneMore counts a row of a sheet or an element of a JSON array.
func (r *reader) oneMore() error {
	if r.lines++; r.lines > maxLines {
		return errTooLong
	}
	return nil
}

// stopwatch measures the work of a reader. A nil stopwatch has no limit.
type stopwatch struct {
	now   func() time.Time
	limit time.Duration
	begun time.Time
	spent time.Duration // on other work
}

func newStopwatch(o Options) *stopwatch {
	if o.Work <= 0 {
		return nil
	}
	s := &stopwatch{now: o.Clock, limit: o.Work}
	if s.now == nil {
		s.now = time.Now
	}
	s.begun = s.now()
	return s
}

// outside returns a function that takes rows for yield, and one that passes the rest to
// it. The time in yield does not count. It is measured for many rows at once.
func (s *stopwatch) outside(yield func(Row) error) (take func(Row) error, flush func() error) {
	if s == nil {
		return yield, func() error { return nil }
	}
	rows := make([]Row, 0, 256)
	flush = func() error {
		defer func() { rows = rows[:0] }()
		return s.without(func() error {
			for i := range rows {
				if err := yield(rows[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	take = func(row Row) error {
		if rows = append(rows, row); len(rows) < cap(rows) {
			return nil
		}
		return flush()
	}
	return take, flush
}

// without runs fn, whose time does not count.
func (s *stopwatch) without(fn func() error) error {
	if s == nil {
		return fn()
	}
	at := s.now()
	err := fn()
	s.spent += s.now().Sub(at)
	return err
}

func (s *stopwatch) over() bool { return s != nil && s.now().Sub(s.begun)-s.spent > s.limit }

// maxDirectory limits the directory of an archive, in bytes.
const maxDirectory = 1 << 20

// sparing limits what may be read of a file until it is lifted.
type sparing struct {
	io.ReaderAt
	left   int
	lifted bool
}

func (s *sparing) ReadAt(p []byte, off int64) (int, error) {
	if s.left -= len(p); s.left < 0 && !s.lifted {
		return 0, fmt.Errorf("a directory of more than %d bytes", maxDirectory)
	}
	return s.ReaderAt.ReadAt(p, off)
}
