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

// Dialect holds the differences between the two databases. All other SQL has the
// same text in both, except for its placeholders.
type Dialect struct {
	Name string
	Mark byte // placeholders are this byte and a number: ?1 or $1

	Collate    string // makes a text expression compare bytewise
	StartsWith func(text, part string) string
	EndsWith   func(text, part string) string
	Contains   func(text, part string) string
	Lower      func(text string) string        // the text with A to Z in lower case, whatever the database's collation
	JSONText   func(object, key string) string // the text under a key of a JSON object, NULL if there is none
	Unordered  func(text string) string        // the same text, but no index gives its order
	TextList   func(value, from string) string // JSON array of value over from, in the order of value
	JSONObject func(key, value, from string) string
	JSONArray  func(values ...string) string
	Texts      func(list string) string                          // a table of one column, value: the texts of a JSON array
	AnyOf      func(value, query string) string                  // the value is one that the query returns; the query runs once
	Fence      string                                            // ends a subquery whose rows are all read before others sort or limit them
	Each       func(table, alias, condition string) string       // joins the rows of table, for each row before, in its order
	JSONRows   func(order, from string, values ...string) string // JSON array of arrays of values over from, in the order
	Bigint     string                                            // casts a bound argument to an int64
	HasUsers   string                                            // counts the tables named users: 0 without a schema
	Standby    string                                            // whether the database is a replica of another one

	TextColumns string                                  // lists the columns of all tables that hold texts or bytes: of_table, name, is_binary
	Holds       func(column string, binary bool) string // whether a column holds the text, or bytes, that the placeholder ? stands for

	Locks    bool          // transactions wait for each other by name; otherwise there is one writer at a time
	CheckNow string        // checks deferred constraints now; "" if there is no such statement
	OneState sql.TxOptions // the options of a transaction that reads one state of the data

	// Steps returns the provider that brings the schema up to date with the
	// migrations in texts.
	Steps func(db *sql.DB, texts fs.FS) (*goose.Provider, error)

	constraint func(error) *fault.ConstraintError // nil if the error is none
	gone       func(error) bool                   // the database did not answer
	cancelled  func(error) bool                   // the statement was cancelled
	Absent     func(error) bool                   // the statement names a table or a column that is not there

	// StageRows is how many rows a transaction stages before other writers have their
	// turn; 0 for no limit, because no writer waits.
	StageRows int

	// BulkInsert writes the rows that next returns until it returns nil, and counts
	// them. Any error of next ends the insert and is returned. Even io.EOF is an
	// error, not the end of the rows. next must not use the transaction, which
	// waits for it.
	BulkInsert func(ctx context.Context, tx *sqlx.Tx, table string, columns []string, next func() ([]any, error)) (int64, error)
}

// Placeholder returns the placeholder of the n-th bound argument, from 1.
func (d Dialect) Placeholder(n int) string { return string(d.Mark) + strconv.Itoa(n) }

// Rebind replaces ? placeholders with those of the dialect.
func (d Dialect) Rebind(text string) string {
	if d.Mark == '$' {
		return sqlx.Rebind(sqlx.DOLLAR, text)
	}
	return text
}

// stepOptions returns the migration options that both databases share.
func stepOptions() []goose.ProviderOption {
	return []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
}

// Pools are the connections to one database.
type Pools struct {
	Read  *sqlx.DB // many
	Write *sqlx.DB // one connection in SQLite; the same pool as Read in PostgreSQL
	Pulse *sqlx.DB // one connection, reserved for the data revision
	Stage *sqlx.DB // writes what nobody can see yet; the same pool as Write in PostgreSQL
	// Bulk reads the inputs of an import, a build or a proof while its transaction
	// writes, page by page; nil if a writer blocks readers.
	Bulk *sqlx.DB

	// Place names the database: the file with its mark, or the server with its timeline and
	// the table of the lease of webhooks. beat reads the beat of the lease. Place fails rather
	// than give another name.
	Place func(ctx context.Context, beat func(context.Context) (int64, error)) (string, error)

	made *generation // the generation of connections; nil in SQLite
	file *dbFile     // nil if there is no file
}

// BulkConns is how many pages Bulk reads at the same time.
const BulkConns = 2

// Options says how the pools are opened.
type Options struct {
	MaxConns int          // the most connections that read, and in PostgreSQL also write
	Logger   *slog.Logger // gets an entry if the file of the database is gone
	// Wrap returns what opens connections in place of a connector. Nil wraps nothing.
	Wrap func(driver.Connector) driver.Connector
}

// Connect opens the pools of the database that url names. It returns ErrInvalid for
// a url of another form, and ErrUnavailable if a SQLite database cannot be opened.
// It does not contact PostgreSQL.
func Connect(ctx context.Context, url string, o Options) (p Pools, d Dialect, err error) {
	switch {
	case strings.HasPrefix(url, "sqlite:"):
		p, err = openSQLite(ctx, strings.TrimPrefix(url, "sqlite:"), o)
		return p, SQLite(), err
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"), isKeywords.MatchString(url):
		p, err = openPostgres(url, o)
		return p, Postgres(), err
	}
	return Pools{}, Dialect{}, fault.Invalid("database", "must be sqlite:FILE, postgres://… or host=… as libpq reads it")
}

// pool returns a pool of at most n connections, and keeps idle ones open.
func (o Options) pool(of driver.Connector, name string, n int) *sqlx.DB {
	if o.Wrap != nil {
		of = o.Wrap(of)
	}
	db := sqlx.NewDb(sql.OpenDB(of), name)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db
}

// Drop prevents the reuse of all PostgreSQL connections that are open now. In
// SQLite it does nothing.
func (p Pools) Drop() {
	if p.made != nil {
		p.made.next()
	}
}

// CloseIdle closes the idle connections. It keeps SQLite's write connection,
// because SQLite removes its log when the last connection closes.
func (p Pools) CloseIdle() {
	for _, db := range []*sqlx.DB{p.Read, p.Pulse, p.Bulk} {
		if db != nil {
			db.SetMaxIdleConns(-1)
			db.SetMaxIdleConns(db.Stats().MaxOpenConnections)
		}
	}
}

// Intact returns an error unless the database is still in the files that are open.
func (p Pools) Intact() error { return p.file.intact() }

// Missing reports whether the last Intact found a file missing or replaced. It
// never blocks.
func (p Pools) Missing() bool { return p.file.missing() }

// KeepPlace notes the beat of the lease beside a file, which beat reads from it. An older copy
// that replaces the file has an earlier beat, and so another place.
func (p Pools) KeepPlace(ctx context.Context, beat func(context.Context) (int64, error)) error {
	return p.file.keepBeat(ctx, beat)
}

// Close closes every connection after its running statements.
func (p Pools) Close() (err error) {
	for _, db := range []*sqlx.DB{p.Read, p.Pulse, p.Bulk, p.Stage, p.Write} {
		if db != nil {
			err = errors.Join(err, db.Close()) // closing twice is harmless
		}
	}
	return err
}

// Translate turns a driver's error into an error of package fault: a violated
// constraint, an unreachable database, or an absent row. Other errors stay
// unchanged.
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

// TranslateIn is Translate, but if ctx has ended, it returns the cause of that
// instead.
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
