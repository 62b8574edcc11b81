package main

import (
	"context"
	"fmt"
	"io"

	"resellerd/policies/predicate"
	"resellerd/store"
	"resellerd/store/query"
)

type initCommand struct {
	storeSettings
	Company    string `help:"The carrier's company name." required:"" placeholder:"NAME"`
	Login      string `help:"The first user's login, an email address." required:"" placeholder:"EMAIL"`
	ExternalID string `name:"external-id" help:"The panel's name for the user, which it sends as Resellerd-User." placeholder:"ID"`
	PublicName string `help:"The carrier's name for resellers; the company name by default." placeholder:"NAME"`
	Currency   string `help:"The carrier's currency, ISO 4217; it cannot change later." placeholder:"CODE"`
	Another    bool   `help:"Add a carrier to a store that already has one."`
	Format     string `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// founded is what `resellerd init` created, or what an earlier run created.
type founded struct {
	Account string `json:"account_id"`
	Group   string `json:"group_id"`
	User    string `json:"user_id"`
	Created bool   `json:"created"`
}

// Run creates a master, a group that may do everything, and a user in the group. It
// can be repeated: if the carrier exists with that user, Run changes nothing and
// prints it. It refuses any other store that has a carrier, unless --another is set,
// so that a typing error does not create a second carrier.
func (c *initCommand) Run(ctx context.Context, t terminal) error {
	st, err := c.open(ctx, t.err)
	if err != nil {
		return err
	}
	defer st.Close()
	var made founded
	var before *master
	err = st.Write(ctx, "", func(tx *store.Tx) error {
		if before, err = c.lookAround(ctx, tx); err != nil || before != nil {
			return err
		}
		made, err = c.found(ctx, tx)
		return err
	})
	switch {
	case err != nil:
		return err
	case before != nil:
		return c.again(ctx, t.out, st, *before)
	}
	return c.print(t.out, made)
}

// lookAround finds the carrier with that name. It returns nil if the carrier may be
// created.
func (c *initCommand) lookAround(ctx context.Context, tx *store.Tx) (*master, error) {
	named, err := masters(ctx, tx, query.Condition{Column: "name", Op: query.Eq, Value: c.Company})
	if err != nil {
		return nil, err
	}
	if len(named) > 0 {
		return &named[0], nil
	}
	there, err := masters(ctx, tx)
	if err == nil && len(there) > 0 && !c.Another {
		err = fmt.Errorf("store: holds %q (%s) already; add another carrier with --another", there[0].name, there[0].id)
	}
	return nil, err
}

// again prints what an earlier run created.
func (c *initCommand) again(ctx context.Context, w io.Writer, st *store.Store, m master) error {
	user, err := c.firstUser(ctx, st, m)
	if err != nil {
		return err
	}
	return c.print(w, founded{Account: m.id, Group: user.Groups[0], User: user.ID})
}

// firstUser finds the user by login and external id. A second run with another login
// must not look like a repetition of the first.
func (c *initCommand) firstUser(ctx context.Context, st *store.Store, m master) (store.User, error) {
	missing := fmt.Errorf("account %q (%s): exists without the user %s %s", m.name, m.id, c.Login, c.ExternalID)
	rows, err := list(ctx, st, "user", []string{"id", "account_id", "login", "external_id"},
		query.Condition{Column: "account_id", Op: query.Eq, Value: m.id},
		query.Condition{Column: "login", Op: query.Eq, Value: c.Login})
	if err != nil {
		return store.User{}, err
	}
	if len(rows) != 1 {
		return store.User{}, missing
	}
	subject, err := st.Subject(ctx, m.id, rows[0].ID())
	if err != nil {
		return store.User{}, err
	}
	if subject.User.ExternalID != c.ExternalID || len(subject.User.Groups) == 0 {
		return store.User{}, missing
	}
	return subject.User, nil
}

// found creates the carrier.
func (c *initCommand) found(ctx context.Context, tx *store.Tx) (founded, error) {
	account, err := tx.CreateAccount(ctx, store.Account{
		Kind: store.Master, Name: c.Company, PublicName: c.publicName(), Currency: c.Currency, ListedAreas: true,
	})
	if err != nil {
		return founded{}, err
	}
	group, err := tx.CreateGroup(ctx, store.Group{AccountID: account.ID, Name: "Full access", DefaultAccess: "crud"})
	if err != nil {
		return founded{}, err
	}
	user, err := tx.CreateUser(ctx, store.User{
		AccountID: account.ID, ExternalID: c.ExternalID, Login: c.Login, Groups: []string{group.ID},
	})
	if err != nil {
		return founded{}, err
	}
	made := founded{Account: account.ID, Group: group.ID, User: user.ID, Created: true}
	return made, recordFounding(ctx, tx, made)
}

// recordFounding writes the audit entries. Entries without an actor stand for the
// command line.
func recordFounding(ctx context.Context, tx *store.Tx, made founded) error {
	for _, row := range [][2]string{{"account", made.Account}, {"group", made.Group}, {"user", made.User}} {
		entry := store.AuditEntry{AccountID: made.Account, ResourceType: row[0], ResourceID: row[1], Action: "create"}
		if _, err := tx.Audit(ctx, entry); err != nil {
			return err
		}
	}
	return nil
}

func (c *initCommand) publicName() string {
	if c.PublicName == "" {
		return c.Company
	}
	return c.PublicName
}

func (c *initCommand) print(w io.Writer, made founded) error {
	if c.Format == "json" {
		return printJSON(w, made)
	}
	first := "made"
	if !made.Created {
		first = "was made before"
	}
	user := c.ExternalID
	if user == "" {
		user = made.User
	}
	_, err := fmt.Fprintf(w, `%s: %s
  account  %s   the tenant that panel tokens are bound to
  group    %s   Full access
  user     %s   %s

Start with:  RESELLERD_PANEL_TOKENS=%s:SECRET resellerd serve
and send:    Resellerd-User: %s
`, c.Company, first, made.Account, made.Group, made.User, c.Login, made.Account, user)
	return err
}

// master is a carrier in the store.
type master struct{ id, name string }

func masters(ctx context.Context, from lister, where ...query.Condition) ([]master, error) {
	where = append(where, query.Condition{Column: "kind", Op: query.Eq, Value: store.Master})
	rows, err := list(ctx, from, "account", []string{"id", "kind", "name"}, where...)
	found := make([]master, 0, len(rows))
	for _, row := range rows {
		name, _ := row.Value("name")
		text, _ := name.(string)
		found = append(found, master{id: row.ID(), name: text})
	}
	return found, err
}

// lister is a store or a transaction.
type lister interface {
	List(ctx context.Context, q query.Query) (query.Page, error)
}

// list reads the first page of rows without any filter, because the operator of the
// store may see every row.
func list(ctx context.Context, from lister, typ string, columns []string, where ...query.Condition) ([]query.Row, error) {
	everything := predicate.Filter{Kind: predicate.All}
	page, err := from.List(ctx, query.Query{
		Type: typ, Filter: everything, Where: where,
		Views:   []query.View{{Name: "full", When: everything}},
		Columns: []query.Columns{{Names: columns, When: everything}},
	})
	return page.Rows, err
}
