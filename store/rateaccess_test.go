package store_test

import (
	"context"
	"errors"
	"testing"

	"resellerd/store"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// Every method that computes with rates refuses an access that lacks one of them.
// It does so before it compares anything, whether or not the comparison would find
// a loss.
func TestNothingIsComputedWithRatesThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		var cheap, dear, before store.Revision
		var other store.Card
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			bought := must(tx.CreateRevision(ctx, c.bought.ID, rates(priced("49", "0.02"))))
			must(tx.ActivateRevision(ctx, store.AllRates, c.bought.ID, bought.ID))
			other = must(tx.CreateCard(ctx, newCard(c.master, schema.ProviderCard)))
			before = must(tx.CreateRevision(ctx, c.sold.ID, rates(priced("49", "0.04"))))
			must(tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, before.ID))
			mustDo(tx.SetParents(ctx, store.AllRates, c.sold.ID, []store.Parent{{CardID: c.bought.ID}}))
			cheap = must(tx.CreateRevision(ctx, c.sold.ID, rates(priced("49", "0.01"))))
			dear = must(tx.CreateRevision(ctx, c.sold.ID, rates(priced("49", "0.03"))))
		})
		down := "down"
		later := store.Schedule{At: 1 << 60, UserID: c.staff.ID, AtLoss: true}
		for what, do := range map[string]func(tx *store.Tx, rates store.RateAccess, revision string) error{
			"prove": func(tx *store.Tx, rates store.RateAccess, r string) error {
				return errOf(tx.ProveRevision(ctx, rates, c.sold.ID, r, nil))
			},
			"ask": func(tx *store.Tx, rates store.RateAccess, r string) error {
				return errOf(tx.PrepareProof(ctx, rates, c.sold.ID, r))
			},
			"build": func(tx *store.Tx, rates store.RateAccess, _ string) error {
				return errOf(tx.BuildRevision(ctx, rates, c.sold.ID))
			},
			"rebuild": func(tx *store.Tx, rates store.RateAccess, _ string) error {
				_, _, err := tx.BuiltAlready(ctx, rates, c.sold.ID)
				return err
			},
			"activate": func(tx *store.Tx, rates store.RateAccess, r string) error {
				return errOf(tx.ActivateRevision(ctx, rates, c.sold.ID, r))
			},
			"accept": func(tx *store.Tx, rates store.RateAccess, r string) error {
				return errOf(tx.ActivateAtLoss(ctx, rates, c.sold.ID, r))
			},
			"schedule": func(tx *store.Tx, rates store.RateAccess, r string) error {
				return errOf(tx.ScheduleRevision(ctx, rates, c.sold.ID, r, later))
			},
			"charge": func(tx *store.Tx, rates store.RateAccess, _ string) error {
				return errOf(tx.UpdateCard(ctx, rates, c.sold.ID, store.CardPatch{ChargeRounding: &down}))
			},
			"resupply": func(tx *store.Tx, rates store.RateAccess, _ string) error {
				return tx.SetParents(ctx, rates, c.sold.ID, []store.Parent{{CardID: c.bought.ID}, {CardID: other.ID}})
			},
		} {
			for name, reaches := range map[string]string{"none": "", "the card alone": c.sold.ID, "the parent alone": c.bought.ID} {
				access := store.RateAccessBy(func(_ context.Context, card string) (bool, error) { return card == reaches, nil })
				if reaches == "" {
					access = store.RateAccess{}
				}
				for _, revision := range []string{cheap.ID, dear.ID} {
					if err := c.write(func(tx *store.Tx) error { return do(tx, access, revision) }); !errors.Is(err, store.ErrRatesHidden) {
						t.Errorf("%s with %s: %v", what, name, err)
					}
				}
			}
		}
		if _, err := s.Diff(ctx, store.RateAccess{}, c.sold.ID, before.ID, dear.ID, "", nil); !errors.Is(err, store.ErrRatesHidden) {
			t.Errorf("compare: %v", err)
		}
		if err := c.write(func(tx *store.Tx) error {
			return errOf(tx.Import(ctx, store.RateAccess{}, importOf(c.sold.ID, before.ID, nil)))
		}); !errors.Is(err, store.ErrRatesHidden) {
			t.Errorf("amend: %v", err)
		}
	})
}

// A writer who may not read a card's rates can replace them with a file. The import
// does not compare the two.
func TestAnImportIsNotComparedWithRatesThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			one := importOf(c.bought.ID, "", func(to *store.Importer) error { return to.Add(0, priced("49", "0.01")) })
			if drafts := must(tx.Import(ctx, store.RateAccess{}, one)); len(drafts) != 1 || drafts[0].Changes != nil || drafts[0].Revision.Rows != 1 {
				t.Errorf("got %+v", drafts)
			}
			// Until the later date, the draft would hold a rate in force, if there is one.
			two := importOf(c.bought.ID, "", func(to *store.Importer) error {
				return errors.Join(to.Add(0, priced("49", "0.01")), to.Add(hour(1), priced("44", "0.01")))
			})
			if _, err := tx.Import(ctx, store.RateAccess{}, two); !errors.Is(err, store.ErrRatesHidden) {
				t.Errorf("two moments: %v", err)
			}
		})
	})
}

// A change of how a card's charges are rounded needs a new proof. A change of how
// future rates are rounded does not.
func TestOnlyAChangeThatTellsOnCallsNeedsAccessToRates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			bought := must(tx.CreateRevision(ctx, c.bought.ID, rates(priced("49", "0.02"))))
			must(tx.ActivateRevision(ctx, store.RateAccess{}, c.bought.ID, bought.ID)) // there is no cost to compare with
			mustDo(tx.SetParents(ctx, store.RateAccess{}, c.sold.ID, []store.Parent{{CardID: c.bought.ID}}))
			r := must(tx.CreateRevision(ctx, c.sold.ID, rates(priced("49", "0.01"))))
			must(tx.ActivateAtLoss(ctx, store.AllRates, c.sold.ID, r.ID))
			precision, name := 6, "Renamed"
			must(tx.UpdateCard(ctx, store.RateAccess{}, c.sold.ID, store.CardPatch{Name: &name, RatePrecision: &precision}))
		})
	})
}
