package main

import (
	"context"
	"fmt"

	"resellerd/store"
)

type migrateCommand struct {
	Database string `help:"sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
}

// Run brings the schema up to date. Several may run at once: they take turns.
func (c *migrateCommand) Run(ctx context.Context, t terminal) error {
	st, err := openStore(ctx, c.Database, true, store.Options{})
	if err != nil {
		return err
	}
	defer st.Close()
	if err := st.SchemaCurrent(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "the schema of %s is up to date\n", hidePassword(c.Database))
	return err
}
