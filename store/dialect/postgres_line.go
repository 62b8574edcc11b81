package dialect

import (
	"context"
	"net"
	"sync"
	"time"
)

// patience is how long a server may take to answer after the end of a request, for
// example to cancel a statement. Then the connection is cut.
const patience = time.Second

// connectTimeout limits the time for connecting to one host, unless the address has a
// connect_timeout.
const connectTimeout = 10 * time.Second

// line is the network connection below a connection of the driver. The zero value has
// none yet. It is safe for concurrent use.
type line struct {
	mu   sync.Mutex
	conn net.Conn
}

func (l *line) set(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
}

// cut closes the network connection, so that nothing waits for it any more.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		_ = l.conn.Close() // it is given up
	}
}

type lineKey struct{}

// dialer makes network connections for the driver. It puts a connection into the line
// of the context. Without one, the connection is for a request to cancel a statement,
// and lasts for at most patience.
type dialer struct{ net.Dialer }

// DialContext is part of pq.DialerContext.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	l, ok := ctx.Value(lineKey{}).(*line)
	if !ok {
		short, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		ctx = short
	}
	conn, err := d.Dialer.DialContext(ctx, network, address)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		time.AfterFunc(patience, func() { _ = conn.Close() }) // it is not needed any more
		return conn, nil
	}
	l.set(conn)
	if ctx.Err() != nil { // the line was perhaps cut before
		_ = conn.Close()
		return nil, context.Cause(ctx)
	}
	return conn, nil
}

// DialTimeout is part of pq.Dialer.
func (d *dialer) DialTimeout(network, address string, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return d.DialContext(ctx, network, address)
}
