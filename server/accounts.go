package server

import (
	"slices"

	"resellerd/store"
)

// accountWriter has no remove: accounts are closed, never deleted.
var accountWriter = rowWriter{
	typ:    "account",
	held:   func(w *writing, _ string) (map[string][]string, error) { return w.anew, nil },
	naming: externalID,
	asks:   openingAsked,
	update: updateAccount,
}

// openingAsked decides on the action open if a closed account is to be in use again.
func openingAsked(w *writing, id string, fields []string) error {
	if !slices.Contains(fields, "status") {
		return nil
	}
	a, err := w.tx.Account(w.r.Ctx, id)
	if err != nil || a.Status != store.Closed {
		return err
	}
	return w.may("open", "account", id, nil)
}

// accountPatch reads the account fields that a caller can set.
func accountPatch(f *fields) store.AccountPatch {
	return patchOf[store.AccountPatch, store.Account](f)
}

func updateAccount(w *writing, f *fields) func(string) error {
	patch := accountPatch(f)
	return func(id string) error {
		before, err := w.tx.Account(w.r.Ctx, id)
		if err != nil {
			return err
		}
		after, err := w.tx.UpdateAccount(w.r.Ctx, id, patch)
		if err != nil {
			return err
		}
		w.anew, err = w.opened(before, after)
		return err
	}
}

// postAccount creates a reseller account below the account that parent_id names;
// the default is the actor's own account. The body may also describe a first
// group and a first user. Either everything is created, or nothing.
func postAccount(r *exchange) error { return r.write((*writing).createAccount, answerRow) }

func (w *writing) createAccount() (target, error) {
	f, parent, err := w.readNewAccount()
	if err != nil {
		return target{}, err
	}
	if err := w.mayCall(f); err != nil {
		return target{}, err
	}
	p := accountPatch(f)
	group, withGroup := f.object("group")
	user, withUser := f.object("user")
	if err := f.err(); err != nil {
		return target{}, err
	}
	a := store.Account{ParentID: parent.ID}
	store.Apply(&p, &a)
	made, err := w.tx.CreateAccount(w.r.Ctx, a)
	if err != nil {
		return target{}, err
	}
	done, err := w.created(accountWriter, made.ID, f)
	if err != nil {
		return target{}, err
	}
	first := ""
	if withGroup {
		if first, err = w.firstGroup(group, parent, made); err != nil {
			return target{}, err
		}
	}
	if withUser {
		err = w.firstUser(user, made, first)
	}
	return done, err
}

// readNewAccount is readNewRow for an account. Its owner is the account above
// it.
func (w *writing) readNewAccount() (*fields, store.Account, error) {
	f, malformed := w.sent.fields(anyField)
	if malformed != nil {
		f = emptyFields()
	}
	parent, unknown := w.owner(f, "parent_id")
	columns, err := w.mayCreate("account", map[string]any{
		"parent_id": parent.ID, "kind": store.Reseller, "depth": int64(parent.Depth + 1),
	}, nil)
	switch {
	case err != nil:
		return nil, parent, err
	case malformed != nil:
		return nil, parent, malformed
	case unknown != nil:
		return nil, parent, unknown
	}
	f.shown = columnsOf(columns, "parent_id", "group", "user")
	f.value("parent_id")
	f.word("kind", store.Reseller)
	return f, parent, nil
}

// firstGroup creates a group that the parent owns and lends only to the new
// account. The users in the group therefore cannot change it.
func (w *writing) firstGroup(f *fields, parent, account store.Account) (string, error) {
	row := map[string]any{"account_id": parent.ID}
	if _, err := w.mayCreate("group", row, nil); err != nil {
		return "", err
	}
	g := store.Group{}
	if template := f.line("template"); template != nil {
		if *template != store.DefaultReseller {
			f.refuse("template", "must be "+store.DefaultReseller)
		}
		g = store.DefaultResellerGroup()
	}
	w.fillGroup(&g, f)
	if err := f.err(); err != nil {
		return "", err
	}
	g.AccountID, g.Lend, g.LentTo = parent.ID, store.LendSome, []string{account.ID}
	made, err := w.tx.CreateGroup(w.r.Ctx, g)
	if err != nil {
		return "", inField(f, err)
	}
	_, err = w.created(groupWriter, made.ID, f)
	return made.ID, err
}

// firstUser creates a user of the new account. The user is in the first group
// unless the body names other groups.
func (w *writing) firstUser(f *fields, account store.Account, group string) error {
	if _, err := w.mayCreate("user", map[string]any{"account_id": account.ID}, nil); err != nil {
		return err
	}
	if _, named := f.sent["groups"]; !named && group != "" {
		f.sent["groups"] = []any{group}
	}
	_, err := w.createUser(f, account)
	return err
}
