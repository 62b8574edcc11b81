package store

import (
	"context"

	"resellerd/store/history"
	"resellerd/store/lookup"
	"resellerd/store/query"
)

// List reads one page. It returns ErrInvalid for a query that cannot be
// answered (a column that is not shown, a filter that cannot be rendered),
// ErrUnavailable when the database does not answer, and the context's error
// when that ends first; never part of a page.
func (s *Store) List(ctx context.Context, q query.Query) (query.Page, error) {
	return s.query.List(ctx, s.pool, q)
}

// Stream gives every row of the list, in the order of the query, to fn; it
// holds one row at a time, which is only valid until fn returns. An error of
// fn ends the stream and is returned.
func (s *Store) Stream(ctx context.Context, q query.Query, fn func(query.Row) error) error {
	return s.query.Stream(ctx, s.pool, q, fn)
}

// PolicyRow reads the policy columns of one stored row, whoever may see it:
// string, int64, bool, []any of strings for a set, what the JSON says for a
// document. Absent values are absent keys. The row of a type that is decided
// through another one ("rate", "revision") is that other row. It returns ErrNotFound when
// there is no such row and ErrUnavailable when the database does not answer.
//
// The map is shared and must not be changed. It holds for the current data
// revision, and no longer than any assignment in it.
func (s *Store) PolicyRow(ctx context.Context, typ, id string) (map[string]any, error) {
	return history.Cached(ctx, s.cache, "row\x00"+typ+"\x00"+id, func(ctx context.Context, at *history.Observation) (map[string]any, int64, error) {
		return s.query.PolicyRow(ctx, s.pool, typ, id, at)
	})
}

// Statement gives the SQL that counts the rows of q, in the store's own
// dialect and as it would be run, and the values bound in it: strings, int64
// and bools. It is for showing a filter, of types without a parent. Text is ""
// when no row can pass, so that the database would not be asked.
func (s *Store) Statement(q query.Query) (text string, args []any, err error) {
	return s.query.CountSQL(q)
}

// Lookup finds the cards that the viewer sees, and whose rates it sees. It
// returns ErrInvalid for a query that cannot be answered, and ErrUnavailable.
func (s *Store) Lookup(ctx context.Context, q lookup.Query) (*lookup.Cards, error) {
	return s.lookups.Find(ctx, q)
}

// RateMemory tells how the memory of look-ups stands.
func (s *Store) RateMemory() lookup.MemoryStats { return s.lookups.Stats() }

// WaitRates returns when nothing is left to be read into the memory of
// look-ups, or ctx's error. Look-ups never need it; measurements do.
func (s *Store) WaitRates(ctx context.Context) error { return s.lookups.Wait(ctx) }
