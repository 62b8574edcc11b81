package store_test

import (
	"context"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"resellerd/store"
)

// BenchmarkFresh writes, compares and deletes new rates twenty times in a row, without
// a vacuum and before there are statistics. It does so with more and more rates, up to
// RESELLERD_BENCH_FRESH (default 250,000). It reports the slowest and the median of
// twenty times, for each 1,000 rates. These are equal for all sizes if the time is linear.
func BenchmarkFresh(b *testing.B) {
	most, err := strconv.Atoi(os.Getenv("RESELLERD_BENCH_FRESH"))
	if err != nil {
		most = 250_000
	}
	for _, rows := range []int{60_000, 250_000, 1_000_000} {
		if rows > most {
			return
		}
		b.Run(strconv.Itoa(rows), func(b *testing.B) {
			builtAt(b, rows, func(b *testing.B, w *buildWorld) {
				if w.Dialect() == "postgres" {
					for _, table := range []string{"rates", "revisions", "cards"} {
						if _, err := w.db.ExecContext(ctx, "ALTER TABLE "+table+" SET (autovacuum_enabled = off)"); err != nil {
							b.Fatal(err)
						}
					}
				}
				for b.Loop() {
					w.fresh(rows)
				}
			})
		})
	}
}

func (w *buildWorld) fresh(rows int) {
	took := map[string][]time.Duration{}
	timed := func(name string, do func() error) {
		w.b.Helper()
		start := time.Now()
		if err := do(); err != nil {
			w.b.Fatalf("%s: %v", name, err)
		}
		took[name] = append(took[name], time.Since(start))
	}
	for i := range 20 {
		var draft store.Revision
		took["write"] = append(took["write"], w.write(func(ctx context.Context, tx *store.Tx) (err error) {
			draft, err = tx.CreateRevision(ctx, w.deck.ID, func(yield func(store.Rate, error) bool) {
				for n := range rows {
					rate := store.Rate{Prefix: strconv.Itoa(1_200_0000 + n), Name: "USA", Cost: int64(n + i), MCD: 6, Pulse: 6}
					if !yield(rate, nil) {
						return
					}
				}
			})
			return err
		}))
		timed("compare", func() error {
			sum, err := w.Diff(ctx, store.AllRates, w.deck.ID, w.active.ID, draft.ID, "", nil)
			if sum.Up+sum.Down+sum.Changed == 0 {
				w.b.Errorf("no differences: %+v", sum)
			}
			return err
		})
		timed("delete", func() error {
			w.write(func(ctx context.Context, tx *store.Tx) error { return tx.DeleteRevision(ctx, w.deck.ID, draft.ID) })
			return w.Sweep(ctx)
		})
	}
	for name, all := range took {
		slices.Sort(all)
		perThousand := func(d time.Duration) float64 { return d.Seconds() * 1e6 / float64(rows) }
		w.b.ReportMetric(perThousand(all[len(all)-1]), name+"_max_ms/1000")
		w.b.ReportMetric(perThousand(all[len(all)/2]), name+"_ms/1000")
	}
	w.b.ReportMetric(0, "ns/op") // the time of all together has no meaning
}
