package query

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"resellerd/policies/predicate"
	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
	"resellerd/store/span"
)

// Reader answers queries for one kind of database. It is safe for
// concurrent use.
type Reader struct {
	d     dialect.Dialect
	now   func() time.Time
	plans *planCache
}

// NewReader returns a reader without cached statements.
func NewReader(d dialect.Dialect, now func() time.Time) *Reader {
	return &Reader{d: d, now: now, plans: newPlanCache()}
}

// micros returns the present time as the database stores times: microseconds since
// 1970.
func (r *Reader) micros() int64 { return r.now().UnixMicro() }

// List reads one page on x. It returns ErrInvalid for a query that cannot be
// answered, ErrUnavailable if the database does not answer, and the context's error
// if that ends first. It never returns part of a page.
func (r *Reader) List(ctx context.Context, x dialect.Execer, q Query) (Page, error) {
	def, found, err := r.resolve(ctx, x, &q)
	if err != nil || !found {
		return Page{}, err
	}
	run, err := r.prepare(&q, def, modePage)
	if err != nil {
		return Page{}, err
	}
	var page Page
	if def.Revised {
		page.Revision = q.Parent
	}
	if err := r.each(ctx, x, run, page.collect(run, q.Limit)); err != nil {
		return Page{}, err
	}
	page.close(run, &q)
	if q.Count {
		page.Total, err = r.total(ctx, x, &q, def)
	}
	return page, err
}

// Stream calls fn with every row of the list. It holds one row at a time. The row
// is valid only until fn returns. An error of fn ends the stream and is returned.
func (r *Reader) Stream(ctx context.Context, x dialect.Execer, q Query, fn func(Row) error) error {
	def, found, err := r.resolve(ctx, x, &q)
	if err != nil || !found {
		return err
	}
	run, err := r.prepare(&q, def, modeStream)
	if err != nil {
		return err
	}
	run.passing = true
	values := make([]any, run.width())
	return r.each(ctx, x, run, func(scan func([]any) error) error {
		if err := scan(values); err != nil {
			return err
		}
		return fn(newRow(run.shape, values))
	})
}

// Count returns the total number of rows in the list.
func (r *Reader) Count(ctx context.Context, x dialect.Execer, q Query) (int, error) {
	def, found, err := r.resolve(ctx, x, &q)
	if err != nil || !found {
		return 0, err
	}
	return r.total(ctx, x, &q, def)
}

// total counts the rows of a resolved query.
func (r *Reader) total(ctx context.Context, x dialect.Execer, q *Query, def *schema.Type) (total int, err error) {
	run, err := r.prepare(q, def, modeCount)
	if err != nil || run.empty {
		return 0, err
	}
	err = dialect.ReadOne(ctx, x, run.text, run.args, &total)
	return total, r.queryError(ctx, q.Type, err)
}

// running is a statement with the arguments of one request.
type running struct {
	*statement
	typ  string
	args []any
	// passing says that each row is used before the next one is read, so that no
	// value needs to be copied.
	passing bool
}

func (r *running) width() int {
	if r.empty {
		return 0
	}
	return r.shape.width
}

// prepare returns the statement of q with its arguments.
func (r *Reader) prepare(q *Query, def *schema.Type, m mode) (*running, error) {
	p, params, err := r.plan(q, def, m)
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
	if !dialect.Storable(where...) || !dialect.Storable(key) || q.After != nil && !dialect.Storable(q.After.ID) {
		return nil, fault.Invalid("", "the request has text that is not valid")
	}
	run := &running{statement: p, typ: q.Type, args: make([]any, len(p.args))}
	for i, a := range p.args {
		switch a.Kind {
		case schema.ArgConst:
			run.args[i] = a.Value
		case schema.ArgParam:
			run.args[i] = params[a.Source][a.Index]
		case schema.ArgNow:
			run.args[i] = r.micros()
		case schema.ArgID:
			run.args[i] = q.ID
		case schema.ArgParent:
			run.args[i] = q.Parent
		case schema.ArgRevision:
			run.args[i] = q.Revision
		case schema.ArgAt:
			run.args[i] = int64(q.At)
		case schema.ArgViewer:
			run.args[i] = q.Viewer
		case schema.ArgWhere:
			run.args[i] = where[a.Index]
		case schema.ArgKey:
			run.args[i] = key
		case schema.ArgCustomer:
			run.args[i] = q.Customer
		case schema.ArgAfter:
			run.args[i] = q.After.ID
		}
	}
	return run, nil
}

// each runs the statement. For each row it calls fn with a function that reads the
// row. fn may return errStop to skip the remaining rows.
func (r *Reader) each(ctx context.Context, x dialect.Execer, run *running, fn func(scan func([]any) error) error) error {
	if run.empty {
		return nil
	}
	defer span.Begin(ctx, "query").End()
	rows, err := x.QueryContext(ctx, run.text, run.args...)
	if err != nil {
		return r.queryError(ctx, run.typ, err)
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
	return r.queryError(ctx, run.typ, err)
}

// keeping reads rows into values that stay valid.
func keeping(rows *sql.Rows, width int) func(values []any) error {
	into := make([]any, width)
	return func(values []any) error {
		for i := range values {
			into[i] = &values[i]
		}
		return rows.Scan(into...)
	}
}

// passing reads rows into values that belong to the driver, and are valid until the
// next row.
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

// cell receives a value of the driver without a copy.
type cell struct{ value any }

// Scan implements sql.Scanner.
func (c *cell) Scan(value any) error { c.value = value; return nil }

var errStop = errors.New("stop")

func (r *Reader) queryError(ctx context.Context, typ string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", typ, r.d.TranslateIn(ctx, err))
}

// collect keeps the rows of a page and one more. The extra row shows that there is
// a next page.
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

// close cuts the page to its limit and sets its neighbours. A page after a row has a
// page before it, and the other way round.
func (p *Page) close(run *running, q *Query) {
	more := len(p.Rows) > q.Limit
	if more {
		p.Rows = p.Rows[:q.Limit]
	}
	if len(p.Rows) == 0 {
		return
	}
	back := q.After != nil && q.After.Back
	if back {
		slices.Reverse(p.Rows)
	}
	p.Last = cursorAt(run, p.Rows[len(p.Rows)-1])
	if more && !back || back {
		p.Next = p.Last
	}
	if more && back || q.After != nil && !back {
		p.Prev = cursorAt(run, p.Rows[0])
		p.Prev.Back = true
	}
}

func cursorAt(run *running, row Row) *Cursor {
	c := &Cursor{ID: row.ID()}
	if run.shape.key >= 0 {
		c.Key = row.values[run.shape.key]
		c.KeyAbsent = c.Key == nil
	}
	return c
}

// resolve checks q. If the list belongs to a card, resolve first reads what the
// card decides, and rewrites q accordingly. It returns false if the viewer can see
// no rows.
func (r *Reader) resolve(ctx context.Context, x dialect.Execer, q *Query) (*schema.Type, bool, error) {
	def, err := q.check()
	if err != nil || !dialect.Storable(q.ID, q.Parent, q.Revision, q.Viewer, q.Customer) {
		return nil, false, err
	}
	if def.Through == nil {
		return def, true, nil
	}
	view, columns, parent, err := r.decideThrough(ctx, x, q, def)
	if err != nil || view == "" || parent == "" {
		return nil, false, err
	}
	if def.Needs != "" && !slices.Contains(columns, def.Needs) {
		return nil, false, nil
	}
	if !def.Decided {
		columns = def.Names()
	}
	everything := predicate.Filter{Kind: predicate.All}
	q.Filter, q.Env, q.Leaf, q.Revision, q.At, q.Parent = everything, nil, false, "", 0, parent
	q.Views = []View{{Name: view, When: everything}}
	q.Columns = []Columns{{Names: columns, When: everything}}
	return def, true, nil
}

// decideThrough reads what the card of a list decides: its view, the columns that
// it shows, and the parent of the rows. The parent is the card, or the revision
// whose rates are requested. The view is empty if the viewer cannot see the card,
// and the parent is empty if the viewer cannot see the revision.
func (r *Reader) decideThrough(ctx context.Context, x dialect.Execer, q *Query, def *schema.Type) (view string, columns []string, parent string, err error) {
	head := Query{
		Type: def.Through.Name, Filter: q.Filter, Env: q.Env, Leaf: q.Leaf, Views: q.Views, Columns: q.Columns,
		ID: q.Parent, Revision: q.Revision, At: q.At, Viewer: q.Viewer,
	}
	run, err := r.prepare(&head, def.Through, modeHead)
	if err != nil || run.empty {
		return "", nil, "", err
	}
	values := make([]any, run.shape.width)
	found := false
	err = r.each(ctx, x, run, func(scan func([]any) error) error { found = true; return scan(values) })
	if err != nil || !found {
		return "", nil, "", err
	}
	row := newRow(run.shape, values)
	columns = row.decides()
	if !def.Revised {
		return row.View, columns, q.Parent, nil
	}
	side := run.shape.id + 1
	if row.View == schema.Translated {
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

// Head is what one card decides about the rows that belong to it.
type Head struct {
	ID       string
	Revision string   // the id of the active revision, "" if there is none
	Rows     int64    // the number of that revision's rates
	Columns  []string // the columns to show of the rows that belong to the card
}

// Heads calls fn with the Head of every card that q accepts.
func (r *Reader) Heads(ctx context.Context, x dialect.Execer, q *Query, fn func(Head)) error {
	run, err := r.prepare(q, schema.CardType, modeHeads)
	if err != nil {
		return err
	}
	values := make([]any, run.width())
	return r.each(ctx, x, run, func(scan func([]any) error) error {
		if err := scan(values); err != nil {
			return err
		}
		row, at := newRow(run.shape, values), run.shape.id
		fn(Head{ID: row.ID(), Revision: textOf(values[at+1]), Rows: numberOf(values[at+2]), Columns: row.decides()})
		return nil
	})
}
