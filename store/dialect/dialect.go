package dialect

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

	"resellerd/store/fault"
)

// Dialect is what differs between the two databases. All other SQL is the
// same text but for its placeholders.
type Dialect struct {
	Name string
	Mark byte // placeholders are this byte and a number: ?1 or $1

	Collate    string // makes a text expression compare bytewise
	StartsWith func(text, part string) string
	EndsWith   func(text, part string) string
	Contains   func(text, part string) string
	TextList   func(value, from string) string // JSON array of value over from, in its order
	JSONObject func(key, value, from string) string
	JSONArray  func(values ...string) string
	Texts      func(list string) string                          // a table of one column, value: the texts of a JSON array
	JSONRows   func(order, from string, values ...string) string // JSON array of arrays of values over from, in the order
	Bigint     string                                            // makes a bound argument an int64
	HasUsers   string                                            // counts the tables of users: 0 without a schema
	Standby    string                                            // whether the database follows another one

	Cursors bool // a transaction can leave a query half read and go on with it later

	// Serialise has a transaction wait for the others of the same name, which is
	// its one argument; "" where the database has one writer at a time.
	Serialise string
	CheckNow  string        // checks now what would be checked at the commit; "" where there is no such statement
	OneState  sql.TxOptions // of a transaction that reads one state of the data

	// Steps is what brings the schema up to date, by texts.
	Steps func(db *sql.DB, texts fs.FS) (*goose.Provider, error)

	constraint func(error) *fault.ConstraintError // nil when it is none
	gone       func(error) bool                   // the database did not answer
	cancelled  func(error) bool                   // the statement was cancelled
	Absent     func(error) bool                   // the statement names a table or a column that is not there

	// BulkInsert writes the rows that next gives until it gives none, nil, and
	// counts them. Whatever error next has ends it and is returned: none, io.EOF
	// included, is taken for the end. next must not use the transaction, which
	// waits for it.
	BulkInsert func(ctx context.Context, tx *sqlx.Tx, table string, columns []string, next func() ([]any, error)) (int64, error)
}

// Placeholder is the n-th bound argument, from 1.
func (d Dialect) Placeholder(n int) string { return string(d.Mark) + strconv.Itoa(n) }

// Rebind writes ?-marked arguments the dialect's own way.
func (d Dialect) Rebind(text string) string {
	if d.Mark == '$' {
		return sqlx.Rebind(sqlx.DOLLAR, text)
	}
	return text
}

// stepOptions are those of the steps of any schema.
func stepOptions() []goose.ProviderOption {
	return []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
}

// Pools are the connections to one database.
type Pools struct {
	Read  *sqlx.DB // many
	Write *sqlx.DB // one in SQLite, the same as read in PostgreSQL
	Pulse *sqlx.DB // one, kept free for the data revision
	// Bulk reads what a writer or a proof works from while its transaction
	// writes; nil where a writer keeps others from reading.
	Bulk *sqlx.DB

	made *generation // of connections; nil in SQLite
	file *dbFile     // nil where there is none
}

// BulkConns is how many builds and proofs can have another connection read.
const BulkConns = 2

// Options says how the pools are opened.
type Options struct {
	MaxConns int          // that read, and in PostgreSQL those that write too
	Logger   *slog.Logger // is told when the file of the database is gone
}

// Connect opens the pools that url names.
func Connect(ctx context.Context, url string, o Options) (p Pools, d Dialect, err error) {
	switch {
	case strings.HasPrefix(url, "sqlite:"):
		p, err = openSQLite(ctx, strings.TrimPrefix(url, "sqlite:"), o)
		return p, SQLite(), err
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		p, err = openPostgres(url, o)
		return p, Postgres(), err
	}
	return Pools{}, Dialect{}, fault.Invalid("database", "must be sqlite:FILE or postgres://…")
}

// open opens a pool of at most n connections, all of which are kept.
func open(driver, name string, n int) (*sqlx.DB, error) {
	db, err := sqlx.Open(driver, name)
	if err != nil {
		return nil, fault.Invalid("database", "has no valid address")
	}
	return sized(db, n), nil
}

func sized(db *sqlx.DB, n int) *sqlx.DB {
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db
}

// Drop has no connection that is open now be used again.
func (p Pools) Drop() {
	if p.made != nil {
		p.made.next()
	}
}

// CloseIdle closes the connections that are not in use, but for SQLite's one
// that writes: with its last connection gone, it would remove its log.
func (p Pools) CloseIdle() {
	for _, db := range []*sqlx.DB{p.Read, p.Pulse, p.Bulk} {
		if db != nil {
			db.SetMaxIdleConns(-1)
			db.SetMaxIdleConns(db.Stats().MaxOpenConnections)
		}
	}
}

// Intact returns an error unless the database is in the files that are open.
func (p Pools) Intact() error { return p.file.intact() }

// Missing reports whether intact last found a file missing or replaced. It never
// waits.
func (p Pools) Missing() bool { return p.file.missing() }

// Close closes every connection, after the statements that run.
func (p Pools) Close() (err error) {
	for _, db := range []*sqlx.DB{p.Read, p.Pulse, p.Bulk, p.Write} {
		if db != nil {
			err = errors.Join(err, db.Close()) // closing twice is harmless
		}
	}
	return err
}

// Translate turns a driver's error into one of this package's: a constraint, a
// database that is gone, a row that is absent. Others stay what they are.
func (d Dialect) Translate(err error) error {
	if err == nil || isStoreError(err) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return fault.ErrNotFound
	}
	if c := d.constraint(err); c != nil {
		return c
	}
	if d.cancelled(err) {
		return errors.Join(context.Canceled, err)
	}
	if connectionLost(err) || d.gone(err) {
		return errors.Join(fault.ErrUnavailable, err)
	}
	return err
}

// TranslateIn is translate with the reason why ctx ended preferred to what the
// driver made of it.
func (d Dialect) TranslateIn(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return d.Translate(err)
}

func isStoreError(err error) bool {
	for _, known := range []error{fault.ErrNotFound, fault.ErrConflict, fault.ErrInvalid, fault.ErrAmbiguous, fault.ErrUnavailable} {
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
