package query

import (
	"fmt"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/fault"
)

// SQL returns the statement that List would run for q on a kind of database,
// "sqlite" or "postgres", and its arguments, without a database. The text is empty
// if no row can pass. It returns ErrInvalid for an unknown kind, for a query that
// List refuses, and for a filter that has no SQL.
func SQL(database string, q Query) (text string, args []any, err error) {
	var d dialect.Dialect
	switch database {
	case "sqlite":
		d = dialect.SQLite()
	case "postgres":
		d = dialect.Postgres()
	default:
		return "", nil, fault.Invalid("dialect", fmt.Sprintf("is %q, and must be sqlite or postgres", database))
	}
	r := NewReader(d, time.Now)
	def, err := q.check()
	if err != nil {
		return "", nil, err
	}
	run, err := r.prepare(&q, def, modePage)
	if err != nil {
		return "", nil, err
	}
	return run.text, run.args, nil
}

// CountSQL returns the SQL that counts the rows of q, exactly as it would run, and
// its bound values: strings, int64 and bools. It exists to show a filter. It serves
// only types without a parent. The text is "" if no row can pass the filter, so
// that the database would not be asked.
func (r *Reader) CountSQL(q Query) (text string, args []any, err error) {
	def, err := q.check()
	if err != nil {
		return "", nil, err
	}
	run, err := r.prepare(&q, def, modeCount)
	if err != nil || run.empty {
		return "", nil, err
	}
	return run.text, run.args, nil
}
