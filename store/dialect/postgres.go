package dialect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"resellerd/store/fault"
)

// Postgres returns the dialect of PostgreSQL.
func Postgres() Dialect {
	return Dialect{
		Name:       "postgres",
		Mark:       '$',
		Collate:    ` COLLATE "C"`,
		StartsWith: func(text, part string) string { return fmt.Sprintf("starts_with(%s, %s::text)", text, part) },
		EndsWith: func(text, part string) string {
			return fmt.Sprintf("right(%s, length(%s::text)) = %s::text", text, part, part)
		},
		Contains:  func(text, part string) string { return fmt.Sprintf("strpos(%s, %s::text) > 0", text, part) },
		Lower:     func(text string) string { return "lower(" + text + ` COLLATE "C")` },
		JSONText:  func(object, key string) string { return "(" + object + "::json ->> '" + key + "')" },
		Unordered: func(text string) string { return "(" + text + " || '')" },
		TextList: func(value, from string) string {
			return fmt.Sprintf(`(SELECT COALESCE(json_agg(%s ORDER BY %s COLLATE "C"), '[]')::text FROM %s)`, value, value, from)
		},
		JSONObject: func(key, value, from string) string {
			return fmt.Sprintf(`(SELECT COALESCE(json_object_agg(%s, %s), '{}')::text FROM %s)`, key, value, from)
		},
		JSONArray: func(values ...string) string { return "json_build_array(" + strings.Join(values, ", ") + ")::text" },
		Texts:     func(list string) string { return "json_array_elements_text(" + list + "::json) AS v(value)" },
		AnyOf:     func(value, query string) string { return value + " = ANY (ARRAY(" + query + "))" },
		Fence:     " OFFSET 0",
		Each: func(table, alias, condition string) string {
			return fmt.Sprintf("CROSS JOIN LATERAL (SELECT * FROM %s %s WHERE %s OFFSET 0) %s", table, alias, condition, alias)
		},
		JSONRows: func(order, from string, values ...string) string {
			return fmt.Sprintf("(SELECT COALESCE(json_agg(json_build_array(%s) ORDER BY %s), '[]')::text FROM %s)", strings.Join(values, ", "), order, from)
		},
		Bigint:   "::bigint",
		HasUsers: "SELECT count(to_regclass('users')) AS n",
		Standby:  "pg_is_in_recovery()",
		TextColumns: `SELECT c.table_name AS of_table, c.column_name AS name, c.data_type = 'bytea' AS is_binary
			FROM information_schema.columns c JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
			WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.data_type IN ('text', 'bytea') ORDER BY 1, 2`,
		Holds: func(column string, binary bool) string {
			if binary {
				return "position(?::bytea IN " + column + ") > 0"
			}
			return "strpos(" + column + ", ?::text) > 0"
		},
		Locks:      true,
		CheckNow:   "SET CONSTRAINTS ALL IMMEDIATE",
		OneState:   sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead},
		Steps:      postgresSteps,
		constraint: postgresConstraint,
		gone:       postgresGone,
		cancelled:  func(err error) bool { return postgresCode(err) == "57014" },
		Absent:     func(err error) bool { return slices.Contains([]string{"42P01", "42703"}, postgresCode(err)) },
		BulkInsert: postgresBulkInsert,
	}
}

// postgresSteps makes processes that migrate one database take turns.
func postgresSteps(db *sql.DB, texts fs.FS) (*goose.Provider, error) {
	turns, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, texts, append(stepOptions(), goose.WithSessionLocker(turns))...)
}

func openPostgres(url string, o Options) (p Pools, err error) {
	settings, err := postgresConfig(url)
	if err != nil {
		return p, err
	}
	settings.BinaryParameters = true // a statement takes one round trip, not two
	if settings.ConnectTimeout == 0 {
		settings.ConnectTimeout = connectTimeout
	}
	at, err := pq.NewConnectorConfig(settings)
	if err != nil {
		return p, fault.Invalid("database", "has no valid address")
	}
	at.Dialer(&dialer{})
	made, hosts := &generation{}, 1+len(settings.Multi)
	limit := time.Duration(hosts+1) * settings.ConnectTimeout
	pool := func(n int) *sqlx.DB { return o.pool(connector{at, made, limit}, "postgres", n) }
	p = Pools{Read: pool(o.MaxConns), Pulse: pool(1), Bulk: pool(BulkConns), made: made}
	p.Write, p.Stage = p.Read, p.Read
	p.Place = p.placeOf
	return p, nil
}

// placeText names a database in its server. A restored dump has a table of its own.
const placeText = "SELECT d.oid || '/' || CAST('webhook_lease' AS regclass)::oid FROM pg_database d WHERE d.datname = current_database()"

// serverTexts name a server: its number, and its timeline, which is another one after a
// failover and after a recovery to an earlier time. The next text of a list counts where a
// server refuses one, as managed servers may. Where it refuses all, this part is missing, and
// the other parts decide.
var serverTexts = [][]string{
	{"SELECT CAST(system_identifier AS TEXT) FROM pg_control_system()"},
	{"SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)", "SELECT upper(lpad(to_hex(timeline_id), 8, '0')) FROM pg_control_checkpoint()"},
}

// placeOf is Pools.Place. PostgreSQL keeps no note of beats: its timeline tells.
func (p Pools) placeOf(ctx context.Context, _ func(context.Context) (int64, error)) (string, error) {
	var parts []string
	for _, texts := range serverTexts {
		part, err := p.firstAllowed(ctx, texts)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	var place string
	err := p.Read.GetContext(ctx, &place, placeText)
	return strings.Join(append(parts, place), "/"), err
}

// firstAllowed returns the answer to the first question that the server does not refuse, ""
// for none.
func (p Pools) firstAllowed(ctx context.Context, texts []string) (answer string, err error) {
	for _, text := range texts {
		err := p.Read.GetContext(ctx, &answer, text)
		switch postgresCode(err) {
		case "42501", "0A000", "42883": // no right, not supported, no such function
			continue
		}
		return answer, err
	}
	return "", nil
}

func postgresCode(err error) string {
	var e *pq.Error
	if errors.As(err, &e) {
		return string(e.Code)
	}
	return ""
}

func postgresConstraint(err error) *fault.ConstraintError {
	var e *pq.Error
	if !errors.As(err, &e) {
		return nil
	}
	kind, ok := map[string]fault.ConstraintKind{
		"23505": fault.Unique, "23503": fault.ForeignKey, "23001": fault.ForeignKey, "23514": fault.Check, "23502": fault.NotNull, "P0001": fault.Trigger, "23000": fault.Trigger,
	}[string(e.Code)]
	if !ok {
		return nil
	}
	name := e.Constraint
	if kind == fault.Trigger && name == "" {
		name = e.Message
	}
	if kind == fault.NotNull {
		name = e.Table + "." + e.Column
	}
	return &fault.ConstraintError{Kind: kind, Name: name, Err: err}
}

// postgresGone reports whether an error is about the server, not the statement:
// connection (08), permission to connect and existence of the database (28, 3D,
// 55), resources (53), shutdown and recovery (57P), system (58), transactions that
// lost against another (40) or did nothing for too long (25P03), writes to a standby
// (25006, 0A000), and plans of a schema that was migrated meanwhile (0A000).
func postgresGone(err error) bool {
	code := postgresCode(err)
	if len(code) != 5 {
		return false
	}
	switch code {
	case "0A000", "25006", "25P03":
		return true
	}
	switch code[:2] {
	case "08", "28", "3D", "40", "53", "55", "58":
		return true
	}
	return code[:3] == "57P"
}

// postgresBulkInsert is Dialect.BulkInsert with COPY.
func postgresBulkInsert(ctx context.Context, tx *sqlx.Tx, table string, columns []string, next func() ([]any, error)) (int64, error) {
	stmt, err := tx.PrepareContext(ctx, "COPY "+table+" ("+strings.Join(columns, ", ")+") FROM STDIN")
	if err != nil {
		return 0, err
	}
	var total int64
	for {
		row, err := next()
		if err != nil {
			return total, errors.Join(err, stmt.Close())
		}
		if row == nil {
			break
		}
		if _, err := stmt.ExecContext(ctx, row...); err != nil {
			return total, errors.Join(err, stmt.Close())
		}
		total++
	}
	if _, err := stmt.ExecContext(ctx); err != nil {
		return total, errors.Join(err, stmt.Close())
	}
	return total, stmt.Close()
}
