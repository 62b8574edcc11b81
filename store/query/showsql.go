package query

import (
	"fmt"
	"time"

	"resellerd/store/dialect"
	"resellerd/store/fault"
)

// SQL is the statement that List runs for q on a kind of database, "sqlite"
// or "postgres", and its arguments, without touching one. The text is empty
// when no row can pass. It returns ErrInvalid for what List refuses, and what
// a filter asks that cannot be asked in SQL.
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

// CountSQL gives the SQL that counts the rows of q, as it would be run, and the values bound in it: strings, int64
// and bools. It is for showing a filter, of types without a parent. Text is ""
// when no row can pass, so that the database would not be asked.
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
