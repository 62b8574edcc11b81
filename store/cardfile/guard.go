package cardfile

import (
	"context"
	"errors"
	"fmt"
	"io"
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
// It reads at most maxLine bytes beyond the parser's position.
type guard struct {
	ctx    context.Context
	from   io.Reader
	read   int64
	parsed func() int64 // position of the parser; nil for no limit
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
