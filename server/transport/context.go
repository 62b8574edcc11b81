package transport

import (
	"context"
	"net"
	"sync"
	"time"
)

// RequestContext is the context of a request. It ends at its deadline, when the
// client disconnects, or on End. It costs almost nothing until somebody waits for its
// end, which a decision from warm caches never does.
type RequestContext struct {
	conn     net.Conn
	watch    *GoneWatch
	deadline time.Time

	mu    sync.Mutex
	inner context.Context // nil until first used
	stop  func()
	ended bool
}

// NewRequestContext returns the context of a request on conn, which ends after at
// most limit.
func NewRequestContext(watch *GoneWatch, conn net.Conn, limit time.Duration) *RequestContext {
	return &RequestContext{conn: conn, watch: watch, deadline: time.Now().Add(limit)}
}

// real creates the context on first use.
func (c *RequestContext) real() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner != nil {
		return c.inner
	}
	ctx, cancelCause := context.WithCancelCause(context.Background())
	ctx, cancel := context.WithDeadline(ctx, c.deadline)
	unwatch := func() {}
	if !c.ended {
		unwatch = c.watch.add(c.conn, func() { cancelCause(ErrClientGone) })
	}
	c.stop = func() {
		unwatch()
		cancel()
		cancelCause(nil)
	}
	c.inner = ctx
	if c.ended {
		c.stop()
	}
	return ctx
}

// End ends the context and stops watching the connection, which belongs to the
// request only until its handler returns.
func (c *RequestContext) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.stop != nil {
		c.stop()
	}
}

// Deadline implements context.Context.
func (c *RequestContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Done implements context.Context.
func (c *RequestContext) Done() <-chan struct{} { return c.real().Done() }

// Err implements context.Context.
func (c *RequestContext) Err() error { return c.real().Err() }

// Value implements context.Context. It asks the inner context, so that a derived
// context ends with it without an extra goroutine.
func (c *RequestContext) Value(key any) any { return c.real().Value(key) }
