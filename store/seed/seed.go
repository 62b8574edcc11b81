// Package seed fills a store with rows that refer to each other by name:
//
//	names := &seed.Names{}
//	err := seed.Fill(ctx, st, names,
//		seed.Account("carrier", store.Account{Kind: store.Master, Name: "Carrier"}),
//		seed.Account("reseller", store.Account{ParentID: "carrier", Name: "Reseller"}),
//		seed.Group("agents", store.Group{AccountID: "reseller", Name: "Agents", DefaultAccess: "crud"}),
//		seed.User("agent", store.User{AccountID: "reseller", Login: "agent@x.example", Groups: []string{"agents"}}),
//	)
//	agent := names.ID("agent")
//
// A value given to this package holds the name of a row where the store's holds
// its id. A row comes after those that it names.
package seed

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"resellerd/store"
)

// Row is something to be made.
type Row struct {
	name   string
	master bool
	make   func(ctx context.Context, tx *store.Tx, n *Names) (id string, err error) // no id: no row of its own
}

// Fill makes rows. Each master begins a transaction and a tenant, to which the
// rows up to the next master belong. It stops at the first error, which starts
// with the name of the row.
func Fill(ctx context.Context, st *store.Store, n *Names, rows ...Row) error {
	for len(rows) > 0 {
		tenant, rest := rows, []Row(nil)
		if next := slices.IndexFunc(rows[1:], func(r Row) bool { return r.master }); next >= 0 {
			tenant, rest = rows[:next+1], rows[next+1:]
		}
		if err := st.Write(ctx, "", func(tx *store.Tx) error { return Make(ctx, tx, n, tenant...) }); err != nil {
			return err
		}
		rows = rest
	}
	return nil
}

// Make makes rows of the transaction's tenant. It stops at the first error, which
// starts with the name of the row.
func Make(ctx context.Context, tx *store.Tx, n *Names, rows ...Row) error {
	for _, row := range rows {
		n.Next(row.name)
		id, err := row.make(ctx, tx, n)
		n.Next("")
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		if id != "" {
			n.Call(row.name, id)
		}
	}
	return nil
}

// Account is an account.
func Account(name string, a store.Account) Row {
	return Row{name, a.Kind == store.Master, func(ctx context.Context, tx *store.Tx, n *Names) (string, error) {
		made := a
		if a.ParentID != "" {
			made.ParentID = n.ID(a.ParentID)
		}
		made, err := tx.CreateAccount(ctx, made)
		return made.ID, err
	}}
}

// Group is a group, perhaps lent to accounts.
func Group(name string, g store.Group) Row {
	return Row{name, false, func(ctx context.Context, tx *store.Tx, n *Names) (string, error) {
		made := g
		made.AccountID, made.LentTo = n.ID(g.AccountID), n.all(g.LentTo)
		made, err := tx.CreateGroup(ctx, made)
		return made.ID, err
	}}
}

// User is a user in groups.
func User(name string, u store.User) Row {
	return Row{name, false, func(ctx context.Context, tx *store.Tx, n *Names) (string, error) {
		made := u
		made.AccountID, made.Groups = n.ID(u.AccountID), n.all(u.Groups)
		made, err := tx.CreateUser(ctx, made)
		return made.ID, err
	}}
}

// Customer is a customer.
func Customer(name string, c store.Customer) Row {
	return Row{name, false, func(ctx context.Context, tx *store.Tx, n *Names) (string, error) {
		made := c
		made.AccountID = n.ID(c.AccountID)
		made, err := tx.CreateCustomer(ctx, made)
		return made.ID, err
	}}
}

// Webhook is a webhook of a user.
func Webhook(name string, w store.Webhook) Row {
	return Row{name, false, func(ctx context.Context, tx *store.Tx, n *Names) (string, error) {
		made := w
		made.ID, made.AccountID, made.UserID = tx.NewWebhookID(), n.ID(w.AccountID), n.ID(w.UserID)
		made, err := tx.CreateWebhook(ctx, made)
		return made.ID, err
	}}
}

// Card is a card without rates.
func Card(name string, c store.Card) Row {
	return Row{name, false, func(ctx context.Context, tx *store.Tx, n *Names) (string, error) {
		made := c
		made.AccountID = n.ID(c.AccountID)
		made, err := tx.CreateCard(ctx, made)
		return made.ID, err
	}}
}

// Rates gives a card an active revision, called "CARD.revision".
func Rates(card string, rates iter.Seq2[store.Rate, error]) Row {
	return Row{card, false, func(ctx context.Context, tx *store.Tx, n *Names) (string, error) {
		made, err := tx.CreateRevision(ctx, n.ID(card), rates)
		if err == nil {
			n.Call(card+".revision", made.ID)
			_, err = tx.ActivateRevision(ctx, store.AllRates, n.ID(card), made.ID)
		}
		return "", err
	}}
}

// Assign assigns a card to accounts.
func Assign(card string, accounts ...string) Row {
	return Row{card, false, func(ctx context.Context, tx *store.Tx, n *Names) (string, error) {
		for _, account := range accounts {
			if _, err := tx.AssignCard(ctx, store.Assignment{CardID: n.ID(card), AccountID: n.ID(account)}); err != nil {
				return "", err
			}
		}
		return "", nil
	}}
}

// Put puts customers on a card.
func Put(card string, customers ...string) Row {
	return Row{card, false, func(ctx context.Context, tx *store.Tx, n *Names) (string, error) {
		for _, customer := range customers {
			if _, err := tx.PutCustomerOnCard(ctx, store.CardCustomer{CardID: n.ID(card), CustomerID: n.ID(customer)}); err != nil {
				return "", err
			}
		}
		return "", nil
	}}
}
