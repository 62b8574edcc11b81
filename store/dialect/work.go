package dialect

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// Work is a kind of work in a transaction. It limits how long a statement may run and
// wait for a lock, and tells others what they wait for.
type Work int

// The kinds of work. The database stores their numbers only while a transaction runs.
const (
	Reading Work = iota
	Writing
	Importing
	Building
	Proving
	Rehearsing
	Sweeping
)

// limits of a kind of work. They hold where a request does not end before.
type limits struct {
	name, label     string
	lock, statement time.Duration
}

var works = map[Work]limits{
	Reading:    {"a read", "read", 5 * time.Second, 5 * time.Minute},
	Writing:    {"another write", "write", 10 * time.Second, time.Minute},
	Importing:  {"an import", "import", 30 * time.Second, time.Hour},
	Building:   {"a build", "build", 30 * time.Second, time.Hour},
	Proving:    {"a proof", "proof", 30 * time.Second, time.Hour},
	Rehearsing: {"a dry run", "dry_run", 10 * time.Second, 15 * time.Minute},
	Sweeping:   {"the deletion of old rates", "sweep", 10 * time.Second, time.Minute},
}

// String names the work for somebody who waits for it. It never says whose work it is.
func (w Work) String() string {
	if l, ok := works[w]; ok {
		return l.name
	}
	return works[Writing].name
}

// Label names the work in metrics.
func (w Work) Label() string { return works[w].label }

// LockLimit is how long a statement may wait for a lock. It leaves a third of the
// request's time, so that the request can still tell what it has waited for.
func (w Work) LockLimit(ctx context.Context) time.Duration {
	return within(works[w].lock, left(ctx)/3*2)
}

// statementLimit is how long a statement may run: no longer than its request.
func (w Work) statementLimit(ctx context.Context) time.Duration {
	return within(works[w].statement, left(ctx))
}

// left is the time until ctx ends.
func left(ctx context.Context) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		return time.Until(end)
	}
	return math.MaxInt64
}

// within returns the shorter time, at least a millisecond: PostgreSQL takes 0 for none.
func within(a, b time.Duration) time.Duration { return max(min(a, b), time.Millisecond) }

// writePause is how long an ordinary write may pause between two of its statements. Others
// wait longer for their lock, so a process that is cut off in a write fails nobody else's.
const writePause = 8 * time.Second

// longestPause is how long any transaction may pause, as watchIdle says.
const longestPause = time.Minute

// pauseLimit is how long a transaction may do nothing before the server ends it.
func (w Work) pauseLimit(ctx context.Context) time.Duration {
	if w == Writing {
		return within(writePause, left(ctx))
	}
	return within(longestPause, left(ctx))
}

// The statements that limit the work of a transaction, and tell what it is. The limits
// end with the transaction, and are never parameters of a connection, because poolers
// refuse those. A lock that is shared by all transactions tells the kind of work: unlike
// the text of a statement, other users of the server can see it.
const (
	workLocks     = 1919251301
	postgresLimit = "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true)"
)

var (
	postgresSerialise = fmt.Sprintf("%s, pg_advisory_xact_lock_shared(%d, $3::int), pg_advisory_xact_lock(hashtextextended($4, 0)),"+
		" set_config('idle_in_transaction_session_timeout', $5, true)", postgresLimit, workLocks)
	postgresHolder = fmt.Sprintf(`SELECT k.objid::bigint AS work FROM pg_locks t JOIN pg_locks k ON k.pid = t.pid AND k.database = t.database
		WHERE t.locktype = 'advisory' AND t.granted AND t.objsubid = 1 AND (t.classid::bigint << 32) | t.objid::bigint = hashtextextended($1, 0)
		AND t.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND k.locktype = 'advisory' AND k.granted AND k.objsubid = 2 AND k.classid::bigint = %d LIMIT 1`, workLocks)
)

func millis(d time.Duration) string { return strconv.FormatInt(max(d.Milliseconds(), 1), 10) }

// Limit limits the statements of a transaction that waits for no lock of a name.
func (d Dialect) Limit(ctx context.Context, x Execer, w Work) error {
	if !d.Locks {
		return nil
	}
	_, err := x.ExecContext(ctx, postgresLimit, millis(w.LockLimit(ctx)), millis(w.statementLimit(ctx)))
	return err
}

// LimitLocks limits how long the next statements of a transaction wait for a lock. It needs a
// database with Locks.
func (d Dialect) LimitLocks(ctx context.Context, x Execer, limit time.Duration) error {
	_, err := x.ExecContext(ctx, "SELECT set_config('lock_timeout', $1, true)", millis(limit))
	return err
}

// Serialise is Limit with a limit of its own for locks, and makes the transaction wait for
// the others of the same name. It needs a database with Locks.
func (d Dialect) Serialise(ctx context.Context, x Execer, w Work, name string, limit time.Duration) error {
	_, err := x.ExecContext(ctx, postgresSerialise, millis(limit), millis(w.statementLimit(ctx)), int(w), name, millis(w.pauseLimit(ctx)))
	return err
}

// WaitedTooLong reports whether a statement ended because it did not get a lock in time.
func (d Dialect) WaitedTooLong(err error) bool {
	return postgresCode(err) == "55P03" || sqliteCode(err)&0xff == sqlite3.SQLITE_BUSY
}

// Holder returns the work of the transaction that has serialised under a name, in any
// process. It returns Writing if that is not known.
func (d Dialect) Holder(ctx context.Context, x Execer, name string) Work {
	type row struct{ Work Work }
	one, err := SelectOne[row](ctx, d, x, postgresHolder, name)
	if err != nil {
		return Writing
	}
	return one.Work
}

// beginReading returns the statements that begin a transaction which reads one state,
// with its limits. They take one round trip.
func beginReading(ctx context.Context) string {
	return "BEGIN READ ONLY, ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = " + millis(Reading.LockLimit(ctx)) +
		"; SET LOCAL statement_timeout = " + millis(Reading.statementLimit(ctx))
}
