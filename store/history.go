package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
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

// errHistoryLost says that a statement met a database without the commit that
// this store knows. Nothing that was read there may be used.
var errHistoryLost = fmt.Errorf("the database has lost commits that this process has read: %w", ErrUnavailable)

// sighting is what one statement found out about the history of the database.
// All else that its transaction reads is of the same moment.
type sighting struct {
	known  standing     // what was asked about
	wanted DataRevision // asked about as well
	at     time.Time    // when it was asked

	now     DataRevision // of the data
	kept    bool         // known is part of the history
	has     bool         // wanted is
	standby bool         // the database follows another one
}

// historyText is the one statement about the history. Its arguments are
// sighting.args, with placeholders from the given one on.
func historyText(d dialect, from int) string {
	has := func(n int) string {
		number := d.placeholder(n) + d.bigint
		return fmt.Sprintf("EXISTS (SELECT 1 FROM commit_marks k WHERE k.slot = %[1]s %% %[2]d AND k.n = %[1]s AND k.mark = %[3]s)",
			number, ringSize, d.placeholder(n+1))
	}
	return fmt.Sprintf("SELECT r.n AS now_n, m.mark AS now_mark, %s AS kept, %s AS has, %s AS standby"+
		" FROM data_revision r JOIN commit_marks m ON m.slot = r.n %% %d AND m.n = r.n", has(from), has(from+2), d.standby, ringSize)
}

func (x *sighting) args() []any {
	return []any{x.known.N, x.known.Mark[:], x.wanted.N, x.wanted.Mark[:]}
}

func (x *sighting) into() []any {
	return []any{&x.now.N, &x.now.Mark, &x.kept, &x.has, &x.standby}
}

// beside has a query of numbered arguments read the history in the same
// statement, before its own columns. join is "JOIN", or "LEFT JOIN" for a row of
// NULLs where the query has none.
func (x *sighting) beside(d dialect, join, text string, args []any) (string, []any) {
	text = fmt.Sprintf("SELECT h.*, q.* FROM (%s) h %s (%s) q ON TRUE", historyText(d, len(args)+1), join, text)
	return text, append(args, x.args()...)
}

// look reads the history.
func (s *Store) look(ctx context.Context, x *sighting) error {
	if err := s.db.intact(); err != nil {
		return fmt.Errorf("data revision: %w", err)
	}
	rows, err := s.beat.QueryContext(ctx, s.history, x.args()...)
	if err == nil {
		err = scanOne(rows, x.into()...)
	}
	switch {
	case err == nil:
		return nil
	case s.otherSchema(err):
		return fmt.Errorf("data revision: %w", errors.Join(errHistoryLost, err))
	}
	return fmt.Errorf("data revision: %w", errors.Join(ErrUnavailable, err))
}

// otherSchema reports whether the answer to a question about the history shows
// a database that is not the known one, such as one of an older schema. After
// any other failure, the next answer decides whether the history is lost; until
// then nothing is confirmed.
func (s *Store) otherSchema(err error) bool {
	return errors.Is(err, sql.ErrNoRows) || errors.Is(err, errNoMark) || s.dialect.absent(err)
}

// historian is a statement about the history, for transactions over its pool.
// It is prepared before the transaction takes its connection: nobody who holds
// one waits for another.
type historian struct{ *prepared }

func (s *Store) historian(ctx context.Context, p *preparedPool) (historian, error) {
	stmt, err := p.statement(ctx, s.history)
	return historian{stmt}, err
}

// look reads the history as the transaction sees it.
func (h historian) look(ctx context.Context, tx *sqlx.Tx, x *sighting) error {
	rows, err := tx.StmtContext(ctx, h.stmt).QueryContext(ctx, x.args()...)
	if err != nil {
		return err
	}
	return scanOne(rows, x.into()...)
}

// lose lets go of everything that stems from a history that is lost. The
// tracker calls it under its lock: what begins afterwards begins anew.
func (s *Store) lose(losses int64) {
	s.db.drop()
	s.memory.forget(losses)
}

// report tells of a loss, once lose is done.
func (s *Store) report(known, found DataRevision) {
	s.db.closeIdle()
	s.logger.Error("the database has lost commits that this process has read: an older copy is in its place; all caches are dropped",
		"known_revision", known.N, "found_revision", found.N)
}

// HistoryLost counts how often the database was found without a commit that
// this store knew.
func (s *Store) HistoryLost() int64 { return s.tracker.standing().losses }

// Revision is the number of the newest data revision that this store knows of;
// it grows by one with every write of any process, and may lag behind others'
// by the polling interval. 0 before the first answer of the database, and
// between a loss of history and the next one.
func (s *Store) Revision() int64 { return s.DataRevision().N }

// DataRevision is the newest data revision that this store knows of, none where
// Revision is 0.
func (s *Store) DataRevision() DataRevision { return s.tracker.standing().DataRevision }

// Newer is closed once other data than of revision r is known of.
func (s *Store) Newer(r DataRevision) <-chan struct{} {
	known, _, changed := s.tracker.latest()
	if known.DataRevision != r {
		now := make(chan struct{})
		close(now)
		return now
	}
	return changed
}

// WaitRevision returns when the store reads data of revision want or later. It
// asks the database at once, then waits for the polling. It returns
// ErrRevisionLost when the database does not have that commit, and
// ErrUnavailable when ctx ends before that is known. A number that the database
// has not reached is waited for, as long as ctx lasts.
func (s *Store) WaitRevision(ctx context.Context, want DataRevision) error {
	if want.Mark == (Mark{}) {
		return fmt.Errorf("revision %d has no mark: %w", want.N, ErrRevisionLost)
	}
	ahead := false // of a database that follows no other
	for ask := true; ; {
		known, _, changed := s.tracker.latest()
		if s.tracker.remembers(want) {
			return nil
		}
		if ask || known.N >= want.N {
			ask = false
			x, known, err := s.tracker.refresh(ctx, want)
			switch {
			case err != nil && ctx.Err() == nil:
				return err
			case err == nil && x.has:
				s.tracker.remember(want, known.losses)
				return nil
			case err == nil && !x.has && x.now.N >= want.N:
				return fmt.Errorf("revision %d: %w", want.N, ErrRevisionLost)
			case err == nil:
				ahead = !x.standby
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if ahead {
				return fmt.Errorf("revision %d: %w", want.N, ErrRevisionLost)
			}
			return fmt.Errorf("revision %d: %w", want.N, errors.Join(ErrUnavailable, ctx.Err()))
		}
	}
}
