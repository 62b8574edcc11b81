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
	"sync"

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
	sent := &capped{ctx: ctx, from: io.TeeReader(body, hash), left: limit}
	plain := io.Reader(sent)
	switch encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(sent)
		if err != nil {
			return arrival(ctx, sent, badRequest("the gzip body is damaged"))
		}
		plain = &capped{ctx: ctx, from: z, left: limit, detail: "The unpacked body is too large."}
	default:
		return &problem{kind: kindMediaType, detail: "The content encoding must be gzip or none."}
	}
	n, err := io.Copy(sp.File, plain)
	sp.size, sp.sum = n, hash.Sum(nil)
	return arrival(ctx, sent, err)
}

// arrival separates errors of the body from errors of the disk.
func arrival(ctx context.Context, sent *capped, err error) error {
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

// capped reads at most left bytes, and remembers the error that ended it early.
type capped struct {
	ctx    context.Context
	from   io.Reader
	left   int64
	detail string
	failed error
}

func (b *capped) Read(p []byte) (int, error) {
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

// disk limits the bytes of answers that wait on disk for their readers.
type disk struct {
	each, all int64 // of one account, of all

	mu   sync.Mutex
	used map[string]int64 // by account
	sum  int64
}

// newDisk returns a disk of which an account may use a quarter.
func newDisk(all int64) *disk { return &disk{each: all / 4, all: all, used: map[string]int64{}} }

// spoolStep is how many bytes of the disk an answer takes at a time.
const spoolStep = 1 << 20

// room refuses an answer that could not even begin. Errors: 429 if the account has used
// its part, 503 if nothing is left.
func (d *disk) room(account string) error {
	if err := d.take(account, spoolStep); err != nil {
		return err
	}
	d.give(account, spoolStep)
	return nil
}

func (d *disk) take(account string, n int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.used[account]+n > d.each:
		return &problem{kind: kindBusy, detail: fmt.Sprintf("The sorted streams of the account may take %d bytes on disk. Wait for the others, sort a part of the rows, or leave out sort.", d.each)}
	case d.sum+n > d.all:
		return &problem{kind: kindUnavailable, detail: "The disk space for sorted streams is used up. Try again later, or leave out sort."}
	}
	d.used[account] += n
	d.sum += n
	return nil
}

// of returns the bytes that an account uses.
func (d *disk) of(account string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.used[account]
}

// most returns the account that uses most, the first by id among equals.
func (d *disk) most() (account string, n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for who, used := range d.used {
		if used > n || used == n && who < account {
			account, n = who, used
		}
	}
	return account, n
}

func (d *disk) give(account string, n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sum -= n
	if d.used[account] -= n; d.used[account] == 0 {
		delete(d.used, account)
	}
}

// spooled writes an answer to disk before it sends it, so that a slow reader does not
// hold what write needs. The account pays for the disk.
func (d *disk) spooled(w io.Writer, account string, write func(*bufio.Writer) error) error {
	file, err := nameless("resellerd-answer-*")
	if err != nil {
		return err
	}
	to := &paid{Writer: file, disk: d, account: account}
	defer func() {
		_ = file.Close() // nobody needs it any more
		d.give(account, to.taken)
	}()
	out := bufio.NewWriterSize(to, 64<<10)
	if err := errors.Join(write(out), out.Flush()); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	_, err = io.Copy(w, file)
	return err
}

// paid takes the disk that it writes to.
type paid struct {
	io.Writer
	disk        *disk
	account     string
	taken, used int64
}

func (p *paid) Write(b []byte) (int, error) {
	for p.used += int64(len(b)); p.used > p.taken; p.taken += spoolStep {
		if err := p.disk.take(p.account, spoolStep); err != nil {
			return 0, err
		}
	}
	return p.Writer.Write(b)
}
