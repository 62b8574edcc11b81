package server

import (
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

// remember keeps the pairs whose access a ceiling may limit.
func (run *rowImport) remember(row *rowfile.Resolved) {
	add := func(group, account string) {
		pair := membership{group, account}
		if len(run.memberOf) < maxMemberships {
			run.memberOf[pair] = true
		}
		run.report.CappedCut = run.report.CappedCut || !run.memberOf[pair]
	}
	switch row.Kind.Type {
	case "user":
		for _, group := range textsIn(row.Object["groups"]) {
			add(group, row.Owner)
		}
	case "group":
		add(row.ID, row.Owner)
		for _, account := range textsIn(row.Object["lend_to"]) {
			add(row.ID, account)
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

// readCapped reads, in the transaction, what findCapped needs.
func (run *rowImport) readCapped(w *rowWriting) error {
	run.capAt = nil
	for _, pair := range sortedPairs(run.memberOf) {
		for _, id := range []*string{&pair.group, &pair.account} {
			if rowfile.Placeholder(*id) {
				*id = w.made[*id]
			}
		}
		if pair.group == "" || pair.account == "" {
			continue // refused
		}
		chain, err := w.tx.AccountChain(run.ctx, pair.account)
		if absent(err) || err == nil && chain[0].Kind != store.Reseller {
			continue
		}
		if err != nil {
			return err
		}
		group, err := w.tx.Group(run.ctx, pair.group)
		if absent(err) {
			continue
		}
		if err != nil {
			return err
		}
		run.capAt = append(run.capAt, capping{group, chain})
	}
	return nil
}

func sortedPairs(pairs map[membership]bool) []membership {
	return slices.SortedFunc(maps.Keys(pairs), func(a, b membership) int {
		return slices.Compare([]string{a.group, a.account}, []string{b.group, b.account})
	})
}

// findCapped adds to the report what ceilings take from the groups: those of the accounts,
// and those of the policy.
func (run *rowImport) findCapped() error {
	for _, one := range run.capAt {
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
