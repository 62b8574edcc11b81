package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// errPooler says that statements of one connection reach several sessions of
// the server. Arguments would then be bound to other clients' statements.
var errPooler = fmt.Errorf("the database is behind a pooler in transaction or statement mode: "+
	"connect to the server itself, or have the pooler use session mode: %w", ErrUnavailable)

const (
	setSession  = "SET resellerd.session = 'taken'"
	readSession = "SELECT COALESCE(current_setting('resellerd.session', true), '')"
	tookSession = "taken"
)

// settle takes the session of a connection that has just been opened. It
// returns errPooler when somebody has it already, or when the next statement
// goes to another one.
func settle(ctx context.Context, conn pqConn) error {
	was, err := session(ctx, conn)
	switch {
	case err != nil:
		return err
	case was != "":
		return errPooler
	}
	if _, err := conn.ExecContext(ctx, setSession, nil); err != nil {
		return err
	}
	return stillSettled(ctx, conn)
}

// stillSettled returns errPooler unless the session is the one that was taken.
func stillSettled(ctx context.Context, conn pqConn) error {
	is, err := session(ctx, conn)
	if err == nil && is != tookSession {
		err = errPooler
	}
	return err
}

// settled is stillSettled for sql.Conn.Raw; other databases have no sessions to
// mix up.
func settled(ctx context.Context) func(any) error {
	return func(raw any) error {
		if conn, ok := raw.(*postgresConn); ok {
			return stillSettled(ctx, conn)
		}
		return nil
	}
}

func session(ctx context.Context, conn driver.QueryerContext) (text string, err error) {
	rows, err := conn.QueryContext(ctx, readSession, nil)
	if err != nil {
		return "", err
	}
	value := make([]driver.Value, 1)
	if err = rows.Next(value); err == nil {
		text = fmt.Sprintf("%s", value[0])
		if err = rows.Next(value); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	return text, errors.Join(err, rows.Close())
}
