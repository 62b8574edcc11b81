package store_test

import (
	"slices"
	"testing"

	"resellerd/store"
	"resellerd/store/storetest"
)

// losing creates a draft of the sold card with a prefix that costs more than it
// sells for.
func (c *carrier) losing(t *testing.T) store.Revision {
	t.Helper()
	var draft store.Revision
	mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
		active(tx, c.bought.ID, priced("44", "0.02"), priced("49", "0.03"))
		mustDo(tx.SetParents(ctx, store.AllRates, c.sold.ID, []store.Parent{{CardID: c.bought.ID}}))
		draft = must(tx.CreateRevision(ctx, c.sold.ID, rates(priced("44", "0.01"), priced("49", "0.04"))))
	})
	return draft
}

func TestBuildsAndProofsDoWithoutAnotherConnection(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		draft := c.losing(t)
		if err := s.CloseBulk(); err != nil {
			t.Fatal(err)
		}
		for range 3 { // one more than the connections
			var built store.Built
			var proof store.Proof
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
				built = must(tx.BuildRevision(ctx, store.AllRates, c.sold.ID))
				proof = must(tx.ProveRevision(ctx, store.AllRates, c.sold.ID, draft.ID, nil))
			})
			if got := prices(stored(t, s, built.Revision.ID)); !slices.Equal(got, []string{"44=0.02 Supplier's 44", "49=0.03 Supplier's 49"}) {
				t.Errorf("built %q", got)
			}
			if proof.Prefixes != 2 || proof.Losing != 1 {
				t.Errorf("proved %+v", proof)
			}
		}
		if n := s.BulkReaders(); n != 0 {
			t.Errorf("%d connections are still taken", n)
		}
	})
}

// A caller who consumes findings may be slow.
func TestAReportOfAProofHoldsNoConnectionThatBuildsRead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		draft := c.losing(t)
		findings := 0
		err := s.Read(ctx, c.master.ID, func(tx *store.Tx) error {
			_, err := tx.ProveRevision(ctx, store.AllRates, c.sold.ID, draft.ID, func(store.Finding) error {
				if findings++; s.BulkReaders() != 0 {
					t.Errorf("%d connections are taken", s.BulkReaders())
				}
				return nil
			})
			return err
		})
		if err != nil || findings == 0 {
			t.Errorf("%d findings, %v", findings, err)
		}
	})
}
