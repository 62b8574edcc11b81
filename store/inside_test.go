package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"regexp"
	"strconv"
	"testing"
	"testing/fstest"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/schema"
)

// FoldSlice is how many rows are folded in one transaction.
const FoldSlice = foldSlice

// BulkReaders returns how many connections for parallel reading are in use.
func (s *Store) BulkReaders() int { return s.db.Bulk.Stats().InUse }

// CloseBulk makes parallel reading impossible.
func (s *Store) CloseBulk() error { return s.db.Bulk.Close() }

// DropConnections prevents the reuse of all connections to PostgreSQL.
func (s *Store) DropConnections() { s.db.Drop() }

// MigrateTo brings the schema to a version, which need not be the last.
func (s *Store) MigrateTo(ctx context.Context, version int64) error {
	provider, err := s.dialect.Steps(s.db.Write.DB, s.texts)
	if err == nil {
		_, err = provider.UpTo(ctx, version)
	}
	return err
}

// MigrateNewer brings the schema to the version after this program's, with a migration of
// its own. It returns the version of this program.
func (s *Store) MigrateNewer(ctx context.Context, text func(version int64) string) (version int64, err error) {
	all := fstest.MapFS{fmt.Sprintf("%05d_newer.sql", s.version+1): {Data: []byte(text(s.version))}}
	names, err := fs.Glob(s.texts, "*.sql")
	for _, name := range names {
		data, err := fs.ReadFile(s.texts, name)
		if err != nil {
			return 0, err
		}
		all[name] = &fstest.MapFile{Data: data}
	}
	return s.version, errors.Join(err, s.migrate(ctx, s.version+1, all))
}

// Programs of the release before write no value into a new column. Migrations up to
// notNullUntil give it a default.
const notNullUntil = 23

var addsNotNull = regexp.MustCompile(`(?is)\bADD\s+(COLUMN\s+)?[^,;]*\bNOT\s+NULL\b`)

func TestAColumnThatMayNotBeNullIsFound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"ALTER TABLE a ADD COLUMN b TEXT NOT NULL DEFAULT '';":                 true,
		"ALTER TABLE a\n\tadd column b BOOLEAN DEFAULT FALSE\n\tnot  null;":    true,
		"ALTER TABLE a ADD COLUMN b TEXT, ADD c TEXT NOT NULL;":                true,
		"ALTER TABLE a ADD COLUMN b TEXT;\nCREATE TABLE c (d TEXT NOT NULL);":  false,
		"ALTER TABLE a ADD COLUMN b TEXT; ALTER TABLE a ALTER b SET NOT NULL;": false,
	} {
		if addsNotNull.MatchString(text) != want {
			t.Errorf("%s: found %v", text, !want)
		}
	}
}

func TestMigrationsSayWhichProgramsTheySuit(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(migrations, "migrations/*/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	byNumber := map[int64]compatibility{}
	for _, name := range names {
		text, err := fs.ReadFile(migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		version, c, err := compatibilityOf(path.Base(name), string(text))
		if err != nil {
			t.Fatal(err)
		}
		if version > notNullUntil && addsNotNull.Match(text) {
			t.Errorf("%s adds a column that may not be NULL; the constraint follows a release later", name)
		}
		if version > 7 && !declared.Match(text) { // the first release had 7
			t.Errorf("%s does not begin with its min_reader and min_writer", name)
		}
		if c.reader < 1 || c.reader > c.writer || c.writer > version {
			t.Errorf("%s: %+v", name, c)
		}
		if other, ok := byNumber[version]; ok && other != c {
			t.Errorf("%s: %+v, and the other database %+v", name, c, other)
		}
		byNumber[version] = c
	}
}

// RowColumns lists the columns of each table's row struct, and whether each may be
// NULL.
func RowColumns() map[string]map[string]bool {
	tables := map[string]map[string]bool{}
	for table, row := range map[string]reflect.Type{
		"accounts": reflect.TypeFor[Account](), "groups": reflect.TypeFor[Group](), "users": reflect.TypeFor[userRow](),
		"customers": reflect.TypeFor[Customer](), "cards": reflect.TypeFor[Card](), "revisions": reflect.TypeFor[Revision](),
		"profit_rules": reflect.TypeFor[ruleRow](), "rates": reflect.TypeFor[rateRow](),
	} {
		columns := map[string]bool{}
		for _, c := range schema.Fields(row) {
			columns[c.Name] = c.Null()
		}
		tables[table] = columns
	}
	return tables
}

// rateRow is a row of the table of rates.
type rateRow struct {
	RevisionID string `db:"revision_id"`
	Rate
}

func TestRowsHaveTheFieldsOfTheirPatches(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]any{
		{AccountPatch{}, Account{}}, {GroupPatch{}, Group{}}, {UserPatch{}, User{}}, {CustomerPatch{}, Customer{}}, {CardPatch{}, Card{}},
	} {
		row := reflect.TypeOf(pair[1])
		for _, f := range reflect.VisibleFields(reflect.TypeOf(pair[0])) {
			if f.Type.Kind() != reflect.Pointer || f.Tag.Get("db") == "-" {
				continue
			}
			if field, there := row.FieldByName(f.Name); !there || !f.Type.Elem().ConvertibleTo(field.Type) {
				t.Errorf("%T has no field for %s", pair[1], f.Name)
			}
		}
	}
}

// FillDraft stages a draft of n rates, and gives it up. It calls before with the number
// of each rate.
func (s *Store) FillDraft(ctx context.Context, id string, n int, before func(int)) error {
	g := newStage(s, dialect.Importing)
	draft := &Revision{ID: id, Status: RevisionDraft, Origin: OriginImport}
	at := &site{store: s, stage: g}
	err := at.fill(ctx, []*Revision{draft}, func(_ context.Context, emit func([]any) error) error {
		values := schema.NewRateValues()
		for i := range n {
			before(i)
			if err := emit(values.Append([]any{id}, &Rate{Prefix: strconv.Itoa(i), Pulse: 1})); err != nil {
				return err
			}
		}
		return nil
	})
	g.end(ctx)
	return err
}

// Lapsed reports whether err says that a staged draft was swept.
func Lapsed(err error) bool { return errors.Is(err, errLapsed) }

// setting reads a limit of PostgreSQL.
func setting(ctx context.Context, d dialect.Dialect, x dialect.Execer, name string) (time.Duration, error) {
	type row struct{ N int64 }
	one, err := dialect.SelectOne[row](ctx, d, x, "SELECT setting::bigint AS n FROM pg_settings WHERE name = ?", name)
	return time.Duration(one.N) * time.Millisecond, err
}

// Setting reads a limit of PostgreSQL outside of a transaction.
func (s *Store) Setting(ctx context.Context, name string) (time.Duration, error) {
	return setting(ctx, s.dialect, s.pool, name)
}

// Setting reads a limit of PostgreSQL in the transaction.
func (tx *Tx) Setting(ctx context.Context, name string) (time.Duration, error) {
	return setting(ctx, tx.store.dialect, tx.tx, name)
}

// Staging runs fn where long work writes.
func (s *Store) Staging(ctx context.Context, fn func(*Tx) error) error {
	return newStage(s, dialect.Importing).write(ctx, fn)
}

// HoldAsImport is Write for the end of an import.
func (s *Store) HoldAsImport(ctx context.Context, tenant string, fn func(*Tx) error) error {
	return s.write(ctx, tenant, newWorks(dialect.Importing, nil), fn)
}

// Sleep runs a statement of PostgreSQL that lasts some seconds.
func (tx *Tx) Sleep(ctx context.Context, seconds int) error {
	_, err := tx.tx.ExecContext(ctx, "SELECT pg_sleep($1)", seconds)
	return err
}

// Kind names the work of the transaction, as those who wait for it are told.
func (tx *Tx) Kind() string { return tx.work.kind.String() }
