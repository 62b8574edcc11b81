package store_test

import (
	"strconv"
	"testing"

	"resellerd/store"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// BenchmarkCreateRevision writes a US deck of 250,000 rates.
func BenchmarkCreateRevision(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			s := storetest.Open(b, url(b), store.Options{})
			var card store.Card
			err := s.Write(ctx, "", func(tx *store.Tx) error {
				master := must(tx.CreateAccount(ctx, store.Account{Kind: store.Master, Name: "Carrier"}))
				card = must(tx.CreateCard(ctx, newCard(master, schema.CustomerCard)))
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				err := s.Write(ctx, card.TenantID, func(tx *store.Tx) error {
					_, err := tx.CreateRevision(ctx, card.ID, func(yield func(store.Rate, error) bool) {
						for i := range 250_000 {
							if !yield(store.Rate{Prefix: strconv.Itoa(1_200_000 + i), Name: "USA", Cost: int64(i), MCD: 6, Pulse: 6}, nil) {
								return
							}
						}
					})
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
