package dialect

import (
	"context"
	"crypto/rand"
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
	setSession  = "SELECT set_config('resellerd.session', $1, false)"
	readSession = "SELECT COALESCE(current_setting('resellerd.session', true), '')"
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

// looks is how often a new connection and its witness look for marks. A pooler chooses
// a session for each look. While other clients are busy, one choice proves little.
const looks = 4

// claimSession marks the session of a new connection, each with a mark of its own. It
// returns errPooler if the session has a mark already, if a second connection, made by
// open, sees a mark, or if a later statement does not see this mark.
func claimSession(ctx context.Context, conn pqConn, open func(context.Context) (pqConn, error)) error {
	mark := rand.Text()
	if err := sees(ctx, conn, ""); err != nil {
		return err
	}
	if _, err := value(ctx, conn, setSession, driver.NamedValue{Ordinal: 1, Value: mark}); err != nil {
		return err
	}
	soon, cancel := context.WithTimeout(ctx, witnessPatience)
	defer cancel()
	witness, err := open(soon)
	if err != nil { // then only the first connection looks
		witness = nil
	} else {
		defer func() { _ = witness.Close() }() // nothing was written
	}
	for range looks {
		if witness != nil && errors.Is(sees(soon, witness, ""), errPooler) {
			return errPooler
		}
		if err := sees(ctx, conn, mark); err != nil {
			return err
		}
	}
	return nil
}

// sees returns errPooler if the session that serves the next statement of a connection
// has another mark than this one.
func sees(ctx context.Context, conn driver.QueryerContext, mark string) error {
	is, err := value(ctx, conn, readSession)
	if err == nil && is != mark {
		err = errPooler
	}
	return err
}

// value returns the only value that a query gives, as text.
func value(ctx context.Context, conn driver.QueryerContext, query string, args ...driver.NamedValue) (text string, err error) {
	rows, err := conn.QueryContext(ctx, query, args)
	if err != nil {
		return "", err
	}
	row := make([]driver.Value, 1)
	if err = rows.Next(row); err == nil {
		text = fmt.Sprintf("%s", row[0])
		if err = rows.Next(row); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	return text, errors.Join(err, rows.Close())
}
