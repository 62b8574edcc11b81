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

// Each database has its own texts, under the same numbers and names.
//
//go:embed migrations/*/*.sql
var migrations embed.FS

// Migrate brings the schema up to date, each step in a transaction of its own,
// and makes the store key. Processes that migrate one PostgreSQL database at
// the same time take turns.
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

// clearsExternalIDs is the version of the step that does.
const clearsExternalIDs = 8

// tellCleared tells which external ids one of these steps has cleared.
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

// SchemaCurrent returns nil when the schema is the one this program was made
// for, and else an ErrUnavailable that says what it is instead.
func (s *Store) SchemaCurrent(ctx context.Context) error {
	provider, err := s.provider()
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	sources := provider.ListSources()
	wanted := sources[len(sources)-1].Version
	type version struct{ N int64 }
	kept, err := dialect.SelectOne[version](ctx, s.dialect, s.db.Read,
		"SELECT COALESCE(MAX(version_id), 0) AS n FROM goose_db_version WHERE is_applied")
	if err != nil {
		return fmt.Errorf("schema: %w", errors.Join(fault.ErrUnavailable, err))
	}
	if kept.N != wanted {
		return fmt.Errorf("schema: version %d where %d is needed: %w", kept.N, wanted, fault.ErrUnavailable)
	}
	return nil
}
