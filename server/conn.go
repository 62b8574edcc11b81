package server

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// patientConn gives every write a deadline of its own, so that a long stream
// to a client that reads goes on, and one to a client that does not is cut off.
type patientConn struct {
	net.Conn
	limit time.Duration
	set   time.Time
	fresh *freshConns
	begun atomic.Bool // something was read
}

// Read notes that the client has begun to send.
func (c *patientConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.begun.Load() {
		c.begun.Store(true)
		c.fresh.remove(c)
	}
	return n, err
}

// Write fails with a timeout when the client takes nothing for the limit.
func (c *patientConn) Write(p []byte) (int, error) {
	if now := time.Now(); now.Sub(c.set) > c.limit/8 {
		c.set = now
		if err := c.SetWriteDeadline(now.Add(c.limit)); err != nil {
			return 0, fmt.Errorf("write deadline: %w", err)
		}
	}
	return c.Conn.Write(p)
}

// Close closes the connection.
func (c *patientConn) Close() error {
	c.fresh.remove(c)
	return c.Conn.Close()
}

// NetConn is the connection underneath.
func (c *patientConn) NetConn() net.Conn { return c.Conn }

// patientListener hands out patient connections.
type patientListener struct {
	net.Listener
	limit time.Duration
	fresh *freshConns
}

// Accept waits for the next connection.
func (l patientListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &patientConn{Conn: conn, limit: l.limit, fresh: l.fresh}
	l.fresh.add(c)
	return c, nil
}

// freshConns are the connections on which nothing was sent yet: a shutdown
// need not wait for them. The zero value is ready; safe for concurrent use.
type freshConns struct {
	mu  sync.Mutex
	set map[*patientConn]struct{}
}

func (f *freshConns) add(c *patientConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set == nil {
		f.set = map[*patientConn]struct{}{}
	}
	f.set[c] = struct{}{}
}

func (f *freshConns) remove(c *patientConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.set, c)
}

// closing closes fresh connections, and those that come, until stop is called.
func (f *freshConns) closing() (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			f.closeAll()
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return sync.OnceFunc(func() { close(done) })
}

func (f *freshConns) closeAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.set {
		_ = c.Conn.Close() // the reader of the connection sees it and cleans up
		delete(f.set, c)
	}
}
