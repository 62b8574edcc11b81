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
)

// Each database has its own migrations, with the same numbers and names.
//
//go:embed migrations/*/*.sql
var migrations embed.FS

// Migrate brings the schema up to date, with each step in its own transaction, and
// creates the store key. Processes that migrate one PostgreSQL database at the same
// time take turns.
//
// It changes nothing in a schema that is newer than this program; see SchemaCurrent.
func (s *Store) Migrate(ctx context.Context) error { return s.migrate(ctx, s.version, s.texts) }

func (s *Store) migrate(ctx context.Context, version int64, texts fs.FS) error {
	has, err := s.schemaVersion(ctx)
	if err != nil || has > version {
		return errors.Join(s.dialect.TranslateIn(ctx, err), s.SchemaCurrent(ctx))
	}
	steps, err := s.apply(ctx, texts)
	if err == nil && has == 0 && version >= finished.writer {
		err = s.declare(ctx, finished) // no other program uses a new store
	}
	if err != nil {
		return fmt.Errorf("schema: %w", s.dialect.TranslateIn(ctx, err))
	}
	if err := s.tellCleared(ctx, steps); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	if version >= keysLogins {
		if err := s.keyLogins(ctx); err != nil {
			return fmt.Errorf("logins: %w", err)
		}
	}
	if version >= foldsTexts {
		if err := s.foldAll(ctx); err != nil {
			return fmt.Errorf("folded texts: %w", err)
		}
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

// apply applies the migrations in texts. Before the first one, it stores which programs
// they suit, so that other programs stop in time.
func (s *Store) apply(ctx context.Context, texts fs.FS) ([]*goose.MigrationResult, error) {
	provider, err := s.dialect.Steps(s.db.Write.DB, texts)
	if err != nil {
		return nil, err
	}
	suits, err := compatibilityIn(texts)
	if err != nil {
		return nil, err
	}
	if err := s.declare(ctx, suits); err != nil && !s.dialect.Absent(err) { // there is no table before its migration
		return nil, err
	}
	steps, err := provider.Up(ctx)
	if err == nil {
		err = s.declare(ctx, suits)
	}
	return steps, err
}

// ownMigrations returns the migrations of this program, and the version of the newest.
func ownMigrations(d dialect.Dialect) (texts fs.FS, version int64, err error) {
	if texts, err = fs.Sub(migrations, "migrations/"+d.Name); err != nil {
		return nil, 0, err
	}
	names, err := fs.Glob(texts, "*.sql")
	for _, name := range names {
		number, _, err := compatibilityOf(name, "")
		if err != nil {
			return nil, 0, err
		}
		version = max(version, number)
	}
	return texts, version, err
}
