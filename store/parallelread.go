package store

import (
	"context"
	"strconv"

	"resellerd/store/raterows"
)

// reader returns a reader of a revision's rates within the transaction.
func (tx *Tx) reader(ctx context.Context, revision string) *raterows.Reader {
	tx.cursors++
	return raterows.NewReader(ctx, tx.store.dialect, tx.tx, revision, "rates_"+strconv.Itoa(tx.cursors))
}
