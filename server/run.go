package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"resellerd/server/shadow"

	"github.com/gofiber/fiber/v2"
)

// ErrDrain is the cause of a context that ends because another server takes over.
var ErrDrain = fmt.Errorf("terminated: %w", context.Canceled)

// Run listens and serves until ctx ends. If the cause is ErrDrain, it first drains:
// it answers for Limits.Drain and reports that it is not ready, so that load
// balancers notice. It then accepts no new requests, lets the running ones finish
// for at most Limits.Shutdown, and closes the decision log. It logs one line "ready"
// with the address once it answers requests. The store and the engine stay open: the
// caller owns them.
func (s *Server) Run(ctx context.Context) error {
	ln, err := s.listen(s.cfg.Listen)
	if err != nil {
		return err
	}
	var opsLn net.Listener
	if s.ops != nil {
		if opsLn, err = s.listen(s.cfg.MetricsListen); err != nil {
			return errors.Join(err, ln.Close())
		}
	}
	if s.envoy, err = s.openEnvoy(); err != nil {
		_ = ln.Close()
		if opsLn != nil {
			_ = opsLn.Close()
		}
		return err
	}
	return s.serve(ctx, ln, opsLn)
}

func (s *Server) serve(ctx context.Context, ln, opsLn net.Listener) error {
	background, stop := context.WithCancel(context.Background())
	defer stop()
	failed := make(chan error, 3)
	var served sync.WaitGroup
	start := func(app *fiber.App, ln net.Listener) {
		served.Go(func() {
			if err := app.Listener(ln); err != nil {
				failed <- fmt.Errorf("serve %s: %w", ln.Addr(), err)
			}
		})
	}
	start(s.app, ln)
	attrs := []any{"addr", address(ln)}
	if opsLn != nil {
		start(s.ops, opsLn)
		attrs = append(attrs, "metrics_addr", address(opsLn))
	}
	if s.envoy != nil {
		served.Go(func() {
			if err := s.envoy.serve(); err != nil {
				failed <- fmt.Errorf("serve %s: %w", s.envoy.addr(), err)
			}
		})
		attrs = append(attrs, "ext_authz_addr", s.envoy.addr())
	}
	if s.jwt != nil {
		go s.jwt.Run(background, func(err error) { s.reloaded("key_set", err) })
	}
	files := time.NewTicker(followEvery)
	defer files.Stop()
	go s.follow(background, files.C)
	var timed, delivering sync.WaitGroup
	if s.store != nil { // nil in tests that only listen
		timed.Go(func() { s.keepTime(background) })
		timed.Go(func() { s.keepSwept(background) })
		timed.Go(func() { s.keepPruned(background) })
		timed.Go(func() { s.keepCounted(background) })
		if !s.cfg.WebhookHold {
			delivering.Go(func() { s.hooks.Run(background) })
		}
	}
	s.logger.Info("ready", attrs...)
	var err error
	select {
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), ErrDrain) {
			err = s.drain(failed)
		}
	case err = <-failed:
	}
	stop()
	timed.Wait()
	err = errors.Join(err, s.shutdown(delivering.Wait))
	// If ctx ended before Listener began, shutdown found nothing to shut down.
	// Without its listener, Listener cannot begin any more. In all other cases
	// the listeners are closed already.
	_ = ln.Close()
	if opsLn != nil {
		_ = opsLn.Close()
	}
	served.Wait()
	return err
}

// drain answers for Limits.Drain. Each answer closes its connection, and idle
// connections stay open, because their clients may send a request at any moment.
func (s *Server) drain(failed <-chan error) error {
	s.end()
	if s.cfg.Limits.Drain < 0 {
		return nil
	}
	s.logger.Info("draining", "time", s.cfg.Limits.Drain.String())
	select {
	case <-s.after(s.cfg.Limits.Drain):
		return nil
	case err := <-failed:
		return err
	}
}

// end says that the server takes no new work, and lets waiting requests be answered.
func (s *Server) end() {
	if !s.draining.Swap(true) {
		close(s.ending)
	}
}

// address is the address that a client connects to.
func address(ln net.Listener) string {
	if ln.Addr().Network() == "unix" {
		return "unix:" + ln.Addr().String()
	}
	return ln.Addr().String()
}

// shutdown lets running requests finish, and waits for other work meanwhile. The listener of
// the probes closes last, so that an operator can watch the shutdown.
func (s *Server) shutdown(wait func()) error {
	s.logger.Info("stopping")
	s.end()
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Limits.Shutdown)
	defer cancel()
	stop := s.fresh.Closing()
	defer stop()
	s.envoy.shutdown(ctx)
	err := s.app.ShutdownWithContext(ctx)
	if s.ops != nil {
		err = errors.Join(err, s.ops.ShutdownWithContext(ctx))
	}
	if err != nil {
		err = fmt.Errorf("shutdown: %w", err)
	}
	wait()
	s.shadow.Close(shadow.Patience)
	s.endTraces(ctx)
	return errors.Join(err, s.closeLog())
}

// Close releases a server that never ran: it writes out the decision log.
func (s *Server) Close() error {
	s.shadow.Close(shadow.Patience)
	s.endTraces(context.Background())
	return s.closeLog()
}
