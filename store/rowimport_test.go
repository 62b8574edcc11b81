package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/storetest"
)

// A large write does its long work at once, and never commits what it wrote on a guess.
func TestALargeWriteGuessesAndNeverCommitsAGuess(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		called := func() (name string) {
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) { name = must(tx.Card(ctx, c.sold.ID)).Name })
			return name
		}
		for _, dry := range []bool{true, false} {
			runs, works := 0, 0
			before := called()
			err := s.WriteImport(ctx, c.master.ID, dry, func(*store.Tx) error { return nil }, func(tx *store.Tx) error {
				runs++
				if want := map[bool]string{true: "a dry run", false: "an import"}[dry]; tx.Kind() != want {
					t.Errorf("run %d is %s, want %s", runs, tx.Kind(), want)
				}
				for i := range 100 {
					want := fmt.Sprint("name ", i)
					name, guessed, err := store.Ahead(ctx, tx, "work", want, "guess", 1, func(context.Context) (string, error) {
						works++
						return want, nil
					})
					if err != nil {
						return err
					}
					if guessed != (runs == 1) || !guessed && name != want {
						t.Errorf("run %d: %q, guessed %v", runs, name, guessed)
					}
					must(tx.UpdateCard(ctx, store.AllRates, c.sold.ID, store.CardPatch{Name: &name}))
				}
				if runs == 1 {
					return errors.New("that comes from a guess")
				}
				return nil
			})
			if err != nil || runs != 2 || works != 100 {
				t.Errorf("dry %v: %v after %d runs, %d works", dry, err, runs, works)
			}
			want := "name 99"
			if dry {
				want = before
			}
			if got := called(); got != want {
				t.Errorf("dry %v: %q", dry, got)
			}
		}
		n := 0
		err := s.WriteImport(ctx, c.master.ID, false, func(*store.Tx) error { return nil }, func(tx *store.Tx) error {
			n++
			_, _, err := store.Ahead(ctx, tx, "work", fmt.Sprint(n), 0, 1, func(context.Context) (int, error) { return 0, nil })
			return err
		})
		if !errors.Is(err, fault.ErrConflict) || n > 200 {
			t.Errorf("%v after %d runs", err, n)
		}
	})
}

// A large write ends however much work it has: it begins again as often as it gets further.
func TestALargeWriteThatGetsFurtherEnds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newCarrier(t, s)
		const works, size = 1_000, 4 << 20 // five of them are postponed at once
		runs, done := 0, 0
		err := s.WriteImport(ctx, c.master.ID, true, func(*store.Tx) error { return nil }, func(tx *store.Tx) error {
			runs++
			for i := range works {
				n, guessed, err := store.Ahead(ctx, tx, "work", fmt.Sprint(i), -1, size, func(context.Context) (int, error) {
					done++
					return i, nil
				})
				if err != nil {
					return err
				}
				if !guessed && n != i {
					t.Errorf("work %d gives %d", i, n)
				}
			}
			return nil
		})
		if err != nil || done != works || runs > works/4+1 {
			t.Errorf("%v after %d runs, %d works", err, runs, done)
		}
	})
}

// A writer that gives a customer the external id of one that an import has inserted does not wait for the import, nor
// makes others wait, and does not end it.
func TestAWriterDoesNotWaitForTheNamesOfAnImport(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if s.OneWriter() {
			t.Skip("nobody writes beside an import")
		}
		c := newCarrier(t, s)
		inserted, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			rows := []*store.Customer{{ID: s.NewID("customer"), AccountID: c.reseller.ID, Name: "Imported", Status: store.Active, ExternalID: "K1"}, nil}
			ended <- s.WriteImport(ctx, c.master.ID, false, func(tx *store.Tx) error {
				err := tx.CreateCustomers(ctx, func() (*store.Customer, error) {
					one := rows[0]
					rows = rows[1:]
					return one, nil
				})
				close(inserted)
				<-release
				return err
			}, func(*store.Tx) error { return nil })
		}()
		<-inserted
		var other store.Customer
		mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
			other = must(tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "Other", ExternalID: "K2"}))
		})
		name := "K1"
		for what, write := range map[string]func(tx *store.Tx) error{
			"create": func(tx *store.Tx) error {
				_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "Twice", ExternalID: "K1"})
				return err
			},
			"rename": func(tx *store.Tx) error {
				_, err := tx.UpdateCustomer(ctx, other.ID, store.CustomerPatch{ExternalID: &name})
				return err
			},
		} {
			began := time.Now()
			var waited *fault.WaitError
			if err := s.Write(ctx, c.master.ID, write); !errors.As(err, &waited) || time.Since(began) > 5*time.Second {
				t.Errorf("%s: %v after %v", what, err, time.Since(began))
			}
			mustWrite(t, s, c.master.ID, func(tx *store.Tx) {
				must(tx.UpdateCustomer(ctx, other.ID, store.CustomerPatch{Name: &what}))
			})
		}
		busy := make(chan error, 1)
		go func() {
			busy <- s.Write(ctx, c.master.ID, func(tx *store.Tx) error {
				close(release) // the import waits for this transaction from now on
				_, err := tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "Twice", ExternalID: "K1"})
				return err
			})
		}()
		if err := <-ended; err != nil {
			t.Errorf("the import: %v", err)
		}
		if err := <-busy; !errors.Is(err, fault.ErrUnavailable) && !errors.Is(err, fault.ErrConflict) {
			t.Errorf("the writer: %v", err)
		}
	})
}
