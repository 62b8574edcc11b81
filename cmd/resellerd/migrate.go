package main

import (
	"context"
	"fmt"
	"io"

	"resellerd/store"
)

type migrateCommand struct {
	Database string `help:"sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
	Check    bool   `help:"Only list external ids of users that collide or are malformed."`
	Format   string `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// Run migrates the schema and prints the external ids of users that the migration
// cleared. Several migrations may run at once: they take turns.
func (c *migrateCommand) Run(ctx context.Context, t terminal) error {
	if c.Check {
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
	if err := c.print(t.out, cleared); err != nil || c.Format == "json" {
		return err
	}
	_, err = fmt.Fprintf(t.out, "the schema of %s is up to date\n", hidePassword(c.Database))
	return err
}

// check lists the external ids that a person should look at before or after the
// migration. It returns a decideError if there are any.
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
	if err := c.print(w, bad); err != nil || len(bad) == 0 {
		return err
	}
	return decideError{fmt.Errorf("external ids of users: %d collide or are malformed; "+
		"give these users other ids; `resellerd migrate` clears the ids marked as cleared and keeps the others", len(bad))}
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

func (c *migrateCommand) print(w io.Writer, bad []store.BadExternalID) error {
	if c.Format == "json" {
		list := make([]externalID, 0, len(bad))
		for _, one := range bad {
			list = append(list, externalID{one.TenantID, one.AccountID, one.UserID, one.ExternalID, one.Fault, one.Cleared})
		}
		return printJSON(w, map[string][]externalID{"external_ids": list})
	}
	for _, one := range bad {
		if _, err := fmt.Fprintln(w, badExternalID(one)); err != nil {
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
