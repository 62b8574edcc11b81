package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"resellerd/store"
)

type migrateCommand struct {
	Database string `help:"sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
	Check    bool   `help:"Only list names that collide, malformed external ids of users, and currencies that differ."`
	Finish   bool   `help:"Also close the store to earlier releases, so that rights can end. Run it when no server of an earlier release is left."`
	Format   string `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// Run migrates the schema and prints the external ids of users that the migration
// cleared, and names that collide. Several migrations may run at once: they take
// turns.
func (c *migrateCommand) Run(ctx context.Context, t terminal) error {
	switch {
	case c.Check && c.Finish:
		return usagef("--check changes nothing: leave out --finish")
	case c.Check:
		return c.check(ctx, t.out)
	}
	var cleared []store.BadExternalID
	st, err := openStore(ctx, c.Database, true, store.Options{Cleared: func(one store.BadExternalID) {
		cleared = append(cleared, one)
	}})
	if err != nil {
		return err
	}
	defer st.Close()
	if err := st.SchemaCurrent(ctx); err != nil {
		return err
	}
	if c.Finish {
		if err := st.FinishUpgrade(ctx); err != nil {
			return err
		}
	}
	same, err := st.Collisions(ctx)
	if err != nil {
		return err
	}
	if err := c.print(t.out, cleared, same); err != nil || c.Format == "json" {
		return err
	}
	_, err = fmt.Fprintf(t.out, "the schema of %s is up to date\n", hidePassword(c.Database))
	return err
}

// check lists the names that a person should look at before or after the migration.
// It returns a decideError if there are any.
func (c *migrateCommand) check(ctx context.Context, w io.Writer) error {
	if err := fileThere(c.Database); err != nil {
		return err
	}
	st, err := store.Open(ctx, c.Database, store.Options{})
	if err != nil {
		return err
	}
	defer st.Close()
	bad, err := st.BadExternalIDs(ctx)
	if err != nil {
		return err
	}
	same, err := st.Collisions(ctx)
	if err != nil {
		return err
	}
	differ, err := st.CurrencyMismatches(ctx)
	if err != nil {
		return err
	}
	if err := c.print(w, bad, same, differ...); err != nil {
		return err
	}
	var decide []error
	if len(bad) > 0 {
		decide = append(decide, fmt.Errorf("external ids of users: %d collide or are malformed; "+
			"give these users other ids; `resellerd migrate` clears the ids marked as cleared and keeps the others", len(bad)))
	}
	if len(same) > 0 {
		decide = append(decide, fmt.Errorf("external ids of accounts, and logins: %d collide; "+
			"change all but one of each; `resellerd migrate` keeps them", len(same)))
	}
	if len(decide) > 0 {
		return decideError{errors.Join(decide...)}
	}
	return nil
}

// externalID is the JSON form of a store.BadExternalID.
type externalID struct {
	Tenant     string `json:"tenant_id"`
	Account    string `json:"account_id"`
	User       string `json:"user_id"`
	ExternalID string `json:"external_id"`
	Fault      string `json:"fault"`
	Cleared    bool   `json:"cleared"`
}

// collision is the JSON form of a store.Collision.
type collision struct {
	Tenant  string `json:"tenant_id"`
	Account string `json:"account_id"`
	Type    string `json:"type"`
	ID      string `json:"id"`
	Column  string `json:"column"`
	Value   string `json:"value"`
}

// currencyMismatch is the JSON form of a store.CurrencyMismatch.
type currencyMismatch struct {
	TenantID string `json:"tenant_id"`
	CardID   string `json:"card_id"`
	Type     string `json:"type"`
	ID       string `json:"id"`
	Card     string `json:"card_currency"`
	Other    string `json:"currency"`
}

func (c *migrateCommand) print(w io.Writer, bad []store.BadExternalID, same []store.Collision, differ ...store.CurrencyMismatch) error {
	if c.Format == "json" {
		list := make([]externalID, 0, len(bad))
		for _, one := range bad {
			list = append(list, externalID{one.TenantID, one.AccountID, one.UserID, one.ExternalID, one.Fault, one.Cleared})
		}
		collisions := make([]collision, len(same))
		for i, one := range same {
			collisions[i] = collision{one.TenantID, one.AccountID, one.Type, one.ID, one.Column, one.Value}
		}
		currencies := make([]currencyMismatch, len(differ))
		for i, one := range differ {
			currencies[i] = currencyMismatch(one)
		}
		return printJSON(w, map[string]any{"external_ids": list, "collisions": collisions, "currencies": currencies})
	}
	for _, one := range bad {
		if _, err := fmt.Fprintln(w, badExternalID(one)); err != nil {
			return err
		}
	}
	for _, one := range differ {
		_, err := fmt.Fprintf(w, "tenant %s, card %s in %s: %s %s has %s: it stays\n",
			one.TenantID, one.CardID, one.Card, one.Type, one.ID, one.Other)
		if err != nil {
			return err
		}
	}
	for _, one := range same {
		_, err := fmt.Fprintf(w, "tenant %s, account %s, %s %s: %s %q collides: it stays\n",
			one.TenantID, one.AccountID, one.Type, one.ID, one.Column, one.Value)
		if err != nil {
			return err
		}
	}
	return nil
}

// badExternalID describes the fault of an external id as text.
func badExternalID(one store.BadExternalID) string {
	does := "stays"
	if one.Cleared {
		does = "is cleared by the migration"
	}
	return fmt.Sprintf("tenant %s, account %s, user %s: external id %q %s: it %s",
		one.TenantID, one.AccountID, one.UserID, one.ExternalID, one.Fault, does)
}
