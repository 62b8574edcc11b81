package dialect

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/lib/pq"
)

// generation counts how often all open connections were abandoned.
type generation struct{ n atomic.Int64 }

func (g *generation) next() { g.n.Add(1) }

// connector opens connections that support HeldOpen, that are abandoned with their
// generation, and that have a server session of their own.
type connector struct {
	*pq.Connector
	made *generation
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	since := c.made.n.Load()
	conn, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := watchClient(ctx, conn); err != nil {
		_ = conn.Close() // it is never used
		return nil, err
	}
	if err := claimSession(ctx, conn, c.open); err != nil {
		if errors.Is(err, errPooler) {
			c.made.next() // the open connections have the same problem
		}
		_ = conn.Close() // it is never used
		return nil, err
	}
	return &postgresConn{pqConn: conn, made: c.made, since: since}, nil
}

func (c connector) open(ctx context.Context) (pqConn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(pqConn)
	if !ok {
		_ = opened.Close() // it was not used
		return nil, fmt.Errorf("%T does not do what a connection has to", opened)
	}
	return conn, nil
}

// pqConn is the part of a driver connection that database/sql uses.
type pqConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// postgresConn makes the driver watch the context of HeldOpen's caller, while
// database/sql gets a context that does not end. When the watched context ends, the
// driver cancels the running statement on the server and marks the connection as
// bad. It does not send anything on the connection itself.
type postgresConn struct {
	pqConn
	made  *generation
	since int64
}

func (c *postgresConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if watched, ok := ctx.Value(watchedKey{}).(context.Context); ok {
		ctx = watched
	}
	return c.pqConn.BeginTx(ctx, o)
}

// ResetSession makes database/sql replace an abandoned connection.
func (c *postgresConn) ResetSession(ctx context.Context) error {
	if c.since != c.made.n.Load() {
		return driver.ErrBadConn
	}
	return c.pqConn.ResetSession(ctx)
}

// IsValid makes database/sql close an abandoned connection.
func (c *postgresConn) IsValid() bool {
	return c.since == c.made.n.Load() && c.pqConn.IsValid()
}

type watchedKey struct{}

// HeldOpen returns a context for beginning a transaction. It does not end with ctx,
// but the driver still watches ctx.
func HeldOpen(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), watchedKey{}, ctx)
}
