package server

import (
	"context"
	"errors"
	"math/rand/v2"

	"resellerd/store"
	"resellerd/store/fault"
)

// fill makes everything there is. A thing that the viewer does not see is
// there or not as each world has it.
func (w *twin) fill() {
	for _, account := range twinAccounts {
		w.fillAccount(account)
	}
	for _, account := range twinAccounts {
		w.fillGroups(account)
	}
	for _, account := range twinAccounts {
		w.fillUsers(account)
		for _, name := range []string{"c1", "c2", "c3", "c4", "c5"} {
			w.fillCustomer(account, name)
		}
		for _, name := range []string{"k1", "k2", "k3", "k4", "k5"} {
			w.fillCard(account, name)
		}
	}
	for _, account := range twinAccounts {
		w.fillDestinations(account)
		w.fillAudit(account)
	}
}

// make runs one transaction in the tenant of an account, under a name. What a
// constraint refuses is not made; both worlds refuse what both see alike.
func (w *twin) make(account, name string, fn func(ctx context.Context, tx *store.Tx) error) bool {
	w.t.Helper()
	w.begin(name)
	tenant := ""
	if name != "account "+account || !isMaster(account) {
		tenant = idOf("account", "account "+rootOf(account))
	}
	err := w.store.Write(context.Background(), tenant, func(tx *store.Tx) error { return fn(context.Background(), tx) })
	if errors.Is(err, fault.ErrConflict) {
		return false
	}
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return true
}

func rootOf(account string) string {
	for !isMaster(account) {
		account = twinParents[account]
	}
	return account
}

func accountID(account string) string { return idOf("account", "account "+account) }

// harmless are ceilings that take nothing away, or nothing that the viewer has.
func (w *twin) harmless() []store.Access {
	all := []store.Access{nil, {"*": "crud"}, {"*": "crud", "customer": "crud"}, {"*": "crud", "circuit-test/deep": "crud"}, {"*": "crud", "routing": ""}}
	if len(w.eyes.reads) < len(everyType) {
		all = append(all, store.Access{"*": "crud", "fax": "", "cdr": "r"}, store.Access{"*": "", "customer": "crud", "user": "crud", "group": "crud", "card": "crud", "account": "crud"})
	}
	return all
}

func (w *twin) fillAccount(account string) {
	d, see := w.draws("account "+account), w.eyes.see("account", account)
	own := account == w.eyes.own
	row := d.of(see)
	shown := see && (!own || isMaster(account)) // what of its own a reseller is not shown
	full := d.of(shown)
	named := maybe(full, twinNames[:len(twinNames)/2])
	if !shown { // no account out of sight takes an external id from one in sight
		named = maybe(d.private, twinNames[len(twinNames)/2:])
	}
	a := store.Account{
		Name: drawn(row, twinTexts), Email: maybe(row, twinLogins), Currency: drawn(row, []string{"", "EUR", "USD"}),
		PublicName: maybe(d.of(see || w.eyes.parent(account)), twinTexts), ExternalID: named,
	}
	a.Kind, a.ParentID = store.Reseller, accountID(twinParents[account])
	if isMaster(account) {
		a.Kind, a.ParentID = store.Master, ""
	}
	switch {
	case w.eyes.above(account):
		if !isMaster(account) {
			a.Ceiling = drawn(full, w.harmless())
		}
	case !isMaster(account):
		a.Status = drawn(row, []string{store.Active, store.Active, store.Suspended, store.Closed})
		a.Ceiling = drawn(row, append(w.harmless(), store.Access{"*": "r", "customer": "cr"}))
	}
	w.at(before(row))
	create := func(ctx context.Context, tx *store.Tx) error { _, err := tx.CreateAccount(ctx, a); return err }
	if !w.make(account, "account "+account, create) {
		a.ExternalID = ""
		w.make(account, "account "+account, create)
	}
}

// fillGroups makes the group that an account lends to those below, one of its
// own that gives everything, and others.
func (w *twin) fillGroups(account string) {
	lent := store.DefaultResellerGroup()
	w.fillGroup(account, "lent", w.eyes.parent(account), lent)
	w.fillGroup(account, "boss", false, store.Group{DefaultAccess: "crud"})
	w.fillGroup(account, "clerks", false, store.Group{Rows: store.Access{"customer": "r"}})
	w.fillGroup(account, "staff", false, store.Group{Rows: store.Access{"customer": "crud", "user": "crud"}})
	w.fillGroup(account, "makers", false, store.Group{Rows: store.Access{"group": "crud", "card/customer": "crud", "card/provider": "r"}})
	w.fillGroup(account, "sellers", false, store.Group{Rows: store.Access{"customer": "crud", "card/customer": "crud", "account": "cru"}})
	for _, name := range []string{"g1", "g2"} {
		d := w.draws("group " + account + "." + name)
		see := d.of(w.eyes.see("group", account))
		if see.IntN(3) > 0 {
			w.fillGroup(account, name, false, store.Group{DefaultAccess: drawn(see, []string{"", "r", "crud"}), Rows: someRows(see)})
		}
	}
}

func someRows(r *rand.Rand) store.Access {
	rows := store.Access{}
	for _, area := range []string{"customer", "card", "card/provider", "user", "cdr", "fax", "customer/did", "audit"} {
		if r.IntN(3) == 0 {
			rows[area] = drawn(r, []string{"", "r", "cru", "crud"})
		}
	}
	return rows
}

// fillGroup makes a group. Where it is lent to the viewer's account, that
// shows by public name and access alone.
func (w *twin) fillGroup(account, name string, lentToViewer bool, g store.Group) {
	d, see := w.draws("group "+account+"."+name+" fields"), w.eyes.see("group", account)
	row := d.of(see)
	g.AccountID, g.Name, g.Template = accountID(account), drawn(row, twinTexts), maybe(row, twinNames)
	g.PublicName = maybe(d.of(see || lentToViewer && w.eyes.read("group")), twinTexts)
	g.Lend = drawn(row, []string{store.LendNone, store.LendAll, store.LendSome})
	if name == "lent" {
		g.Lend = drawn(row, []string{store.LendAll, store.LendSome})
	} else if w.eyes.parent(account) {
		g.Lend = store.LendNone
	}
	for _, child := range childrenOf(account) {
		if g.Lend == store.LendSome && (name == "lent" && (lentToViewer && child == w.eyes.own || see) || row.IntN(2) == 0) {
			g.LentTo = append(g.LentTo, accountID(child))
		}
	}
	w.at(before(row))
	w.make(account, "group "+account+"."+name, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.CreateGroup(ctx, g)
		return err
	})
}

func groupID(account, name string) string { return idOf("group", "group "+account+"."+name) }

// fillUsers makes the viewers and some others.
func (w *twin) fillUsers(account string) {
	boss := []string{groupID(account, "boss")}
	if w.draws("bosses of "+account).of(w.eyes.within(account)).IntN(2) == 0 && !isMaster(account) && account == w.eyes.own {
		boss = []string{groupID(twinParents[account], "lent")}
	}
	w.fillUser(account, "user", true, boss...)
	w.fillUser(account, "clerk", true, groupID(account, "clerks"))
	w.fillUser(account, "staff", true, groupID(account, "staff"))
	w.fillUser(account, "maker", true, groupID(account, "makers"))
	w.fillUser(account, "seller", true, groupID(account, "sellers"))
	for _, name := range []string{"u1", "u2", "u3"} {
		row := w.draws("user " + account + "." + name).of(w.eyes.see("user", account))
		if row.IntN(3) > 0 {
			w.fillUser(account, name, false, groupID(account, drawn(row, []string{"boss", "clerks", "lent"})))
		}
	}
}

func (w *twin) fillUser(account, name string, acts bool, groups ...string) {
	d, see := w.draws("user "+account+"."+name+" fields"), w.eyes.see("user", account)
	row, shown := d.of(see), see || acts && account == w.eyes.own
	// No user out of sight takes an external id from one in sight, and few have
	// one, so that many an id is taken in one world and free in the other.
	named := maybe(d.of(shown), twinNames[:len(twinNames)/2])
	if !shown {
		if named = ""; d.private.IntN(20) == 0 {
			named = drawn(d.private, twinNames[len(twinNames)/2:])
		}
	}
	u := store.User{
		AccountID: accountID(account), Login: name + account + drawn(row, twinLogins), Name: maybe(row, twinTexts),
		ExternalID: named, Groups: groups,
		TimeZone: drawn(row, []string{"", "Europe/Berlin"}),
	}
	if !acts {
		u.Login = drawn(row, twinLogins)
		u.Status = drawn(row, []string{store.Active, store.Disabled})
		u.IPAllow = drawn(row, []store.Strings{nil, {"10.0.0.0/8"}})
	}
	w.at(before(row))
	create := func(ctx context.Context, tx *store.Tx) error { _, err := tx.CreateUser(ctx, u); return err }
	if !w.make(account, "user "+account+"."+name, create) {
		u.ExternalID = ""
		w.make(account, "user "+account+"."+name, create)
	}
}

func userID(account, name string) string { return idOf("user", "user "+account+"."+name) }

func (w *twin) fillCustomer(account, name string) {
	full := "customer " + account + "." + name
	row := w.draws(full).of(w.eyes.see("customer", account))
	if row.IntN(3) == 0 {
		return
	}
	c := store.Customer{
		AccountID: accountID(account), Name: drawn(row, twinTexts), Email: maybe(row, twinLogins),
		Status: drawn(row, []string{store.Active, store.Suspended}), Currency: drawn(row, []string{"", "EUR", "USD"}),
		ExternalID: maybe(row, twinNames), Notes: maybe(row, twinTexts),
	}
	w.at(before(row))
	w.make(account, full, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.CreateCustomer(ctx, c)
		return err
	})
}

func customerID(account, name string) string { return idOf("customer", "customer "+account+"."+name) }

// fillAudit makes entries about an account's rows, by users of its own, of the
// account above it and of another.
func (w *twin) fillAudit(account string) {
	actors := []string{account, account, drawn(w.draws("audit "+account).shared, twinAccounts)}
	if !isMaster(account) {
		actors = append(actors, twinParents[account])
	}
	for i, actor := range actors {
		if rootOf(actor) == rootOf(account) {
			w.fillEntry(account, actor, "audit "+account+"."+string(rune('a'+i)))
		}
	}
}

func (w *twin) fillEntry(account, actor, name string) {
	see := w.eyes.see("audit", account) && (w.eyes.within(actor) || isMaster(w.eyes.own))
	d := w.draws(name)
	row := d.of(see)
	if row.IntN(4) == 0 {
		return
	}
	typ := drawn(row, []string{"customer", "card", "user", "account"})
	e := store.AuditEntry{
		ActorID: userID(actor, "user"), ActorAccountID: accountID(actor), AccountID: accountID(account),
		ResourceType: typ, Action: drawn(row, []string{"update", "create"}),
	}
	if row.IntN(4) == 0 && see {
		e.PreviewOf = userID(account, "clerk")
	}
	e.ResourceID, e.Change = w.entryChange(d, see, account, typ)
	w.at(before(row))
	w.make(account, name, func(ctx context.Context, tx *store.Tx) error { _, err := tx.Audit(ctx, e); return err })
}

// notes reports whether the viewer is shown the notes of an account's cards.
func (e eyes) notes(account string) bool { return e.see("card", account) && account == e.own }
