package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteDialect is what SQLite can do.
func sqliteDialect() dialect {
	blob := func(x string) string { return "CAST(" + x + " AS BLOB)" }
	return dialect{
		name: "sqlite",
		mark: '?',
		// An empty blob has no parts, not even an empty one: hence the CASE.
		startsWith: func(text, part string) string {
			return fmt.Sprintf("CASE length(%[2]s) WHEN 0 THEN %[1]s IS NOT NULL ELSE substr(%[1]s, 1, length(%[2]s)) = %[2]s END",
				blob(text), blob(part))
		},
		endsWith: func(text, part string) string {
			return fmt.Sprintf("CASE length(%[2]s) WHEN 0 THEN %[1]s IS NOT NULL ELSE length(%[2]s) <= length(%[1]s)"+
				" AND substr(%[1]s, length(%[1]s) - length(%[2]s) + 1) = %[2]s END", blob(text), blob(part))
		},
		contains: func(text, part string) string {
			return fmt.Sprintf("instr(%s, %s) > 0", blob(text), blob(part))
		},
		textList: func(value, from string) string {
			return fmt.Sprintf("(SELECT json_group_array(%s ORDER BY %s) FROM %s)", value, value, from)
		},
		jsonObject: func(key, value, from string) string {
			return fmt.Sprintf("(SELECT json_group_object(%s, %s) FROM %s)", key, value, from)
		},
		jsonArray: func(values ...string) string { return "json_array(" + strings.Join(values, ", ") + ")" },
		texts:     func(list string) string { return "json_each(" + list + ") AS v" },
		jsonRows: func(order, from string, values ...string) string {
			return fmt.Sprintf("(SELECT json_group_array(json_array(%s) ORDER BY %s) FROM %s)", strings.Join(values, ", "), order, from)
		},
		hasUsers: "SELECT count(*) AS n FROM sqlite_master WHERE type = 'table' AND name = 'users'",
		standby:  "0",
		oneState: sql.TxOptions{ReadOnly: true}, // its transactions never read less
		steps: func(db *sql.DB, texts fs.FS) (*goose.Provider, error) {
			return goose.NewProvider(goose.DialectSQLite3, db, texts, stepOptions()...)
		},
		constraint: sqliteConstraint,
		gone:       sqliteGone,
		cancelled:  func(err error) bool { return sqliteCode(err)&0xff == sqlite3.SQLITE_INTERRUPT },
		absent: func(err error) bool {
			return sqliteCode(err) == sqlite3.SQLITE_ERROR && strings.Contains(err.Error(), "no such ")
		},
		bulkInsert: sqliteBulkInsert,
	}
}

var memoryDatabases atomic.Int64

// openSQLite opens a pool that reads and a single connection that writes, so
// that writers queue here and not in the file's lock.
func openSQLite(ctx context.Context, path string, o poolOptions) (p pools, err error) {
	if err := registerFeeds(); err != nil {
		return p, err
	}
	if path == "" || strings.ContainsRune(path, 0) {
		return p, invalid("database", "names no file")
	}
	settings := url.Values{"_pragma": {"busy_timeout(10000)", "foreign_keys(1)"}}
	name := "file:" + (&url.URL{Path: path}).EscapedPath()
	if path == ":memory:" {
		name = fmt.Sprintf("file:/resellerd-%d", memoryDatabases.Add(1))
		settings.Set("vfs", "memdb")
	} else {
		settings.Add("_pragma", "journal_mode(WAL)")
	}
	reading := maps.Clone(settings)
	reading["_pragma"] = append(slices.Clone(settings["_pragma"]), "query_only(1)")
	settings.Set("_txlock", "immediate")
	if p.write, err = open("sqlite", name+"?"+settings.Encode(), 1); err != nil {
		return p, err
	}
	if err := p.write.PingContext(ctx); err != nil { // makes the file, and keeps a database in memory alive
		return pools{}, errors.Join(ErrUnavailable, err, p.shut())
	}
	readers := map[**sqlx.DB]int{&p.read: o.MaxConns, &p.pulse: 1}
	if path != ":memory:" {
		readers[&p.bulk] = bulkConns
		p.file = watchFile(path, o.Logger)
	}
	for pool, n := range readers {
		if *pool, err = open("sqlite", name+"?"+reading.Encode(), n); err != nil {
			return pools{}, errors.Join(err, p.shut())
		}
	}
	return p, nil
}

func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

func sqliteConstraint(err error) *ConstraintError {
	kind, ok := map[int]ConstraintKind{
		sqlite3.SQLITE_CONSTRAINT_UNIQUE:     Unique,
		sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: Unique,
		sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: ForeignKey,
		sqlite3.SQLITE_CONSTRAINT_CHECK:      Check,
		sqlite3.SQLITE_CONSTRAINT_NOTNULL:    NotNull,
		sqlite3.SQLITE_CONSTRAINT_TRIGGER:    Trigger,
	}[sqliteCode(err)]
	if !ok {
		return nil
	}
	return &ConstraintError{Kind: kind, Name: sqliteConstraintName(kind, err.Error()), Err: err}
}

// sqliteConstraintName reads the name out of messages such as
// "constraint failed: UNIQUE constraint failed: users.login (2067)".
func sqliteConstraintName(kind ConstraintKind, message string) string {
	message = strings.TrimPrefix(message, "constraint failed: ")
	if i := strings.LastIndex(message, " ("); i >= 0 {
		message = message[:i]
	}
	if _, after, ok := strings.Cut(message, "constraint failed: "); ok && kind != Trigger {
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
