package store

import (
	"context"
	"maps"
	"slices"
)

// Besides is how many of the connections for reading beside a transaction are
// taken.
func (s *Store) Besides() int { return len(s.besides) }

// ShutBeside has no connection be had for reading beside a transaction.
func (s *Store) ShutBeside() error { return s.db.bulk.Close() }

// MigrateTo brings the schema to a version that may not be the last.
func (s *Store) MigrateTo(ctx context.Context, version int64) error {
	provider, err := s.provider()
	if err == nil {
		_, err = provider.UpTo(ctx, version)
	}
	return err
}

// IDKinds are the kinds of rows that RandomID knows a prefix for.
func IDKinds() []string { return slices.Sorted(maps.Keys(idPrefixes)) }
