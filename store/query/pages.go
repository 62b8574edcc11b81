package query

import (
	"context"
	"fmt"

	"resellerd/store/coop"
	"resellerd/store/dialect"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// streamed is the number of rows of a page of Pages.
const streamed = 2000

// Pages is Stream for the default order, except that it reads pages by keyset. No
// statement is open while fn runs. If the rows belong to a revision that is deleted
// before its last page, Pages returns ErrNotFound.
//
// on runs a function on a database. Each page may come from another one, and a
// function may run twice.
func (r *Reader) Pages(ctx context.Context, on func(context.Context, func(dialect.Execer) error) error, q Query, fn func(Row) error) error {
	var def *schema.Type
	found, asked := false, q
	err := on(ctx, func(x dialect.Execer) (err error) {
		q = asked
		def, found, err = r.resolve(ctx, x, &q)
		return err
	})
	if err != nil || !found {
		return err
	}
	q.Limit = streamed
	var page block
	for full := true; full; {
		run, err := r.prepare(&q, def, modePage)
		if err != nil {
			return err
		}
		err = on(ctx, func(x dialect.Execer) (err error) {
			full, err = page.read(ctx, r, x, run)
			return err
		})
		if err != nil {
			return err
		}
		for _, row := range page.rows {
			if err := fn(row); err != nil {
				return err
			}
		}
		if full {
			q.After = &Cursor{ID: page.rows[len(page.rows)-1].ID()}
		}
		if err := coop.Yield(ctx); err != nil {
			return err
		}
	}
	if !def.Revised {
		return nil
	}
	return on(ctx, func(x dialect.Execer) error { return r.There(ctx, x, q.Parent) })
}

// There returns ErrNotFound if a revision is absent.
func (r *Reader) There(ctx context.Context, x dialect.Execer, revision string) error {
	n := 0
	err := dialect.ReadOne(ctx, x, r.d.Rebind("SELECT count(*) FROM revisions WHERE id = ? AND card_id IS NOT NULL"), []any{revision}, &n)
	if err == nil && n == 0 {
		err = fmt.Errorf("revision %s was deleted: %w", revision, fault.ErrNotFound)
	}
	return r.queryError(ctx, "revision", err)
}

// block holds the rows of one page. The next page uses its memory again.
type block struct {
	rows   []Row
	values []any
}

// read reads the page of a statement, and reports whether it is full.
func (b *block) read(ctx context.Context, r *Reader, x dialect.Execer, run *running) (full bool, err error) {
	b.rows = b.rows[:0]
	width := run.width()
	if b.values == nil {
		b.values = make([]any, width*streamed)
	}
	err = r.each(ctx, x, run, func(scan func([]any) error) error {
		if len(b.rows) == streamed {
			full = true
			return errStop
		}
		values := b.values[width*len(b.rows):][:width:width]
		if err := scan(values); err != nil {
			return err
		}
		b.rows = append(b.rows, newRow(run.shape, values))
		return nil
	})
	return full, err
}
