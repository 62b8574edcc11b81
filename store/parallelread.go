package store

import (
	"context"
	"strconv"

	"resellerd/store/dialect"
	"resellerd/store/raterows"
)

// reader returns a reader of a revision's rates within the transaction.
func (tx *Tx) reader(ctx context.Context, revision string) *raterows.Reader {
	tx.cursors++
	return raterows.NewReader(ctx, tx.store.dialect, tx.tx, revision, "rates_"+strconv.Itoa(tx.cursors))
}

// readInParallel moves readers to another connection. It reports false if no
// connection is free, or if the connection does not see every revision, such as one
// that this transaction created. The rates of a revision do not change, so it does
// not matter which connection reads later. It never waits for a connection, because
// others may hold one for long. It returns an error only if ctx has ended.
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

// knows reports whether x answers and sees every revision of the readers.
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
