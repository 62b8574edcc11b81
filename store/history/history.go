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

// ringSize is how many commits the database keeps the marks of.
const ringSize = 65536

// Mark is what tells a commit from another one of the same number.
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

// DataRevision names a state of the data: the number of the commit that made
// it, and the random mark of that commit. The zero value is none.
type DataRevision struct {
	N    int64
	Mark Mark
}

// ErrRevisionLost says that the database does not have the commit of a
// DataRevision, or has had too many since to tell. Asking again cannot help.
var ErrRevisionLost = errors.New("data revision lost")

// ErrLost says that a statement met a database without the commit that
// this store knows. Nothing that was read there may be used.
var ErrLost = fmt.Errorf("the database has lost commits that this process has read: %w", fault.ErrUnavailable)

// Observation is what one statement found out about the history of the database.
// All else that its transaction reads is of the same moment.
type Observation struct {
	Known  State        // what was asked about
	wanted DataRevision // asked about as well
	At     time.Time    // when it was asked

	now     DataRevision // of the data
	kept    bool         // known is part of the history
	has     bool         // wanted is
	standby bool         // the database follows another one
}

// historyText is the one statement about the history. Its arguments are
// observation.args, with placeholders from the given one on.
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

// Into are the places that the columns of the history are read into.
func (x *Observation) Into() []any {
	return []any{&x.now.N, &x.now.Mark, &x.kept, &x.has, &x.standby}
}

// JoinTo has a query of numbered arguments read the history in the same
// statement, before its own columns. join is "JOIN", or "LEFT JOIN" for a row of
// NULLs where the query has none.
func (x *Observation) JoinTo(d dialect.Dialect, join, text string, args []any) (string, []any) {
	text = fmt.Sprintf("SELECT h.*, q.* FROM (%s) h %s (%s) q ON TRUE", historyText(d, len(args)+1), join, text)
	return text, append(args, x.args()...)
}

// Reader reads the history of one database.
type Reader struct {
	d      dialect.Dialect
	pulse  *dialect.StatementPool // keeps a connection free for it
	intact func() error           // whether the database is in the files that are open
	text   string                 // of the statement
}

// NewReader makes a reader over a pool that has a connection free.
func NewReader(d dialect.Dialect, pulse *dialect.StatementPool, intact func() error) *Reader {
	return &Reader{d: d, pulse: pulse, intact: intact, text: historyText(d, 1)}
}

// Look reads the history.
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

// otherSchema reports whether the answer to a question about the history shows
// a database that is not the known one, such as one of an older schema. After
// any other failure, the next answer decides whether the history is lost; until
// then nothing is confirmed.
func (r *Reader) otherSchema(err error) bool {
	return errors.Is(err, sql.ErrNoRows) || errors.Is(err, errNoMark) || r.d.Absent(err)
}

// Statement is a statement about the history, for transactions over its pool.
// It is prepared before the transaction takes its connection: nobody who holds
// one waits for another.
type Statement struct{ *dialect.Statement }

// Prepare prepares the statement over a pool. The caller releases it.
func (r *Reader) Prepare(ctx context.Context, p *dialect.StatementPool) (Statement, error) {
	stmt, err := p.Statement(ctx, r.text)
	return Statement{stmt}, err
}

// Look reads the history as the transaction sees it.
func (h Statement) Look(ctx context.Context, tx *sqlx.Tx, x *Observation) error {
	return h.ReadOne(ctx, tx, x.args(), x.Into()...)
}
