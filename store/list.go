package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"resellerd/policies/predicate"
)

// List reads one page. It returns ErrInvalid for a query that cannot be
// answered (a column that is not shown, a filter that cannot be rendered),
// ErrUnavailable when the database does not answer, and the context's error
// when that ends first; never part of a page.
func (s *Store) List(ctx context.Context, q Query) (Page, error) {
	return s.list(ctx, s.pool, q)
}

// Stream gives every row of the list, in the order of the query, to fn; it
// holds one row at a time, which is only valid until fn returns. An error of
// fn ends the stream and is returned.
func (s *Store) Stream(ctx context.Context, q Query, fn func(Row) error) error {
	return s.stream(ctx, s.pool, q, fn)
}

func (s *Store) list(ctx context.Context, x execer, q Query) (Page, error) {
	def, found, err := s.resolve(ctx, x, &q)
	if err != nil || !found {
		return Page{}, err
	}
	run, err := s.prepare(&q, def, modePage)
	if err != nil {
		return Page{}, err
	}
	var page Page
	if def.revised {
		page.Revision = q.Parent
	}
	if err := s.each(ctx, x, run, page.collect(run, q.Limit)); err != nil {
		return Page{}, err
	}
	page.close(run, q.Limit)
	if q.Count {
		page.Total, err = s.count(ctx, x, &q, def)
	}
	return page, err
}

func (s *Store) stream(ctx context.Context, x execer, q Query, fn func(Row) error) error {
	def, found, err := s.resolve(ctx, x, &q)
	if err != nil || !found {
		return err
	}
	run, err := s.prepare(&q, def, modeStream)
	if err != nil {
		return err
	}
	run.passing = true
	values := make([]any, run.width())
	return s.each(ctx, x, run, func(scan func([]any) error) error {
		if err := scan(values); err != nil {
			return err
		}
		return fn(newRow(run.shape, values))
	})
}

func (s *Store) count(ctx context.Context, x execer, q *Query, def *typeDef) (total int, err error) {
	run, err := s.prepare(q, def, modeCount)
	if err != nil || run.empty {
		return 0, err
	}
	rows, err := x.QueryContext(ctx, run.text, run.args...)
	if err == nil {
		err = scanOne(rows, &total)
	}
	return total, s.queryError(ctx, q.Type, err)
}

// running is a statement with the arguments of one request.
type running struct {
	*planned
	typ  string
	args []any
	// passing says that each row is done with before the next one is read, so
	// that nothing of it is copied.
	passing bool
}

func (r *running) width() int {
	if r.empty {
		return 0
	}
	return r.shape.width
}

// prepare plans q and resolves its arguments.
func (s *Store) prepare(q *Query, def *typeDef, m mode) (*running, error) {
	p, late, err := s.plan(q, def, m)
	if err != nil {
		return nil, err
	}
	where, err := conditionValues(def, q.Where)
	if err != nil {
		return nil, err
	}
	key, err := cursorKey(def, q)
	if err != nil {
		return nil, err
	}
	if !storable(where...) || !storable(key) || q.After != nil && !storable(q.After.ID) {
		return nil, invalid("", "holds text that cannot be stored")
	}
	run := &running{planned: p, typ: q.Type, args: make([]any, len(p.args))}
	for i, a := range p.args {
		switch a.kind {
		case argConst:
			run.args[i] = a.value
		case argLate:
			run.args[i] = late[a.source][a.index]
		case argNow:
			run.args[i] = s.micros()
		case argID:
			run.args[i] = q.ID
		case argParent:
			run.args[i] = q.Parent
		case argRevision:
			run.args[i] = q.Revision
		case argAt:
			run.args[i] = int64(q.At)
		case argViewer:
			run.args[i] = q.Viewer
		case argWhere:
			run.args[i] = where[a.index]
		case argKey:
			run.args[i] = key
		case argAfter:
			run.args[i] = q.After.ID
		}
	}
	return run, nil
}

// each runs the statement and calls fn for each row with a function that reads
// it; fn may return errStop to leave the rest.
func (s *Store) each(ctx context.Context, x execer, run *running, fn func(scan func([]any) error) error) error {
	if run.empty {
		return nil
	}
	rows, err := x.QueryContext(ctx, run.text, run.args...)
	if err != nil {
		return s.queryError(ctx, run.typ, err)
	}
	defer rows.Close()
	scan := keeping(rows, run.width())
	if run.passing {
		scan = passing(rows, run.width())
	}
	for rows.Next() {
		if err := fn(scan); err != nil {
			if errors.Is(err, errStop) {
				return rows.Close()
			}
			return err
		}
	}
	err = rows.Err()
	if err == nil {
		err = ctx.Err()
	}
	return s.queryError(ctx, run.typ, err)
}

// keeping reads rows into values that stay.
func keeping(rows *sql.Rows, width int) func(values []any) error {
	into := make([]any, width)
	return func(values []any) error {
		for i := range values {
			into[i] = &values[i]
		}
		return rows.Scan(into...)
	}
}

// passing reads rows into values that are the driver's own until the next row.
func passing(rows *sql.Rows, width int) func(values []any) error {
	cells, into := make([]cell, width), make([]any, width)
	for i := range cells {
		into[i] = &cells[i]
	}
	return func(values []any) error {
		err := rows.Scan(into...)
		for i := range values {
			values[i] = cells[i].value
		}
		return err
	}
}

// cell takes what the driver gives as it is.
type cell struct{ value any }

// Scan implements sql.Scanner.
func (c *cell) Scan(value any) error { c.value = value; return nil }

var errStop = errors.New("stop")

func (s *Store) queryError(ctx context.Context, typ string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", typ, s.dialect.translateIn(ctx, err))
}

// collect keeps the rows of a page and one more, which tells that there is a
// next page.
func (p *Page) collect(run *running, limit int) func(scan func([]any) error) error {
	width, n := run.width(), 0
	var block []any
	return func(scan func([]any) error) error {
		if n > limit {
			return errStop
		}
		if len(block) < width {
			more := min(limit+1-n, max(16, 4*n))
			block, p.Rows = make([]any, width*more), slices.Grow(p.Rows, more)
		}
		values := block[:width:width]
		block = block[width:]
		if err := scan(values); err != nil {
			return err
		}
		p.Rows, n = append(p.Rows, newRow(run.shape, values)), n+1
		return nil
	}
}

func (p *Page) close(run *running, limit int) {
	if len(p.Rows) <= limit {
		return
	}
	p.Rows = p.Rows[:limit]
	last := p.Rows[limit-1]
	p.Next = &Cursor{ID: last.ID()}
	if run.shape.key >= 0 {
		p.Next.Key = last.values[run.shape.key]
		p.Next.KeyAbsent = p.Next.Key == nil
	}
}

// resolve checks q and, for a list that hangs on a card, asks the card first:
// q then says what the card's row decided. It returns false when there is
// nothing to be seen.
func (s *Store) resolve(ctx context.Context, x execer, q *Query) (*typeDef, bool, error) {
	def, err := q.check()
	if err != nil || !storable(q.ID, q.Parent, q.Revision, q.Viewer) {
		return nil, false, err
	}
	if def.through == nil {
		return def, true, nil
	}
	view, columns, parent, err := s.decideThrough(ctx, x, q, def)
	if err != nil || view == "" || parent == "" {
		return nil, false, err
	}
	if def.needs != "" && !slices.Contains(columns, def.needs) {
		return nil, false, nil
	}
	if !def.decided {
		columns = def.names()
	}
	everything := predicate.Filter{Kind: predicate.All}
	q.Filter, q.Env, q.Leaf, q.Revision, q.At, q.Parent = everything, nil, false, "", 0, parent
	q.Views = []View{{Name: view, When: everything}}
	q.Columns = []Columns{{Names: columns, When: everything}}
	return def, true, nil
}

// decideThrough reads the card's view, the columns it shows, and what the list
// is found by: the card, or the revision whose rates are asked for. All are
// empty when the card is not to be seen, or the revision is not.
func (s *Store) decideThrough(ctx context.Context, x execer, q *Query, def *typeDef) (view string, columns []string, parent string, err error) {
	head := Query{
		Type: def.through.name, Filter: q.Filter, Env: q.Env, Leaf: q.Leaf, Views: q.Views, Columns: q.Columns,
		ID: q.Parent, Revision: q.Revision, At: q.At, Viewer: q.Viewer,
	}
	run, err := s.prepare(&head, def.through, modeHead)
	if err != nil || run.empty {
		return "", nil, "", err
	}
	values := make([]any, run.shape.width)
	found := false
	err = s.each(ctx, x, run, func(scan func([]any) error) error { found = true; return scan(values) })
	if err != nil || !found {
		return "", nil, "", err
	}
	row := newRow(run.shape, values)
	columns = row.decides()
	if !def.revised {
		return row.View, columns, q.Parent, nil
	}
	side := run.shape.id + 1
	if row.View == translated {
		side++
	}
	return row.View, columns, textOf(values[side]), nil
}

func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}
