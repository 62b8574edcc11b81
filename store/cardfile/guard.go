package cardfile

import (
	"context"
	"errors"
	"fmt"
	"io"
)

var errShort = errors.New("the file ends early")

// exact is a file that ends where its size says, and nowhere else: what it
// gives for an end before that, itself or wrapped, is a failure.
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

// guard reads a file for a parser, and stops it at a line or value that has no
// end: no more than maxLine bytes are read beyond where the parser has come to.
type guard struct {
	ctx    context.Context
	from   io.Reader
	read   int64
	parsed func() int64 // where the parser has come to; nil for unguarded
}

func (g *guard) Read(p []byte) (int, error) {
	if err := g.ctx.Err(); err != nil {
		return 0, context.Cause(g.ctx)
	}
	if g.parsed != nil {
		room := g.parsed() + maxLine - g.read
		if room <= 0 {
			return 0, broken("a line or value is longer than %d bytes", maxLine)
		}
		p = p[:min(int64(len(p)), room)]
	}
	n, err := g.from.Read(p)
	g.read += int64(n)
	return n, err
}
