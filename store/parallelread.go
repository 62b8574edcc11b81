package store

import (
	"context"
	"strconv"

	"resellerd/store/dialect"
	"resellerd/store/raterows"
)

// reader reads a revision's rates within the transaction.
func (tx *Tx) reader(ctx context.Context, revision string) *raterows.Reader {
	tx.cursors++
	return raterows.NewReader(ctx, tx.store.dialect, tx.tx, revision, "rates_"+strconv.Itoa(tx.cursors))
}

// readInParallel has revisions read by another connection, and reports whether that was
// to be had and knows them all: one may have been made in this very transaction.
// The rates of a revision do not change, so it does not matter which of the two
// reads later. Nobody waits for a connection, as others may hold one for long, or
// fails for want of one: it returns an error when ctx is over, and no other.
func (tx *Tx) readInParallel(ctx context.Context, readers []*raterows.Reader) (ok bool, end func(), err error) {
	s := tx.store
	if s.db.Bulk == nil {
		return false, nothing, nil
	}
	select {
	case s.bulkSlots <- struct{}{}:
	default:
		return false, nothing, nil
	}
	begun, err := s.db.Bulk.BeginTxx(ctx, &s.dialect.OneState)
	if err != nil {
		<-s.bulkSlots
		return false, nothing, context.Cause(ctx)
	}
	end = func() {
		_ = begun.Rollback() // nothing was written
		<-s.bulkSlots
	}
	if !s.knows(ctx, begun, readers) {
		end()
		return false, nothing, context.Cause(ctx)
	}
	for _, reader := range readers {
		reader.Over(begun)
	}
	return true, end, nil
}

// knows reports whether x answers, and has what the readers read.
func (s *Store) knows(ctx context.Context, x dialect.Execer, readers []*raterows.Reader) bool {
	for _, reader := range readers {
		known, err := dialect.SelectAll[kept](ctx, s.dialect, x, "SELECT id FROM revisions WHERE id = ?", reader.Revision)
		if err != nil || len(known) == 0 {
			return false
		}
	}
	return true
}

func nothing() {}

type kept struct{ ID string }
