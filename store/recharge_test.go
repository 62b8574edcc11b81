package store_test

import (
	"errors"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// supplied has an active card with two parents. The card's calls are bought from
// the cheaper parent. The other one costs more than the card sells for.
type supplied struct {
	*carrier
	dearer store.Card
	inForce,
	built store.Revision // of sold; and of other, which was built from its parent
	other store.Card
}

func newSupplied(t *testing.T, s *store.Store) *supplied {
	c := &supplied{carrier: newCarrier(t, s)}
	mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
		c.dearer = must(tx.CreateCard(ctx, newCard(c.master, schema.ProviderCard)))
		active(tx, c.bought.ID, priced("49", "0.01"))
		active(tx, c.dearer.ID, priced("49", "0.05"))
		must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{Routing: ptr("cheapest")}))
		mustDo(tx.SetParents(ctx, store.AllRates, c.sold.ID, []store.Parent{{CardID: c.bought.ID}, {CardID: c.dearer.ID}}))
		c.inForce = active(tx, c.sold.ID, priced("49", "0.02"))
		c.other = must(tx.CreateCard(ctx, newCard(c.master, schema.CustomerCard)))
		mustDo(tx.SetParents(ctx, store.AllRates, c.other.ID, []store.Parent{{CardID: c.bought.ID}}))
		mustDo(tx.SetProfitRules(ctx, c.other.ID, []store.ProfitRule{rule("*", "percent", "100")}))
		c.built = rebuild(tx, c.other.ID)
	})
	return c
}

func (c *supplied) accepted(tx *store.Tx) bool {
	return must(tx.Revision(ctx, c.sold.ID, c.inForce.ID)).LossesAccepted
}

// refuses checks that a change of a card is refused with the reason.
func (c *supplied) refuses(t *testing.T, what string, card store.Card, patch store.CardPatch, reason string) {
	t.Helper()
	err := c.write(func(tx *store.Tx) error { return errOf(tx.UpdateCard(ctx, store.AllRates, card.ID, patch)) })
	if reasonOf(err) != reason {
		t.Errorf("%s: %v", what, err)
	}
}

func TestAChangeOfChargesIsProvedBeforeItIsMade(t *testing.T) {
	t.Parallel()
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
				err := c.write(func(tx *store.Tx) error { return errOf(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, patch)) })
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
					must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{Notes: ptr("Note"), AtLoss: true}))
					if c.accepted(tx) || tx.LossesAccepted() {
						t.Error("a note sells nothing at a loss")
					}
					must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, patch))
					if !c.accepted(tx) || !tx.LossesAccepted() {
						t.Error("the losses are not noted")
					}
				})
				mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
					must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{Name: ptr("Renamed"), AtLoss: true}))
					if !c.accepted(tx) || tx.LossesAccepted() {
						t.Error("the same losses are accepted once more")
					}
				})
			})
		})
	}
}

func TestTheOtherDirectionIsTakenWithItsParentsAndFormerOnesThatAreLeft(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			back := newCard(c.master, schema.ProviderCard)
			back.Direction = "origination"
			back = must(tx.CreateCard(ctx, back))
			active(tx, back.ID, priced("49", "0.01"))
			other := store.CardPatch{Direction: ptr("origination"), Parents: &[]store.Parent{{CardID: back.ID}}, AtLoss: true}
			must(tx.UpdateCard(ctx, store.AllRates, c.other.ID, other))
			must(tx.UpdateCard(ctx, store.AllRates, c.other.ID, store.CardPatch{ChargePrecision: ptr(6), ChargeRounding: ptr("up"), AtLoss: true}))
			must(tx.UpdateCard(ctx, store.AllRates, c.other.ID, store.CardPatch{ChargePrecision: ptr(5), RatePrecision: ptr(6)}))
			if !must(tx.Revision(ctx, c.other.ID, c.built.ID)).LossesAccepted {
				t.Error("what cannot be compared is not noted")
			}
		})
	})
}

func TestOneFormerParentThatWasWithdrawnLeavesTheOthers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		parents := func(cards ...store.Card) (all []store.Parent) {
			for _, card := range cards {
				all = append(all, store.Parent{CardID: card.ID})
			}
			return all
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			cheap := must(tx.CreateCard(ctx, newCard(c.master, schema.CustomerCard)))
			active(tx, cheap.ID, priced("49", "0.0001"))
			for _, card := range []store.Card{c.sold, c.other, cheap} {
				must(tx.AssignCard(ctx, store.Assignment{CardID: card.ID, AccountID: c.reseller.ID}))
			}
			mustDo(tx.SetParents(ctx, store.AllRates, c.resold.ID, parents(c.sold, c.other)))
			mustDo(tx.SetProfitRules(ctx, c.resold.ID, []store.ProfitRule{rule("*", "relative", "0.0001")}))
			rebuild(tx, c.resold.ID)
			mustDo(tx.SetParents(ctx, store.AllRates, c.resold.ID, parents(cheap)))
		})
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { mustDo(tx.WithdrawCard(ctx, c.sold.ID, c.reseller.ID)) })
		err := c.write(func(tx *store.Tx) error {
			return errOf(tx.UpdateCard(ctx, store.AllRates, c.resold.ID, store.CardPatch{ChargeRounding: ptr("down")}))
		})
		var loss *store.LossError
		if !errors.As(err, &loss) || !loss.Former {
			t.Errorf("got %v", err)
		}
	})
}

func TestWhatCanOnlyRaiseChargesNeedsNoProof(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			active(tx, c.bought.ID, priced("49", "0.04"))
			for _, raised := range []store.CardPatch{
				{ChargeRounding: ptr("up")}, {ChargePrecision: ptr(3)}, {ChargePrecision: ptr(0)}, {RatePrecision: ptr(2)},
			} {
				must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, raised))
			}
		})
		c.refuses(t, "lowered", c.sold, store.CardPatch{ChargePrecision: ptr(1)}, store.ReasonSellsAtLoss)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{ChargePrecision: ptr(1), ChargeRounding: ptr("half_up"), AtLoss: true}))
			must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{ChargeRounding: ptr("up")}))
			if !c.accepted(tx) {
				t.Error("there are losses still")
			}
			active(tx, c.bought.ID, priced("49", "0.01"))
			must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{ChargePrecision: ptr(0)}))
			if c.accepted(tx) {
				t.Error("there are no losses any more")
			}
		})
	})
}

func TestChargesAndParentsAreProvedTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		cheap, dear := []store.Parent{{CardID: c.bought.ID}}, []store.Parent{{CardID: c.dearer.ID}}
		c.refuses(t, "against the parents that it gets", c.sold, store.CardPatch{ChargePrecision: ptr(6), Parents: &dear}, store.ReasonSellsAtLoss)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{Routing: ptr("dearest"), Parents: &cheap}))
		})
	})
}

func TestADraftIsHeldAgainstWhatItWasBuiltFromToo(t *testing.T) {
	t.Parallel()
	for _, routing := range []string{"cheapest", "dearest"} {
		t.Run(routing, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				c := newSupplied(t, s)
				var losing, earning store.Revision
				mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
					decoy := must(tx.CreateCard(ctx, newCard(c.master, schema.ProviderCard)))
					active(tx, decoy.ID, priced("49", "0.0001"))
					must(tx.UpdateCard(ctx, store.AllRates, c.other.ID, store.CardPatch{Routing: &routing}))
					earning = must(tx.BuildRevision(ctx, store.AllRates, c.other.ID)).Revision
					mustDo(tx.SetProfitRules(ctx, c.other.ID, []store.ProfitRule{rule("*", "absolute", "0.0002")}))
					losing = must(tx.BuildRevision(ctx, store.AllRates, c.other.ID)).Revision
					mustDo(tx.SetParents(ctx, store.AllRates, c.other.ID, []store.Parent{{CardID: decoy.ID}}))
				})
				try := func(what string, revision store.Revision) {
					t.Helper()
					err := c.write(func(tx *store.Tx) error {
						return errOf(tx.ActivateRevision(ctx, store.AllRates, c.other.ID, revision.ID))
					})
					if reasonOf(err) != store.ReasonSellsAtLoss {
						t.Errorf("%s: %v", what, err)
					}
				}
				try("below what it was built from", losing)
				mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
					mustDo(tx.SetParents(ctx, store.AllRates, c.other.ID, []store.Parent{{CardID: c.dearer.ID}}))
				})
				try("below what the card is bought from", earning)
				c.refuses(t, "charges", c.other, store.CardPatch{ChargeRounding: ptr("down")}, store.ReasonSellsAtLoss)
			})
		})
	}
}

func TestOtherParentsMakeACardInForceStale(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			foreign := newCard(c.master, schema.ProviderCard)
			foreign.Currency = "USD"
			foreign = must(tx.CreateCard(ctx, foreign))
			active(tx, foreign.ID, priced("49", "0.01"))
			stale := func(what, want string) {
				t.Helper()
				if got := must(tx.Card(ctx, c.other.ID)).Stale; got != want {
					t.Errorf("%s: %q", what, got)
				}
			}
			becomes := func(what, want string, parents ...store.Parent) {
				t.Helper()
				mustDo(tx.SetParents(ctx, store.AllRates, c.other.ID, parents))
				stale(what, want)
			}
			at := func(rate string) store.Parent { return store.Parent{CardID: foreign.ID, Exchange: rate} }
			own := store.Parent{CardID: c.bought.ID}
			becomes("the same", "", own)
			becomes("others", store.StaleChanged, at("1.1"), own)
			rebuild(tx, c.other.ID)
			becomes("another order", "", own, at("1.1"))
			becomes("the same rate in other words", "", own, at("1.10"))
			early := must(tx.BuildRevision(ctx, store.AllRates, c.other.ID)).Revision
			becomes("another rate", store.StaleChanged, own, at("1.2"))
			must(tx.ActivateAtLoss(ctx, store.AllRates, c.other.ID, early.ID))
			stale("built at the former rate", store.StaleChanged)
			rebuild(tx, c.other.ID)
			stale("built anew", "")
			must(tx.ActivateAtLoss(ctx, store.AllRates, c.other.ID, must(tx.PreviousRevision(ctx, c.other.ID)).ID))
			stale("rolled back", store.StaleChanged)
			becomes("the first rate in other words", store.StaleChanged, own, at("1.10"))
			must(tx.ActivateAtLoss(ctx, store.AllRates, c.other.ID, must(tx.PreviousRevision(ctx, c.other.ID)).ID))
			stale("built at the second", store.StaleChanged)
			must(tx.ActivateAtLoss(ctx, store.AllRates, c.other.ID, must(tx.PreviousRevision(ctx, c.other.ID)).ID))
			stale("built at the first", "")
		})
	})
}

func TestAnImportedCardIsStaleOnceItsParentsAreDearer(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			card := must(tx.CreateCard(ctx, newCard(c.master, schema.CustomerCard)))
			becomes := func(what, want string, parents ...store.Parent) {
				t.Helper()
				mustDo(tx.SetParents(ctx, store.AllRates, card.ID, parents))
				if got := must(tx.Card(ctx, card.ID)).Stale; got != want {
					t.Errorf("%s: %q", what, got)
				}
			}
			becomes("nothing in force", "", store.Parent{CardID: c.bought.ID})
			becomes("nothing in force", "")
			active(tx, card.ID, priced("49", "0.02"))
			becomes("cheaper", "", store.Parent{CardID: c.bought.ID})
			becomes("dearer", store.StaleChanged, store.Parent{CardID: c.dearer.ID})
			must(tx.UpdateCard(ctx, store.AllRates, card.ID, store.CardPatch{Parents: &[]store.Parent{}, AtLoss: true}))
			if got := must(tx.Card(ctx, card.ID)).Stale; got != "" {
				t.Errorf("nothing to be built anew from: %q", got)
			}
		})
	})
}

func TestAnotherParentThanTheWithdrawnOneTakesTheMarkBack(t *testing.T) {
	t.Parallel()
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
			mustDo(tx.SetParents(ctx, store.AllRates, c.resold.ID, []store.Parent{{CardID: gold.ID}}))
			active(tx, c.resold.ID, priced("49", "0.03"))
		})
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { mustDo(tx.WithdrawCard(ctx, gold.ID, c.reseller.ID)) })
		if got := retail().Stale; got != store.StaleWithdrawn {
			t.Errorf("withdrawn: %q", got)
		}
		cruder := store.CardPatch{ChargePrecision: ptr(2), ChargeRounding: ptr("down")}
		c.refuses(t, "no cost to compare with", c.resold, cruder, store.ReasonWithdrawn)
		cruder.AtLoss = true
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.UpdateCard(ctx, store.AllRates, c.resold.ID, cruder))
			if !tx.LossesAccepted() {
				t.Error("charges that nothing proves are not noted as a loss accepted")
			}
		})
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			mustDo(tx.SetParents(ctx, store.AllRates, c.resold.ID, []store.Parent{{CardID: silver.ID}}))
		})
		if got := retail().Stale; got != store.StaleChanged {
			t.Errorf("from another: %q", got)
		}
	})
}

func TestWhatIsInForceIsNotCutFromItsCosts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		none := []store.Parent{}
		err := c.write(func(tx *store.Tx) error { return tx.SetParents(ctx, store.AllRates, c.sold.ID, nil) })
		if refused(t, err, fault.ErrConflict, "parents"); reasonOf(err) != store.ReasonNotProven {
			t.Errorf("got %v", err)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			if n := len(must(tx.Parents(ctx, c.sold.ID))); n != 2 {
				t.Errorf("%d parents", n)
			}
			must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{Parents: &none, AtLoss: true}))
			must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{ChargePrecision: ptr(0), ChargeRounding: ptr("down")}))
			if !c.accepted(tx) {
				t.Error("the losses are not noted, or not any more")
			}
			must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{Parents: &none}))
		})
	})
}

func TestWhatWasBuiltStaysHeldAgainstWhatItWasBuiltFrom(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newSupplied(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			mustDo(tx.SetParents(ctx, store.AllRates, c.other.ID, nil))
			if proof := must(tx.ProveRevision(ctx, store.AllRates, c.other.ID, c.built.ID, nil)); len(proof.Parents) != 1 || tx.LossesAccepted() {
				t.Errorf("got %+v", proof)
			}
		})
		c.refuses(t, "what it was built from", c.other, store.CardPatch{ChargePrecision: ptr(0), ChargeRounding: ptr("down")}, store.ReasonSellsAtLoss)
	})
}

func TestChargesOfACardMakeStaleWhatIsBuiltFromIt(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		stale := soldOn(t, c)
		change := func(what, card string, want [3]string, patch store.CardPatch) {
			t.Helper()
			mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) { must(tx.UpdateCard(ctx, store.AllRates, card, patch)) })
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
