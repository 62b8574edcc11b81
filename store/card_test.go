package store_test

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
	"resellerd/store/storetest"
)

func TestCardsAndCustomersChangeWhatTheyMay(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.UpdateCard(ctx, store.AllRates, c.bought.ID, store.CardPatch{Carrier: ptr("Upstream"), RatePrecision: ptr(0), Notes: ptr("%_\\'\"é"),
				ExternalID: ptr("x"), Currency: ptr("USD"), Version: 1}))
			if card := must(tx.Card(ctx, c.bought.ID)); card.Carrier != "Upstream" || card.RatePrecision != 0 || card.ChargePrecision != 4 ||
				card.Notes != "%_\\'\"é" || card.Version != 2 || card.Kind != schema.ProviderCard || card.Currency != "USD" {
				t.Errorf("got %+v", card)
			}
			must(tx.UpdateCustomer(ctx, c.customer.ID, store.CustomerPatch{Name: ptr("New"), Currency: ptr("USD"), Notes: ptr("n"), Version: 1}))
			if customer := must(tx.Customer(ctx, c.customer.ID)); customer.Name != "New" || customer.Currency != "USD" || customer.Notes != "n" ||
				customer.Version != 2 || customer.ExternalID != "c-1" || customer.AccountID != c.reseller.ID {
				t.Errorf("got %+v", customer)
			}
		})
		refused(t, c.write(func(tx *store.Tx) error {
			_, err := tx.UpdateCard(ctx, store.AllRates, c.bought.ID, store.CardPatch{Version: 1})
			return err
		}), fault.ErrConflict, "version")
		refused(t, c.write(func(tx *store.Tx) error {
			_, err := tx.UpdateCustomer(ctx, c.customer.ID, store.CustomerPatch{Version: 1})
			return err
		}), fault.ErrConflict, "version")
		refused(t, c.write(func(tx *store.Tx) error {
			_, err := tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{ExternalID: ptr("x")})
			return err
		}), fault.ErrConflict, "external_id")
		refused(t, c.write(func(tx *store.Tx) error {
			_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "X", ExternalID: "c-1"})
			return err
		}), fault.ErrConflict, "external_id")
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.CreateCustomer(ctx, store.Customer{AccountID: c.sibling.ID, Name: "X", ExternalID: "c-1"}))
			must(tx.UpdateCard(ctx, store.AllRates, c.resold.ID, store.CardPatch{ExternalID: ptr("x")}))
			mustDo(tx.DeleteCustomer(ctx, c.customer.ID, 2))
			mustDo(tx.DeleteCard(ctx, c.bought.ID, 2))
		})
		for _, drop := range []func(tx *store.Tx) error{
			func(tx *store.Tx) error { return tx.DeleteCustomer(ctx, c.customer.ID, 0) },
			func(tx *store.Tx) error { return tx.DeleteCard(ctx, c.bought.ID, 0) },
		} {
			refused(t, c.write(drop), fault.ErrNotFound, "")
			refused(t, s.Write(ctx, c.stranger.ID, drop), fault.ErrNotFound, "")
		}
		refused(t, s.Write(ctx, c.stranger.ID, func(tx *store.Tx) error { return tx.DeleteCard(ctx, c.sold.ID, 0) }), fault.ErrNotFound, "")
	})
}

func TestACardIsAssignedOnlyDirectlyBelowItsOwner(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		for name, test := range map[string]struct {
			card, account, field string
		}{
			"to the owner itself": {c.sold.ID, c.master.ID, "account_id"},
			"two levels below":    {c.sold.ID, c.below.ID, "account_id"},
			"upwards":             {c.resold.ID, c.master.ID, "account_id"},
			"sideways":            {c.resold.ID, c.sibling.ID, "account_id"},
			"to another tenant":   {c.sold.ID, c.stranger.ID, "account_id"},
			"to nobody":           {c.sold.ID, "acc_none", "account_id"},
			"a provider card":     {c.bought.ID, c.reseller.ID, "card_id"},
		} {
			t.Run(name, func(t *testing.T) {
				refused(t, c.write(func(tx *store.Tx) error {
					_, err := tx.AssignCard(ctx, store.Assignment{CardID: test.card, AccountID: test.account})
					return err
				}), fault.ErrInvalid, test.field)
			})
		}
		refused(t, s.Write(ctx, c.stranger.ID, func(tx *store.Tx) error {
			_, err := tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID})
			return err
		}), fault.ErrNotFound, "")
	})
}

func TestOnlyCustomersOfTheCardsOwnAccountAreOnIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		put := func(card string) error {
			return c.write(func(tx *store.Tx) error {
				_, err := tx.PutCustomerOnCard(ctx, store.CardCustomer{CardID: card, CustomerID: c.customer.ID})
				return err
			})
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			must(tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID}))
		})
		refused(t, put(c.sold.ID), fault.ErrInvalid, "customer_id")
		refused(t, put(c.bought.ID), fault.ErrInvalid, "card_id")
		if err := put(c.resold.ID); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) { mustDo(tx.RemoveCustomerFromCard(ctx, c.resold.ID, c.customer.ID)) })
		refused(t, c.write(func(tx *store.Tx) error { return tx.RemoveCustomerFromCard(ctx, c.resold.ID, c.customer.ID) }), fault.ErrNotFound, "")
	})
}

// The periods of an assignment never overlap, and past periods never change.
func TestAssignmentsKeepTheirPast(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now := start
	storetest.EachWith(t, store.Options{Now: func() time.Time { return now }}, func(t *testing.T, s *store.Store) {
		now = start
		c := newCarrier(t, s)
		hour := func(n int) schema.Micros { return schema.MicrosOf(start.Add(time.Duration(n) * time.Hour)) }
		assign := func(from, to schema.Micros) (a store.Assignment, err error) {
			err = c.write(func(tx *store.Tx) error {
				a, err = tx.AssignCard(ctx, store.Assignment{CardID: c.sold.ID, AccountID: c.reseller.ID, ValidFrom: from, ValidTo: to})
				return err
			})
			return a, err
		}
		withdraw := func() error {
			return c.write(func(tx *store.Tx) error { return tx.WithdrawCard(ctx, c.sold.ID, c.reseller.ID) })
		}
		periods := func(want ...schema.Micros) {
			t.Helper()
			rows, err := storetest.SQL(t, s).Query("SELECT valid_from, COALESCE(valid_to, 0) FROM assignments ORDER BY valid_from")
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			var got []schema.Micros
			for rows.Next() {
				var from, to schema.Micros
				if err := rows.Scan(&from, &to); err != nil {
					t.Fatal(err)
				}
				got = append(got, from, to)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
		refused(t, withdraw(), fault.ErrNotFound, "")
		_, err := assign(hour(-1), 0)
		refused(t, err, fault.ErrInvalid, "valid_from")
		_, err = assign(hour(2), hour(2))
		refused(t, err, fault.ErrInvalid, "valid_to")

		a := must(assign(0, 0))
		if a.ValidFrom != hour(0) || a.OwnerID != c.master.ID {
			t.Errorf("got %+v", a)
		}
		periods(hour(0), 0)
		now = start.Add(time.Hour)
		must(assign(0, hour(9)))
		periods(hour(0), hour(9))
		now = start.Add(2 * time.Hour)
		mustDo(withdraw())
		periods(hour(0), hour(2))
		refused(t, withdraw(), fault.ErrNotFound, "")
		must(assign(hour(5), 0))
		must(assign(hour(4), hour(6)))
		periods(hour(0), hour(2), hour(4), hour(6))
		mustDo(withdraw())
		periods(hour(0), hour(2))
		must(assign(0, 0))
		now = start.Add(3 * time.Hour)
		must(assign(hour(4), 0))
		periods(hour(0), hour(2), hour(2), hour(3), hour(4), 0)
	})
}

func TestARevisionHoldsItsRates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		const rates = 1234 // not a multiple of the size of a batch
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			r := must(tx.CreateRevision(ctx, c.sold.ID, func(yield func(store.Rate, error) bool) {
				for i := range rates {
					rate := store.Rate{Prefix: fmt.Sprint(1000 + i), Name: "é\t\\N\n'", Cost: 1<<62 + int64(i), Pulse: 1, Blocked: i%2 == 1}
					if i%3 == 0 {
						rate.Inter, rate.Intra = ptr(int64(i)), ptr(int64(0))
					}
					if !yield(rate, nil) {
						return
					}
				}
			}))
			if kept := must(tx.Revision(ctx, c.sold.ID, r.ID)); kept.Rows != rates || kept.Status != store.RevisionDraft || kept.Number != 0 {
				t.Errorf("got %+v", kept)
			}
		})
		db := storetest.SQL(t, s)
		var name, status string
		var cost, inter, n int64
		if err := db.QueryRow("SELECT name, status, cost, inter FROM rates WHERE prefix = '1003'").Scan(&name, &status, &cost, &inter); err != nil {
			t.Fatal(err)
		}
		if name != "é\t\\N\n'" || status != "blocked" || cost != 1<<62+3 || inter != 3 {
			t.Errorf("got %q %s %d %d", name, status, cost, inter)
		}
		if err := db.QueryRow("SELECT count(*) FROM rates WHERE intra IS NULL AND inter IS NULL").Scan(&n); err != nil || n != rates-(rates+2)/3 {
			t.Errorf("%d rates without jurisdictions, %v", n, err)
		}
	})
}

func TestABrokenDeckLeavesNothing(t *testing.T) {
	t.Parallel()
	broken := errors.New("the line breaks off")
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		create := func(prefixes ...string) error {
			return c.write(func(tx *store.Tx) error { _, err := tx.CreateRevision(ctx, c.sold.ID, deck(prefixes...)); return err })
		}
		refused(t, create("49", "1", "49"), fault.ErrInvalid, "prefix")
		refused(t, create("49", "1", "x"), fault.ErrInvalid, "prefix")
		for _, end := range []error{broken, io.EOF, fmt.Errorf("the file: %w", io.EOF), io.ErrUnexpectedEOF} {
			err := c.write(func(tx *store.Tx) error {
				_, err := tx.CreateRevision(ctx, c.sold.ID, func(yield func(store.Rate, error) bool) {
					_ = yield(store.Rate{Prefix: "1", Pulse: 1}, nil) && yield(store.Rate{}, end)
				})
				return err
			})
			if !errors.Is(err, end) {
				t.Errorf("got %v, want %v", err, end)
			}
		}
		if n := count(t, s, "SELECT (SELECT count(*) FROM rates) + (SELECT count(*) FROM revisions)"); n != 0 {
			t.Errorf("%d rows stayed", n)
		}
		if err := create(); err != nil {
			t.Errorf("an empty deck is a deck: %v", err)
		}
	})
}

func TestRevisionsAreNumberedAndArchivedAsTheyAreActivated(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		var all []store.Revision
		activate := func(i int) (r store.Revision, err error) {
			err = c.write(func(tx *store.Tx) error {
				r, err = tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, all[i].ID)
				return err
			})
			return r, err
		}
		for i := range 5 {
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) { all = append(all, must(tx.CreateRevision(ctx, c.sold.ID, deck("49")))) })
			if i == 1 { // stays a draft without a number
				continue
			}
			must(activate(i))
		}
		states := func(want string) {
			t.Helper()
			got := ""
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
				for _, r := range all {
					kept := must(tx.Revision(ctx, c.sold.ID, r.ID))
					got += fmt.Sprintf("%s %d ", kept.Status, kept.Number)
				}
			})
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		states("archived 1 draft 0 inactive 2 inactive 3 active 4 ")
		if r := must(activate(2)); r.Number != 2 || r.DeactivatedAt != 0 {
			t.Errorf("got %+v", r)
		}
		states("archived 1 draft 0 active 2 inactive 3 inactive 4 ")
		again := must(activate(2))
		if again.Status != store.RevisionActive {
			t.Errorf("got %+v", again)
		}
		_, err := activate(0)
		refused(t, err, fault.ErrConflict, "status")
		refused(t, c.write(func(tx *store.Tx) error {
			_, err := tx.ActivateRevision(ctx, store.AllRates, c.resold.ID, all[1].ID)
			return err
		}), fault.ErrNotFound, "")
		refused(t, s.Write(ctx, c.stranger.ID, func(tx *store.Tx) error {
			_, err := tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, all[1].ID)
			return err
		}), fault.ErrNotFound, "")
		refused(t, c.write(func(tx *store.Tx) error { return tx.DeleteCard(ctx, c.sold.ID, 0) }), fault.ErrConflict, "")
		refused(t, c.write(func(tx *store.Tx) error {
			_, err := tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{Currency: ptr("USD")})
			return err
		}), fault.ErrConflict, "currency")
	})
}

// Readers see one whole revision while revisions are switched: every rate of a
// revision has the same price, and exactly one revision is active.
func TestActivationIsAtomicUnderReaders(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		var revisions [2]store.Revision
		for i := range revisions {
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
				revisions[i] = must(tx.CreateRevision(ctx, c.sold.ID, func(yield func(store.Rate, error) bool) {
					for prefix := range 100 {
						if !yield(store.Rate{Prefix: fmt.Sprint(100 + prefix), Cost: int64(i + 1), Pulse: 1}, nil) {
							return
						}
					}
				}))
			})
		}
		switchTo := func(i int) {
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) { must(tx.ActivateRevision(ctx, store.AllRates, c.sold.ID, revisions[i%2].ID)) })
		}
		switchTo(0)
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for range 3 {
			db := storetest.SQL(t, s)
			readers.Go(func() {
				for {
					var n, low, high int64
					err := db.QueryRow(`SELECT count(*), COALESCE(min(r.cost), 0), COALESCE(max(r.cost), 0) FROM rates r
						JOIN revisions v ON v.id = r.revision_id WHERE v.status = 'active'`).Scan(&n, &low, &high)
					if err != nil || n != 100 || low != high {
						t.Errorf("saw %d rates from %d to %d, %v", n, low, high, err)
						return
					}
					select {
					case <-stop:
						return
					default:
					}
				}
			})
		}
		for i := range 20 {
			switchTo(i + 1)
		}
		close(stop)
		readers.Wait()
	})
}
