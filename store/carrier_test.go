package store_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

var ctx = context.Background()

// carrier is the start of most tests of writes: a master with two resellers, one of
// which has a reseller below it, and another master.
type carrier struct {
	*store.Store
	master, reseller, sibling, below store.Account
	stranger                         store.Account // another tenant's master

	full, lent store.Group // of the master; lent is lent only to reseller
	own        store.Group // of the reseller
	staff      store.User  // of the master, in full
	agent      store.User  // of the reseller, in lent
	customer   store.Customer
	sold       store.Card // the master's customer card
	resold     store.Card // the reseller's customer card
	bought     store.Card // the master's provider card
}

func newCarrier(t *testing.T, s *store.Store) *carrier {
	t.Helper()
	c := &carrier{Store: s}
	mustWrite(t, s, "", func(tx *store.Tx) {
		c.stranger = must(tx.CreateAccount(ctx, store.Account{Kind: store.Master, Name: "Stranger"}))
	})
	mustWrite(t, s, "", func(tx *store.Tx) {
		c.master = must(tx.CreateAccount(ctx, store.Account{Kind: store.Master, Name: "Carrier", PublicName: "The Carrier", Currency: "EUR"}))
		c.reseller = must(tx.CreateAccount(ctx, store.Account{ParentID: c.master.ID, Name: "Reseller", ExternalID: "r-1"}))
		c.sibling = must(tx.CreateAccount(ctx, store.Account{ParentID: c.master.ID, Name: "Sibling"}))
		c.below = must(tx.CreateAccount(ctx, store.Account{ParentID: c.reseller.ID, Name: "Below"}))
		c.full = must(tx.CreateGroup(ctx, store.Group{AccountID: c.master.ID, Name: "Full access", DefaultAccess: "crud"}))
		lent := store.DefaultResellerGroup()
		lent.AccountID, lent.Lend, lent.LentTo = c.master.ID, store.LendSome, []string{c.reseller.ID}
		c.lent = must(tx.CreateGroup(ctx, lent))
		c.own = must(tx.CreateGroup(ctx, store.Group{AccountID: c.reseller.ID, Name: "Own", Rows: store.Access{"customer": "r"}}))
		c.staff = must(tx.CreateUser(ctx, store.User{AccountID: c.master.ID, Login: "staff@carrier.example", Groups: []string{c.full.ID}}))
		c.agent = must(tx.CreateUser(ctx, store.User{AccountID: c.reseller.ID, Login: "agent@reseller.example",
			ExternalID: "panel-7", Groups: []string{c.lent.ID}}))
		c.customer = must(tx.CreateCustomer(ctx, store.Customer{AccountID: c.reseller.ID, Name: "Customer", ExternalID: "c-1"}))
		c.sold = must(tx.CreateCard(ctx, newCard(c.master, schema.CustomerCard)))
		c.resold = must(tx.CreateCard(ctx, newCard(c.reseller, schema.CustomerCard)))
		c.bought = must(tx.CreateCard(ctx, newCard(c.master, schema.ProviderCard)))
	})
	return c
}

func newCard(owner store.Account, kind string) store.Card {
	card := store.NewCard()
	card.AccountID, card.Kind, card.Name, card.Currency = owner.ID, kind, "A-Z", "EUR"
	return card
}

// write runs fn in the carrier's tenant.
func (c *carrier) write(fn func(tx *store.Tx) error) error { return c.Write(ctx, c.master.ID, fn) }

// must panics with err, if it is not nil. mustWrite reports it.
func must[T any](value T, err error) T {
	if err != nil {
		panic(writeFailed{err})
	}
	return value
}

func mustDo(err error) { must(0, err) }

type writeFailed struct{ error }

// mustWrite runs fn in one transaction, and ends the test if anything in it fails.
func mustWrite(t *testing.T, s *store.Store, tenant string, fn func(tx *store.Tx)) {
	t.Helper()
	defer func() {
		t.Helper()
		if failed, ok := recover().(writeFailed); ok {
			t.Fatal(failed.error)
		}
	}()
	if err := s.Write(ctx, tenant, func(tx *store.Tx) error { fn(tx); return nil }); err != nil {
		t.Fatal(err)
	}
}

// refused ends the test unless err is of the kind and, if field is given, about
// that field.
func refused(t *testing.T, err, kind error, field string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	if field == "" {
		return
	}
	var about *fault.FieldError
	if !errors.As(err, &about) || about.Field != field {
		t.Fatalf("got %v, want it to be about %s", err, field)
	}
}

func ptr[T any](value T) *T { return &value }

// deck is a sequence of rates with the given prefixes.
func deck(prefixes ...string) iter.Seq2[store.Rate, error] {
	return func(yield func(store.Rate, error) bool) {
		for i, prefix := range prefixes {
			if !yield(store.Rate{Prefix: prefix, Name: "Somewhere", Cost: int64(i), MCD: 30, Pulse: 6}, nil) {
				return
			}
		}
	}
}
