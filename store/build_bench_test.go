package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// builtAt runs a benchmark on both databases.
func builtAt(b *testing.B, rows int, test func(b *testing.B, w *buildWorld)) {
	for _, db := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", storetest.SQLite}, {"postgres", storetest.Postgres}} {
		b.Run(db.name, func(b *testing.B) { test(b, newBuildWorld(b, db.url(b), rows)) })
	}
}

// buildWorld is a carrier with a US deck: prefixes 1NPANXX, and prices with six
// decimals.
type buildWorld struct {
	*store.Store
	db     *sql.DB // bypasses the store
	b      *testing.B
	tenant string
	deck   store.Card     // prefixes of seven digits
	wide   []store.Card   // shorter prefixes
	active store.Revision // the active revision of deck
	rows   int
}

func newBuildWorld(b *testing.B, url string, rows int) *buildWorld {
	b.Helper()
	s := storetest.Open(b, url, store.Options{})
	w := &buildWorld{Store: s, db: storetest.SQL(b, s), b: b, rows: rows}
	err := s.Write(ctx, "", func(tx *store.Tx) error {
		master, err := tx.CreateAccount(ctx, store.Account{Kind: store.Master, Name: "Bench"})
		w.tenant = master.ID
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	w.deck, w.active = w.carrier(7)
	for _, digits := range []int{6, 5} {
		card, _ := w.carrier(digits)
		w.wide = append(w.wide, card)
	}
	return w
}

func (w *buildWorld) write(fn func(ctx context.Context, tx *store.Tx) error) time.Duration {
	w.b.Helper()
	start := time.Now()
	if err := w.WriteLong(ctx, w.tenant, func(tx *store.Tx) error { return fn(ctx, tx) }); err != nil {
		w.b.Fatal(err)
	}
	return time.Since(start)
}

func (w *buildWorld) card(kind string) (c store.Card) {
	w.write(func(ctx context.Context, tx *store.Tx) (err error) {
		card := store.NewCard()
		card.AccountID, card.Kind, card.Name, card.Currency, card.RatePrecision = w.tenant, kind, "Bench", "USD", 6
		c, err = tx.CreateCard(ctx, card)
		return err
	})
	return c
}

// carrier creates an active provider card with prefixes of that many digits.
func (w *buildWorld) carrier(digits int) (card store.Card, active store.Revision) {
	card = w.card(schema.ProviderCard)
	step := 1
	for range 7 - digits {
		step *= 10
	}
	w.write(func(ctx context.Context, tx *store.Tx) error {
		draft, err := tx.CreateRevision(ctx, card.ID, func(yield func(store.Rate, error) bool) {
			for i := 0; i < w.rows; i += step {
				cost := int64(20_000_000 + 10_000*(i*7919%4999))
				inter, intra := cost*9/10/10_000*10_000, cost*3/2/10_000*10_000
				rate := store.Rate{Prefix: strconv.Itoa(1_200_0000 + i)[:digits+1], Name: "USA " + strconv.Itoa(200+i/10_000), Cost: cost,
					Inter: &inter, Intra: &intra, MCD: 6, Pulse: 6}
				if !yield(rate, nil) {
					return
				}
			}
		})
		if err == nil {
			active, err = tx.ActivateRevision(ctx, store.AllRates, card.ID, draft.ID)
		}
		return err
	})
	return card, active
}

// sold creates a customer card with these parents, +12 % and two prefix rules.
func (w *buildWorld) sold(parents ...store.Card) store.Card {
	card := w.card(schema.CustomerCard)
	w.write(func(ctx context.Context, tx *store.Tx) error {
		var all []store.Parent
		for _, p := range parents {
			all = append(all, store.Parent{CardID: p.ID})
		}
		if err := tx.SetParents(ctx, store.AllRates, card.ID, all); err != nil {
			return err
		}
		rule := func(match, typ string, value int64) store.ProfitRule {
			return store.ProfitRule{Match: match, Type: typ, Value: value, Status: store.RuleProfit}
		}
		return tx.SetProfitRules(ctx, card.ID, []store.ProfitRule{
			rule("*", "percent", 12e10), rule("^1201", "percent", 15e10), rule("^1204", "relative", 10_000_000),
		})
	})
	return card
}

// build builds a card, proves it and activates it.
func (w *buildWorld) build(card store.Card) (took time.Duration, built store.Built) {
	took = w.write(func(ctx context.Context, tx *store.Tx) (err error) {
		if built, err = tx.BuildRevision(ctx, store.AllRates, card.ID); err == nil {
			_, err = tx.ActivateRevision(ctx, store.AllRates, card.ID, built.Revision.ID)
		}
		return err
	})
	return took, built
}

// byHand makes the same rows with one statement that multiplies.
func (w *buildWorld) byHand(card store.Card) time.Duration {
	start := time.Now()
	tx, err := w.db.Begin()
	if err != nil {
		w.b.Fatal(err)
	}
	id := store.RandomID("revision")
	for _, text := range []string{
		"INSERT INTO revisions (id, card_id, status, row_count, created_at) VALUES ('" + id + "', '" + card.ID + "', 'draft', " + strconv.Itoa(w.rows) + ", 1)",
		"INSERT INTO rates (revision_id, prefix, name, cost, inter, intra, mcd, pulse, connect, status) SELECT '" + id + "', prefix, name," +
			" cost * 112 / 100, inter * 112 / 100, intra * 112 / 100, mcd, pulse, connect, status FROM rates WHERE revision_id = '" + w.active.ID + "' ORDER BY prefix",
	} {
		if _, err := tx.Exec(text); err != nil {
			w.b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		w.b.Fatal(err)
	}
	return time.Since(start)
}

// forget removes everything that a round has made, so that every round starts with
// the same data.
func (w *buildWorld) forget() {
	const made = "SELECT r.id FROM revisions r JOIN cards c ON c.id = r.card_id WHERE c.kind = 'customer'"
	texts := []string{
		"DELETE FROM rates WHERE revision_id IN (" + made + ")", "UPDATE revisions SET status = 'archived' WHERE id IN (" + made + ")",
		"DELETE FROM revisions WHERE id IN (" + made + ")", "DELETE FROM cards WHERE kind = 'customer'",
		"VACUUM ANALYZE rates",
	}
	if w.Dialect() == "sqlite" {
		texts[4] = "PRAGMA wal_checkpoint(TRUNCATE)"
	}
	for _, text := range texts {
		if _, err := w.db.Exec(text); err != nil {
			w.b.Fatal(err)
		}
	}
}

// BenchmarkBuild builds and activates a card of 250,000 prefixes from one parent.
// It compares that with an INSERT … SELECT that multiplies the same rows.
func BenchmarkBuild(b *testing.B) {
	builtAt(b, 250_000, func(b *testing.B, w *buildWorld) {
		var ours, theirs []time.Duration
		for i := 0; b.Loop(); i++ {
			for _, first := range []bool{i%2 == 0, i%2 == 1} {
				if first {
					took, built := w.build(w.sold(w.deck))
					if built.Revision.Rows != int64(w.rows) {
						b.Fatal(built)
					}
					ours = append(ours, took)
				} else {
					theirs = append(theirs, w.byHand(w.card(schema.CustomerCard)))
				}
				w.forget()
			}
		}
		median := func(all []time.Duration) float64 { slices.Sort(all); return all[len(all)/2].Seconds() }
		b.ReportMetric(median(ours), "s/build")
		b.ReportMetric(median(theirs), "s/insert")
		b.ReportMetric(median(ours)/median(theirs), "ratio")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkBuildOfThree builds a card from three parents of different prefix
// lengths.
func BenchmarkBuildOfThree(b *testing.B) {
	for _, rows := range []int{50_000, 250_000, 1_000_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			builtAt(b, rows, func(b *testing.B, w *buildWorld) {
				var all []time.Duration
				var n int64
				for b.Loop() {
					took, built := w.build(w.sold(w.deck, w.wide[0], w.wide[1]))
					all, n = append(all, took), built.Revision.Rows
					w.forget()
				}
				slices.Sort(all)
				b.ReportMetric(all[len(all)/2].Seconds(), "s/build")
				b.ReportMetric(float64(all[len(all)/2].Nanoseconds())/float64(n), "ns/row")
				b.ReportMetric(0, "ns/op")
			})
		})
	}
}

// BenchmarkProve proves 250,000 prefixes, read from the database.
func BenchmarkProve(b *testing.B) {
	builtAt(b, 250_000, func(b *testing.B, w *buildWorld) {
		card := w.sold(w.deck)
		_, built := w.build(card)
		for b.Loop() {
			err := w.ReadLong(ctx, w.tenant, func(tx *store.Tx) error {
				proof, err := tx.ProveRevision(ctx, store.AllRates, card.ID, built.Revision.ID, nil)
				if err == nil && (proof.Prefixes != w.rows || proof.Losing > 0) {
					b.Fatal(proof)
				}
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
