package server

import (
	"resellerd/store"
)

// readNewRow starts a creation: it reads the body, finds the owner it names, and
// decides about the row as far as it is known. The fields are then those that
// the creator will be shown. Columns are policy columns beside the owner.
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

// owner finds the account that a field names: the actor's own by default. One
// that is not visible is as unknown as one that never was; then the actor's
// own stands in for it in what is decided before the fault is told.
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
