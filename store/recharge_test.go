package store_test

import (
	"errors"
	"testing"

	"resellerd/store"
	"resellerd/store/storetest"
)

// resoldAtOnce is a card whose second parent is dearer than it sells for.
func resoldAtOnce(t *testing.T, s *store.Store) *carrier {
	c := newCarrier(t, s)
	mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
		dearer := must(tx.CreateCard(ctx, newCard(c.master, store.ProviderCard)))
		active(tx, c.bought.ID, priced("49", "0.01"))
		active(tx, dearer.ID, priced("49", "0.05"))
		must(tx.UpdateCard(ctx, c.sold.ID, store.CardPatch{Routing: ptr("cheapest")}))
		mustDo(tx.SetParents(ctx, c.sold.ID, []store.Parent{{CardID: c.bought.ID}, {CardID: dearer.ID}}))
		active(tx, c.sold.ID, priced("49", "0.02"))
	})
	return c
}

func TestAChangeOfChargesIsProvedBeforeItIsMade(t *testing.T) {
	for name, patch := range map[string]store.CardPatch{
		"precision": {ChargePrecision: ptr(2)},
		"rounding":  {ChargePrecision: ptr(0), ChargeRounding: ptr("down")},
		"routing":   {Routing: ptr("dearest")},
		"default":   {Routing: ptr("")},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				c := resoldAtOnce(t, s)
				var before store.Card
				mustWrite(t, s, c.master.ID, func(tx *store.Tx) { before = must(tx.Card(ctx, c.sold.ID)) })
				err := c.write(func(tx *store.Tx) error { return errOf(tx.UpdateCard(ctx, c.sold.ID, patch)) })
				var loss *store.LossError
				if !errors.As(err, &loss) || loss.Losing != 1 || loss.First.Prefix != "49" || reasonOf(err) != store.ReasonSellsAtLoss {
					t.Fatalf("got %v", err)
				}
				patch := patch
				patch.AtLoss = true
				mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
					if now := must(tx.Card(ctx, c.sold.ID)); now != before {
						t.Errorf("refused, and changed: %+v", now)
					}
					must(tx.UpdateCard(ctx, c.sold.ID, patch))
					if r := must(tx.ActiveRevision(ctx, c.sold.ID)); !r.LossesAccepted {
						t.Error("the losses are not noted")
					}
					must(tx.UpdateCard(ctx, c.sold.ID, store.CardPatch{Name: ptr("Renamed")}))
					must(tx.UpdateCard(ctx, c.sold.ID, store.CardPatch{ChargePrecision: ptr(4), ChargeRounding: ptr("half_up"), Routing: ptr("cheapest")}))
					if r := must(tx.ActiveRevision(ctx, c.sold.ID)); r.LossesAccepted {
						t.Error("there are no losses any more")
					}
				})
			})
		})
	}
}

func TestAChangeOfChargesIsHeldAgainstCostsThatAreThere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := resoldAtOnce(t, s)
		err := c.write(func(tx *store.Tx) error {
			return errOf(tx.UpdateCard(ctx, c.sold.ID, store.CardPatch{Direction: ptr("origination"), AtLoss: true}))
		})
		if reasonOf(err) != store.ReasonNotProven {
			t.Errorf("the other way than its parents: %v", err)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			draft := must(tx.CreateCard(ctx, newCard(c.master, store.CustomerCard)))
			mustDo(tx.SetParents(ctx, draft.ID, []store.Parent{{CardID: c.bought.ID}}))
			drafted(tx, draft.ID, "0.001")
			must(tx.UpdateCard(ctx, draft.ID, store.CardPatch{ChargePrecision: ptr(0)}))
			mustDo(tx.SetParents(ctx, draft.ID, nil))
		})
	})
}

func TestWhatIsInForceIsNotCutFromItsCosts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := resoldAtOnce(t, s)
		err := c.write(func(tx *store.Tx) error { return tx.SetParents(ctx, c.sold.ID, nil) })
		if refused(t, err, store.ErrConflict, "parents"); reasonOf(err) != store.ReasonNotProven {
			t.Errorf("got %v", err)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			if n := len(must(tx.Parents(ctx, c.sold.ID))); n != 2 {
				t.Errorf("%d parents", n)
			}
			mustDo(tx.SetParentsAtLoss(ctx, c.sold.ID, nil))
			if r := must(tx.ActiveRevision(ctx, c.sold.ID)); !r.LossesAccepted {
				t.Error("the losses are not noted")
			}
			mustDo(tx.SetParents(ctx, c.sold.ID, nil))
		})
	})
}

func TestChargesOfACardMakeStaleWhatIsBuiltFromIt(t *testing.T) {
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		stale := soldOn(t, c)
		change := func(what, card string, want [3]string, patch store.CardPatch) {
			t.Helper()
			mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) { must(tx.UpdateCard(ctx, card, patch)) })
			if got := stale(); got != want {
				t.Errorf("%s: got %q, want %q", what, got, want)
			}
		}
		const changed = store.StaleChanged
		change("a name", c.bought.ID, [3]string{}, store.CardPatch{Name: ptr("Other"), Notes: ptr("Note")})
		change("charges of the carrier's card", c.bought.ID, [3]string{"", changed, ""}, store.CardPatch{ChargePrecision: ptr(5)})
		change("charges below", c.sold.ID, [3]string{"", changed, changed}, store.CardPatch{ChargePrecision: ptr(5)})
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) { rebuild(tx, c.sold.ID) })
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) { rebuild(tx, c.resold.ID) })
		if got := stale(); got != [3]string{} {
			t.Errorf("built anew: got %q", got)
		}
	})
}
