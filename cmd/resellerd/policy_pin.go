package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"resellerd/policies"
	"resellerd/policies/shipping"
	"resellerd/server/resource"
	"resellerd/store"
	"resellerd/store/fault"
)

// release is the word that ends a pin.
const release = "release"

// policyPinCommand keeps a policy in force whatever is delivered.
type policyPinCommand struct {
	Database   string `help:"Database of the servers: sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
	PolicyKeep string `help:"Folder of the last three good policies, as for serve." placeholder:"DIR|none"`
	Revision   string `arg:"" optional:"" help:"Revision to put in force and keep, or release; without it, the pin and the kept policies are listed." placeholder:"REVISION|release"`
}

// Run orders every server of the database to keep the revision in force.
func (c *policyPinCommand) Run(ctx context.Context, t terminal) (err error) {
	kept, err := keptFor(c.PolicyKeep, c.Database).List()
	if err != nil {
		return err
	}
	st, err := (&lookSettings{Database: c.Database}).open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	switch c.Revision {
	case "":
		return listKept(ctx, t, st, kept)
	case release:
		if err := st.PinPolicy(ctx, ""); err != nil {
			return err
		}
		fmt.Fprintln(t.out, "released: the servers follow changes of the policy again")
		return nil
	}
	revision, err := keptRevision(c.Revision, kept)
	if err != nil {
		return err
	}
	if err := ordered(st.PinPolicy(ctx, revision)); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "pinned: the servers put %s in force and keep it until `resellerd policy pin release`\n", revision)
	if len(kept) == 0 {
		fmt.Fprintln(t.err, "resellerd: warning: no policy is kept on this machine, so nobody has checked that the servers have this one: look for resellerd_policy_info")
	}
	return nil
}

// keptRevision returns the only kept revision that begins with a text. If nothing is
// kept on this machine, the servers may keep it on theirs.
func keptRevision(text string, kept []shipping.KeptTree) (string, error) {
	if len(kept) == 0 {
		return text, nil
	}
	var names, found []string
	for _, one := range kept {
		names = append(names, one.Revision)
		if strings.HasPrefix(one.Revision, text) {
			found = append(found, one.Revision)
		}
	}
	if len(found) != 1 {
		return "", usagef("revision %q: want one of the kept ones: %s", text, strings.Join(names, ", "))
	}
	return found[0], nil
}

func listKept(ctx context.Context, t terminal, st *store.Store, kept []shipping.KeptTree) error {
	order, err := st.PolicyOrder(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	for _, one := range kept {
		note := ""
		if one.Revision == order.Pin {
			note = "pinned"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", one.Revision, one.At.UTC().Format(time.RFC3339), one.Path, note)
	}
	if order.Pin != "" && !slices.ContainsFunc(kept, func(k shipping.KeptTree) bool { return k.Revision == order.Pin }) {
		fmt.Fprintf(table, "%s\t\tnot kept on this machine\tpinned\n", order.Pin)
	}
	if order.Pin == "" {
		fmt.Fprintln(table, "no policy is pinned")
	}
	return table.Flush()
}

// policyConfirmCommand lets a policy come into force that gives more.
type policyConfirmCommand struct {
	Database string `help:"Database of the servers: sqlite:FILE or postgres://…" default:"sqlite:resellerd.db" placeholder:"URL"`
	Revision string `arg:"" help:"Revision that waits, as the servers' logs name it."`
}

// Run confirms the revision for every server of the database.
func (c *policyConfirmCommand) Run(ctx context.Context, t terminal) (err error) {
	st, err := (&lookSettings{Database: c.Database}).open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := ordered(st.ConfirmPolicy(ctx, c.Revision)); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "confirmed: servers on which %s waits put it in force\n", c.Revision)
	return nil
}

// ordered makes the error of an order about a text that cannot be a revision one of
// usage.
func ordered(err error) error {
	if errors.Is(err, fault.ErrInvalid) {
		return usageError{err}
	}
	return err
}

// keptFor returns the folder of the last good policies. set is the setting.
func keptFor(set, database string) shipping.Kept {
	path, file := strings.CutPrefix(database, "sqlite:")
	switch {
	case set == "none", set == "" && (!file || path == ":memory:"):
		return shipping.Kept{}
	case set == "":
		return shipping.Kept{Dir: path + ".policies"}
	}
	return shipping.Kept{Dir: set}
}

// policyOrder returns the order about the policy of a database, whose schema may be
// old, and which may not exist yet.
func policyOrder(ctx context.Context, database string) (order store.PolicyOrder, err error) {
	if fileThere(database) != nil {
		return order, nil
	}
	st, err := store.Open(ctx, database, store.Options{})
	if err != nil {
		return order, ordered(err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return st.PolicyOrder(ctx)
}

// inForce returns the policy by which a command may write to the database, as the servers
// do: the pinned one, or the one of --policies.
func (l *lookSettings) inForce(ctx context.Context) (*policies.Engine, error) {
	order, err := policyOrder(ctx, l.Database)
	if err != nil {
		return nil, err
	}
	engine, err := l.engine(ctx, l.Policies)
	if order.Pin == "" || err == nil && engine.Revision() == order.Pin {
		return engine, err
	}
	kept, err := keptFor("", l.Database).Find(order.Pin)
	if err != nil {
		return nil, policyError{fmt.Errorf("a policy is pinned: %w (name its tree with --policies, or release the pin)", err)}
	}
	return policies.Load(ctx, kept.Tree, policies.Options{Schema: resource.Schema(), Timeout: inspectTimeout, Source: kept.Source})
}
