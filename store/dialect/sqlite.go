package dialect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"resellerd/store/fault"
)

// SQLite returns the dialect of SQLite.
func SQLite() Dialect {
	blob := func(x string) string { return "CAST(" + x + " AS BLOB)" }
	return Dialect{
		Name: "sqlite",
		Mark: '?',
		// The CASE handles an empty part: an empty blob does not contain even an empty blob.
		StartsWith: func(text, part string) string {
			return fmt.Sprintf("CASE length(%[2]s) WHEN 0 THEN %[1]s IS NOT NULL ELSE substr(%[1]s, 1, length(%[2]s)) = %[2]s END",
				blob(text), blob(part))
		},
		EndsWith: func(text, part string) string {
			return fmt.Sprintf("CASE length(%[2]s) WHEN 0 THEN %[1]s IS NOT NULL ELSE length(%[2]s) <= length(%[1]s)"+
				" AND substr(%[1]s, length(%[1]s) - length(%[2]s) + 1) = %[2]s END", blob(text), blob(part))
		},
		Contains: func(text, part string) string {
			return fmt.Sprintf("instr(%s, %s) > 0", blob(text), blob(part))
		},
		Lower:     func(text string) string { return "lower(" + text + ")" },
		JSONText:  func(object, key string) string { return "json_extract(" + object + ", '$." + key + "')" },
		Unordered: func(text string) string { return "+" + text },
		TextList: func(value, from string) string {
			return fmt.Sprintf("(SELECT json_group_array(%s ORDER BY %s) FROM %s)", value, value, from)
		},
		JSONObject: func(key, value, from string) string {
			return fmt.Sprintf("(SELECT json_group_object(%s, %s) FROM %s)", key, value, from)
		},
		JSONArray: func(values ...string) string { return "json_array(" + strings.Join(values, ", ") + ")" },
		Texts:     func(list string) string { return "json_each(" + list + ") AS v" },
		AnyOf:     func(value, query string) string { return value + " IN (" + query + ")" },
		Each: func(table, alias, condition string) string {
			return "CROSS JOIN " + table + " " + alias + " ON " + condition
		},
		JSONRows: func(order, from string, values ...string) string {
			return fmt.Sprintf("(SELECT json_group_array(json_array(%s) ORDER BY %s) FROM %s)", strings.Join(values, ", "), order, from)
		},
		HasUsers: "SELECT count(*) AS n FROM sqlite_master WHERE type = 'table' AND name = 'users'",
		Standby:  "0",
		TextColumns: `SELECT m.name AS of_table, p.name AS name, p.type = 'BLOB' AS is_binary FROM sqlite_master m JOIN pragma_table_info(m.name) p
			WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND p.type IN ('TEXT', 'BLOB') ORDER BY 1, 2`,
		Holds:    func(column string, _ bool) string { return "instr(" + column + ", ?) > 0" },
		OneState: sql.TxOptions{ReadOnly: true}, // its transactions always read one state
		Steps: func(db *sql.DB, texts fs.FS) (*goose.Provider, error) {
			return goose.NewProvider(goose.DialectSQLite3, db, texts, stepOptions()...)
		},
		constraint: sqliteConstraint,
		gone:       sqliteGone,
		cancelled:  func(err error) bool { return sqliteCode(err)&0xff == sqlite3.SQLITE_INTERRUPT },
		Absent: func(err error) bool {
			return sqliteCode(err) == sqlite3.SQLITE_ERROR && strings.Contains(err.Error(), "no such ")
		},
		StageRows:  2000,
		BulkInsert: sqliteBulkInsert,
	}
}

var memoryDatabases atomic.Int64

// openSQLite opens pools that read, and a single connection that writes. So writers
// queue in this process instead of waiting for the lock of the file.
func openSQLite(ctx context.Context, path string, o Options) (p Pools, err error) {
	if err := registerFeeds(); err != nil {
		return p, err
	}
	if path == "" || strings.ContainsRune(path, 0) {
		return p, fault.Invalid("database", "names no file")
	}
	settings := url.Values{"_pragma": {"busy_timeout(10000)", "foreign_keys(1)"}}
	name := "file:" + (&url.URL{Path: path}).EscapedPath()
	if path == ":memory:" {
		name = fmt.Sprintf("file:/resellerd-%d", memoryDatabases.Add(1))
		settings.Set("vfs", "memdb")
	} else {
		settings.Add("_pragma", "journal_mode(WAL)")
		makeFile(path)
	}
	reading := maps.Clone(settings)
	reading["_pragma"] = append(slices.Clone(settings["_pragma"]), "query_only(1)")
	settings.Set("_txlock", "immediate")
	pool := func(settings url.Values, n int) *sqlx.DB {
		return o.pool(sqliteConnector(name+"?"+settings.Encode()), "sqlite", n)
	}
	p.Write = pool(settings, 1)
	if err := p.Write.PingContext(ctx); err != nil { // creates the file, and keeps a database in memory alive
		return Pools{}, errors.Join(fault.ErrUnavailable, err, p.Close())
	}
	p.Stage = p.Write
	readers := map[**sqlx.DB]int{&p.Read: o.MaxConns, &p.Pulse: 1}
	if path != ":memory:" {
		// What a crash takes from it is no loss, as long as nobody has seen it. The
		// first commit of Write makes all earlier commits durable.
		settings.Add("_pragma", "synchronous(NORMAL)")
		p.Stage = pool(settings, 1)
		readers[&p.Bulk] = BulkConns
		p.file = watchFile(path, o.Logger)
	}
	p.Place = func(ctx context.Context, beat func(context.Context) (int64, error)) (string, error) {
		return p.file.place(ctx, beat)
	}
	for readers, n := range readers {
		*readers = pool(reading, n)
	}
	return p, nil
}

// sqliteConnector opens connections to the database of its name.
type sqliteConnector string

// Connect is part of driver.Connector.
func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	d, err := sqliteDriver()
	if err != nil {
		return nil, err
	}
	return d.Open(string(c))
}

// Driver is part of driver.Connector.
func (c sqliteConnector) Driver() driver.Driver {
	d, _ := sqliteDriver() // nil if Connect fails
	return d
}

// sqliteDriver returns the registered driver. It opens no connection.
var sqliteDriver = sync.OnceValues(func() (driver.Driver, error) {
	db, err := sql.Open("sqlite", "")
	if err != nil {
		return nil, err
	}
	return db.Driver(), db.Close()
})

func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

func sqliteConstraint(err error) *fault.ConstraintError {
	kind, ok := map[int]fault.ConstraintKind{
		sqlite3.SQLITE_CONSTRAINT_UNIQUE:     fault.Unique,
		sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: fault.Unique,
		sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: fault.ForeignKey,
		sqlite3.SQLITE_CONSTRAINT_CHECK:      fault.Check,
		sqlite3.SQLITE_CONSTRAINT_NOTNULL:    fault.NotNull,
		sqlite3.SQLITE_CONSTRAINT_TRIGGER:    fault.Trigger,
	}[sqliteCode(err)]
	if !ok {
		return nil
	}
	return &fault.ConstraintError{Kind: kind, Name: sqliteConstraintName(kind, err.Error()), Err: err}
}

// sqliteConstraintName extracts the name from messages such as "constraint failed:
// UNIQUE constraint failed: users.login (2067)".
func sqliteConstraintName(kind fault.ConstraintKind, message string) string {
	message = strings.TrimPrefix(message, "constraint failed: ")
	if i := strings.LastIndex(message, " ("); i >= 0 {
		message = message[:i]
	}
	if _, after, ok := strings.Cut(message, "constraint failed: "); ok && kind != fault.Trigger {
		return after
	}
	return message
}

func sqliteGone(err error) bool {
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM:
		return true
	}
	return false
}
