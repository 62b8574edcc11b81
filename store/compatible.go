package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"resellerd/store/dialect"
	"resellerd/store/fault"
)

// compatibility says which programs a schema suits. A program has the version of its
// own newest migration. With the version reader or a later one, it may read the store,
// and with the version writer also write.
type compatibility struct{ reader, writer int64 }

// declared is the first line of a migration.
var declared = regexp.MustCompile(`^-- min_reader: (\d+), min_writer: (\d+)\n`)

// compatibilityOf reads what a migration declares. A migration that declares nothing
// suits only programs that have it.
func compatibilityOf(name, text string) (version int64, c compatibility, err error) {
	number, _, _ := strings.Cut(name, "_")
	version, err = strconv.ParseInt(number, 10, 64)
	c = compatibility{version, version}
	if found := declared.FindStringSubmatch(text); err == nil && found != nil {
		c.reader, _ = strconv.ParseInt(found[1], 10, 64) // they are digits
		c.writer, _ = strconv.ParseInt(found[2], 10, 64)
	}
	return version, c, err
}

// compatibilityIn is what all migrations together declare.
func compatibilityIn(texts fs.FS) (all compatibility, err error) {
	names, err := fs.Glob(texts, "*.sql")
	for _, name := range names {
		text, err := fs.ReadFile(texts, name)
		if err != nil {
			return all, err
		}
		_, c, err := compatibilityOf(name, string(text))
		if err != nil {
			return all, err
		}
		all = compatibility{max(all.reader, c.reader), max(all.writer, c.writer)}
	}
	return all, err
}

// declareText stores a compatibility, unless the stored one is stricter.
const declareText = `INSERT INTO settings (name, value) VALUES (?, ?), (?, ?)
	ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE excluded.value > settings.value`

func (c compatibility) settings() []any {
	return []any{readerSetting, versionValue(c.reader), writerSetting, versionValue(c.writer)}
}

// These are the versions of the first programs that end memberships, and that keep former
// access. Older ones would let a user stay in a group, or leave a gap in the past.
const (
	knowsEnds   = 21
	keepsFormer = 22
)

// finished is what a store suits that no older program uses.
var finished = compatibility{keepsFormer, keepsFormer}

// FinishUpgrade closes the store to programs that do not know all that this one stores.
// Until then, what they would get wrong is refused, so that no user can stop programs of an
// earlier release during an upgrade. From then on, former access is whole. A new store needs
// no FinishUpgrade.
func (s *Store) FinishUpgrade(ctx context.Context) error {
	if err := s.SchemaCurrent(ctx); err != nil {
		return err
	}
	return s.Write(ctx, "", func(tx *Tx) error {
		suits, err := readCompatibility(ctx, s.dialect, tx.tx)
		if err != nil || suits.writer >= finished.writer {
			return err
		}
		if _, err := tx.exec(ctx, `INSERT INTO access_kept_from (tenant_id, at) SELECT id, ? FROM accounts WHERE parent_id IS NULL
			ON CONFLICT (tenant_id) DO UPDATE SET at = excluded.at`, tx.now); err != nil {
			return err
		}
		_, err = tx.exec(ctx, declareText, finished.settings()...)
		return err
	})
}

// onlyWith returns ErrConflict for a field that programs before a version do not know, unless
// the store is closed to them.
func (tx *Tx) onlyWith(ctx context.Context, version int64, field string) error {
	suits, err := readCompatibility(ctx, tx.store.dialect, tx.tx)
	if err == nil && (suits.reader < version || suits.writer < version) {
		err = fault.Conflict(field, "cannot be stored before the operator has finished the upgrade of all servers")
	}
	return err
}

// The names of the compatibility in the table of settings. Their values are eight
// bytes, so that both databases compare them as numbers.
const (
	readerSetting = "min_reader"
	writerSetting = "min_writer"
)

func versionValue(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// declare stores a compatibility, unless the stored one is stricter. Programs that it does
// not suit stop reading and writing.
func (s *Store) declare(ctx context.Context, c compatibility) error {
	_, err := s.db.Write.ExecContext(ctx, s.dialect.Rebind(declareText), c.settings()...)
	return err
}

// stored reads the compatibility that the newest migration, or FinishUpgrade, has stored.
func (s *Store) stored(ctx context.Context) (compatibility, error) {
	return readCompatibility(ctx, s.dialect, s.db.Pulse)
}

func readCompatibility(ctx context.Context, d dialect.Dialect, x dialect.Execer) (c compatibility, err error) {
	type setting struct {
		Name  string
		Value []byte
	}
	all, err := dialect.SelectAll[setting](ctx, d, x, "SELECT name, value FROM settings WHERE name IN (?, ?)", readerSetting, writerSetting)
	for _, one := range all {
		if len(one.Value) != 8 {
			return c, fmt.Errorf("setting %s has %d bytes", one.Name, len(one.Value))
		}
		n := int64(binary.BigEndian.Uint64(one.Value))
		if one.Name == readerSetting {
			c.reader = n
		} else {
			c.writer = n
		}
	}
	if err == nil && (c.reader == 0 || c.writer == 0) {
		err = errors.New("the schema does not say which programs it suits")
	}
	return c, err
}

// ErrSchemaOlder says that the schema is older than the program. Migrate brings it up to
// date.
var ErrSchemaOlder = fmt.Errorf("the schema is older than this program: %w", fault.ErrUnavailable)

// errNewerSchema says that the schema needs a newer program, at least to write.
var errNewerSchema = fmt.Errorf("the schema needs a newer release of resellerd: %w", fault.ErrUnavailable)

// SchemaCurrent returns nil if this program can read the store: if the schema has the
// program's version, or a newer one that suits it. If the newer one suits it only for
// reading, writes return ErrUnavailable. Otherwise SchemaCurrent returns an
// ErrUnavailable that states both versions, or why the version cannot be read. It is
// ErrSchemaOlder if the schema is older.
func (s *Store) SchemaCurrent(ctx context.Context) error {
	has, err := s.schemaVersion(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("schema: %w", errors.Join(fault.ErrUnavailable, err))
	case has < s.version:
		return fmt.Errorf("schema: version %d where %d is needed: %w", has, s.version, ErrSchemaOlder)
	case has == s.version:
		return nil
	}
	suits, err := s.stored(ctx)
	if err != nil {
		return fmt.Errorf("schema: version %d where %d is known: %w", has, s.version, errors.Join(errNewerSchema, err))
	}
	if s.version < suits.reader {
		return fmt.Errorf("schema: version %d suits programs from version %d, and this one has %d: %w", has, suits.reader, s.version, errNewerSchema)
	}
	if s.newer.Swap(has) != has {
		s.logger.Warn("the schema is newer than this program and suits it", "schema", has, "program", s.version, "writes", s.version >= suits.writer)
	}
	return nil
}

// schemaVersion returns the version of the schema, 0 for an empty database.
func (s *Store) schemaVersion(ctx context.Context) (int64, error) {
	type version struct{ N int64 }
	has, err := dialect.SelectOne[version](ctx, s.dialect, s.db.Pulse,
		"SELECT COALESCE(MAX(version_id), 0) AS n FROM goose_db_version WHERE is_applied")
	if s.dialect.Absent(err) {
		return 0, nil
	}
	return has.N, err
}

// untoldRevision is the last data revision of a program that does not store changes.
const untoldRevision = "CASE WHEN told = n THEN untold ELSE n END"

// nextRevision takes the next data revision, unless the schema refuses programs of this
// version as writers.
const nextRevision = "UPDATE data_revision SET n = n + 1, untold = " + untoldRevision + ", told = n + 1 WHERE NOT EXISTS (SELECT 1 FROM settings WHERE name = '" + writerSetting + "' AND value > ?)"

// takeRevision takes the next data revision.
func (tx *Tx) takeRevision(ctx context.Context) error {
	rows, err := tx.exec(ctx, nextRevision, versionValue(tx.store.version))
	if err == nil && rows == 0 {
		err = fmt.Errorf("this program has version %d and may only read: %w", tx.store.version, errNewerSchema)
	}
	return err
}
