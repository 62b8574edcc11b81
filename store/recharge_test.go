package store_test

import (
	"errors"
	"testing"

	"resellerd/store"
	"resellerd/store/storetest"
)

// supplied is a card in force, bought from the cheaper of two others, the
// second of which is dearer than it sells for.
type supplied struct {
	*carrier
	dearer store.Card
	inForce,
	built store.Revision // of sold, and of another card, the latter from its parent
	other store.Card
}

func newSupplied(t *testing.T, s *store.Store) *supplied {
	c := &supplied{carrier: newCarrier(t, s)}
	mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
		c.dearer = must(tx.CreateCard(ctx, newCard(c.master, store.ProviderCard)))
		active(tx, c.bought.ID, priced("49", "0.01"))
		active(tx, c.dearer.ID, priced("49", "0.05"))
		must(tx.UpdateCard(ctx, c.sold.ID, store.CardPatch{Routing: ptr("cheapest")}))
		mustDo(tx.SetParents(ctx, c.sold.ID, []store.Parent{{CardID: c.bought.ID}, {CardID: c.dearer.ID}}))
		c.inForce = active(tx, c.sold.ID, priced("49", "0.02"))
		c.other = must(tx.CreateCard(ctx, newCard(c.master, store.CustomerCard)))
		mustDo(tx.SetParents(ctx, c.other.ID, []store.Parent{{CardID: c.bought.ID}}))
		mustDo(tx.SetProfitRules(ctx, c.other.ID, []store.ProfitRule{rule("*", "percent", "100")}))
		c.built = rebuild(tx, c.other.ID)
	})
	return c
}

func (c *supplied) accepted(tx *store.Tx) bool {
	return must(tx.Revision(ctx, c.sold.ID, c.inForce.ID)).LossesAccepted
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
				c := newSupplied(t, s)
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
					must(tx.UpdateCard(ctx, c.sold.ID, store.CardPatch{Notes: ptr("Note"), AtLoss: true}))
					if c.accepted(tx) || tx.LossesAccepted() {
						t.Error("a note sells nothing at a loss")
					}
					must(tx.UpdateCard(ctx, c.sold.ID, patch))
					if !c.accepted(tx) || !tx.LossesAccepted() {
						t.Error("the losses are not noted")
					}
				})
				mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
					must(tx.UpdateCard(ctx, c.sold.ID, store.CardPatch{Name: ptr("Renamed"), AtLoss: true}))
					if !c.accepted(tx) || tx.LossesAccepted() {
						t.Error("the same losses are accepted once more")
					}
				})
			})
		})
	}
}

func TestWhatCanOnlyRaiseChargesNeedsNoProof(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			active(tx, c.bought.ID, priced("49", "0.04"))
			for _, raised := range []store.CardPatch{
				{ChargeRounding: ptr("up")}, {ChargePrecision: ptr(3)}, {ChargePrecision: ptr(0)}, {RatePrecision: ptr(2)},
			} {
				must(tx.UpdateCard(ctx, c.sold.ID, raised))
			}
		})
		err := c.write(func(tx *store.Tx) error {
			return errOf(tx.UpdateCard(ctx, c.sold.ID, store.CardPatch{ChargePrecision: ptr(1)}))
		})
		if reasonOf(err) != store.ReasonSellsAtLoss {
			t.Errorf("lowered: %v", err)
		}
	})
}

func TestChargesAndParentsAreProvedTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		cheap, dear := []store.Parent{{CardID: c.bought.ID}}, []store.Parent{{CardID: c.dearer.ID}}
		err := c.write(func(tx *store.Tx) error {
			return errOf(tx.UpdateCard(ctx, c.sold.ID, store.CardPatch{ChargePrecision: ptr(6), Parents: &dear}))
		})
		if reasonOf(err) != store.ReasonSellsAtLoss {
			t.Errorf("against the parents that it gets: %v", err)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.UpdateCard(ctx, c.sold.ID, store.CardPatch{Routing: ptr("dearest"), Parents: &cheap}))
		})
	})
}

func TestADraftIsHeldAgainstWhatItWasBuiltFromToo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		var draft store.Revision
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			decoy := must(tx.CreateCard(ctx, newCard(c.master, store.ProviderCard)))
			active(tx, decoy.ID, priced("999", "0.0001"))
			mustDo(tx.SetProfitRules(ctx, c.other.ID, []store.ProfitRule{rule("*", "absolute", "0.0001")}))
			draft = must(tx.BuildRevision(ctx, c.other.ID)).Revision
			mustDo(tx.SetParents(ctx, c.other.ID, []store.Parent{{CardID: decoy.ID}}))
		})
		err := c.write(func(tx *store.Tx) error { return errOf(tx.ActivateRevision(ctx, c.other.ID, draft.ID)) })
		if reasonOf(err) != store.ReasonSellsAtLoss {
			t.Errorf("got %v", err)
		}
	})
}

func TestOtherParentsMakeACardInForceStale(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			foreign := newCard(c.master, store.ProviderCard)
			foreign.Currency = "USD"
			foreign = must(tx.CreateCard(ctx, foreign))
			active(tx, foreign.ID, priced("49", "0.01"))
			becomes := func(what, want string, parents ...store.Parent) {
				t.Helper()
				mustDo(tx.SetParents(ctx, c.other.ID, parents))
				if got := must(tx.Card(ctx, c.other.ID)).Stale; got != want {
					t.Errorf("%s: %q", what, got)
				}
			}
			becomes("the same", "", store.Parent{CardID: c.bought.ID})
			becomes("others", store.StaleChanged, store.Parent{CardID: foreign.ID, Exchange: "1.1"})
			rebuild(tx, c.other.ID)
			becomes("the same rate", "", store.Parent{CardID: foreign.ID, Exchange: "1.1"})
			becomes("another rate", store.StaleChanged, store.Parent{CardID: foreign.ID, Exchange: "1.2"})

			draft := must(tx.CreateCard(ctx, newCard(c.master, store.CustomerCard)))
			mustDo(tx.SetParents(ctx, draft.ID, []store.Parent{{CardID: c.bought.ID}}))
			if got := must(tx.Card(ctx, draft.ID)).Stale; got != "" {
				t.Errorf("nothing in force: %q", got)
			}
		})
	})
}

func TestAnotherParentThanTheWithdrawnOneTakesTheMarkBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		gold, silver := c.sold, c.other
		retail := func() (card store.Card) {
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) { card = must(tx.Card(ctx, c.resold.ID)) })
			return card
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			for _, card := range []store.Card{gold, silver} {
				must(tx.AssignCard(ctx, store.Assignment{CardID: card.ID, AccountID: c.reseller.ID}))
			}
			mustDo(tx.SetParents(ctx, c.resold.ID, []store.Parent{{CardID: gold.ID}}))
			active(tx, c.resold.ID, priced("49", "0.03"))
		})
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { mustDo(tx.WithdrawCard(ctx, gold.ID, c.reseller.ID)) })
		if got := retail().Stale; got != store.StaleWithdrawn {
			t.Errorf("withdrawn: %q", got)
		}
		cruder := store.CardPatch{ChargePrecision: ptr(2), ChargeRounding: ptr("down")}
		err := c.write(func(tx *store.Tx) error { return errOf(tx.UpdateCard(ctx, c.resold.ID, cruder)) })
		if reasonOf(err) != store.ReasonWithdrawn {
			t.Errorf("no cost to compare with: %v", err)
		}
		cruder.AtLoss = true
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.UpdateCard(ctx, c.resold.ID, cruder))
			if !tx.LossesAccepted() {
				t.Error("charges that nothing proves are not noted as a loss accepted")
			}
		})
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { mustDo(tx.SetParents(ctx, c.resold.ID, []store.Parent{{CardID: silver.ID}})) })
		if got := retail().Stale; got != store.StaleChanged {
			t.Errorf("from another: %q", got)
		}
	})
}

func TestWhatIsInForceIsNotCutFromItsCosts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		none := []store.Parent{}
		err := c.write(func(tx *store.Tx) error { return tx.SetParents(ctx, c.sold.ID, nil) })
		if refused(t, err, store.ErrConflict, "parents"); reasonOf(err) != store.ReasonNotProven {
			t.Errorf("got %v", err)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			if n := len(must(tx.Parents(ctx, c.sold.ID))); n != 2 {
				t.Errorf("%d parents", n)
			}
			must(tx.UpdateCard(ctx, c.sold.ID, store.CardPatch{Parents: &none, AtLoss: true}))
			must(tx.UpdateCard(ctx, c.sold.ID, store.CardPatch{ChargePrecision: ptr(0), ChargeRounding: ptr("down")}))
			if !c.accepted(tx) {
				t.Error("the losses are not noted, or not any more")
			}
			must(tx.UpdateCard(ctx, c.sold.ID, store.CardPatch{Parents: &none}))
		})
	})
}

func TestWhatWasBuiltStaysHeldAgainstWhatItWasBuiltFrom(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			mustDo(tx.SetParents(ctx, c.other.ID, nil))
			if proof := must(tx.ProveRevision(ctx, c.other.ID, c.built.ID, nil)); len(proof.Parents) != 1 || tx.LossesAccepted() {
				t.Errorf("got %+v", proof)
			}
		})
		err := c.write(func(tx *store.Tx) error {
			return errOf(tx.UpdateCard(ctx, c.other.ID, store.CardPatch{ChargePrecision: ptr(0), ChargeRounding: ptr("down")}))
		})
		if reasonOf(err) != store.ReasonSellsAtLoss {
			t.Errorf("got %v", err)
		}
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
		change("what no price follows from", c.bought.ID, [3]string{}, store.CardPatch{Name: ptr("Other"), RatePrecision: ptr(6)})
		change("charges of the carrier's card", c.bought.ID, [3]string{"", changed, ""}, store.CardPatch{ChargePrecision: ptr(5)})
		change("charges below", c.sold.ID, [3]string{"", changed, changed}, store.CardPatch{ChargePrecision: ptr(5)})
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) { rebuild(tx, c.sold.ID) })
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) { rebuild(tx, c.resold.ID) })
		change("what its buyer is shown", c.sold.ID, [3]string{"", "", changed}, store.CardPatch{RatePrecision: ptr(6)})
	})
}
