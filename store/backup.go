package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jmoiron/sqlx"

	"resellerd/store/fault"
)

// Backup copies a SQLite database to a new file, as it is at one moment, and checks the copy.
// Readers and writers of all processes go on meanwhile. Only the owner may read the file. It
// appears at its path when it is whole and on the disk. Backup returns its size. It returns
// ErrInvalid for PostgreSQL, whose own tools make backups, and for a path at which something
// exists.
func (s *Store) Backup(ctx context.Context, to string) (size int64, err error) {
	if s.Dialect() != "sqlite" {
		return 0, fault.Invalid("database", "is PostgreSQL: make the backup with pg_dump or pg_basebackup")
	}
	if _, err := os.Lstat(to); err == nil {
		return 0, fault.Invalid("to", "must not exist: a backup never replaces a file")
	}
	// SQLite accepts an empty file. Made here, only its owner may read it.
	part, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*.part")
	if err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	defer func() { _ = os.Remove(part.Name()) }()
	if _, err = s.db.Write.ExecContext(ctx, "VACUUM INTO ?", part.Name()); err == nil {
		err = s.markCopy(ctx, part.Name())
	}
	if err == nil {
		err = checkCopy(ctx, part.Name())
	}
	if err == nil {
		err = part.Sync()
	}
	info, statErr := part.Stat()
	if err = errors.Join(err, statErr, part.Close()); err == nil {
		err = os.Link(part.Name(), to) // never replaces a file
	}
	if err == nil {
		err = syncFolder(filepath.Dir(to))
	}
	if err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	return info.Size(), nil
}

// markCopy lets the webhooks of a copy begin again with a reset: their receivers may know
// later changes.
func (s *Store) markCopy(ctx context.Context, path string) error {
	db, err := sqlx.Open("sqlite", "file:"+path+"?_pragma=journal_mode(DELETE)")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "UPDATE webhook_lease SET place = '', owner = ''")
	if err != nil && s.dialect.Absent(err) {
		err = nil // the schema is an older one, without webhooks
	}
	return errors.Join(err, db.Close())
}

// checkCopy reads a whole database and compares its indexes and tables.
func checkCopy(ctx context.Context, path string) error {
	db, err := sqlx.Open("sqlite", "file:"+path+"?mode=ro&immutable=1")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // it was only read
	var found string
	if err := db.GetContext(ctx, &found, "PRAGMA quick_check(1)"); err != nil {
		return err
	}
	if found != "ok" {
		return errors.New("the copy is damaged: " + found + ": restore an older backup, because the store is damaged, too")
	}
	return nil
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
