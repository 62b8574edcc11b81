package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"resellerd/store"
)

type pruneCommand struct {
	Database string `help:"sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
	keepSettings
	Apply  bool   `help:"Delete it; without it, only show it."`
	Format string `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// pruneReport is what `resellerd prune --format json` prints.
type pruneReport struct {
	Applied bool            `json:"applied"`
	Tenants []store.Expired `json:"tenants"`
}

// Run shows the revisions and audit entries that are older than the settings keep, or deletes them.
func (c *pruneCommand) Run(ctx context.Context, t terminal) (err error) {
	if c.keep() == (store.Keep{}) {
		return usagef("all data is kept: give --revision-keep or --audit-keep, such as 8760h for a year")
	}
	if err := fileThere(c.Database); err != nil {
		return err
	}
	st, err := openStore(ctx, c.Database, false, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	report := pruneReport{Applied: c.Apply}
	if c.Apply {
		if report.Tenants, err = st.Prune(ctx, c.keep()); err == nil {
			err = st.Sweep(ctx)
		}
	} else {
		report.Tenants, err = st.Expired(ctx, c.keep())
	}
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return printJSON(t.out, report)
	}
	return report.print(t.out)
}

func (r pruneReport) print(w io.Writer) error {
	verb := "would be deleted"
	if r.Applied {
		verb = "were deleted"
	}
	var revisions, rates, entries, former int64
	for _, e := range r.Tenants {
		for _, one := range e.Revisions {
			fmt.Fprintf(w, "%s  revision %d of %s, %d rates, in force until %s\n",
				e.TenantID, one.Number, one.CardID, one.Rows, one.DeactivatedAt.Time().Format("2006-01-02"))
			rates += one.Rows
		}
		revisions += int64(len(e.Revisions))
		entries += e.AuditEntries
		former += e.FormerAccess
	}
	_, err := fmt.Fprintf(w, "%d revisions with %d rates, %d audit entries and %d former versions of access %s\n", revisions, rates, entries, former, verb)
	return err
}
