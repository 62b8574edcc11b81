package store

import (
	"context"

	"resellerd/store/history"
)

// lose drops everything that was read from a lost history. The tracker calls it
// while it holds its lock, so that later reads start from the new history.
func (s *Store) lose(losses int64) {
	s.db.Drop()
	s.lookups.Forget(losses)
}

// report logs a loss, after lose has returned.
func (s *Store) report(known, found history.DataRevision) {
	s.db.CloseIdle()
	s.logger.Error("the database lacks commits that this process has read, so an older copy has replaced it: all caches are dropped",
		"known_revision", known.N, "found_revision", found.N)
}

// HistoryLost returns how often the database was found without a commit that this
// store knew.
func (s *Store) HistoryLost() int64 { return s.tracker.State().Losses }

// Revision returns the number of the newest data revision that this store knows.
// Every write of any process increases it by one. For writes of other processes it
// may lag by the polling interval. It is 0 before the first answer of the database,
// and after a loss of history until the next answer.
func (s *Store) Revision() int64 { return s.DataRevision().N }

// DataRevision returns the newest data revision that this store knows, or the zero
// value if Revision is 0.
func (s *Store) DataRevision() history.DataRevision { return s.tracker.State().DataRevision }

// CatchUp asks the database for its data revision. Afterwards, the store knows at least
// that one.
func (s *Store) CatchUp(ctx context.Context) error {
	if err := s.tracker.CatchUp(ctx); err != nil {
		return s.dialect.TranslateIn(ctx, err)
	}
	return nil
}

// Newer returns a channel that is closed when this store knows another data
// revision than r.
func (s *Store) Newer(r history.DataRevision) <-chan struct{} {
	return s.tracker.Newer(r)
}

// WaitRevision returns when the store reads data of revision want or later. It asks
// the database at once, then waits for the polling. It returns ErrRevisionLost if
// the database does not have that commit, and ErrUnavailable if ctx ends before the
// answer is known. If the database has not reached the number yet, WaitRevision
// waits until ctx ends, and then returns ErrRevisionLost.
func (s *Store) WaitRevision(ctx context.Context, want history.DataRevision) error {
	return s.tracker.Wait(ctx, want)
}
