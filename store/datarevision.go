package store

import (
	"context"

	"resellerd/store/history"
)

// lose lets go of everything that stems from a history that is lost. The
// tracker calls it under its lock: what begins afterwards begins anew.
func (s *Store) lose(losses int64) {
	s.db.Drop()
	s.lookups.Forget(losses)
}

// report tells of a loss, once lose is done.
func (s *Store) report(known, found history.DataRevision) {
	s.db.CloseIdle()
	s.logger.Error("the database lacks commits that this process has read, so an older copy has replaced it: all caches are dropped",
		"known_revision", known.N, "found_revision", found.N)
}

// HistoryLost counts how often the database was found without a commit that
// this store knew.
func (s *Store) HistoryLost() int64 { return s.tracker.State().Losses }

// Revision is the number of the newest data revision that this store knows of;
// it grows by one with every write of any process, and may lag behind others'
// by the polling interval. 0 before the first answer of the database, and
// between a loss of history and the next one.
func (s *Store) Revision() int64 { return s.DataRevision().N }

// DataRevision is the newest data revision that this store knows of, none where
// Revision is 0.
func (s *Store) DataRevision() history.DataRevision { return s.tracker.State().DataRevision }

// Newer is closed once other data than of revision r is known of.
func (s *Store) Newer(r history.DataRevision) <-chan struct{} {
	return s.tracker.Newer(r)
}

// WaitRevision returns when the store reads data of revision want or later. It
// asks the database at once, then waits for the polling. It returns
// ErrRevisionLost when the database does not have that commit, and
// ErrUnavailable when ctx ends before that is known. A number that the database
// has not reached is waited for, as long as ctx lasts.
func (s *Store) WaitRevision(ctx context.Context, want history.DataRevision) error {
	return s.tracker.Wait(ctx, want)
}
