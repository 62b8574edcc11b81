package server

import (
	"context"
	"maps"
	"slices"

	"resellerd/policies/areas"
	"resellerd/policies/input"
	"resellerd/server/rowfile"
	"resellerd/server/session"
	"resellerd/store"
)

// maxMemberships is how many pairs of a group and an account an import compares with the
// ceilings. A report lists them all.
const maxMemberships = rowfile.MaxListed

// membership says that users of an account are in a group, or may be.
type membership struct{ group, account string }

// cappings are groups and accounts whose access a ceiling may limit. Those of lines that are
// refused are none.
type cappings struct {
	master string // an account that nothing limits
	pairs  map[membership]bool
	cut    bool // there are more pairs
	at     []capping
}

// remember keeps the pairs of a row that is written, or is as the file has it.
func (c *cappings) remember(op *rowOp) {
	add := func(group, account string) {
		if account == c.master {
			return
		}
		pair := membership{group, account}
		if c.pairs == nil {
			c.pairs = map[membership]bool{}
		}
		if len(c.pairs) < maxMemberships {
			c.pairs[pair] = true
		}
		c.cut = c.cut || !c.pairs[pair]
	}
	switch op.Type {
	case "user":
		for _, group := range textsIn(op.Object["groups"]) {
			add(group, op.Owner)
		}
	case "group":
		add(op.ID, op.Owner)
		for _, account := range textsIn(op.Object["lend_to"]) {
			add(op.ID, account)
		}
	}
}

func textsIn(value any) (texts []string) {
	list, _ := value.([]any)
	for _, one := range list {
		text, _ := one.(string)
		texts = append(texts, text)
	}
	return texts
}

// capping is a group as an import leaves it, and an account whose users may be in it.
type capping struct {
	group store.Group
	chain []store.Account
}

// read reads the groups and accounts of the pairs, each once. A group whose access the user is
// not shown is left out.
func (c *cappings) read(w *writing) error {
	c.at = nil
	groups, chains := map[string]*store.Group{}, map[string][]store.Account{}
	for _, pair := range sortedPairs(c.pairs) {
		chain, known := chains[pair.account]
		if !known {
			var err error
			if chain, err = w.tx.AccountChain(w.r.Ctx, pair.account); err != nil && !absent(err) {
				return err
			}
			chains[pair.account] = chain
		}
		group, known := groups[pair.group]
		if !known {
			var err error
			if group, err = w.shownGroup(pair.group); err != nil {
				return err
			}
			groups[pair.group] = group
		}
		if group != nil && len(chain) > 0 && chain[0].Kind == store.Reseller {
			c.at = append(c.at, capping{*group, chain})
		}
	}
	return nil
}

// shownGroup returns a group whose access the user is shown, nil for another one.
func (w *writing) shownGroup(id string) (*store.Group, error) {
	before, err := w.see("group", id)
	if unseen(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, column := range []string{"rows", "default_access"} {
		if _, shown := before.object[column]; !shown {
			return nil, nil
		}
	}
	group, err := w.tx.Group(w.r.Ctx, id)
	if absent(err) {
		return nil, nil
	}
	return &group, err
}

// capBefore reads the groups and accounts that do not change, before the transaction.
func (run *rowImport) capBefore() error {
	for pair := range run.capped.pairs {
		if run.changes[pair.group] || run.changes[pair.account] {
			delete(run.capped.pairs, pair)
			run.again[pair] = true
		}
	}
	if len(run.capped.pairs) == 0 {
		return nil
	}
	return run.s.store.Read(run.ctx, run.capped.master, func(tx *store.Tx) error {
		w := run.begin(tx).writing
		if err := w.reload(); err != nil {
			return plainly(err)
		}
		return run.capped.read(w)
	})
}

func sortedPairs(pairs map[membership]bool) []membership {
	return slices.SortedFunc(maps.Keys(pairs), func(a, b membership) int {
		return slices.Compare([]string{a.group, a.account}, []string{b.group, b.account})
	})
}

// findCapped adds to the report what ceilings take from the groups: those of the accounts,
// and those of the policy.
func (run *rowImport) findCapped() error {
	run.report.CappedCut = run.capped.cut || run.late.cut
	for _, one := range slices.Concat(run.capped.at, run.late.at) {
		if len(run.report.Capped) == rowfile.MaxListed {
			run.report.CappedCut = true
			break
		}
		if run.ctx.Err() != nil {
			return context.Cause(run.ctx)
		}
		loses, err := run.loses(one)
		if err != nil {
			return err
		}
		if len(loses) > 0 {
			run.report.Capped = append(run.report.Capped, rowfile.Capped{Group: called(one.group.ExternalID, one.group.ID),
				Account: called(one.chain[0].ExternalID, one.chain[0].ID), Loses: loses})
		}
	}
	slices.SortFunc(run.report.Capped, func(a, b rowfile.Capped) int {
		return slices.Compare([]string{a.Account, a.Group}, []string{b.Account, b.Group})
	})
	run.report.Capped = slices.CompactFunc(run.report.Capped, func(a, b rowfile.Capped) bool { return a.Account == b.Account && a.Group == b.Group })
	return nil
}

func called(external, id string) string {
	if external != "" {
		return external
	}
	return id
}

// loses returns the actions by area that a group gives and that a user of the account, in
// this group alone, does not have.
func (run *rowImport) loses(c capping) (map[string][]string, error) {
	gives := c.group.Access()
	var ceilings []store.Access
	for _, a := range c.chain {
		ceilings = append(ceilings, a.Ceiling)
	}
	account, master := c.chain[0], c.chain[len(c.chain)-1]
	r := run.inquiry()
	r.Facts = input.NewFacts(input.Facts{
		User: map[string]any{"id": "", "account_id": account.ID, "status": store.Active},
		Account: input.AccountFacts{ID: account.ID, ParentID: account.ParentID, TenantID: account.TenantID, Kind: account.Kind,
			Status: store.Active, Depth: account.Depth, ListedAreas: master.ListedAreas},
		Access: session.AccessNames(store.Resolve([]store.Access{gives}, ceilings)),
		Groups: []input.Group{{ID: c.group.ID, Template: c.group.Template}}, Leaf: true,
	})
	r.Subject = &store.Subject{Account: account}
	all := slices.Sorted(maps.Keys(gives))
	names := make([]string, len(all))
	for i, area := range all {
		names[i] = areas.Asked(area, all)
	}
	has, err := r.Engine.Access(run.ctx, r.Input("read", "area", ""), names, session.AccessActions)
	if err != nil {
		return nil, err
	}
	given, loses := session.AccessNames(gives), map[string][]string{}
	for i, area := range all {
		lost := slices.DeleteFunc(slices.Clone(given[area]), func(action string) bool { return slices.Contains(has[names[i]], action) })
		if len(lost) > 0 {
			loses[area] = lost
		}
	}
	return loses, nil
}
