package server

import (
	"resellerd/store"
)

// readNewRow starts a creation. It reads the body, finds the owner that the body
// names, and decides on the row as far as it is known. Afterwards, fields takes
// only the columns that the creator will be shown. The function columns returns
// the policy columns besides the owner.
func (w *writing) readNewRow(typ string, columns func(f *fields) map[string]any) (*fields, store.Account, error) {
	f, malformed := w.sent.fields(anyField)
	if malformed != nil {
		f = emptyFields()
	}
	account, unknown := w.owner(f, "account_id")
	row := map[string]any{"account_id": account.ID}
	if columns != nil {
		for name, value := range columns(f) {
			row[name] = value
		}
	}
	shown, err := w.mayCreate(typ, row, nil)
	switch {
	case err != nil:
		return nil, account, err
	case malformed != nil:
		return nil, account, malformed
	case unknown != nil:
		return nil, account, unknown
	}
	f.shown = columnsOf(shown)
	f.value("account_id")
	return f, account, nil
}

// owner finds the account that a field names; the default is the actor's own
// account. An account that is not visible gets the same answer as one that does
// not exist. owner then returns the actor's own account with the error, so that
// the caller can decide before it reports the error.
func (w *writing) owner(f *fields, field string) (store.Account, error) {
	own := w.r.Subject.Account
	value, sent := f.sent[field]
	if !sent || value == own.ID {
		return own, nil
	}
	id, ok := value.(string)
	if !ok {
		return own, invalid(f.path+field, "must be the id of an account")
	}
	visible, err := w.sees("account", id)
	if err != nil {
		return own, err
	}
	if !visible {
		return own, invalid(f.path+field, "does not name an account")
	}
	return w.tx.Account(w.r.Ctx, id)
}
