package dialect

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// generation counts how often all open connections were abandoned.
type generation struct{ n atomic.Int64 }

func (g *generation) next() { g.n.Add(1) }

// connector opens connections that support HeldOpen, that are abandoned with their
// generation, that have a server session of their own, and that end with their user.
type connector struct {
	*pq.Connector
	made  *generation
	limit time.Duration // for opening a connection, on all hosts together
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	conn, err := c.openOwn(ctx)
	if err != nil {
		return nil, err
	}
	conn.idle()
	return conn, nil
}

func (c connector) openOwn(ctx context.Context) (*postgresConn, error) {
	since := c.made.n.Load()
	conn, err := c.openOne(ctx)
	if err != nil {
		return nil, err
	}
	conn.made, conn.since = c.made, since
	err = watchClient(ctx, conn)
	if err == nil {
		_, err = conn.ExecContext(ctx, PlanSettings, nil)
	}
	if err == nil {
		err = claimSession(ctx, conn, c.open)
	}
	if err != nil {
		if errors.Is(err, errPooler) {
			c.made.next() // the open connections have the same problem
		}
		_ = conn.Close() // it is never used
		return nil, err
	}
	return conn, nil
}

func (c connector) open(ctx context.Context) (pqConn, error) { return c.openOne(ctx) }

// openOne opens a connection without a generation.
func (c connector) openOne(ctx context.Context) (*postgresConn, error) {
	var l line
	stop := context.AfterFunc(ctx, l.cut)
	defer stop()
	opened, err := c.Connector.Connect(context.WithValue(ctx, lineKey{}, &l))
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(pqConn)
	if !ok {
		_ = opened.Close() // it was not used
		return nil, fmt.Errorf("%T does not do what a connection has to", opened)
	}
	return &postgresConn{pqConn: conn, line: &l}, nil
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
//
// The driver also waits for the server's answer. So postgresConn cuts its line if it is
// still in use some time after the context of its user has ended. One goroutine at a
// time uses it.
type postgresConn struct {
	pqConn
	line  *line
	made  *generation
	since int64
	leave func() // ends the present use; nil between two uses
}

// use begins a use of the connection, unless it has begun.
func (c *postgresConn) use(ctx context.Context) {
	if watched, ok := ctx.Value(watchedKey{}).(context.Context); ok {
		ctx = watched
	}
	if c.leave != nil || ctx.Done() == nil {
		return
	}
	left := new(atomic.Bool)
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(patience, func() {
			if !left.Load() {
				c.line.cut()
			}
		})
	})
	c.leave = func() {
		left.Store(true)
		stop()
	}
}

// idle ends a use of the connection.
func (c *postgresConn) idle() {
	if c.leave != nil {
		c.leave()
		c.leave = nil
	}
}

func (c *postgresConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	c.use(ctx)
	if o.ReadOnly {
		_, err := c.pqConn.ExecContext(ctx, beginReading(ctx), nil)
		return reading{c}, err
	}
	if watched, ok := ctx.Value(watchedKey{}).(context.Context); ok {
		ctx = watched
	}
	return c.pqConn.BeginTx(ctx, o)
}

// reading is a transaction of beginReading. The driver must not end it: it would end a
// transaction of its own.
type reading struct{ conn *postgresConn }

// Commit is part of driver.Tx.
func (t reading) Commit() error { return t.Rollback() }

// Rollback is part of driver.Tx.
func (t reading) Rollback() error {
	if _, err := t.conn.pqConn.ExecContext(context.Background(), "ROLLBACK", nil); err != nil {
		return errors.Join(driver.ErrBadConn, err)
	}
	return nil
}

func (c *postgresConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	c.use(ctx)
	return c.pqConn.ExecContext(ctx, text, args)
}

func (c *postgresConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	c.use(ctx)
	return c.pqConn.QueryContext(ctx, text, args)
}

func (c *postgresConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	c.use(ctx)
	stmt, err := c.pqConn.PrepareContext(ctx, text)
	if one, ok := stmt.(pqStmt); ok {
		return postgresStmt{one, c.line}, err
	}
	return stmt, err // a COPY
}

// ResetSession begins a use of the connection. It makes database/sql replace an
// abandoned one.
func (c *postgresConn) ResetSession(ctx context.Context) error {
	if c.since != c.made.n.Load() {
		return driver.ErrBadConn
	}
	c.use(ctx)
	return c.pqConn.ResetSession(ctx)
}

// IsValid ends a use of the connection. It makes database/sql close an abandoned one.
func (c *postgresConn) IsValid() bool {
	c.idle()
	return c.since == c.made.n.Load() && c.pqConn.IsValid()
}

func (c *postgresConn) Close() error {
	c.idle()
	return c.pqConn.Close()
}

type pqStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// postgresStmt is a prepared statement. database/sql closes it without a context, also
// between two uses of its connection.
type postgresStmt struct {
	pqStmt
	line *line
}

func (s postgresStmt) Close() error {
	defer time.AfterFunc(patience, s.line.cut).Stop()
	return s.pqStmt.Close()
}

type watchedKey struct{}

// HeldOpen returns a context for beginning a transaction. It does not end with ctx,
// but the driver still watches ctx.
func HeldOpen(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), watchedKey{}, ctx)
}
