package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/query"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// many is a sequence of n rates in the order of their prefixes. Each costs cost.
func many(n int, cost int64) iter.Seq2[store.Rate, error] {
	return func(yield func(store.Rate, error) bool) {
		for i := range n {
			if !yield(store.Rate{Prefix: fmt.Sprint(100_000 + i), Name: "Somewhere", Cost: cost, Pulse: 1}, nil) {
				return
			}
		}
	}
}

func ratesOf(card, revision string) query.Query {
	return query.Query{
		Type: "rate", Parent: card, Revision: revision, Filter: everything, Views: []query.View{{Name: "full", When: everything}},
		Columns: []query.Columns{{Names: append(schema.RateType.Names(), schema.CardType.Names()...), When: everything}},
	}
}

// streams reads revision after, which has the dearer parent before, in all ways in
// which a client may read slowly. row is called with each prefix.
func streams(s *store.Store, c *carrier, before, after string) map[string]func(ctx context.Context, row func(prefix string) error) error {
	return map[string]func(context.Context, func(string) error) error{
		"rates": func(ctx context.Context, row func(string) error) error {
			return s.Stream(ctx, ratesOf(c.sold.ID, after), func(r query.Row) error { return row(r.ID()) })
		},
		"diff": func(ctx context.Context, row func(string) error) error {
			_, err := s.Diff(ctx, store.AllRates, c.sold.ID, before, after, "", func(r store.RateChange) error { return row(r.Prefix) })
			return err
		},
		"proof": func(ctx context.Context, row func(string) error) error {
			var ready *store.PreparedProof
			err := s.Read(ctx, c.master.ID, func(tx *store.Tx) (err error) {
				ready, err = tx.PrepareProof(ctx, store.AllRates, c.sold.ID, after)
				return err
			})
			if err != nil {
				return err
			}
			_, err = ready.Run(ctx, func(f store.Finding) error {
				return row(f.Prefix)
			})
			return err
		},
	}
}

const streamedRates = 12_001

func streamWorld(t *testing.T, s *store.Store) (c *carrier, before, after string) {
	c = newCarrier(t, s)
	mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
		supplier := must(tx.CreateRevision(ctx, c.bought.ID, many(streamedRates, 7)))
		must(tx.ActivateRevision(ctx, store.AllRates, c.bought.ID, supplier.ID))
		mustDo(tx.SetParents(ctx, store.AllRates, c.sold.ID, []store.Parent{{CardID: c.bought.ID}}))
		before = must(tx.CreateRevision(ctx, c.sold.ID, many(streamedRates, 6))).ID
		after = must(tx.CreateRevision(ctx, c.sold.ID, many(streamedRates, 5))).ID
	})
	return c, before, after
}

// A store with one connection answers others while a reader of a stream is slow.
func TestAStreamHoldsNoConnectionWhileItsReaderIsSlow(t *testing.T) {
	t.Parallel()
	storetest.EachWith(t, store.Options{MaxConns: 1}, func(t *testing.T, s *store.Store) {
		c, before, after := streamWorld(t, s)
		for name, stream := range streams(s, c, before, after) {
			late, cancel := context.WithTimeout(ctx, time.Minute)
			n := 0
			err := stream(late, func(prefix string) error {
				if want := fmt.Sprint(100_000 + n); prefix != want {
					return fmt.Errorf("prefix %s, want %s", prefix, want)
				}
				if n++; n%3_000 != 1 {
					return nil
				}
				_, err := s.List(late, ratesOf(c.bought.ID, ""))
				return err
			})
			cancel()
			if err != nil || n != streamedRates {
				t.Errorf("%s: %v after %d rates", name, err, n)
			}
		}
	})
}

func TestAStreamOfARevisionThatIsDeletedIsNotWhole(t *testing.T) {
	t.Parallel()
	storetest.EachWith(t, store.Options{MaxConns: 1}, func(t *testing.T, s *store.Store) {
		for _, name := range []string{"rates", "diff", "proof"} {
			c, before, after := streamWorld(t, s)
			late, cancel := context.WithTimeout(ctx, time.Minute)
			n := 0
			err := streams(s, c, before, after)[name](late, func(string) error {
				if n++; n > 1 {
					return nil
				}
				return s.Write(late, c.master.ID, func(tx *store.Tx) error { return tx.DeleteRevision(late, c.sold.ID, after) })
			})
			cancel()
			if !errors.Is(err, fault.ErrNotFound) || n == 0 {
				t.Errorf("%s: %v after %d rates", name, err, n)
			}
		}
	})
}
