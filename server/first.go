package server

import (
	"resellerd/store"
)

// first holds the group and the user that a new account begins with; nil for none.
type first struct {
	groupFields, userFields *fields
	group                   store.Group
	user                    store.User
}

// firstMade holds the ids of the group and the user that an account was created with; ""
// for none.
type firstMade struct {
	Group string `json:"group_id,omitempty" description:"the first group, if the account was created with one"`
	User  string `json:"user_id,omitempty" description:"the first user, if the account was created with one"`
}

// readFirst reads the first group and the first user of an account below parent. The
// group belongs to the parent and is lent only to the new account, so that its users
// cannot change it. The user is in this group unless the body names others.
func (w *writing) readFirst(f *fields, parent store.Account) (*first, error) {
	one := &first{}
	if of, sent := f.object("group"); sent {
		one.groupFields = of
		if _, err := w.mayCreate("group", map[string]any{"account_id": parent.ID}, nil); err != nil {
			return nil, err
		}
		if of.word("template", store.DefaultReseller); of.sent["template"] == store.DefaultReseller {
			one.group = store.DefaultResellerGroup()
		}
		one.group.AccountID = parent.ID
		w.fillGroup(&one.group, of)
		of.check(&one.group)
	}
	if of, sent := f.object("user"); sent {
		one.userFields = of
		if err := w.mayCall(of); err != nil {
			return nil, err
		}
		p := userPatch(of)
		store.Apply(&p, &one.user)
		if _, named := of.sent["groups"]; !named && one.groupFields != nil {
			one.user.Groups = []string{"first"} // its id is not known yet
		}
		of.check(&one.user)
	}
	return one, nil
}

// create creates the first group and the first user of an account.
func (one *first) create(w *writing, account store.Account, done *target) error {
	if one.groupFields != nil {
		one.group.Lend, one.group.LentTo = store.LendSome, []string{account.ID}
		made, err := w.tx.CreateGroup(w.r.Ctx, one.group)
		if err != nil {
			return inField(one.groupFields, err)
		}
		if _, err := w.created(groupWriter, made.ID, one.groupFields); err != nil {
			return err
		}
		done.first.Group = made.ID
	}
	if one.userFields == nil {
		return nil
	}
	if _, err := w.mayCreate("user", map[string]any{"account_id": account.ID}, nil); err != nil {
		return err
	}
	if _, named := one.userFields.sent["groups"]; !named && one.groupFields != nil {
		one.userFields.sent["groups"] = []any{done.first.Group}
	}
	user, err := w.createUser(one.userFields, account)
	done.first.User = user.id
	return err
}
