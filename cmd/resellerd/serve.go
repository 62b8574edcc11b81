package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/alecthomas/kong"

	"resellerd/server"
	"resellerd/store"
)

type serveCommand struct {
	settings
	Demo bool `help:"Serve an invented carrier from a temporary store."`
}

// Run serves until the context ends, then finishes the requests that are in progress.
// It finds errors in the settings before it accepts the first request.
func (c *serveCommand) Run(ctx context.Context, k *kong.Context, t terminal, l *layers) error {
	hangUp := make(chan os.Signal, 1)
	signal.Notify(hangUp, syscall.SIGHUP) // for the rest of the process: even at its end, a SIGHUP must not kill it
	if c.Demo {
		return c.demo(ctx, k, t, l, hangUp)
	}
	cfg, err := c.server()
	if err != nil {
		return err
	}
	if c.PanelTokens == "" && c.PanelTokenFile == "" && c.JWKS == "" {
		return usageError{errors.Join(server.ErrNoCallers, errors.New("give --panel-tokens, --panel-token-file or --jwks, or try --demo"))}
	}
	log := c.logger(t.err)
	c.fitMemory(log, memlimit.FromCgroup)
	d, err := c.delivery(l.variable, log)
	if err != nil {
		return err
	}
	order, err := policyOrder(ctx, c.Database)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	d.keeper.Kept = keptFor(c.PolicyKeep, c.Database)
	if err := d.first(ctx, order); err != nil {
		return unlessStopped(ctx, err)
	}
	o := c.storeOptions()
	o.Cleared = func(one store.BadExternalID) {
		log.Warn("the migration cleared an external id", "tenant", one.TenantID, "account", one.AccountID,
			"user", one.UserID, "external_id", one.ExternalID, "reason", one.Fault)
	}
	o.Logger = log
	if err := fileThere(c.Database); err != nil {
		return usagef("%w: make it with `resellerd init`", err)
	}
	st, err := openStore(ctx, c.Database, c.Migrate, o)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	if err := hasCarrier(ctx, st); err != nil {
		return unlessStopped(ctx, closing(st, err))
	}
	return c.run(ctx, cfg, st, d, log, hangUp)
}

// hasCarrier refuses a SQLite store without a carrier: --database is likely to name
// the wrong file. A PostgreSQL store may get its first carrier while it is served.
func hasCarrier(ctx context.Context, st *store.Store) error {
	if st.Dialect() != "sqlite" {
		return nil
	}
	list, err := masters(ctx, st)
	if err == nil && len(list) == 0 {
		err = usagef("database: holds no carrier: make one with `resellerd init`, or give the right file as --database")
	}
	return err
}

// run serves the store and closes it afterwards. After each hang-up, it reads again
// what can change while it serves.
func (c *settings) run(ctx context.Context, cfg server.Config, st *store.Store, d *delivery, log *slog.Logger, hangUp <-chan os.Signal) error {
	boundGarbage()
	signal.Ignore(syscall.SIGPIPE) // if the decision log's reader has gone, the log reports an error
	s, err := server.New(cfg, st, d.keeper.Engines, append(d.options(), server.WithLogger(log), server.WithBuild(programBuild()))...)
	if errors.Is(err, server.ErrUnboundIssuer) || errors.Is(err, server.ErrIssuerTenant) {
		err = fmt.Errorf("%w: name the master account with --jwt-tenant", err)
	}
	if err != nil {
		return unlessStopped(ctx, closing(st, err))
	}
	stop := d.start(s, st, log)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangUp:
				s.Reload()
				d.again(ctx)
			}
		}
	}()
	err = s.Run(ctx)
	stop()
	return errors.Join(err, st.Close())
}

// unlessStopped drops an error of the start if the start was cancelled.
func unlessStopped(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}
