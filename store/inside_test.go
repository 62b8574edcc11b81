package store

import (
	"context"
	"maps"
	"slices"
)

// BulkReaders is how many of the connections for parallel reading are taken.
func (s *Store) BulkReaders() int { return len(s.bulkSlots) }

// CloseBulk has no connection be had for parallel reading.
func (s *Store) CloseBulk() error { return s.db.Bulk.Close() }

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
