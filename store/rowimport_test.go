package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

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
