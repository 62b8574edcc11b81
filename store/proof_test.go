package store_test

import (
	"errors"
	"slices"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/rating"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

func reasonOf(err error) string {
	var why *store.ReasonError
	if errors.As(err, &why) {
		return why.Code
	}
	return ""
}

func TestAProofFindsTheKnownTrapAndWhatHasNoRoute(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		var found []store.Finding
		var proof store.Proof
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.UpdateCard(ctx, store.AllRates, c.bought.ID, store.CardPatch{ChargePrecision: ptr(3), ChargeRounding: ptr("up")}))
			must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{ChargeRounding: ptr("down")}))
			minute := priced("44", "0.005")
			minute.MCD, minute.Pulse = 60, 60
			blocked := priced("49", "0.005")
			blocked.Blocked = true
			active(tx, c.bought.ID, minute, blocked)
			mustDo(tx.SetParents(ctx, store.AllRates, c.sold.ID, []store.Parent{{CardID: c.bought.ID}}))
			draft := must(tx.CreateRevision(ctx, c.sold.ID, rates(priced("44", "0.006"), priced("49", "0.006"), priced("7", "1"))))
			proof = must(tx.ProveRevision(ctx, store.AllRates, c.sold.ID, draft.ID, func(f store.Finding) error {
				found = append(found, f)
				return nil
			}))
		})
		loss := must(schema.ParseMoney("0.0049"))
		want := []store.Finding{
			{Prefix: "44", Sold: "44", Problem: store.ProblemLosing, Jurisdictions: rating.SetOf(rating.Indeterminate, rating.Inter, rating.Intra),
				ParentID: c.bought.ID, Seconds: 1, Loss: loss},
			{Prefix: "49", Sold: "49", Problem: store.ProblemNoRoute, Blocked: true},
			{Prefix: "7", Sold: "7", Problem: store.ProblemNoRoute},
		}
		if !slices.Equal(found, want) {
			t.Errorf("got %+v", found)
		}
		if proof.Prefixes != 3 || proof.Losing != 1 || proof.NoRoute != 2 {
			t.Errorf("got %+v", proof)
		}
	})
}

func TestWhatWasWithdrawnIsNeitherBuiltFromNorProved(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		var built store.Built
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			active(tx, c.sold.ID, priced("44", "0.01"))
			must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID}))
			mustDo(tx.SetParents(ctx, store.AllRates, c.resold.ID, []store.Parent{{CardID: c.sold.ID}}))
			built = must(tx.BuildRevision(ctx, store.AllRates, c.resold.ID))
		})
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { mustDo(tx.WithdrawCard(ctx, c.sold.ID, c.reseller.ID)) })
		for name, try := range map[string]func(tx *store.Tx) error{
			"build": func(tx *store.Tx) error { _, err := tx.BuildRevision(ctx, store.AllRates, c.resold.ID); return err },
			"proof": func(tx *store.Tx) error {
				_, err := tx.ProveRevision(ctx, store.AllRates, c.resold.ID, built.Revision.ID, nil)
				return err
			},
		} {
			if err := c.write(try); !errors.Is(err, fault.ErrConflict) || reasonOf(err) != store.ReasonWithdrawn {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
