package server

import (
	"resellerd/store"
)

var customerWriter = rowWriter{
	typ:    "customer",
	takes:  customerChange{},
	update: updateCustomer,
	remove: func(w *writing, id string) error { return w.tx.DeleteCustomer(w.r.Ctx, id, 0) },
}

// customerPatch reads the customer fields that a caller can set.
func customerPatch(f *fields) store.CustomerPatch {
	return patchOf[store.CustomerPatch, store.Customer](f)
}

func updateCustomer(w *writing, f *fields) func(string) error {
	patch, accepted := customerPatch(f), f.option("accept_currency")
	return func(id string) error {
		c, err := w.tx.Customer(w.r.Ctx, id)
		if err != nil {
			return err
		}
		if store.Apply(&patch, &c); !f.sound(&c) {
			return nil
		}
		if or(patch.Currency, "") != "" && !accepted {
			if err := w.cardsMatch(id, *patch.Currency); err != nil {
				return err
			}
		}
		_, err = w.tx.UpdateCustomer(w.r.Ctx, id, patch)
		return err
	}
}

// cardsMatch refuses a new currency of a customer who is on a card in another one. The
// writer is told only of cards whose currency it sees, if it is shown the customer's cards.
func (w *writing) cardsMatch(id, currency string) error {
	before, err := w.see("customer", id)
	if err != nil || !before.shows("cards") || before.object["currency"] == currency {
		return err
	}
	cards, err := w.tx.CardsInAnotherCurrency(w.r.Ctx, id, currency)
	return w.noneSeen("card", cards, err)
}

// postCustomer creates a customer of the account that the body names; the
// default is the actor's own account.
func postCustomer(r *exchange) error {
	return r.write((*writing).createCustomer, answerRow)
}

func (w *writing) createCustomer() (target, error) {
	f, account, err := w.readNewRow("customer", nil)
	if err != nil {
		return target{}, err
	}
	p := customerPatch(f)
	c := store.Customer{AccountID: account.ID}
	store.Apply(&p, &c)
	f.check(&c)
	if err := f.err(); err != nil {
		return target{}, err
	}
	made, err := w.tx.CreateCustomer(w.r.Ctx, c)
	if err != nil {
		return target{}, takenBy(err, "customer", account.ID, f)
	}
	return w.created(customerWriter, made.ID, f)
}
