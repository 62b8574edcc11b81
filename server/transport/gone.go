package transport

import (
	"errors"
	"net"
	"sync"
	"time"
)

// ErrClientGone is the cause of a request context whose client has left.
var ErrClientGone = errors.New("client has gone")

// GoneWatch looks after the connections of requests that take long: Fiber does
// not tell when a client leaves. While there are requests, one goroutine asks
// the operating system every tick whether the other side has closed, without
// reading from the connection. A client that closes its sending half only is
// taken for gone, as net/http takes it. Where the system cannot tell, only the
// deadline ends a request. Safe for concurrent use.
type GoneWatch struct {
	mu      sync.Mutex
	waiting map[*watched]struct{}
	running bool
	Tick    time.Duration
}

type watched struct {
	conn  net.Conn
	gone  func()
	ticks int
}

// NewGoneWatch makes a watch that looks every 50 ms.
func NewGoneWatch() *GoneWatch {
	return &GoneWatch{waiting: map[*watched]struct{}{}, Tick: 50 * time.Millisecond}
}

// add calls gone, once at most, when the client of conn has left. The returned
// stop waits for a look in progress.
func (w *GoneWatch) add(conn net.Conn, gone func()) (stop func()) {
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

func (w *GoneWatch) run() {
	for idle := 0; ; {
		time.Sleep(w.Tick)
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
