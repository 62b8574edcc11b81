package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"resellerd/store"
)

type eraseCommand struct {
	Database string `help:"sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
	Tenant   string `help:"The master, if the store has several." placeholder:"ACCOUNT"`
	Format   string `help:"Output format: text or json." enum:"text,json" default:"text"`
	User     string `arg:"" help:"The user's id. The user may be deleted already." placeholder:"USER"`
}

// Run replaces what identifies the user, and shows where it is still found.
func (c *eraseCommand) Run(ctx context.Context, t terminal) (err error) {
	st, tenant, err := openTenant(ctx, c.Database, c.Tenant)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	erased, err := st.EraseUser(ctx, tenant, c.User)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		err = printJSON(t.out, erased)
	} else {
		err = printErased(t.out, &erased)
	}
	switch {
	case err != nil:
	case erased.Left():
		err = errors.New("the login or the external id is still found: another user may have the same; erase that user, too")
	case erased.Searched == 0 && erased.Earlier == 0:
		err = errors.New("nothing proves that the user is found nowhere: the store does not hold what the user was called any more, and no run has searched for it")
	}
	return err
}

func printErased(w io.Writer, e *store.Erased) error {
	fmt.Fprintf(w, "%s is %s now, and disabled\n", e.UserID, e.Pseudonym)
	fmt.Fprintf(w, "rewritten: %d audit entries, %d changes; deleted: %d kept answers\n", e.Entries, e.Changes, e.Answers)
	switch {
	case e.Searched == 0 && e.Earlier == 0:
		fmt.Fprintln(w, "nothing was left to replace, so nothing was searched for")
	case e.Searched == 0:
		fmt.Fprintf(w, "nothing was left to replace; an earlier run searched on %s\n", e.Earlier.Time().Format(time.RFC3339))
	case len(e.Found) == 0:
		fmt.Fprintln(w, "no table holds its name, login, external id or networks any more")
	}
	for _, f := range e.Found {
		fmt.Fprintf(w, "%s.%s still has the same %s in %d rows\n", f.Table, f.Column, strings.ReplaceAll(f.Of, "_", " "), f.Rows)
	}
	var kept []string
	for _, k := range e.Kept {
		kept = append(kept, fmt.Sprintf("%s.%s (%d)", k.Table, k.Column, k.Rows))
	}
	_, err := fmt.Fprintf(w, `The id stays in %s.
The law requires records of who changed prices and rights, for accounting and for disputes about bills. These records
name the user by the id alone. --audit-keep and --revision-keep end them. Decision logs hold the id, too.
Backups and the logs of the panel are not searched.
`, strings.Join(kept, ", "))
	return err
}
