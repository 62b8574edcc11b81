package store_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

func TestAGroupIsKeptAsItWasMade(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			kept := must(tx.Group(ctx, c.lent.ID))
			if kept.Template != store.DefaultReseller || kept.Lend != store.LendSome || !slices.Equal(kept.LentTo, []string{c.reseller.ID}) ||
				!maps.Equal(kept.Rows, store.DefaultResellerGroup().Rows) || kept.DefaultAccess != "" {
				t.Errorf("got %+v", kept)
			}
			kept = must(tx.UpdateGroup(ctx, c.own.ID, store.GroupPatch{Name: ptr("Renamed"), DefaultAccess: ptr("dr"),
				Rows: &store.Access{"customer/did": "", "card": "ur"}, Version: 1}))
			again := must(tx.Group(ctx, c.own.ID))
			for _, g := range []store.Group{kept, again} {
				if g.Name != "Renamed" || g.DefaultAccess != "rd" || g.Version != 2 ||
					!maps.Equal(g.Rows, store.Access{"customer/did": "", "card": "ru"}) {
					t.Errorf("got %+v", g)
				}
			}
		})
		refused(t, c.write(func(tx *store.Tx) error {
			_, err := tx.UpdateGroup(ctx, c.own.ID, store.GroupPatch{Version: 1})
			return err
		}), fault.ErrConflict, "version")
	})
}

func TestAGroupIsLentOnlyDirectlyBelow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		for name, to := range map[string]string{
			"itself": c.master.ID, "two levels below": c.below.ID, "another tenant": c.stranger.ID, "nobody": "acc_none",
		} {
			t.Run(name, func(t *testing.T) {
				refused(t, c.write(func(tx *store.Tx) error {
					_, err := tx.CreateGroup(ctx, store.Group{AccountID: c.master.ID, Name: "G", Lend: store.LendSome, LentTo: []string{to}})
					return err
				}), fault.ErrInvalid, "lend_to")
			})
		}
	})
}

func TestAGroupInUseIsNeitherWithdrawnNorDeleted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		update := func(p store.GroupPatch) error {
			return c.write(func(tx *store.Tx) error { _, err := tx.UpdateGroup(ctx, c.lent.ID, p); return err })
		}
		drop := func(id string) error { return c.write(func(tx *store.Tx) error { return tx.DeleteGroup(ctx, id, 0) }) }

		refused(t, update(store.GroupPatch{Lend: ptr(store.LendNone)}), fault.ErrConflict, "lend_to")
		refused(t, update(store.GroupPatch{LentTo: &[]string{c.sibling.ID}}), fault.ErrConflict, "lend_to")
		refused(t, update(store.GroupPatch{LentTo: &[]string{}}), fault.ErrConflict, "lend_to")
		refused(t, drop(c.lent.ID), fault.ErrConflict, "")
		for _, p := range []store.GroupPatch{
			{Lend: ptr(store.LendAll)},
			{Lend: ptr(store.LendSome), LentTo: &[]string{c.reseller.ID, c.sibling.ID}},
			{LentTo: &[]string{c.reseller.ID}},
		} {
			if err := update(p); err != nil {
				t.Fatalf("the reseller keeps the group: %v", err)
			}
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.UpdateUser(ctx, c.agent.ID, store.UserPatch{Groups: &[]string{c.own.ID}}))
			must(tx.UpdateGroup(ctx, c.lent.ID, store.GroupPatch{Lend: ptr(store.LendNone)}))
		})
		refused(t, c.write(func(tx *store.Tx) error { return tx.DeleteGroup(ctx, c.lent.ID, 1) }), fault.ErrConflict, "version")
		if err := drop(c.lent.ID); err != nil {
			t.Fatal(err)
		}
		refused(t, drop(c.lent.ID), fault.ErrNotFound, "")
		refused(t, s.Write(ctx, c.stranger.ID, func(tx *store.Tx) error { return tx.DeleteGroup(ctx, c.full.ID, 0) }), fault.ErrNotFound, "")
	})
}

func TestAGroupHasAMaximumOfRows(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		rows := func(n int) store.Access {
			rows := store.Access{}
			for i := range n {
				rows[fmt.Sprint("area", i)] = "r"
			}
			return rows
		}
		update := func(p store.GroupPatch) error {
			return c.write(func(tx *store.Tx) error { _, err := tx.UpdateGroup(ctx, c.own.ID, p); return err })
		}
		most, more := rows(250), rows(251)
		if err := update(store.GroupPatch{Rows: &most}); err != nil {
			t.Fatal(err)
		}
		refused(t, update(store.GroupPatch{Rows: &more}), fault.ErrInvalid, "rows")
		refused(t, c.write(func(tx *store.Tx) error {
			_, err := tx.CreateGroup(ctx, store.Group{AccountID: c.master.ID, Name: "G", Rows: more})
			return err
		}), fault.ErrInvalid, "rows")
	})
}
