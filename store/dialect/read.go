package dialect

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"

	"resellerd/store/fault"
	"resellerd/store/span"
)

// Execer is the part of a database that reads and writes need. StatementPool and
// every transaction implement it.
type Execer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// SelectAll reads every row of a query with ? placeholders.
func SelectAll[T any](ctx context.Context, d Dialect, x Execer, text string, args ...any) ([]T, error) {
	defer span.Begin(ctx, "query").End()
	rows, err := x.QueryContext(ctx, d.Rebind(text), args...)
	if err != nil {
		return nil, d.TranslateIn(ctx, err)
	}
	defer rows.Close()
	var all []T
	if err := sqlx.StructScan(rows, &all); err != nil {
		return nil, d.TranslateIn(ctx, err)
	}
	return all, d.TranslateIn(ctx, errors.Join(rows.Err(), rows.Close()))
}

// SelectOne reads the first row of SelectAll. It returns ErrNotFound if there is
// none.
func SelectOne[T any](ctx context.Context, d Dialect, x Execer, text string, args ...any) (T, error) {
	all, err := SelectAll[T](ctx, d, x, text, args...)
	if err == nil && len(all) == 0 {
		err = fault.ErrNotFound
	}
	if err != nil {
		var none T
		return none, err
	}
	return all[0], nil
}

// ReadOne reads the first row of a query, or returns sql.ErrNoRows.
func ReadOne(ctx context.Context, x Execer, text string, args []any, into ...any) error {
	defer span.Begin(ctx, "query").End()
	rows, err := x.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	return scanOne(rows, into...)
}

// scanOne reads the first row, or returns sql.ErrNoRows.
func scanOne(rows *sql.Rows, into ...any) error {
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := rows.Scan(into...); err != nil {
		return err
	}
	return rows.Close()
}

// Storable reports whether all texts among the values are valid UTF-8 without NUL.
// Both databases store and compare only such texts in the same way.
func Storable(values ...any) bool {
	for _, v := range values {
		if text, ok := v.(string); ok && (!utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0) {
			return false
		}
	}
	return true
}
