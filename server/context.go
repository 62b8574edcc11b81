package server

import (
	"context"
	"net"
	"sync"
	"time"
)

// requestContext is the life of a request: it ends with its deadline, when the
// client has gone, or when it is ended. It costs nothing until somebody waits
// for its end, which a decision from warm caches never does.
type requestContext struct {
	conn     net.Conn
	watch    *goneWatch
	deadline time.Time

	mu    sync.Mutex
	inner context.Context // nil until it is needed
	stop  func()
	ended bool
}

// begin starts the life of a request on conn, of at most limit.
func (s *Server) begin(conn net.Conn, limit time.Duration) *requestContext {
	return &requestContext{conn: conn, watch: s.watch, deadline: time.Now().Add(limit)}
}

// real makes the context on first use.
func (c *requestContext) real() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner != nil {
		return c.inner
	}
	ctx, cancelCause := context.WithCancelCause(context.Background())
	ctx, cancel := context.WithDeadline(ctx, c.deadline)
	unwatch := func() {}
	if !c.ended {
		unwatch = c.watch.add(c.conn, func() { cancelCause(errClientGone) })
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

// end ends the context and stops looking at the connection, which is the
// request's only until its handler returns.
func (c *requestContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.stop != nil {
		c.stop()
	}
}

// Deadline implements context.Context.
func (c *requestContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Done implements context.Context.
func (c *requestContext) Done() <-chan struct{} { return c.real().Done() }

// Err implements context.Context.
func (c *requestContext) Err() error { return c.real().Err() }

// Value implements context.Context. The context underneath answers, so that
// contexts made from this one end with it at no cost.
func (c *requestContext) Value(key any) any { return c.real().Value(key) }
