package server

import (
	"errors"

	"resellerd/store"
)

var userNoun = noun{
	typ:    "user",
	held:   userAccess,
	giving: "groups",
	update: updateUser,
	remove: func(w *writing, id string) error { return w.tx.DeleteUser(w.r.ctx, id, 0) },
}

// userAccess is what a user's groups add up to.
func userAccess(w *writing, id string) (map[string][]string, error) {
	u, err := w.tx.User(w.r.ctx, id)
	if err != nil {
		return nil, err
	}
	return w.given(u.Groups...)
}

// userPatch reads what of a user can be set.
func userPatch(f *fields) store.UserPatch {
	return store.UserPatch{
		ExternalID: f.line("external_id"), Login: f.line("login"), Name: f.line("name"), Status: f.line("status"),
		TimeZone: f.line("time_zone"), IPAllow: f.texts("ip_allow"), Groups: f.texts("groups"),
	}
}

func updateUser(w *writing, f *fields) func(string) error {
	patch := userPatch(f)
	return func(id string) error {
		u, err := w.tx.User(w.r.ctx, id)
		if err != nil {
			return err
		}
		account, err := w.tx.Account(w.r.ctx, u.AccountID)
		if err != nil {
			return err
		}
		if patch.ExternalID != nil && *patch.ExternalID != u.ExternalID {
			if err := w.mayName(f); err != nil {
				return err
			}
		}
		if err := w.mayAssign(f, account, newGroups(u.Groups, or(patch.Groups, nil))); err != nil {
			return err
		}
		if _, err = w.tx.UpdateUser(w.r.ctx, id, patch); err != nil {
			return err
		}
		return w.nameIsFree(f, id, or(patch.ExternalID, ""))
	}
}

// mayName refuses an external id to a user's own token: who a user is to the
// panel is the panel's to say.
func (w *writing) mayName(f *fields) error {
	if w.r.caller.jwt {
		return forbidden(f.path + "external_id may be set by a panel only")
	}
	return nil
}

// nameIsFree refuses an external id that another visible user has. Of one that
// an invisible user has nothing is told.
func (w *writing) nameIsFree(f *fields, id, externalID string) error {
	if externalID == "" {
		return nil
	}
	p, err := w.r.reading("user")
	if err != nil || !p.sees("external_id") || !p.sees("id") {
		return err
	}
	p.leaf = false
	q := p.query()
	q.Limit, q.Where = 1, []store.Condition{
		{Column: "external_id", Op: store.Eq, Value: externalID}, {Column: "id", Op: store.Ne, Value: id}}
	page, err := w.tx.List(w.r.ctx, q)
	if err == nil && len(page.Rows) > 0 {
		err = &store.FieldError{Kind: store.ErrConflict, Field: f.path + "external_id", Text: "is taken"}
	}
	return err
}

// postUser makes a user of the account it names, the actor's own by default.
func postUser(r *call) error {
	return r.write(func(w *writing) (target, error) {
		f, account, err := w.begin("user", nil)
		if err != nil {
			return target{}, err
		}
		return w.createUser(f, account)
	}, answerRow)
}

func (w *writing) createUser(f *fields, account store.Account) (target, error) {
	p := userPatch(f)
	if err := f.err(); err != nil {
		return target{}, err
	}
	u := store.User{
		AccountID: account.ID, ExternalID: or(p.ExternalID, ""), Login: or(p.Login, ""), Name: or(p.Name, ""),
		Status: or(p.Status, ""), TimeZone: or(p.TimeZone, ""), IPAllow: or(p.IPAllow, nil), Groups: or(p.Groups, nil),
	}
	if u.ExternalID != "" {
		if err := w.mayName(f); err != nil {
			return target{}, err
		}
	}
	if err := w.mayAssign(f, account, u.Groups); err != nil {
		return target{}, err
	}
	made, err := w.tx.CreateUser(w.r.ctx, u)
	if err != nil {
		return target{}, inField(f, err)
	}
	if err := w.nameIsFree(f, made.ID, made.ExternalID); err != nil {
		return target{}, err
	}
	return w.created(userNoun, made.ID, f)
}

// inField names the field of a nested object as its sender does.
func inField(f *fields, err error) error {
	var bad *store.FieldError
	if f.path == "" || !errors.As(err, &bad) {
		return err
	}
	named := *bad
	named.Field = f.path + named.Field
	return &named
}
