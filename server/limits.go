package server

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// errClientGone is the cause of a request context whose client has left.
var errClientGone = errors.New("client has gone")

// body returns the request body, unpacked. It is the request's own memory:
// valid until the handler returns. Errors: 413 past the limit, before or after
// unpacking; 415 for an encoding that is not gzip; 400 for broken gzip.
func (r *call) body() ([]byte, error) {
	raw := r.c.Request().Body()
	limit := r.s.cfg.Limits.Body
	if len(raw) > limit {
		return nil, &problem{kind: kindTooLarge}
	}
	switch encoding := string(r.c.Request().Header.ContentEncoding()); encoding {
	case "", "identity":
		return raw, nil
	case "gzip":
		return gunzip(raw, limit)
	default:
		return nil, &problem{kind: kindMediaType, detail: "content encoding must be gzip or none"}
	}
}

// gunzip unpacks at most limit bytes and never holds more.
func gunzip(packed []byte, limit int) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, badRequest("the gzip body is broken")
	}
	plain, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	switch {
	case len(plain) > limit:
		return nil, &problem{kind: kindTooLarge, detail: "the body is too large when unpacked"}
	case err != nil:
		return nil, badRequest("the gzip body is broken")
	}
	return plain, nil
}

// goneWatch looks after the connections of requests that take long: Fiber does
// not tell when a client leaves. While there are requests, one goroutine asks
// the operating system every tick whether the other side has closed, without
// reading from the connection. A client that closes its sending half only is
// taken for gone, as net/http takes it. Where the system cannot tell, only the
// deadline ends a request. Safe for concurrent use.
type goneWatch struct {
	mu      sync.Mutex
	waiting map[*watched]struct{}
	running bool
	tick    time.Duration
}

type watched struct {
	conn  net.Conn
	gone  func()
	ticks int
}

func newGoneWatch() *goneWatch {
	return &goneWatch{waiting: map[*watched]struct{}{}, tick: 50 * time.Millisecond}
}

// add calls gone, once at most, when the client of conn has left. The returned
// stop waits for a look in progress.
func (w *goneWatch) add(conn net.Conn, gone func()) (stop func()) {
	if conn == nil {
		return func() {}
	}
	one := &watched{conn: conn, gone: gone}
	w.mu.Lock()
	w.waiting[one] = struct{}{}
	if !w.running {
		w.running = true
		go w.run()
	}
	w.mu.Unlock()
	return func() {
		w.mu.Lock()
		delete(w.waiting, one)
		w.mu.Unlock()
	}
}

// idleTicks is how long the goroutine stays when nothing is waiting.
const idleTicks = 100

func (w *goneWatch) run() {
	for idle := 0; ; {
		time.Sleep(w.tick)
		w.mu.Lock()
		if len(w.waiting) == 0 {
			idle++
		} else {
			idle = 0
		}
		if idle >= idleTicks {
			w.running = false
			w.mu.Unlock()
			return
		}
		for one := range w.waiting {
			one.ticks++
			if one.ticks > 1 && clientGone(one.conn) {
				delete(w.waiting, one)
				one.gone()
			}
		}
		w.mu.Unlock()
	}
}
