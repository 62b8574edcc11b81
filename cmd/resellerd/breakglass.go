package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"resellerd/store"
	"resellerd/store/fault"
)

// userCommand works on users. Besides the requests of the API, it has commands that only
// somebody with access to the database can run.
type userCommand struct {
	resourceCommand
	BreakGlass breakGlassCommand `cmd:"" name:"break-glass" help:"Create a user of the master for an emergency, on the database itself."`
	Erase      eraseCommand      `cmd:"" help:"Replace what identifies a user by a pseudonym, in all tables of the database."`
}

type breakGlassCommand struct {
	Database   string        `help:"sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
	Login      string        `help:"The user's login, an email address." required:"" placeholder:"EMAIL"`
	Reason     string        `help:"Why the user is needed; kept in the audit trail." required:"" placeholder:"TEXT"`
	For        time.Duration `help:"Time until the user's rights end." default:"1h" range:"1m,24h"`
	Group      string        `help:"The user's group, one of the master; by default one with full access." placeholder:"GROUP"`
	ExternalID string        `name:"external-id" help:"The panel's name for the user, which it sends as Resellerd-User." placeholder:"ID"`
	Tenant     string        `help:"The master, if the store has several." placeholder:"ACCOUNT"`
	Format     string        `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// madeForEmergency is what `resellerd user break-glass --format json` prints.
type madeForEmergency struct {
	User  string    `json:"user_id"`
	Group string    `json:"group_id"`
	Until time.Time `json:"valid_until"`
}

// Run creates the user.
func (c *breakGlassCommand) Run(ctx context.Context, t terminal) (err error) {
	st, tenant, err := openTenant(ctx, c.Database, c.Tenant)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	var made madeForEmergency
	err = st.Write(ctx, tenant, func(tx *store.Tx) error {
		u, err := tx.BreakGlass(ctx, store.Emergency{Login: c.Login, ExternalID: c.ExternalID, Group: c.Group, For: c.For, Reason: c.Reason})
		if err != nil {
			return err
		}
		made = madeForEmergency{User: u.ID, Group: u.Groups[0], Until: u.GroupEnds[u.Groups[0]].Time()}
		return nil
	})
	var bad *fault.FieldError
	if errors.As(err, &bad) && bad.Field == "group_ends" && errors.Is(err, fault.ErrConflict) {
		err = fmt.Errorf("%w: run `resellerd migrate --finish` when no server of an earlier release is left", err)
	}
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return printJSON(t.out, made)
	}
	name := c.ExternalID
	if name == "" {
		name = made.User
	}
	_, err = fmt.Fprintf(t.out, `%s: made for an emergency
  user   %s
  group  %s, until %s

Send:    Resellerd-User: %s
Delete the user when it is not needed any more.
`, c.Login, made.User, made.Group, made.Until.Format(time.RFC3339), name)
	return err
}

// openTenant opens a store that exists, to work on one master.
func openTenant(ctx context.Context, database, named string) (*store.Store, string, error) {
	if err := fileThere(database); err != nil {
		return nil, "", err
	}
	st, err := openStore(ctx, database, false, store.Options{})
	if err != nil {
		return nil, "", err
	}
	tenant, err := masterOf(ctx, st, named)
	if err != nil {
		return nil, "", errors.Join(err, st.Close())
	}
	return st, tenant, nil
}

// masterOf returns the master that is named, or the only one of the store.
func masterOf(ctx context.Context, st *store.Store, named string) (string, error) {
	tenant, err := st.Master(ctx, named)
	switch {
	case errors.Is(err, fault.ErrAmbiguous):
		err = usagef("the store has several masters: name one with --tenant")
	case errors.Is(err, fault.ErrNotFound) && named == "":
		err = usagef("the store has no master: create one with resellerd init")
	}
	return tenant, err
}
