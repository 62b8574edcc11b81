package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"resellerd/cmd/resellerd/demo"
	"resellerd/store"
)

// demo serves an example carrier. Its store, token and default decision log are
// created for this run and removed at the end, so that it cannot touch a store in
// use.
func (c *serveCommand) demo(ctx context.Context, k *kong.Context, t terminal, l *layers, hangUp <-chan os.Signal) (err error) {
	if l.from(k, "database") != "default" {
		return usagef("--demo uses a temporary store: remove --database (set by: %s)", l.from(k, "database"))
	}
	dir, err := demo.MakeDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if l.from(k, "decision-log") == "default" {
		c.DecisionLog = filepath.Join(dir, "decisions.jsonl")
	}
	log := c.logger(t.err)
	d, err := c.delivery(l.variable, log)
	if err != nil {
		return err
	}
	d.keeper.Kept = keptFor(c.PolicyKeep, demo.Database(dir))
	if err := d.first(ctx, store.PolicyOrder{}); err != nil {
		return unlessStopped(ctx, err)
	}
	st, world, err := demo.Open(ctx, dir)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	token := rand.Text()
	c.PanelTokens = world.Tenant + ":" + token
	cfg, err := c.server()
	if err != nil {
		return closing(st, err)
	}
	show := tour{world: world, token: token, tls: c.TLSCert != "", log: c.DecisionLog}
	log = slog.New(onReady{log.Handler(), func(addr string) { show.print(t.out, addr) }})
	return c.run(ctx, cfg, st, d, log, hangUp)
}

// onReady forwards a log, and calls tell with the server's address when the server is
// ready.
type onReady struct {
	slog.Handler
	tell func(addr string)
}

// Handle implements slog.Handler.
func (h onReady) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if r.Message == "ready" {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "addr" {
				h.tell(a.Value.String())
			}
			return a.Key != "addr"
		})
	}
	return err
}

// tour is what the demo prints at its start.
type tour struct {
	world demo.World
	token string
	tls   bool
	log   string
}

const tourText = `
Halyard Telecom, its resellers Brightcall, Andes Voz and Kestrel Voice, their
users, customers and rate cards: all made up, and gone when you stop this.

  address    %[1]s
  token      %[2]s
  decisions  %[3]s

Paste these into another terminal. One card, as the carrier that made it:

  %[4]s

as the reseller that it is assigned to, whose provider's card it is:

  %[5]s

and as another reseller, for whom it does not exist:

  %[6]s

May a reseller's seller delete a customer?

  %[7]s

For the examples of the README:

  export RESELLERD_URL=%[1]s RESELLERD_TOKEN=%[2]s

`

func (d tour) print(w io.Writer, addr string) {
	url, socket := "http://"+addr, ""
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		url, socket = "http://localhost", "--unix-socket "+path+" "
	}
	if d.tls {
		url = "https" + strings.TrimPrefix(url, "http")
	}
	curl := func(args string) string {
		return fmt.Sprintf(`curl -s -w '\n' %s-H 'Authorization: Bearer %s' %s`, socket, d.token, args)
	}
	card := func(user string) string {
		return curl(fmt.Sprintf("-H 'Resellerd-User: %s' %s/v1/cards/%s", user, url, d.world.Card))
	}
	question := fmt.Sprintf(`{"subject": {"type": "user", "id": "%s"}, "action": {"name": "delete"}, `+
		`"resource": {"type": "customer", "id": "%s"}, "context": {"reasons": true}}`, d.world.Seller, d.world.Customer)
	fmt.Fprintf(w, tourText, url, d.token, d.log,
		card(d.world.Master), card(d.world.Reseller), card(d.world.Stranger),
		curl(fmt.Sprintf("-H 'Content-Type: application/json' -d '%s' %s/access/v1/evaluation", question, url)))
}
