package store_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/coop"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

// numbered adds rates with consecutive prefixes.
func numbered(to *store.Importer, n int) error {
	for i := range n {
		if err := to.Add(0, store.Rate{Prefix: strconv.Itoa(100_000 + i), Cost: 1, Pulse: 1}); err != nil {
			return err
		}
	}
	return nil
}

// importLong imports into a card and returns the drafts.
func importLong(s *store.Store, tenant string, what store.Import) (drafts []store.Imported, err error) {
	err = s.WriteLong(ctx, tenant, func(tx *store.Tx) error {
		drafts, err = tx.Import(ctx, store.AllRates, what)
		return err
	})
	return drafts, err
}

// Another write of the tenant commits while a file is read.
func TestNoWriteWaitsForAFile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		for _, preview := range []bool{false, true} {
			what := importOf(c.bought.ID, "", func(to *store.Importer) error {
				mustWrite(t, s, c.master.ID, func(tx *store.Tx) { drafted(tx, c.sold.ID, "0.02") })
				return numbered(to, 10)
			})
			what.Preview = preview
			write := s.WriteLong
			if preview {
				write = s.ReadLong
			}
			var drafts []store.Imported
			err := write(ctx, c.master.ID, func(tx *store.Tx) (err error) {
				drafts, err = tx.Import(ctx, store.AllRates, what)
				return err
			})
			if err != nil || len(drafts) != 1 || drafts[0].Revision.Rows != 10 || drafts[0].Changes.Created != 10 {
				t.Errorf("preview %v: %+v, %v", preview, drafts, err)
			}
		}
		if n := count(t, s, "SELECT count(*) FROM revisions WHERE card_id = '"+c.bought.ID+"'"); n != 1 {
			t.Errorf("%d drafts, want that of the import without preview", n)
		}
	})
}

// The clock is read once in each transaction. So the test can begin a write while the
// first of the transactions that stage rates is running.
func TestNoWriteWaitsForRatesThatAreStaged(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]func(c *carrier, tx *store.Tx) error{
		"an import": func(c *carrier, tx *store.Tx) error {
			_, err := tx.Import(ctx, store.AllRates, importOf(c.bought.ID, "", func(to *store.Importer) error { return numbered(to, 9000) }))
			return err
		},
		"a build": func(c *carrier, tx *store.Tx) error {
			_, err := tx.BuildRevision(ctx, store.AllRates, c.sold.ID)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var staging atomic.Pointer[func()]
			clock := func() time.Time {
				if then := staging.Swap(nil); then != nil {
					(*then)()
				}
				return time.Now()
			}
			storetest.EachWith(t, store.Options{Now: clock}, func(t *testing.T, s *store.Store) {
				c := newCarrier(t, s)
				mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
					active(tx, c.bought.ID, priced("49", "0.01"))
					mustDo(tx.SetParents(ctx, store.AllRates, c.sold.ID, []store.Parent{{CardID: c.bought.ID}}))
				})
				var runs int
				var written atomic.Bool
				done := make(chan error, 1)
				err := s.WriteLong(ctx, c.master.ID, func(tx *store.Tx) error {
					runs++
					if runs == 2 && !written.Load() {
						t.Error("the other write waited until the rates were staged")
					}
					if runs == 1 {
						next := func() { // in the next transaction
							other := func() {
								done <- s.Write(ctx, c.master.ID, func(tx *store.Tx) error {
									_, err := tx.CreateRevision(ctx, c.sold.ID, deck("1"))
									written.Store(err == nil)
									return err
								})
							}
							if one, is := s.Stats()["write"]; is {
								go other()
								late := time.Now().Add(time.Minute)
								for waits := one.WaitCount; s.Stats()["write"].WaitCount == waits && !written.Load(); runtime.Gosched() { // until it is the next one
									if time.Now().After(late) {
										t.Error("the other write neither waits nor ends")
										return
									}
								}
							} else {
								other()
							}
						}
						staging.Store(&next)
					}
					return work(c, tx)
				})
				if other := <-done; err != nil || other != nil || runs != 2 {
					t.Errorf("%d runs, %v, the other write %v", runs, err, other)
				}
			})
		})
	}
}

// An import is compared with the revision that is active when its drafts are made.
func TestAnImportIsDoneAgainIfItsCardChanges(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		for changes, want := range map[int]error{0: nil, 1: nil, 2: nil, 3: fault.ErrConflict} {
			reads := 0
			drafts, err := importLong(s, c.master.ID, importOf(c.bought.ID, "", func(to *store.Importer) error {
				if reads++; reads <= changes {
					mustWrite(t, s, c.master.ID, func(tx *store.Tx) { active(tx, c.bought.ID, priced("49", "0.0"+strconv.Itoa(reads))) })
				}
				return to.Add(0, priced("49", "0.02"))
			}))
			if !errors.Is(err, want) || reads != min(changes+1, 3) {
				t.Errorf("%d changes: %d reads, %v", changes, reads, err)
			}
			if changes == 1 && drafts[0].Changes.Up != 1 || changes == 2 && drafts[0].Changes.Unchanged != 1 {
				t.Errorf("%d changes: compared %+v", changes, drafts[0].Changes)
			}
		}
		mustDo(s.Sweep(ctx))
		if n := count(t, s, "SELECT count(*) FROM revisions WHERE card_id IS NULL"); n != 0 {
			t.Errorf("%d staged drafts were left", n)
		}
	})
}

func TestTwoImportsIntoOneCardMakeTwoDrafts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		_, err := importLong(s, c.master.ID, importOf(c.bought.ID, "", func(to *store.Importer) error {
			if _, err := importLong(s, c.master.ID, importOf(c.bought.ID, "", func(to *store.Importer) error { return numbered(to, 3) })); err != nil {
				return err
			}
			return numbered(to, 5)
		}))
		if n := count(t, s, "SELECT 10 * min(row_count) + max(row_count) FROM revisions WHERE card_id = '"+c.bought.ID+"' AND status = 'draft'"); err != nil || n != 35 {
			t.Errorf("rows %d, %v", n, err)
		}
	})
}

// A build that is activated is built and proved outside of the transaction. If a
// parent changes meanwhile, it is built again.
func TestABuildIsDoneAgainIfAParentChanges(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			active(tx, c.bought.ID, priced("49", "0.01"))
			mustDo(tx.SetParents(ctx, store.AllRates, c.sold.ID, []store.Parent{{CardID: c.bought.ID}}))
		})
		runs := 0
		var built store.Built
		other := importOf(c.sold.ID, "", func(to *store.Importer) error { // when the build is staged
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) { active(tx, c.bought.ID, priced("49", "0.03")) })
			return nil
		})
		err := s.WriteLong(ctx, c.master.ID, func(tx *store.Tx) (err error) {
			runs++
			if built, err = tx.BuildRevision(ctx, store.AllRates, c.sold.ID); err == nil {
				_, err = tx.Import(ctx, store.AllRates, other)
			}
			if err == nil {
				built.Revision, err = tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, built.Revision.ID)
			}
			return err
		})
		if err != nil || runs < 4 || built.Revision.Status != store.RevisionActive {
			t.Fatalf("%d runs, %+v, %v", runs, built, err)
		}
		if got := prices(stored(t, s, built.Revision.ID)); !slices.Equal(got, []string{"49=0.03 Supplier's 49"}) {
			t.Errorf("built %q", got)
		}
	})
}

func TestADraftWithoutALeaseIsSwept(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(revisionStart.UnixMicro())
	storetest.EachWith(t, store.Options{Now: func() time.Time { return time.UnixMicro(now.Load()) }}, func(t *testing.T, s *store.Store) {
		now.Store(revisionStart.UnixMicro())
		c := newCarrier(t, s)
		var draft, dropped store.Revision
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			draft, dropped = must(tx.CreateRevision(ctx, c.bought.ID, deck("1", "2"))), drafted(tx, c.sold.ID, "0.01")
		})
		db := storetest.SQL(t, s)
		if _, err := db.ExecContext(ctx, "UPDATE revisions SET card_id = NULL, staged_by = 'x', staged_until = "+strconv.FormatInt(now.Load()+1e6, 10)+" WHERE id = '"+draft.ID+"'"); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { mustDo(tx.DeleteCard(ctx, c.sold.ID, 0)) })
		before := s.Revision()
		for _, step := range []struct{ later, left int64 }{{0, 2}, {1e6, 2}, {2e6, 0}} {
			now.Store(revisionStart.UnixMicro() + step.later)
			mustDo(s.Sweep(ctx))
			if n := count(t, s, "SELECT count(*) FROM rates"); n != step.left {
				t.Errorf("after %d µs: %d rates, want %d", step.later, n, step.left)
			}
		}
		if n := count(t, s, "SELECT count(*) FROM revisions WHERE id IN ('"+draft.ID+"', '"+dropped.ID+"')"); n != 0 || s.Revision() != before {
			t.Errorf("%d revisions, data revision %d after %d", n, s.Revision(), before)
		}
	})
}

// due is a turn that others always wait for.
type due struct{ yield func() error }

func (d due) Yield(context.Context) error { return d.yield() }
func (due) Due() bool                     { return true }

// Long work yields between its parts. It holds no lock then: another write passes.
func TestLongWorkYieldsBetweenItsParts(t *testing.T) {
	t.Parallel()
	const rows = 9000
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			mustDo(tx.SetParents(ctx, store.AllRates, c.sold.ID, []store.Parent{{CardID: c.bought.ID}}))
		})
		numbers := func(base string) store.Import {
			return importOf(c.bought.ID, base, func(to *store.Importer) error { return numbered(to, rows) })
		}
		drafts := must(importLong(s, c.master.ID, numbers("")))
		base := drafts[0].Revision.ID
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { must(tx.ActivateRevision(ctx, store.AllRates, c.bought.ID, base)) })
		var built store.Built
		for _, work := range []struct {
			what string
			do   func(ctx context.Context) error
		}{
			{"an import", func(ctx context.Context) error {
				return s.WriteLong(ctx, c.master.ID, func(tx *store.Tx) error { _, err := tx.Import(ctx, store.AllRates, numbers("")); return err })
			}},
			{"an amendment", func(ctx context.Context) error {
				return s.WriteLong(ctx, c.master.ID, func(tx *store.Tx) error { _, err := tx.Import(ctx, store.AllRates, numbers(base)); return err })
			}},
			{"a preview", func(ctx context.Context) error {
				preview := numbers("")
				preview.Preview = true
				return s.ReadLong(ctx, c.master.ID, func(tx *store.Tx) error { _, err := tx.Import(ctx, store.AllRates, preview); return err })
			}},
			{"a build", func(ctx context.Context) error {
				return s.WriteLong(ctx, c.master.ID, func(tx *store.Tx) (err error) {
					built, err = tx.BuildRevision(ctx, store.AllRates, c.sold.ID)
					return err
				})
			}},
			{"a proof", func(ctx context.Context) error {
				return s.ReadLong(ctx, c.master.ID, func(tx *store.Tx) error {
					_, err := tx.ProveRevision(ctx, store.AllRates, c.sold.ID, built.Revision.ID, nil)
					return err
				})
			}},
		} {
			yields := 0
			err := work.do(coop.With(ctx, due{func() error {
				yields++
				soon, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				return s.Write(soon, c.master.ID, func(tx *store.Tx) error { _, err := tx.CreateRevision(ctx, c.sold.ID, deck("1")); return err })
			}}))
			if err != nil || yields < 2 {
				t.Errorf("%s yields %d times, %v", work.what, yields, err)
			}
		}
	})
}

// The lease of a draft ends while its rates are written, and the draft is swept.
func TestADraftThatIsSweptGetsNoMoreRates(t *testing.T) {
	t.Parallel()
	var late atomic.Int64 // how far the clock is ahead
	clock := func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	storetest.EachWith(t, store.Options{Now: clock}, func(t *testing.T, s *store.Store) {
		late.Store(0)
		yields := 0
		sweep := due{func() error {
			if yields++; yields != 5 {
				return nil
			}
			for { // a transaction that renews the lease may still be running
				late.Add(int64(time.Hour))
				if err := s.Sweep(ctx); err != nil || count(t, s, "SELECT count(*) FROM revisions") == 0 {
					return err
				}
			}
		}}
		err := s.FillDraft(coop.With(ctx, sweep), "rev_swept", 20_000, func(int) {})
		mustDo(s.Sweep(ctx))
		n := count(t, s, "SELECT (SELECT count(*) FROM rates) + (SELECT count(*) FROM revisions)")
		if !store.Lapsed(err) || n != 0 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}

func TestAnImportMayReplaceWhatItAdded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		var base store.Revision
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { base = active(tx, c.bought.ID, priced("1", "0.01"), priced("2", "0.02")) })
		for amended, want := range map[string][]string{
			"":      {"3=0.33 Supplier's 3"},
			base.ID: {"1=0.01 Supplier's 1", "2=0.02 Supplier's 2", "3=0.33 Supplier's 3"},
		} {
			drafts, err := importLong(s, c.master.ID, importOf(c.bought.ID, amended, func(to *store.Importer) error {
				other := store.RateGiven{Rate: priced("3", "0.33"), Given: ^uint16(0)}
				return errors.Join(to.Add(0, priced("1", "0.11")), to.Add(0, priced("3", "0.3")), to.Add(0, priced("4", "0.4")),
					to.Replace(0, "1", nil), to.Replace(0, "3", &other), to.Replace(0, "4", nil))
			}))
			if err != nil {
				t.Fatal(err)
			}
			if got := prices(stored(t, s, drafts[0].Revision.ID)); !slices.Equal(got, want) || drafts[0].Revision.Rows != int64(len(want)) {
				t.Errorf("base %q: got %q, want %q", amended, got, want)
			}
		}
	})
}

// Deleting a card or a draft does not delete its rates: Sweep does that in parts.
func TestRatesOfADeletedCardAreSweptInParts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		const rows = 5000
		if _, err := importLong(s, c.master.ID, importOf(c.bought.ID, "", func(to *store.Importer) error { return numbered(to, rows) })); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			mustDo(tx.DeleteCard(ctx, c.bought.ID, 0))
		})
		if n := count(t, s, "SELECT count(*) FROM rates"); n != rows {
			t.Errorf("the write deleted %d rates", rows-n)
		}
		mustDo(s.Sweep(ctx))
		if n := count(t, s, "SELECT (SELECT count(*) FROM rates) + (SELECT count(*) FROM revisions)"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// A writer that gives up does not keep the turn.
func TestAWriterThatGivesUpKeepsNoTurn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		mustWrite(t, s, c.master.ID, func(*store.Tx) {
			gone, cancel := context.WithCancel(ctx)
			cancel()
			if err := s.Write(gone, c.master.ID, func(*store.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { drafted(tx, c.sold.ID, "0.02") })
	})
}

// Work beside the transaction is done without the lock, and again if its inputs change.
func TestNoWriteWaitsForWorkAside(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		for changes, want := range map[int]error{0: nil, 1: nil, 3: fault.ErrConflict} {
			done := 0
			got := ""
			err := s.WriteLong(ctx, c.master.ID, func(tx *store.Tx) error {
				card := must(tx.Card(ctx, c.sold.ID))
				result, err := store.Aside(ctx, tx, "work", card.Name, func(context.Context) (string, error) {
					if done++; done <= changes {
						name := card.Name + "x"
						mustWrite(t, s, c.master.ID, func(tx *store.Tx) { must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{Name: &name})) })
					}
					return "about " + card.Name, nil
				})
				got = result
				if err == nil && result != "about "+card.Name {
					t.Errorf("%q, but the card is %q", result, card.Name)
				}
				return err
			})
			if !errors.Is(err, want) || done != min(changes+1, 3) || want == nil && got == "" {
				t.Errorf("%d changes: done %d times, %q, %v", changes, done, got, err)
			}
		}
	})
}
