package server

import (
	"encoding/json"
	"errors"
	"slices"

	"resellerd/store"
	"resellerd/store/fault"
)

// accountWriter has no remove: accounts are closed, never deleted.
var accountWriter = rowWriter{
	typ:    "account",
	takes:  accountChange{},
	held:   func(w *writing, _ string) (map[string][]string, error) { return w.anew, nil },
	naming: externalID,
	asks:   openingAsked,
	update: updateAccount,
	answer: answerWarned,
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
	patch, accepted := accountPatch(f), f.option("accept_currency")
	return func(id string) error {
		before, err := w.tx.Account(w.r.Ctx, id)
		if err != nil {
			return err
		}
		changed := before
		if store.Apply(&patch, &changed); !f.sound(&changed) {
			return nil
		}
		if before.Currency == "" && !accepted {
			if err := w.assignedMatch(id, changed.Currency); err != nil {
				return err
			}
		}
		after, err := w.tx.UpdateAccount(w.r.Ctx, id, patch)
		if err != nil {
			return err
		}
		w.anew, err = w.opened(before, after)
		return err
	}
}

// assignedMatch refuses a currency of an account to which a card in another one is
// assigned. The writer is told only of cards whose currency it sees.
func (w *writing) assignedMatch(account, currency string) error {
	if currency == "" {
		return nil
	}
	cards, err := w.tx.AssignedInAnotherCurrency(w.r.Ctx, account, currency)
	return w.noneSeen("card", cards, err)
}

// postAccount creates a reseller account below the account that parent_id names;
// the default is the actor's own account. The body may also describe a first
// group and a first user. Either everything is created, or nothing.
func postAccount(r *exchange) error { return r.write((*writing).createAccount, answerAccount) }

// answerAccount answers with the row, and with the ids of the first group and user as
// far as the writer still sees them. They are not part of the tag.
func answerAccount(w *writing, t target) (written, error) {
	out, err := answerRow(w, t)
	for _, one := range []struct {
		typ string
		id  *string
	}{{"group", &t.first.Group}, {"user", &t.first.User}} {
		if err != nil || *one.id == "" {
			continue
		}
		var seen bool
		if seen, err = w.sees(one.typ, *one.id); !seen {
			*one.id = ""
		}
	}
	if err != nil {
		return out, err
	}
	more := struct {
		firstMade
		warned
	}{firstMade: t.first}
	more.Warnings = w.r.areaWarnings("", out.body)
	if t.first.Group != "" {
		group, err := w.see("group", t.first.Group)
		if err != nil {
			return out, err
		}
		more.Warnings = append(more.Warnings, w.r.areaWarnings("/group", group.json)...)
	}
	out.more, err = json.Marshal(more)
	return out, err
}

func (w *writing) createAccount() (target, error) {
	f, parent, err := w.readNewAccount()
	if err != nil {
		return target{}, err
	}
	if err := w.mayCall(f); err != nil {
		return target{}, err
	}
	p := accountPatch(f)
	a := store.Account{ParentID: parent.ID}
	store.Apply(&p, &a)
	f.check(&a)
	first, err := w.readFirst(f, parent)
	if err == nil {
		err = f.err()
	}
	if err != nil {
		return target{}, err
	}
	if err := w.taken(a, first); err != nil {
		return target{}, err
	}
	made, err := w.tx.CreateAccount(w.r.Ctx, a)
	if err != nil {
		return target{}, err
	}
	done, err := w.created(accountWriter, made.ID, f)
	if err != nil {
		return target{}, err
	}
	return done, first.create(w, made, &done)
}

// taken refuses an account whose external id another account has. The answer also names
// the external id of the first user if that is taken.
func (w *writing) taken(a store.Account, one *first) error {
	err := w.tx.TakenByAccounts(w.r.Ctx, a)
	if err == nil || one.userFields == nil || !errors.Is(err, fault.ErrConflict) {
		return err
	}
	p := *problemOf(err)
	switch also := w.tx.TakenByUsers(w.r.Ctx, store.User{ExternalID: one.user.ExternalID}); {
	case errors.Is(also, fault.ErrConflict):
		p.errors = append(slices.Clone(p.errors), problemOf(inField(one.userFields, also)).errors...)
	case also != nil:
		return also
	}
	return &p
}

// readNewAccount is readNewRow for an account. Its owner is the account above
// it.
func (w *writing) readNewAccount() (*fields, store.Account, error) {
	f, malformed := w.sent.fields(anyField)
	if malformed != nil {
		f = emptyFields()
	}
	parent, err := w.owner(f, "parent_id")
	if err != nil {
		return nil, parent, err
	}
	columns, err := w.mayCreate("account", map[string]any{
		"parent_id": parent.ID, "kind": store.Reseller, "depth": int64(parent.Depth + 1),
	}, nil)
	switch {
	case err != nil:
		return nil, parent, err
	case malformed != nil:
		return nil, parent, malformed
	}
	f.shown = columnsOf(columns, "parent_id", "group", "user")
	f.value("parent_id")
	f.word("kind", store.Reseller)
	return f, parent, nil
}
