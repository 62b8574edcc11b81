package server

import (
	"maps"
	"slices"

	"resellerd/server/identity"
	"resellerd/store"
	"resellerd/store/fault"
)

var userWriter = rowWriter{
	typ:      "user",
	takes:    userFields{},
	held:     userAccess,
	giving:   []string{"groups", "group_ends"},
	lowering: []string{"status", "groups", "group_ends"},
	naming:   externalID,
	update:   updateUser,
	remove:   func(w *writing, id string) error { return w.tx.DeleteUser(w.r.Ctx, id, 0) },
}

// externalID is the field by which the panel identifies a user or an account.
const externalID = "external_id"

// userAccess returns the access that a user's groups add up to.
func userAccess(w *writing, id string) (map[string][]string, error) {
	u, err := w.tx.User(w.r.Ctx, id)
	if err != nil {
		return nil, err
	}
	return w.given(u.Groups...)
}

// userPatch reads the user fields that a caller can set.
func userPatch(f *fields) store.UserPatch {
	return patchOf[store.UserPatch, store.User](f)
}

func updateUser(w *writing, f *fields) func(string) error {
	patch := userPatch(f)
	return func(id string) error {
		u, err := w.tx.User(w.r.Ctx, id)
		if err != nil {
			return err
		}
		account, err := w.tx.Account(w.r.Ctx, u.AccountID)
		if err != nil {
			return err
		}
		before := u
		before.GroupEnds = maps.Clone(u.GroupEnds)
		store.ApplyUser(&patch, &u)
		if err := w.mayAssign(f, account, givenGroups(before, u)); err != nil {
			return err
		}
		if u.ExternalID == before.ExternalID {
			u.ExternalID = "" // it may stay, even if it is malformed
		}
		if !f.sound(&u) {
			return nil
		}
		_, err = w.tx.UpdateUser(w.r.Ctx, id, patch)
		return err
	}
}

// givenGroups returns the groups that a user gets, or stays in for longer.
func givenGroups(before, after store.User) []string {
	return slices.DeleteFunc(slices.Clone(after.Groups), func(id string) bool {
		had, has := before.GroupEnds[id], after.GroupEnds[id]
		return slices.Contains(before.Groups, id) && (had == 0 || has != 0 && has <= had)
	})
}

// mayName refuses to set an external id that is unique in the tenant, unless a user
// of the master acts or the token has the scope identity. Others would learn which
// ids are taken. The server checks this and
// not the policy: the policy does not know scopes, and an operator's own policy
// cannot drop the rule.
func (w *writing) mayName(f *fields, name string) error {
	if w.r.mayNameRows(userWriter.typ) {
		return nil
	}
	return &problem{kind: kindForbidden, field: f.path + name,
		detail: fault.Sentence(f.path+name, "can only be set by users of the master, or with a token that has the scope "+identity.ScopeIdentity.String())}
}

// mayCall is mayName for a new row. Without an external id, nothing is refused.
func (w *writing) mayCall(f *fields) error {
	if value := f.sent[externalID]; value != nil && value != "" {
		return w.mayName(f, externalID)
	}
	return nil
}

// postUser creates a user of the account that the body names; the default is the
// actor's own account.
func postUser(r *exchange) error {
	return r.write((*writing).createSentUser, answerRow)
}

func (w *writing) createSentUser() (target, error) {
	f, account, err := w.readNewRow("user", nil)
	if err != nil {
		return target{}, err
	}
	return w.createUser(f, account)
}

func (w *writing) createUser(f *fields, account store.Account) (target, error) {
	if err := w.mayCall(f); err != nil {
		return target{}, err
	}
	p := userPatch(f)
	u := store.User{AccountID: account.ID}
	store.Apply(&p, &u)
	if err := w.mayAssign(f, account, u.Groups); err != nil {
		return target{}, err
	}
	f.check(&u)
	if err := f.err(); err != nil {
		return target{}, err
	}
	made, err := w.tx.CreateUser(w.r.Ctx, u)
	if err != nil {
		return target{}, takenBy(inField(f, err), "user", account.ID, f)
	}
	return w.created(userWriter, made.ID, f)
}

// inField adds the path of a nested object to the field that an error names.
func inField(f *fields, err error) error {
	p := problemOf(err)
	if f.at == "" || len(p.errors) == 0 {
		return err
	}
	named := *p
	named.errors = slices.Clone(p.errors)
	for i, one := range named.errors {
		named.errors[i].pointer, named.errors[i].field, named.errors[i].stored = f.at+one.pointer, f.path+one.field, false
	}
	return &named
}
