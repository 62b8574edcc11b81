package transport

import (
	"errors"
	"net"
	"sync"
	"time"
)

// ErrClientGone is the cause of a request context that ended because the client
// disconnected.
var ErrClientGone = errors.New("client has gone")

// GoneWatch watches the connections of long requests, because Fiber does not report
// that a client disconnects. While there are requests, one goroutine asks the
// operating system every Tick whether the other side has closed. It does not read
// from the connection. Like net/http, it treats a client that closes only its sending
// half as gone. If the system cannot tell, only the deadline ends a request.
// GoneWatch is safe for concurrent use.
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

// NewGoneWatch returns a watch that checks every 50 ms.
func NewGoneWatch() *GoneWatch {
	return &GoneWatch{waiting: map[*watched]struct{}{}, Tick: 50 * time.Millisecond}
}

// add calls gone, at most once, when the client of conn disconnects. The returned
// stop waits for a check in progress.
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

// idleTicks is how many ticks the goroutine stays without a request to watch.
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
