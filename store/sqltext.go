package store

import (
	"fmt"
	"time"
)

// SQL is the statement that List runs for q on a kind of database, "sqlite"
// or "postgres", and its arguments, without touching one. The text is empty
// when no row can pass. It returns ErrInvalid for what List refuses, and what
// a filter asks that cannot be asked in SQL.
func SQL(database string, q Query) (text string, args []any, err error) {
	s := &Store{now: time.Now, plans: newPlanCache()}
	switch database {
	case "sqlite":
		s.dialect = sqliteDialect()
	case "postgres":
		s.dialect = postgresDialect()
	default:
		return "", nil, invalid("dialect", fmt.Sprintf("%q is neither sqlite nor postgres", database))
	}
	def, err := q.check()
	if err != nil {
		return "", nil, err
	}
	run, err := s.prepare(&q, def, modePage)
	if err != nil {
		return "", nil, err
	}
	return run.text, run.args, nil
}
