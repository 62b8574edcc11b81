package dialect

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/lib/pq"
)

// generation counts how often all connections were given up.
type generation struct{ n atomic.Int64 }

func (g *generation) next() { g.n.Add(1) }

// connector opens connections that know of HeldOpen, that end with their
// generation, and that are sessions of their own.
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
	if err := claimSession(ctx, conn, c.open); err != nil {
		if errors.Is(err, errPooler) {
			c.made.next() // those that are open are no better
		}
		_ = conn.Close() // it is not used
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

// pqConn is what database/sql uses of a connection of the driver.
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

// postgresConn has the driver watch the context of who begins a transaction,
// where database/sql is given one that does not end: the driver cancels what
// the server is doing and spoils the connection, and says nothing on it.
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

// ResetSession has database/sql take another connection for one that is given
// up.
func (c *postgresConn) ResetSession(ctx context.Context) error {
	if c.since != c.made.n.Load() {
		return driver.ErrBadConn
	}
	return c.pqConn.ResetSession(ctx)
}

// IsValid has database/sql close a connection that is given up.
func (c *postgresConn) IsValid() bool {
	return c.since == c.made.n.Load() && c.pqConn.IsValid()
}

type watchedKey struct{}

// HeldOpen is a context for beginning a transaction that does not end with ctx,
// which is still what the driver watches.
func HeldOpen(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), watchedKey{}, ctx)
}
