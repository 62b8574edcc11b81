package dialect

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"resellerd/store/fault"
)

// errPooler says that the statements of one connection reach several sessions of
// the server. Then arguments could be bound to other clients' statements.
var errPooler = fmt.Errorf("the database is behind a pooler in transaction or statement mode: "+
	"connect to the server itself, or have the pooler use session mode: %w", fault.ErrUnavailable)

const (
	setSession  = "SET resellerd.session = 'taken'"
	readSession = "SELECT COALESCE(current_setting('resellerd.session', true), '')"
	tookSession = "taken"
)

// Settings by which the server ends the session of a process or a machine that has
// died, so that its locks do not stay. They are statements, because poolers refuse
// them as parameters of a connection. Not every operating system can watch a client
// during a statement.
const (
	watchIdle = "SET idle_in_transaction_session_timeout = '60s'; SET tcp_keepalives_idle = 10;" +
		" SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; SET tcp_user_timeout = '25s'"
	watchBusy = "SET client_connection_check_interval = '1s'"
)

// PlanSettings takes from the planner what it can choose well only if its statistics are
// right. Rates are read within seconds after they were written, before any statistics
// know them. The planner would then read and sort all rows of a revision for each page,
// or join by reading whole tables. Every statement has an index for its conditions and
// its order, so it loses nothing. A plan that cannot do without a sort still has one. As
// the cost of such a plan is high, the server would compile it without the last setting.
const PlanSettings = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_sort = off;" +
	" SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off"

// watchClient makes the server notice when this process is gone.
func watchClient(ctx context.Context, conn driver.ExecerContext) error {
	if _, err := conn.ExecContext(ctx, watchIdle, nil); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, watchBusy, nil)
	if postgresCode(err) == "22023" { // the server's system cannot do it
		return nil
	}
	return err
}

// witnessPatience limits the wait for a second connection: a pooler may have no
// other session.
const witnessPatience = time.Second

// claimSession marks the session of a new connection as taken. It returns errPooler
// if the session is taken already, if a second connection, made by open, sees the
// mark, or if a later statement reaches another session.
func claimSession(ctx context.Context, conn pqConn, open func(context.Context) (pqConn, error)) error {
	was, err := session(ctx, conn)
	if err == nil && was != "" {
		err = errPooler
	}
	if err == nil {
		_, err = conn.ExecContext(ctx, setSession, nil)
	}
	if err == nil {
		err = witness(ctx, open)
	}
	if err != nil {
		return err
	}
	is, err := session(ctx, conn)
	if err == nil && is != tookSession {
		err = errPooler
	}
	return err
}

// witness returns errPooler if a second connection sees the mark of the first. If
// no second connection can be opened, it returns nil, unless ctx has ended.
func witness(ctx context.Context, open func(context.Context) (pqConn, error)) error {
	soon, cancel := context.WithTimeout(ctx, witnessPatience)
	defer cancel()
	second, err := open(soon)
	if err != nil {
		return ctx.Err()
	}
	defer func() { _ = second.Close() }() // nothing was written
	if sees, err := session(soon, second); err == nil && sees != "" {
		return errPooler
	}
	return ctx.Err()
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
