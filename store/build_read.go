package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"

	"resellerd/store/rating"
)

// readAhead is how many rates are read at a time: a reader holds no statement
// open between two reads, so that any number of them may share a connection
// with what is written meanwhile.
const readAhead = 5000

// rateReader gives the rates of one revision in the order of their prefixes.
type rateReader struct {
	ctx      context.Context
	store    *Store
	x        execer
	revision string
	cursor   string // its name, where the dialect has cursors and x is a transaction

	opened bool
	ahead  []readRate
	taken  int    // of ahead
	last   string // the prefix that was read last
	done   bool
	names  names
}

type readRate struct {
	rating.Row
	name string
}

const selectRates = `SELECT prefix, name, cost, inter, intra, mcd, pulse, connect, status FROM rates
	WHERE revision_id = ?`

// source gives the rates to the arithmetic; their names are in r.names.
func (r *rateReader) source() rating.Source {
	return func() (rating.Row, bool, error) {
		if r.taken == len(r.ahead) && !r.done {
			if err := r.read(); err != nil {
				return rating.Row{}, false, err
			}
		}
		if r.taken == len(r.ahead) {
			r.names.read("", 0)
			return rating.Row{}, false, nil
		}
		next := r.ahead[r.taken]
		r.taken++
		r.names.read(next.name, next.Prefix)
		return next.Row, true, nil
	}
}

// endWith has the reading end with ctx.
func (r *rateReader) endWith(ctx context.Context) { r.ctx = ctx }

func (r *rateReader) read() error {
	d := r.store.dialect
	rows, err := r.some()
	if err != nil {
		return fmt.Errorf("rates of revision %s: %w", r.revision, d.translateIn(r.ctx, err))
	}
	defer rows.Close()
	r.ahead, r.taken = r.ahead[:0], 0
	for rows.Next() {
		rate, err := scanRate(rows)
		if err != nil {
			return fmt.Errorf("rates of revision %s: %w", r.revision, d.translateIn(r.ctx, err))
		}
		r.ahead = append(r.ahead, rate)
	}
	if r.done = len(r.ahead) < readAhead; !r.done {
		r.last = r.ahead[len(r.ahead)-1].Prefix.String()
	}
	return d.translateIn(r.ctx, rows.Err())
}

// some reads the next rates: by the server's own cursor, which finds its way
// once, or from the prefix on that was read last.
func (r *rateReader) some() (*sql.Rows, error) {
	if !r.store.dialect.cursors || r.cursor == "" {
		return r.x.QueryContext(r.ctx, r.store.dialect.rebind(selectRates+" AND prefix > ? ORDER BY prefix LIMIT ?"), r.revision, r.last, readAhead)
	}
	if !r.opened {
		_, err := r.x.ExecContext(r.ctx, "DECLARE "+r.cursor+" NO SCROLL CURSOR FOR "+r.store.dialect.rebind(selectRates)+" ORDER BY prefix", r.revision)
		if err != nil {
			return nil, err
		}
		r.opened = true
	}
	return r.x.QueryContext(r.ctx, "FETCH FORWARD "+strconv.Itoa(readAhead)+" FROM "+r.cursor)
}

// scanRate reads a row whose last columns are a rate's; before takes the others.
func scanRate(rows *sql.Rows, before ...any) (r readRate, err error) {
	var prefix, status string
	var inter, intra sql.NullInt64
	into := slices.Concat(before, []any{&prefix, &r.name, &r.Cost, &inter, &intra, &r.MCD, &r.Pulse, &r.Connect, &status})
	if err = rows.Scan(into...); err != nil {
		return r, err
	}
	if inter.Valid {
		r.Inter = rating.Some(rating.Money(inter.Int64))
	}
	if intra.Valid {
		r.Intra = rating.Some(rating.Money(intra.Int64))
	}
	r.Blocked = status == "blocked"
	r.Prefix, err = rating.ParsePrefix(prefix)
	return r, err
}

// names remembers what the rows are called that a walk in the order of
// prefixes stands below: one for each length of a prefix.
type names struct {
	next  named // read, and not reached yet
	byLen [rating.MaxDigits + 1]named
}

type named struct {
	prefix rating.Prefix
	name   string
}

// read takes the row after the one that the walk has just reached.
func (n *names) read(name string, p rating.Prefix) {
	n.byLen[n.next.prefix.Len()] = n.next
	n.next = named{p, name}
}

// of is what the row of this prefix is called, which the walk stands at or
// below.
func (n *names) of(p rating.Prefix) string {
	if at := n.byLen[p.Len()]; at.prefix == p {
		return at.name
	}
	return ""
}
