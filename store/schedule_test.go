package store_test

import (
	"fmt"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

// eachHour runs a test on both databases, with a clock that the test moves.
func eachHour(t *testing.T, test func(t *testing.T, c *carrier, at func(hour int))) {
	t.Helper()
	now := revisionStart
	storetest.EachWith(t, store.Options{Now: func() time.Time { return now }}, func(t *testing.T, s *store.Store) {
		now = revisionStart
		test(t, newCarrier(t, s), func(hour int) { now = revisionStart.Add(time.Duration(hour) * time.Hour) })
	})
}

var revisionStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func hour(n int) schema.Micros {
	return schema.MicrosOf(revisionStart.Add(time.Duration(n) * time.Hour))
}

// drafted gives a card a draft with one rate.
func drafted(tx *store.Tx, card, cost string) store.Revision {
	return must(tx.CreateRevision(ctx, card, rates(priced("49", cost))))
}

func TestADraftIsScheduledHeldAndCancelled(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			draft := drafted(tx, c.sold.ID, "0.01")
			_, err := tx.ScheduleRevision(ctx, store.AllRates, c.sold.ID, draft.ID, store.Schedule{At: hour(0), UserID: c.staff.ID})
			refused(t, err, fault.ErrInvalid, "live_at")
			r := must(tx.ScheduleRevision(ctx, store.AllRates, c.sold.ID, draft.ID, store.Schedule{At: hour(2), UserID: c.staff.ID, ClientAddr: "192.0.2.1", AtLoss: true}))
			if kept := must(tx.Revision(ctx, c.sold.ID, r.ID)); kept != r || kept.Status != store.RevisionScheduled || kept.ScheduledFrom != "192.0.2.1" || !kept.LossesAccepted {
				t.Errorf("got %+v", kept)
			}
			must(tx.ScheduleRevision(ctx, store.AllRates, c.sold.ID, draft.ID, store.Schedule{At: hour(3), UserID: c.staff.ID}))
			r = must(tx.HoldRevision(ctx, c.sold.ID, draft.ID, "because"))
			if r.Status != store.RevisionHeld || r.HeldReason != "because" || r.LiveAt != hour(3) {
				t.Errorf("got %+v", r)
			}
			_, err = tx.HoldRevision(ctx, c.sold.ID, draft.ID, "again")
			refused(t, err, fault.ErrConflict, "status")
			r = must(tx.CancelSchedule(ctx, c.sold.ID, draft.ID))
			if kept := must(tx.Revision(ctx, c.sold.ID, r.ID)); kept != draft {
				t.Errorf("got %+v, want %+v", kept, draft)
			}
			must(tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, draft.ID))
			for _, err := range []error{
				errOf(tx.ScheduleRevision(ctx, store.AllRates, c.sold.ID, draft.ID, store.Schedule{At: hour(4)})),
				errOf(tx.CancelSchedule(ctx, c.sold.ID, draft.ID)), tx.DeleteRevision(ctx, c.sold.ID, draft.ID),
			} {
				refused(t, err, fault.ErrConflict, "status")
			}
			other := drafted(tx, c.sold.ID, "0.02")
			mustDo(tx.DeleteRevision(ctx, c.sold.ID, other.ID))
			refused(t, tx.DeleteRevision(ctx, c.sold.ID, other.ID), fault.ErrNotFound, "")
		})
		mustDo(c.Sweep(ctx))
		if n := count(t, c.Store, "SELECT count(*) FROM rates"); n != 1 {
			t.Errorf("%d rates are left", n)
		}
	})
}

func errOf[T any](_ T, err error) error { return err }

func TestWhatIsDueIsListedByTime(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		next := func(want schema.Micros) {
			t.Helper()
			if got, err := c.NextDue(ctx); err != nil || got != want {
				t.Errorf("next is %d, want %d, %v", got, want, err)
			}
		}
		next(0)
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			for i, card := range []string{c.sold.ID, c.bought.ID, c.resold.ID} {
				must(tx.ScheduleRevision(ctx, store.AllRates, card, drafted(tx, card, "0.01").ID, store.Schedule{At: hour(5 - i), UserID: c.staff.ID}))
			}
		})
		next(hour(3))
		at(4)
		due, err := c.DueRevisions(ctx, 10)
		if err != nil || len(due) != 2 || due[0].CardID != c.resold.ID || due[1].CardID != c.bought.ID || due[0].TenantID != c.master.ID {
			t.Errorf("got %+v, %v", due, err)
		}
		next(hour(3))
	})
}

func TestAnAmendmentWaitsForItsBase(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		var first, amendment, other store.Revision
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			first, amendment, other = drafted(tx, c.sold.ID, "0.01"), drafted(tx, c.sold.ID, "0.02"), drafted(tx, c.sold.ID, "0.03")
		})
		if _, err := storetest.SQL(t, c.Store).Exec(fmt.Sprintf("UPDATE revisions SET base_id = '%s' WHERE id = '%s'", first.ID, amendment.ID)); err != nil {
			t.Fatal(err)
		}
		schedule := func(tx *store.Tx, r store.Revision, n int) error {
			return errOf(tx.ScheduleRevision(ctx, store.AllRates, c.sold.ID, r.ID, store.Schedule{At: hour(n), UserID: c.staff.ID}))
		}
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			for _, err := range []error{schedule(tx, amendment, 5), errOf(tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, amendment.ID))} {
				if refused(t, err, fault.ErrConflict, "base_id"); reasonOf(err) != store.ReasonBaseChanged {
					t.Errorf("got %v", err)
				}
			}
			mustDo(schedule(tx, first, 3))
			mustDo(schedule(tx, amendment, 5))
			must(tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, first.ID))
			must(tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, other.ID))
			refused(t, errOf(tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, amendment.ID)), fault.ErrConflict, "base_id")
			must(tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, first.ID))
			must(tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, amendment.ID))
		})
	})
}

// Periods follow each other without a gap, even if the clock goes back.
func TestEachActivationHasAPeriod(t *testing.T) {
	t.Parallel()
	eachHour(t, func(t *testing.T, c *carrier, at func(int)) {
		var all [2]store.Revision
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			all = [2]store.Revision{drafted(tx, c.sold.ID, "0.01"), drafted(tx, c.sold.ID, "0.02")}
		})
		for i, n := range []int{0, 2, 1, 3, 3, 3} { // goes back once, and three activations at the same time
			at(n)
			mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) { must(tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, all[i%2].ID)) })
		}
		rows, err := storetest.SQL(t, c.Store).Query("SELECT revision_id, active_from, COALESCE(active_to, 0) FROM revision_periods WHERE active_from <> COALESCE(active_to, 0) ORDER BY active_from")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		got := ""
		for rows.Next() {
			var id string
			var from, to schema.Micros
			if err := rows.Scan(&id, &from, &to); err != nil {
				t.Fatal(err)
			}
			name := "first"
			if id == all[1].ID {
				name = "second"
			}
			got += fmt.Sprintln(name, from.Time().Hour(), to.Time().Hour())
		}
		if want := "first 12 14\nfirst 14 15\nsecond 15 0\n"; got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
		mustWrite(t, c.Store, c.master.ID, func(tx *store.Tx) {
			if r := must(tx.PreviousRevision(ctx, c.sold.ID)); r.ID != all[0].ID {
				t.Errorf("got %+v", r)
			}
			refused(t, errOf(tx.PreviousRevision(ctx, c.bought.ID)), fault.ErrConflict, "")
		})
	})
}
