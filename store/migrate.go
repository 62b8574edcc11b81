package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/pressly/goose/v3"

	"resellerd/store/dialect"
	"resellerd/store/fault"
)

// Each database has its own migrations, with the same numbers and names.
//
//go:embed migrations/*/*.sql
var migrations embed.FS

// Migrate brings the schema up to date, with each step in its own transaction, and
// creates the store key. Processes that migrate one PostgreSQL database at the same
// time take turns.
func (s *Store) Migrate(ctx context.Context) error {
	provider, err := s.provider()
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	steps, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("schema: %w", s.dialect.TranslateIn(ctx, err))
	}
	if err := s.tellCleared(ctx, steps); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	_, err = s.Key(ctx)
	return err
}

// clearsExternalIDs is the version of the migration that clears external ids.
const clearsExternalIDs = 8

// tellCleared passes each external id that these steps have cleared to
// Options.Cleared.
func (s *Store) tellCleared(ctx context.Context, steps []*goose.MigrationResult) error {
	clears := func(step *goose.MigrationResult) bool { return step.Source.Version == clearsExternalIDs }
	if s.cleared == nil || !slices.ContainsFunc(steps, clears) {
		return nil
	}
	cleared, err := s.clearedExternalIDs(ctx)
	for _, one := range cleared {
		s.cleared(one)
	}
	return err
}

func (s *Store) provider() (*goose.Provider, error) {
	texts, err := fs.Sub(migrations, "migrations/"+s.dialect.Name)
	if err != nil {
		return nil, err
	}
	return s.dialect.Steps(s.db.Write.DB, texts)
}

// SchemaCurrent returns nil if the schema has the version that this program needs.
// Otherwise it returns an ErrUnavailable that states both versions, or why the
// version cannot be read.
func (s *Store) SchemaCurrent(ctx context.Context) error {
	provider, err := s.provider()
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	sources := provider.ListSources()
	wanted := sources[len(sources)-1].Version
	type version struct{ N int64 }
	kept, err := dialect.SelectOne[version](ctx, s.dialect, s.db.Pulse,
		"SELECT COALESCE(MAX(version_id), 0) AS n FROM goose_db_version WHERE is_applied")
	if err != nil {
		return fmt.Errorf("schema: %w", errors.Join(fault.ErrUnavailable, err))
	}
	if kept.N != wanted {
		return fmt.Errorf("schema: version %d where %d is needed: %w", kept.N, wanted, fault.ErrUnavailable)
	}
	return nil
}
