package server

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"resellerd/server/transport"
)

// spool is an uploaded file on disk, without a name. Nothing of it remains when
// this process ends, whatever the cause.
type spool struct {
	*os.File
	size int64
	sum  []byte // SHA-256 of the body as it was sent
}

// upload receives the body into a file. The caller closes it. Errors: 413 above
// the limit, compressed or decompressed; 415 for an encoding other than gzip;
// 400 for a body that is cut off or broken gzip; 408 if it does not arrive in
// time, or too slowly.
func (r *exchange) upload() (*spool, error) {
	body := arriving(r.c.Context())
	if body == nil {
		body = strings.NewReader("")
	} else if end, limited := r.Ctx.Deadline(); limited {
		body = &transport.SteadyBody{Reader: body, Conn: r.c.Context().Conn(), End: end, Patience: r.s.patience()}
	}
	return spoolBody(r.Ctx, body, strings.ToLower(r.header("Content-Encoding")), int64(r.s.cfg.Limits.Import))
}

// spoolBody is upload for any reader. It leaves nothing behind if it fails or
// panics.
func spoolBody(ctx context.Context, body io.Reader, encoding string, limit int64) (sp *spool, err error) {
	file, err := nameless("resellerd-import-*")
	if err != nil {
		return nil, unavailable(err)
	}
	whole := false
	defer func() {
		if !whole {
			err = errors.Join(err, file.Close())
		}
	}()
	sp = &spool{File: file}
	if err := sp.fill(ctx, body, encoding, limit); err != nil {
		return nil, err
	}
	whole = true
	return sp, nil
}

// nameless creates a file that disappears when it is closed. pattern is the name that
// it has for a moment.
func nameless(pattern string) (*os.File, error) {
	file, err := os.CreateTemp("", pattern)
	if err != nil {
		return nil, fmt.Errorf("temporary file: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("temporary file: %w", err), file.Close())
	}
	return file, nil
}

func (sp *spool) fill(ctx context.Context, body io.Reader, encoding string, limit int64) error {
	hash := sha256.New()
	sent := &bounded{ctx: ctx, from: io.TeeReader(body, hash), left: limit}
	plain := io.Reader(sent)
	switch encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(sent)
		if err != nil {
			return arrival(ctx, sent, badRequest("the gzip body is damaged"))
		}
		plain = &bounded{ctx: ctx, from: z, left: limit, detail: "The unpacked body is too large."}
	default:
		return &problem{kind: kindMediaType, detail: "The content encoding must be gzip or none."}
	}
	n, err := io.Copy(sp.File, plain)
	sp.size, sp.sum = n, hash.Sum(nil)
	return arrival(ctx, sent, err)
}

// arrival separates errors of the body from errors of the disk.
func arrival(ctx context.Context, sent *bounded, err error) error {
	var p *problem
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case sent.failed != nil:
		return sent.failed
	case errors.As(err, &p):
		return err
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, io.ErrUnexpectedEOF), strings.HasPrefix(err.Error(), "flate: "):
		return badRequest("the gzip body is damaged")
	}
	return unavailable(fmt.Errorf("import: %w", err))
}

// bounded reads at most left bytes, and remembers the error that ended it early.
type bounded struct {
	ctx    context.Context
	from   io.Reader
	left   int64
	detail string
	failed error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, context.Cause(b.ctx)
	}
	n, err := b.from.Read(p)
	b.left -= int64(n)
	switch {
	case b.left < 0:
		b.failed = &problem{kind: kindTooLarge, detail: b.detail}
		return 0, b.failed
	case err != nil && !errors.Is(err, io.EOF) && b.detail == "":
		b.failed = cutShort(err)
		return n, b.failed
	}
	return n, err
}

// maxSpooled limits the size of an answer on disk, in bytes.
const maxSpooled = 1 << 30

// spooled writes an answer to disk before it sends it, so that a slow reader does not
// hold what write needs.
func spooled(w io.Writer, write func(*bufio.Writer) error) error {
	file, err := nameless("resellerd-answer-*")
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriterSize(&roomy{file, maxSpooled}, 64<<10)
	if err := errors.Join(write(out), out.Flush()); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	_, err = io.Copy(w, file)
	return err
}

// roomy writes at most left bytes.
type roomy struct {
	io.Writer
	left int
}

func (r *roomy) Write(p []byte) (int, error) {
	if r.left -= len(p); r.left < 0 {
		return 0, fmt.Errorf("an answer of more than %d bytes: sort a part of it, or leave out sort", maxSpooled)
	}
	return r.Writer.Write(p)
}
