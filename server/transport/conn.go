package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// patientConn gives every write its own deadline. A long stream continues while the
// client reads, and is cut off if the client stops reading or reads too slowly.
type patientConn struct {
	net.Conn
	patience Patience
	deadline time.Time // of writes
	fresh    *FreshConns
	begun    atomic.Bool // the client has sent something

	place  *place
	proven atomic.Bool // a request was answered
}

// Read reads, and notes that the client has begun to send.
func (c *patientConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.begun.Load() {
		c.begun.Store(true)
		c.fresh.remove(c)
	}
	return n, err
}

// Write fails with a timeout if the client's patience is used up.
func (c *patientConn) Write(p []byte) (int, error) {
	now, left := time.Now(), c.patience.left(len(p))
	if set := c.deadline.Sub(now); set > left || set < left-left/8 {
		c.deadline = now.Add(left)
		if err := c.SetWriteDeadline(c.deadline); err != nil {
			return 0, fmt.Errorf("write deadline: %w", err)
		}
	}
	n, err := c.Conn.Write(p)
	c.patience.waited(n, time.Since(now))
	return n, err
}

// Close closes the connection.
func (c *patientConn) Close() error {
	c.fresh.remove(c)
	c.place.leave()
	return c.Conn.Close()
}

// NetConn returns the wrapped connection.
func (c *patientConn) NetConn() net.Conn { return c.Conn }

// PatientListener returns patient connections, and closes those over a limit. If the
// system has no file descriptor or memory for a connection, it waits and tries again.
// So too many connections cannot end the process.
type PatientListener struct {
	net.Listener
	Options
	after   func(time.Duration) <-chan time.Time
	failed  time.Time // time of the last failure
	refused time.Time // time of the last refusal
	closed  chan struct{}
	close   func() error
}

// Options are what a PatientListener needs. All are required.
type Options struct {
	Pace   Patience // of each connection
	Fresh  *FreshConns
	Quota  *Quota
	Logger *slog.Logger
	Now    func() time.Time
}

// NewPatientListener wraps ln. Clients read with the given patience.
func NewPatientListener(ln net.Listener, o Options) *PatientListener {
	l := &PatientListener{Listener: ln, Options: o, after: time.After, closed: make(chan struct{})}
	l.close = sync.OnceValue(func() error {
		close(l.closed)
		return ln.Close()
	})
	return l
}

// Pauses between attempts to accept a connection. Failures less than acceptEpisode
// apart are logged once.
const (
	acceptPause   = 5 * time.Millisecond
	acceptPauses  = time.Second // at most
	acceptEpisode = 10 * time.Second
)

// Accept waits for the next connection. It returns net.ErrClosed after Close, or an
// error that is not temporary.
func (l *PatientListener) Accept() (net.Conn, error) {
	for pause := acceptPause; ; pause = min(2*pause, acceptPauses) {
		conn, err := l.Listener.Accept()
		if err == nil {
			if c := l.admit(conn); c != nil {
				return c, nil
			}
			pause = acceptPause / 2
			continue
		}
		if !passes(err) {
			return nil, err
		}
		if l.begins(&l.failed) {
			l.Logger.Error("no connection can be accepted; trying again: raise the limit of open files, or close connections", "error", err)
		}
		select {
		case <-l.closed:
			return nil, net.ErrClosed
		case <-l.after(pause):
		}
	}
}

// admit returns a connection that is within the limits, and closes another one.
func (l *PatientListener) admit(conn net.Conn) net.Conn {
	place, limit := l.Quota.enter(conn)
	if place != nil {
		c := &patientConn{Conn: conn, patience: l.Pace, fresh: l.Fresh, place: place}
		l.Fresh.add(c)
		return c
	}
	if l.begins(&l.refused) {
		l.Logger.Warn("too many connections: new ones are closed", "limit", limit, "addr", conn.RemoteAddr().String())
	}
	if l.Quota.Refused != nil {
		l.Quota.Refused(limit)
	}
	_ = conn.Close() // nobody waits for it
	return nil
}

// begins notes an event, and reports whether an episode begins with it.
func (l *PatientListener) begins(last *time.Time) bool {
	now := l.Now()
	first := last.IsZero() || now.Sub(*last) >= acceptEpisode
	*last = now
	return first
}

// Close closes the listener and ends the pause between two attempts.
func (l *PatientListener) Close() error { return l.close() }

// passing lists the temporary failures of accept: the system lacks a resource, or the
// connection was closed or forbidden; see accept(2).
var passing = []error{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
	syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPERM, syscall.EPROTO, syscall.ETIMEDOUT,
	syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
}

func passes(err error) bool {
	return slices.ContainsFunc(passing, func(target error) bool { return errors.Is(err, target) })
}

// FreshConns are the connections on which the client has sent nothing yet. A shutdown
// need not wait for them. The zero value is ready to use. FreshConns is safe for
// concurrent use.
type FreshConns struct {
	mu  sync.Mutex
	set map[*patientConn]struct{}
}

func (f *FreshConns) add(c *patientConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set == nil {
		f.set = map[*patientConn]struct{}{}
	}
	f.set[c] = struct{}{}
}

func (f *FreshConns) remove(c *patientConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.set, c)
}

// Closing closes all fresh connections, and new ones, until stop is called.
func (f *FreshConns) Closing() (stop func()) {
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

func (f *FreshConns) closeAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.set {
		_ = c.Conn.Close() // the connection's reader notices it and cleans up
		delete(f.set, c)
	}
}
