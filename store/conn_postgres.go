package store

import (
	"context"
	"database/sql/driver"
	"fmt"

	"github.com/lib/pq"
)

// connector opens connections that know of heldOpen.
type connector struct{ *pq.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(pqConn)
	if !ok {
		_ = opened.Close() // it was not used
		return nil, fmt.Errorf("%T does not do what a connection has to", opened)
	}
	return postgresConn{conn}, nil
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
type postgresConn struct{ pqConn }

func (c postgresConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if watched, ok := ctx.Value(watchedKey{}).(context.Context); ok {
		ctx = watched
	}
	return c.pqConn.BeginTx(ctx, o)
}

type watchedKey struct{}

// heldOpen is a context for beginning a transaction that does not end with ctx,
// which is still what the driver watches.
func heldOpen(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), watchedKey{}, ctx)
}
