package store

import (
	"context"

	"resellerd/policies/bounded"
	"resellerd/store/dialect"
	"resellerd/store/history"
	"resellerd/store/lookup"
	"resellerd/store/query"
)

// List reads one page. It returns ErrInvalid for a query that cannot be answered (a
// column that is not shown, a filter that has no SQL), ErrUnavailable if the
// database does not answer, and the context's error if that ends first. It never
// returns part of a page.
func (s *Store) List(ctx context.Context, q query.Query) (query.Page, error) {
	var page query.Page
	err := s.page(ctx, func(x dialect.Execer) (err error) {
		page, err = s.query.List(ctx, x, q)
		return err
	})
	return page, err
}

// Stream calls fn with every row of the list, in the order of the query. The row is
// valid only until fn returns. An error of fn ends the stream and is returned.
//
// Without a Sort, it reads pages and holds no connection while fn runs. The rates of
// a revision do not change, so that their pages fit together. If the revision is
// deleted before its last page, Stream returns ErrNotFound. Pages of other types do
// not show one moment. With a Sort, one statement reads all rows and holds a
// connection until fn has returned for the last one.
func (s *Store) Stream(ctx context.Context, q query.Query, fn func(query.Row) error) error {
	if q.Sort != "" {
		return s.query.Stream(ctx, s.pool, q, fn)
	}
	return s.query.Pages(ctx, s.page, q, fn)
}

// PolicyRow reads the policy columns of one stored row, whoever may see it. The
// values are string, int64, bool, []any of strings for a set, and decoded JSON for
// a document. An absent value has no key. A "rate" or "revision" is decided through
// another type; for those, PolicyRow reads the row of that other type. It returns
// ErrNotFound if there is no such row and ErrUnavailable if the database does not
// answer.
//
// The map is shared and must not be changed. It holds for the current data
// revision, but at most until one of its assignments begins or ends.
func (s *Store) PolicyRow(ctx context.Context, typ, id string) (map[string]any, error) {
	return history.Cached(ctx, s.cache, "row\x00"+typ+"\x00"+id, func(ctx context.Context, at *history.Observation) (map[string]any, int64, error) {
		return s.query.PolicyRow(ctx, s.pool, typ, id, at)
	})
}

// Statement returns the SQL that counts the rows of q in the store's dialect,
// exactly as it would run, and its bound values: strings, int64 and bools. It
// exists to show a filter. It serves only types without a parent. The text is "" if
// no row can pass the filter, so that the database would not be asked.
func (s *Store) Statement(q query.Query) (text string, args []any, err error) {
	return s.query.CountSQL(q)
}

// Lookup finds the cards that the viewer can see and whose rates the viewer can
// read. It returns ErrInvalid for a query that cannot be answered, and
// ErrUnavailable.
func (s *Store) Lookup(ctx context.Context, q lookup.Query) (*lookup.Cards, error) {
	return s.lookups.Find(ctx, q)
}

// CacheUse returns the use of the caches of rows with subjects, and of texts of statements.
func (s *Store) CacheUse() (rows, statements bounded.Use) {
	return s.cache.Use(), s.query.CacheUse()
}

// RateMemory returns the state of the rate cache of look-ups.
func (s *Store) RateMemory() lookup.MemoryStats { return s.lookups.Stats() }

// WaitRates returns when the rate cache of look-ups has nothing left to load. It
// returns ctx's error if that ends first. Look-ups never need it; measurements do.
func (s *Store) WaitRates(ctx context.Context) error { return s.lookups.Wait(ctx) }
