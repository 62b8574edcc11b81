package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"resellerd/policies"
	"resellerd/server"
	"resellerd/store"
)

type serveCommand struct {
	settings
	Demo bool `help:"Serve a made-up carrier from a store of its own, gone at the end."`
}

// Run serves until the context ends, then finishes what is under way. Whatever
// can be found wrong is found before the first request is taken.
func (c *serveCommand) Run(ctx context.Context, k *kong.Context, t terminal, l *layers) error {
	if c.Demo {
		return c.demo(ctx, k, t, l)
	}
	cfg, err := c.server()
	if err != nil {
		return err
	}
	if c.PanelTokens == "" && c.PanelTokenFile == "" && c.JWKS == "" {
		return usageError{errors.Join(server.ErrNoCallers, errors.New("give --panel-tokens, --panel-token-file or --jwks, or look around with --demo"))}
	}
	engine, err := c.engine(ctx)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	st, err := c.open(ctx)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	return c.run(ctx, cfg, st, engine, c.logger(t.err))
}

// gcPercent collects garbage less often than Go would by itself: what a request
// leaves behind is many times what stays, and what stays is a few tens of
// megabytes. GOGC in the environment goes over it.
const gcPercent = 400

// run serves the store, and closes it afterwards.
func (c *settings) run(ctx context.Context, cfg server.Config, st *store.Store, engine *policies.Engine, log *slog.Logger) error {
	if os.Getenv("GOGC") == "" { //nolint:forbidigo // a setting of Go's, not of ours
		debug.SetGCPercent(gcPercent)
	}
	signal.Ignore(syscall.SIGPIPE) // a reader of the decision log that has gone is an error of the log's
	holder := &server.EngineHolder{}
	holder.Swap(engine)
	s, err := server.New(cfg, st, holder, server.WithLogger(log))
	if err != nil {
		return unlessStopped(ctx, closing(st, err))
	}
	s.PolicyLoaded(nil)
	return errors.Join(s.Run(ctx), st.Close())
}

// unlessStopped forgets what went wrong with the start because it was called
// off.
func unlessStopped(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}
