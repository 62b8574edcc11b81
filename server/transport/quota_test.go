package transport

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// caller is a connection from an address.
type caller struct {
	net.Conn
	from   net.Addr
	closed bool
}

func (c *caller) RemoteAddr() net.Addr { return c.from }
func (c *caller) Close() error         { c.closed = true; return nil }

// callers is a listener whose connections come from these addresses in turn.
type callers struct {
	net.Listener
	queue []*caller
}

func (l *callers) Accept() (net.Conn, error) {
	if len(l.queue) == 0 {
		return nil, net.ErrClosed
	}
	next := l.queue[0]
	l.queue = l.queue[1:]
	return next, nil
}

func from(ip string) *caller { return &caller{from: &net.TCPAddr{IP: net.ParseIP(ip), Port: 1234}} }

func TestConnectionsOverALimitAreClosedAndLoggedOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	now := time.Unix(0, 0)
	open, refused := 0, map[string]int{}
	ln := &callers{}
	l := NewPatientListener(ln, Options{
		Fresh: &FreshConns{}, Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return now },
		Quota: &Quota{All: 8, PerAddress: 2, Opened: func() { open++ }, Closed: func() { open-- }, Refused: func(limit string) { refused[limit]++ }},
	})
	accept := func(ips ...string) (kept []net.Conn) {
		t.Helper()
		queue := make([]*caller, len(ips))
		for i, ip := range ips {
			queue[i] = from(ip)
		}
		ln.queue = queue
		for {
			conn, err := l.Accept()
			if err != nil {
				break
			}
			kept = append(kept, conn)
		}
		closed := 0
		for _, c := range queue {
			if c.closed {
				closed++
			}
		}
		if len(kept)+closed != len(ips) {
			t.Errorf("%d kept, %d closed of %d", len(kept), closed, len(ips))
		}
		return kept
	}
	count := func(when string, conns []net.Conn, want, wantOpen, wantAddress, wantAll int) {
		t.Helper()
		if len(conns) != want || open != wantOpen || refused["address"] != wantAddress || refused["all"] != wantAll {
			t.Errorf("%s: %d accepted, %d open, refused %v", when, len(conns), open, refused)
		}
	}
	hostile := accept("192.0.2.1", "192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2")
	count("an address over its limit", hostile, 3, 3, 2, 0)
	network := accept("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1")
	count("a network over its limit", network, 3, 6, 3, 0)
	Answered(hostile[0])
	Answered(hostile[0])
	more := accept("192.0.2.1", "192.0.2.1")
	count("an answered request", more, 1, 7, 4, 0)
	count("a full server", accept("192.0.2.9", "192.0.2.9", "127.0.0.1"), 1, 8, 4, 2)
	for range 2 {
		for _, conn := range append(append(hostile, network...), more...) {
			_ = conn.Close()
		}
	}
	count("closed connections", nil, 0, 1, 4, 2)
	local := accept("127.0.0.1", "127.0.0.2", "::1", "127.0.0.1")
	count("loopback", local, 4, 5, 4, 2)
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d log lines for one episode:\n%s", n, &log)
	}
	now = now.Add(acceptEpisode)
	accept("192.0.2.1", "192.0.2.1", "192.0.2.1")
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("%d log lines for two episodes:\n%s", n, &log)
	}
}
