package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
)

// dialect is what differs between the two databases. All other SQL is the
// same text but for its placeholders.
type dialect struct {
	name string
	mark byte // placeholders are this byte and a number: ?1 or $1

	collate    string // makes a text expression compare bytewise
	startsWith func(text, part string) string
	endsWith   func(text, part string) string
	contains   func(text, part string) string
	textList   func(value, from string) string // JSON array of value over from, in its order
	jsonObject func(key, value, from string) string
	jsonArray  func(values ...string) string
	texts      func(list string) string                          // a table of one column, value: the texts of a JSON array
	jsonRows   func(order, from string, values ...string) string // JSON array of arrays of values over from, in the order
	bigint     string                                            // makes a bound argument an int64
	hasUsers   string                                            // counts the tables of users: 0 without a schema
	standby    string                                            // whether the database follows another one

	cursors bool // a transaction can leave a query half read and go on with it later

	// serialise has a transaction wait for the others of the same name, which is
	// its one argument; "" where the database has one writer at a time.
	serialise string
	checkNow  string        // checks now what would be checked at the commit; "" where there is no such statement
	oneState  sql.TxOptions // of a transaction that reads one state of the data

	// steps is what brings the schema up to date, by texts.
	steps func(db *sql.DB, texts fs.FS) (*goose.Provider, error)

	constraint func(error) *ConstraintError // nil when it is none
	gone       func(error) bool             // the database did not answer
	cancelled  func(error) bool             // the statement was cancelled
	absent     func(error) bool             // the statement names a table or a column that is not there

	// bulkInsert writes the rows that next gives until it gives none, nil, and
	// counts them. Whatever error next has ends it and is returned: none, io.EOF
	// included, is taken for the end. next must not use the transaction, which
	// waits for it.
	bulkInsert func(ctx context.Context, tx *sqlx.Tx, table string, columns []string, next func() ([]any, error)) (int64, error)
}

// placeholder is the n-th bound argument, from 1.
func (d dialect) placeholder(n int) string { return string(d.mark) + strconv.Itoa(n) }

// rebind writes ?-marked arguments the dialect's own way.
func (d dialect) rebind(text string) string {
	if d.mark == '$' {
		return sqlx.Rebind(sqlx.DOLLAR, text)
	}
	return text
}

// stepOptions are those of the steps of any schema.
func stepOptions() []goose.ProviderOption {
	return []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
}

// pools are the connections to one database.
type pools struct {
	read  *sqlx.DB // many
	write *sqlx.DB // one in SQLite, the same as read in PostgreSQL
	pulse *sqlx.DB // one, kept free for the data revision
	// bulk reads what a writer or a proof works from while its transaction
	// writes; nil where a writer keeps others from reading.
	bulk *sqlx.DB

	made *generation // of connections; nil in SQLite
	file *dbFile     // nil where there is none
}

// bulkConns is how many builds and proofs can have another connection read.
const bulkConns = 2

// poolOptions says how the pools are opened.
type poolOptions struct {
	MaxConns int          // that read, and in PostgreSQL those that write too
	Logger   *slog.Logger // is told when the file of the database is gone
}

// connect opens the pools that url names.
func connect(ctx context.Context, url string, o poolOptions) (p pools, d dialect, err error) {
	switch {
	case strings.HasPrefix(url, "sqlite:"):
		p, err = openSQLite(ctx, strings.TrimPrefix(url, "sqlite:"), o)
		return p, sqliteDialect(), err
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		p, err = openPostgres(url, o)
		return p, postgresDialect(), err
	}
	return pools{}, dialect{}, invalid("database", "is neither sqlite:path nor postgres://…")
}

// open opens a pool of at most n connections, all of which are kept.
func open(driver, name string, n int) (*sqlx.DB, error) {
	db, err := sqlx.Open(driver, name)
	if err != nil {
		return nil, invalid("database", "has no valid address")
	}
	return sized(db, n), nil
}

func sized(db *sqlx.DB, n int) *sqlx.DB {
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db
}

// drop has no connection that is open now be used again.
func (p pools) drop() {
	if p.made != nil {
		p.made.next()
	}
}

// closeIdle closes the connections that are not in use, but for SQLite's one
// that writes: with its last connection gone, it would remove its log.
func (p pools) closeIdle() {
	for _, db := range []*sqlx.DB{p.read, p.pulse, p.bulk} {
		if db != nil {
			db.SetMaxIdleConns(-1)
			db.SetMaxIdleConns(db.Stats().MaxOpenConnections)
		}
	}
}

// intact returns an error unless the database is in the files that are open.
func (p pools) intact() error { return p.file.intact() }

// missing reports whether intact last found a file missing or replaced. It never
// waits.
func (p pools) missing() bool { return p.file.missing() }

// shut closes every connection, after the statements that run.
func (p pools) shut() (err error) {
	for _, db := range []*sqlx.DB{p.read, p.pulse, p.bulk, p.write} {
		if db != nil {
			err = errors.Join(err, db.Close()) // closing twice is harmless
		}
	}
	return err
}

// translate turns a driver's error into one of this package's: a constraint, a
// database that is gone, a row that is absent. Others stay what they are.
func (d dialect) translate(err error) error {
	if err == nil || isStoreError(err) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	if c := d.constraint(err); c != nil {
		return c
	}
	if d.cancelled(err) {
		return errors.Join(context.Canceled, err)
	}
	if connectionLost(err) || d.gone(err) {
		return errors.Join(ErrUnavailable, err)
	}
	return err
}

// translateIn is translate with the reason why ctx ended preferred to what the
// driver made of it.
func (d dialect) translateIn(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return d.translate(err)
}

func isStoreError(err error) bool {
	for _, known := range []error{ErrNotFound, ErrConflict, ErrInvalid, ErrAmbiguous, ErrUnavailable} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

func connectionLost(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
