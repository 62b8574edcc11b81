package cardfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"resellerd/store/coop"
)

var errShort = errors.New("the file ends early")

// exact is a file that ends exactly at size. If the ReaderAt reports an end
// before that, as io.EOF or wrapped, exact returns errShort.
type exact struct {
	io.ReaderAt
	size int64
}

func (e exact) ReadAt(p []byte, off int64) (int, error) {
	n, err := e.ReaderAt.ReadAt(p, off)
	end := off + int64(n)
	switch {
	case !errors.Is(err, io.EOF):
		return n, err
	case end < e.size:
		return n, fmt.Errorf("%w: after %d of %d bytes", errShort, end, e.size)
	}
	return n, io.EOF
}

// guard passes a file to a parser and stops at a line or value without an end.
// It reads at most maxLine bytes beyond the parser's position. It counts line ends.
type guard struct {
	ctx    context.Context
	from   io.Reader
	work   *stopwatch
	texts  bool // the file consists of lines, at most maxLines
	read   int64
	parsed func() int64 // position of the parser; nil for no limit
	lines  int
	last   byte
}

func (g *guard) Read(p []byte) (int, error) {
	if err := g.ctx.Err(); err != nil {
		return 0, context.Cause(g.ctx)
	}
	if err := g.work.without(func() error { return coop.Yield(g.ctx) }); err != nil {
		return 0, err
	}
	if g.work.over() {
		return 0, ErrTooMuch
	}
	if g.parsed != nil {
		room := g.parsed() + maxLine - g.read
		if room <= 0 {
			return 0, errLongLine
		}
		p = p[:min(int64(len(p)), room)]
	}
	n, err := g.from.Read(p)
	g.read += int64(n)
	if n == 0 || !g.texts {
		return n, err
	}
	g.lines += bytes.Count(p[:n], []byte("\n"))
	g.last = p[n-1]
	if g.lines > maxLines {
		return 0, errTooLong
	}
	return n, err
}

// total returns the number of lines, once everything is read.
func (g *guard) total() int {
	if g.last != '\n' && g.last != 0 {
		return g.lines + 1
	}
	return g.lines
}
