package store_test

import (
	"fmt"
	"slices"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
)

// soldOn creates a provider card of the master, a customer card that is built from
// it, and a reseller's card that is built from the customer card.
func soldOn(t *testing.T, c *carrier) (stale func() [3]string) {
	t.Helper()
	mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
		active(tx, c.bought.ID, priced("49", "0.01"))
		mustDo(tx.SetParents(ctx, store.AllRates, c.sold.ID, []store.Parent{{CardID: c.bought.ID}}))
		mustDo(tx.SetProfitRules(ctx, c.sold.ID, []store.ProfitRule{rule("*", "percent", "100")}))
		rebuild(tx, c.sold.ID)
		must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID}))
		mustDo(tx.SetParents(ctx, store.AllRates, c.resold.ID, []store.Parent{{CardID: c.sold.ID}}))
		mustDo(tx.SetProfitRules(ctx, c.resold.ID, []store.ProfitRule{rule("*", "percent", "10")}))
		rebuild(tx, c.resold.ID)
	})
	return func() (marks [3]string) {
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			for i, card := range []string{c.bought.ID, c.sold.ID, c.resold.ID} {
				marks[i] = must(tx.Card(ctx, card)).Stale
			}
		})
		return marks
	}
}

func rebuild(tx *store.Tx, card string) store.Revision {
	return must(tx.ActivateRevision(ctx, store.AllRates, card, must(tx.BuildRevision(ctx, store.AllRates, card)).Revision.ID))
}

func TestStalenessGoesOneStep(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		stale := soldOn(t, c)
		step := func(what string, want [3]string, fn func(tx *store.Tx)) {
			t.Helper()
			mustWrite(t, c.Store, c.master.ID, fn)
			if got := stale(); got != want {
				t.Errorf("%s: got %q, want %q", what, got, want)
			}
		}
		const changed = store.StaleChanged
		var early store.Revision
		step("nothing", [3]string{}, func(*store.Tx) {})
		step("a draft above", [3]string{}, func(tx *store.Tx) { drafted(tx, c.bought.ID, "0.02") })
		step("built, not active", [3]string{}, func(tx *store.Tx) { early = must(tx.BuildRevision(ctx, store.AllRates, c.sold.ID)).Revision })
		step("the carrier's card", [3]string{"", changed, ""}, func(tx *store.Tx) { active(tx, c.bought.ID, priced("49", "0.011")) })
		step("built before that", [3]string{"", changed, ""}, func(tx *store.Tx) { must(tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, early.ID)) })
		step("the next level", [3]string{"", "", changed}, func(tx *store.Tx) { rebuild(tx, c.sold.ID) })
		step("the last level", [3]string{}, func(tx *store.Tx) { rebuild(tx, c.resold.ID) })
		step("the same shown again", [3]string{}, func(tx *store.Tx) { rebuild(tx, c.sold.ID) })
		step("within the account always", [3]string{"", changed, ""}, func(tx *store.Tx) { active(tx, c.bought.ID, priced("49", "0.011")) })
		step("an edit of the card alone", [3]string{"", changed, changed}, func(tx *store.Tx) {
			must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{ChargePrecision: ptr(5)}))
		})
		step("other terms", [3]string{"", "", changed}, func(tx *store.Tx) { rebuild(tx, c.sold.ID) })
		step("anew", [3]string{}, func(tx *store.Tx) { rebuild(tx, c.resold.ID) })
		step("rolled back below", [3]string{"", "", changed}, func(tx *store.Tx) {
			must(tx.ActivateAtLoss(ctx, store.AllRates, c.resold.ID, must(tx.PreviousRevision(ctx, c.resold.ID)).ID))
		})
	})
}

func TestAWithdrawnCardStaysInForceAndIsBuiltFromNoMore(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		stale := soldOn(t, c)
		var before, draft store.Revision
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			before = must(tx.ActivateRevision(ctx, store.AllRates, c.resold.ID, must(tx.BuildRevision(ctx, store.AllRates, c.resold.ID)).Revision.ID))
			draft = must(tx.BuildRevision(ctx, store.AllRates, c.resold.ID)).Revision
			mustDo(tx.WithdrawCard(ctx, c.sold.ID, c.reseller.ID))
		})
		if got := stale(); got != [3]string{"", "", store.StaleWithdrawn} {
			t.Errorf("got %q", got)
		}
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			active(tx, c.bought.ID, priced("49", "0.5"))
			rebuild(tx, c.sold.ID)
			if r := must(tx.Revision(ctx, c.resold.ID, before.ID)); r.Status != store.RevisionActive {
				t.Errorf("got %+v", r)
			}
			for name, err := range map[string]error{
				"build":     errOf(tx.BuildRevision(ctx, store.AllRates, c.resold.ID)),
				"activate":  errOf(tx.ActivateAtLoss(ctx, store.AllRates, c.resold.ID, draft.ID)),
				"schedule":  errOf(tx.ScheduleRevision(ctx, store.AllRates, c.resold.ID, draft.ID, store.Schedule{At: hour(9), UserID: c.agent.ID})),
				"roll back": errOf(tx.ActivateRevision(ctx, store.AllRates, c.resold.ID, must(tx.PreviousRevision(ctx, c.resold.ID)).ID)),
			} {
				if refused(t, err, fault.ErrConflict, ""); reasonOf(err) != store.ReasonWithdrawn {
					t.Errorf("%s: got %v", name, err)
				}
			}
		})
		if got := stale(); got[2] != store.StaleWithdrawn {
			t.Errorf("got %q", got)
		}
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID}))
		})
		if got := stale(); got[2] != store.StaleChanged {
			t.Errorf("assigned again: got %q", got)
		}
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) { rebuild(tx, c.resold.ID) })
		if got := stale(); got[2] != "" {
			t.Errorf("built anew: got %q", got)
		}
	})
}

func TestAnAssignmentThatEndsByItselfIsFound(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		stale := soldOn(t, c)
		update := func(want int) {
			t.Helper()
			cards, err := c.OutdatedMarks(ctx, 10)
			if err != nil || len(cards) != want {
				t.Fatalf("got %+v, want %d, %v", cards, want, err)
			}
			for _, card := range cards {
				mustWrite(t, c.Store, card.TenantID, func(tx *store.Tx) { mustDo(tx.UpdateWithdrawn(ctx, card.CardID)) })
			}
		}
		at(1)
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID, ValidTo: hour(3)}))
		})
		update(0)
		if next, err := c.NextAssignmentChange(ctx, hour(1)); err != nil || next != hour(3) {
			t.Errorf("got %d, %v", next, err)
		}
		at(3)
		update(1)
		if got := stale(); got[2] != store.StaleWithdrawn {
			t.Errorf("got %q", got)
		}
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID, ValidFrom: hour(4)}))
		})
		update(0)
		at(4)
		update(1)
		update(0)
		if got := stale(); got[2] != store.StaleChanged {
			t.Errorf("got %q", got)
		}
	})
}

func TestADiffAccountsForEveryPrefix(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		var old, now, foreign store.Revision
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			mixed := priced("5", "0.02")
			mixed.MCD = 0
			named := priced("6", "0.01")
			named.Name = "Elsewhere"
			many := func(more ...store.Rate) []store.Rate {
				for i := range 4500 {
					more = append(more, priced(fmt.Sprintf("9%05d", i), "0.01"))
				}
				return more
			}
			old = must(tx.CreateRevision(ctx, c.sold.ID, rates(many(priced("1", "0.01"), priced("3", "0.01"), priced("4", "0.01"), priced("5", "0.01"), priced("6", "0.01"))...)))
			now = must(tx.CreateRevision(ctx, c.sold.ID, rates(many(priced("2", "0.01"), priced("3", "0.02"), priced("4", "0.005"), mixed, named)...)))
			foreign = drafted(tx, c.resold.ID, "0.01")
		})
		walk := func(before, behind string) (got []string, sum store.DiffSum) {
			t.Helper()
			sum, err := c.Diff(ctx, store.AllRates, c.sold.ID, before, now.ID, behind, func(r store.RateChange) error {
				got = append(got, r.Prefix+" "+r.Change)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return got, sum
		}
		got, sum := walk(old.ID, "")
		if want := []string{"1 removed", "2 created", "3 up", "4 down", "5 up", "6 changed"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if want := (store.DiffSum{Created: 1, Removed: 1, Up: 2, Down: 1, Changed: 1, Unchanged: 4500}); sum != want {
			t.Errorf("got %+v, want %+v", sum, want)
		}
		if got, _ := walk(old.ID, "4"); !slices.Equal(got, []string{"5 up", "6 changed"}) {
			t.Errorf("got %q", got)
		}
		if _, sum := walk("", ""); sum.Created != 4505 {
			t.Errorf("got %+v", sum)
		}
		_, err := c.Diff(ctx, store.AllRates, c.sold.ID, foreign.ID, now.ID, "", nil)
		refused(t, err, fault.ErrNotFound, "")
	})
}
