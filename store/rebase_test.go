package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
)

// costsOf returns the costs of a revision as "prefix=cost …".
func costsOf(t *testing.T, s *store.Store, revision string) string {
	var all []string
	for _, r := range stored(t, s, revision) {
		all = append(all, fmt.Sprintf("%s=%d", r.Prefix, r.Cost))
	}
	return strings.Join(all, " ")
}

// amendment imports new costs into a draft that is based on a revision. A negative cost removes.
func amendment(tx *store.Tx, card, base string, costs map[string]int64) store.Imported {
	drafts := must(tx.Import(ctx, store.AllRates, importOf(card, base, func(to *store.Importer) error {
		for prefix, cost := range costs {
			rate := store.RateGiven{Rate: store.Rate{Prefix: prefix, Cost: max(cost, 0), Pulse: 1}, Given: ^uint16(0), Removed: cost < 0}
			mustDo(to.Put(0, rate))
		}
		return nil
	})))
	mustDo(tx.SetBase(ctx, &drafts[0], base))
	return drafts[0]
}

// Five notices arrive in a week, out of order. One is withdrawn. Each changes its own prefixes, and none is held.
func TestAmendmentsAreRebasedInTheOrderInWhichTheyTakeEffect(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(hour int)) {
		card := c.bought.ID
		day := map[string]store.Revision{}
		schedule := func(tx *store.Tx, name, base string, when int, costs map[string]int64) {
			d := amendment(tx, card, base, costs)
			if len(d.Overlaps) > 0 {
				t.Errorf("%s overlaps %+v", name, d.Overlaps)
			}
			day[name] = must(tx.ScheduleRevision(ctx, store.AllRates, card, d.Revision.ID, store.Schedule{At: hour(when), UserID: c.staff.ID}))
		}
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			base := active(tx, card, store.Rate{Prefix: "1", Cost: 1, Pulse: 1}, store.Rate{Prefix: "44", Cost: 1, Pulse: 1}, store.Rate{Prefix: "49", Cost: 1, Pulse: 1})
			schedule(tx, "thursday", base.ID, 96, map[string]int64{"44": 4})
			schedule(tx, "tuesday", base.ID, 48, map[string]int64{"49": 2})
			schedule(tx, "wednesday", day["tuesday"].ID, 72, map[string]int64{"33": 3})
			schedule(tx, "monday", base.ID, 24, map[string]int64{"1": -1})
			schedule(tx, "friday", day["thursday"].ID, 120, map[string]int64{"7": 5})
		})
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			overlaps := amendment(tx, card, day["tuesday"].ID, map[string]int64{"44": 9, "49": 9}).Overlaps
			if len(overlaps) != 1 || overlaps[0].Prefix != "44" || overlaps[0].Revision.ID != day["thursday"].ID || *overlaps[0].Rate != 4 {
				t.Errorf("%+v", overlaps)
			}
			if later := must(tx.Amendments(ctx, card, day["thursday"].ID)); len(later) != 1 || later[0] != day["friday"].ID {
				t.Errorf("based on Thursday's: %v", later)
			}
			refused(t, tx.DeleteRevision(ctx, card, day["thursday"].ID), fault.ErrConflict, "")
			must(tx.CancelSchedule(ctx, card, day["thursday"].ID))
		})
		for _, step := range []struct {
			name string
			hour int
			want string
		}{
			{"monday", 24, "44=1 49=1"},
			{"tuesday", 48, "44=1 49=2"},
			{"wednesday", 72, "33=3 44=1 49=2"},
			{"friday", 120, "33=3 44=1 49=2 7=5"},
		} {
			at(step.hour)
			id := day[step.name].ID
			err := c.Write(ctx, c.master.ID, func(tx *store.Tx) error {
				_, err := tx.ActivateRevision(ctx, store.AllRates, card, id)
				return err
			})
			if errors.Is(err, store.ErrBaseMoved) {
				mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
					mustDo(tx.Rebase(ctx, card, id))
					mustDo(tx.Rebase(ctx, card, id))
				})
				mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) { must(tx.ActivateRevision(ctx, store.AllRates, card, id)) })
			} else if err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
				r := must(tx.Revision(ctx, card, id))
				if got := costsOf(t, c.Store, id); got != step.want || r.Status != store.RevisionActive || r.Rows != int64(len(strings.Fields(got))) {
					t.Errorf("%s: %s, %d rows, %s; want %s", step.name, got, r.Rows, r.Status, step.want)
				}
			})
		}
	})
}

// A replacement is no amendment: what was based on the rates before it is held.
func TestAnAmendmentIsNotRebasedOnAReplacement(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		card := c.bought.ID
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			base := active(tx, card, store.Rate{Prefix: "49", Cost: 1, Pulse: 1})
			d := amendment(tx, card, base.ID, map[string]int64{"44": 4})
			active(tx, card, store.Rate{Prefix: "49", Cost: 2, Pulse: 1})
			_, err := tx.ActivateRevision(ctx, store.AllRates, card, d.Revision.ID)
			if refused(t, err, fault.ErrConflict, "base_id"); reasonOf(err) != store.ReasonBaseChanged {
				t.Errorf("got %v", err)
			}
			if err := tx.Rebase(ctx, card, d.Revision.ID); reasonOf(err) != store.ReasonBaseChanged {
				t.Errorf("got %v", err)
			}
		})
	})
}

// An amendment that is rebased has the rates that its file would make of those in force: each
// column that it gives, also one that stays as it was, and no other.
func TestARebasedAmendmentIsWhatItsFileMakesOfTheRatesInForce(t *testing.T) {
	t.Parallel()
	prefixes := []string{"44", "4416", "44161", "49"}
	columns := store.RateColumns([]string{"name", "cost", "inter", "mcd", "pulse", "connect", "status"})
	random := rand.New(rand.NewPCG(1, 2))
	rate := func(prefix string) store.Rate {
		inter := random.Int64N(3)
		return store.Rate{Prefix: prefix, Name: []string{"a", "b"}[random.IntN(2)], Cost: 1 + random.Int64N(3), Inter: &inter,
			MCD: random.IntN(3), Pulse: 1 + random.IntN(3), Connect: random.Int64N(3), Blocked: random.IntN(2) == 0}
	}
	given := func(removes bool) (all []store.RateGiven) {
		mask := uint16(0)
		for _, column := range columns {
			if random.IntN(2) == 0 {
				mask |= 1 << column
			}
		}
		for _, prefix := range prefixes {
			switch random.IntN(4) {
			case 0:
			case 1:
				if removes {
					all = append(all, store.RateGiven{Rate: store.Rate{Prefix: prefix}, Removed: true})
				}
			default:
				all = append(all, store.RateGiven{Rate: rate(prefix), Given: mask})
			}
		}
		return all
	}
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		card := c.bought.ID
		amend := func(tx *store.Tx, base string, all []store.RateGiven) string {
			drafts := must(tx.Import(ctx, store.AllRates, importOf(card, base, func(to *store.Importer) error {
				for _, rate := range all {
					mustDo(to.Put(0, rate))
				}
				return nil
			})))
			if len(drafts) == 0 {
				return ""
			}
			mustDo(tx.SetBase(ctx, &drafts[0], base))
			return drafts[0].Revision.ID
		}
		for range 25 {
			var all []store.Rate
			for _, prefix := range prefixes {
				all = append(all, rate(prefix))
			}
			var rebased, want string
			mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
				base := active(tx, card, all...)
				first, second := given(false), given(true)
				one, other := amend(tx, base.ID, first), amend(tx, base.ID, second)
				if one == "" || other == "" {
					return
				}
				must(tx.ActivateRevision(ctx, store.AllRates, card, one))
				rebased, want = other, amend(tx, one, second)
				mustDo(tx.Rebase(ctx, card, rebased))
				if r := must(tx.Revision(ctx, card, rebased)); r.Rows != must(tx.Revision(ctx, card, want)).Rows {
					t.Errorf("%d rows", r.Rows)
				}
			})
			if want == "" {
				continue
			}
			if got, want := stored(t, c.Store, rebased), stored(t, c.Store, want); !reflect.DeepEqual(got, want) {
				t.Errorf("rebased: %+v, want %+v, of %+v", got, want, all)
			}
		}
	})
}

// A blocked prefix may have no price. An amendment that opens it takes the price from the rates in force, so it is not
// rebased on rates that have none. Those that wait behind another one do not hold that one.
func TestARebasedAmendmentOpensNoPrefixWithoutAPrice(t *testing.T) {
	t.Parallel()
	status, cost := store.RateColumns([]string{"status"})[0], store.RateColumns([]string{"cost"})[0]
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		card := c.bought.ID
		amend := func(tx *store.Tx, base string, all ...store.RateGiven) string {
			drafts := must(tx.Import(ctx, store.AllRates, importOf(card, base, func(to *store.Importer) error {
				for _, rate := range all {
					mustDo(to.Put(0, rate))
				}
				return nil
			})))
			mustDo(tx.SetBase(ctx, &drafts[0], base))
			return drafts[0].Revision.ID
		}
		for _, given := range []uint16{1 << status, 1<<status | 1<<cost} {
			mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
				base := active(tx, card, store.Rate{Prefix: "44", Cost: 1, Pulse: 1}, store.Rate{Prefix: "4479", Cost: 9, Pulse: 1})
				blocks := amend(tx, base.ID, store.RateGiven{Rate: store.Rate{Prefix: "4479", Pulse: 1, Blocked: true}, Given: ^uint16(0)})
				opens := amend(tx, base.ID, store.RateGiven{Rate: store.Rate{Prefix: "4479", Cost: 8, Pulse: 1}, Given: given})
				first := amend(tx, base.ID, store.RateGiven{Rate: store.Rate{Prefix: "49", Cost: 2, Pulse: 1}, Given: ^uint16(0)})
				must(tx.ScheduleRevision(ctx, store.AllRates, card, first, store.Schedule{At: hour(500), UserID: c.staff.ID}))
				behind := amend(tx, first, store.RateGiven{Rate: store.Rate{Prefix: "4479", Cost: 8, Pulse: 1}, Given: given})
				must(tx.ActivateRevision(ctx, store.AllRates, card, blocks))
				mustDo(tx.Rebase(ctx, card, first))
				must(tx.ActivateRevision(ctx, store.AllRates, card, first))
				for _, id := range []string{opens, behind} {
					_, err := tx.ActivateRevision(ctx, store.AllRates, card, id)
					if given == 1<<status {
						if refused(t, err, fault.ErrConflict, "base_id"); reasonOf(err) != store.ReasonBaseChanged || !strings.Contains(err.Error(), "4479") {
							t.Errorf("%v", err)
						}
						if err := tx.Rebase(ctx, card, id); reasonOf(err) != store.ReasonBaseChanged {
							t.Errorf("rebased: %v", err)
						}
						continue
					}
					mustDo(tx.Rebase(ctx, card, id))
				}
			})
		}
	})
}

// Overlaps with one amendment are listed as long as they are few. Of many, the first one stands for
// all, so that none is left out.
func TestManyOverlapsWithOneAmendmentAreCounted(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, _ func(int)) {
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			base := active(tx, c.bought.ID, store.Rate{Prefix: "1", Cost: 1, Pulse: 1})
			for _, n := range []int{20, 30} {
				costs := map[string]int64{"1": 1} // as in the base
				for i := range n - 1 {
					costs[fmt.Sprint(440+i)] = 2
				}
				amendment(tx, c.bought.ID, base.ID, costs)
				listed := map[int]int{}
				for _, o := range amendment(tx, c.bought.ID, base.ID, costs).Overlaps {
					listed[o.More]++
				}
				if n == 20 && listed[0] != 20 || n == 30 && (listed[0] != 40 || listed[29] != 1) {
					t.Errorf("%d: %v", n, listed)
				}
			}
		})
	})
}
