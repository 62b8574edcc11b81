package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"resellerd/store/dialect"
	"resellerd/store/fault"
)

// ringSize is how many commits the database keeps the marks of. Older marks are
// overwritten.
const ringSize = 65536

// Mark distinguishes a commit from another one with the same number.
type Mark [16]byte

var errNoMark = errors.New("this is no mark of a commit")

// Scan implements sql.Scanner.
func (m *Mark) Scan(value any) error {
	raw, ok := value.([]byte)
	if !ok || len(raw) != len(m) {
		return fmt.Errorf("%w: %T of %d bytes, want %d bytes", errNoMark, value, len(raw), len(m))
	}
	copy(m[:], raw)
	return nil
}

// DataRevision identifies a state of the data: the number of the commit that made
// it, and the random mark of that commit. The zero value means none.
type DataRevision struct {
	N    int64
	Mark Mark
}

// ErrRevisionLost says that the database does not have the commit of a
// DataRevision, or that too many commits have followed to tell. Do not retry.
var ErrRevisionLost = errors.New("data revision lost")

// ErrLost says that a statement found the database without a commit that this store
// knows. Do not use anything that was read there.
var ErrLost = fmt.Errorf("the database has lost commits that this process has read: %w", fault.ErrUnavailable)

// errStandby says that the database is a replica of another one. It may lag by any time
// and cannot tell by how much, so that it confirms nothing.
var errStandby = fmt.Errorf("the database is a standby, whose data may be old: name the primary in --database, and standbys in --database-replica: %w", fault.ErrUnavailable)

// Observation is what one statement found out about the history of the database.
// Everything else that its transaction reads is of the same moment.
type Observation struct {
	Known  State        // the state that the statement asks about
	wanted DataRevision // another revision that it asks about
	At     time.Time    // the time of the question

	now     DataRevision // the present revision
	kept    bool         // Known is part of the history
	has     bool         // wanted is part of the history
	standby bool         // the database is a replica of another one
	beside  bool         // the statement asked a replica, beside the database itself
}

// historyText returns the statement that reads the history. Its arguments are
// Observation.args, with placeholders from the number from on.
func historyText(d dialect.Dialect, from int) string {
	has := func(n int) string {
		number := d.Placeholder(n) + d.Bigint
		return fmt.Sprintf("EXISTS (SELECT 1 FROM commit_marks k WHERE k.slot = %[1]s %% %[2]d AND k.n = %[1]s AND k.mark = %[3]s)",
			number, ringSize, d.Placeholder(n+1))
	}
	return fmt.Sprintf("SELECT r.n AS now_n, m.mark AS now_mark, %s AS kept, %s AS has, %s AS standby"+
		" FROM data_revision r JOIN commit_marks m ON m.slot = r.n %% %d AND m.n = r.n", has(from), has(from+2), d.Standby, ringSize)
}

func (x *Observation) args() []any {
	return []any{x.Known.N, x.Known.Mark[:], x.wanted.N, x.wanted.Mark[:]}
}

// Into returns the destinations of the columns of the history.
func (x *Observation) Into() []any {
	return []any{&x.now.N, &x.now.Mark, &x.kept, &x.has, &x.standby}
}

// JoinTo extends a query with numbered placeholders so that it also reads the
// history. The columns of the history come first. join is "JOIN" or "LEFT JOIN".
// With "LEFT JOIN", a query without rows gives one row of NULLs.
func (x *Observation) JoinTo(d dialect.Dialect, join, text string, args []any) (string, []any) {
	text = fmt.Sprintf("SELECT h.*, q.* FROM (%s) h %s (%s) q ON TRUE", historyText(d, len(args)+1), join, text)
	return text, append(args, x.args()...)
}

// Reader reads the history of one database.
type Reader struct {
	d      dialect.Dialect
	pulse  *dialect.StatementPool // has a connection reserved for the history
	intact func() error           // whether the database is in the files that are open
	text   string                 // the text of the statement
}

// NewReader returns a reader on a pool that has a connection reserved for it.
func NewReader(d dialect.Dialect, pulse *dialect.StatementPool, intact func() error) *Reader {
	return &Reader{d: d, pulse: pulse, intact: intact, text: historyText(d, 1)}
}

// Look reads the history. It returns ErrLost if the answer shows another database,
// and ErrUnavailable after any other failure.
func (r *Reader) Look(ctx context.Context, x *Observation) error {
	if err := r.intact(); err != nil {
		return fmt.Errorf("data revision: %w", err)
	}
	err := dialect.ReadOne(ctx, r.pulse, r.text, x.args(), x.Into()...)
	switch {
	case err == nil:
		return nil
	case r.otherSchema(err):
		return fmt.Errorf("data revision: %w", errors.Join(ErrLost, err))
	}
	return fmt.Errorf("data revision: %w", errors.Join(fault.ErrUnavailable, err))
}

// otherSchema reports whether an error shows that the database is another one, such
// as one with an older schema. After any other failure, the next answer decides
// whether the history is lost. Until then nothing is confirmed.
func (r *Reader) otherSchema(err error) bool {
	return errors.Is(err, sql.ErrNoRows) || errors.Is(err, errNoMark) || r.d.Absent(err)
}

// Statement reads the history within transactions on its pool. It is prepared
// before the transaction takes its connection, so that no holder of a connection
// waits for another one.
type Statement struct{ *dialect.Statement }

// Prepare prepares the statement on a pool. The caller must release it.
func (r *Reader) Prepare(ctx context.Context, p *dialect.StatementPool) (Statement, error) {
	stmt, err := p.Statement(ctx, r.text)
	return Statement{stmt}, err
}

// Look reads the history as the transaction sees it.
func (h Statement) Look(ctx context.Context, tx *sqlx.Tx, x *Observation) error {
	return h.ReadOne(ctx, tx, x.args(), x.Into()...)
}
