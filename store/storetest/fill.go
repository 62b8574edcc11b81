package storetest

import (
	"context"
	"testing"

	"resellerd/store"
	"resellerd/store/seed"
)

// Fill makes rows in a store and returns their names; see seed.Fill.
func Fill(t testing.TB, st *store.Store, rows ...seed.Row) *seed.Names {
	t.Helper()
	n := &seed.Names{}
	if err := seed.Fill(context.Background(), st, n, rows...); err != nil {
		t.Fatalf("fill the store: %v", err)
	}
	return n
}
