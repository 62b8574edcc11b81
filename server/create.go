package server

import (
	"slices"
	"strings"

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
	account, err := w.owner(f, "account_id")
	if err != nil {
		return nil, account, err
	}
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
	}
	f.shown = columnsOf(shown)
	f.value("account_id")
	return f, account, nil
}

// owner finds the account that a field names; the default is the actor's own
// account. An account that is not visible gets the same answer as one that does
// not exist: a fault of the field. owner then returns the actor's own account, so
// that the caller can decide before it reports the fault.
func (w *writing) owner(f *fields, field string) (store.Account, error) {
	own := w.r.Subject.Account
	value, sent := f.sent[field]
	if !sent || value == own.ID {
		return own, nil
	}
	id, ok := value.(string)
	if !ok {
		f.refuse(field, "must be the id of an account")
		return own, nil
	}
	visible, err := w.sees("account", id)
	if err != nil {
		return own, err
	}
	if !visible {
		f.refuse(field, "does not name an account")
		return own, nil
	}
	return w.tx.Account(w.r.Ctx, id)
}

// checked is a row that can report its invalid values.
type checked interface {
	Default()
	Validate() error
}

// check adds the faults of a new row's values to those of the body.
func (f *fields) check(row checked) {
	row.Default()
	f.addStored(row.Validate())
}

// checkRules adds the faults of the profit rules in a body.
func (f *fields) checkRules(sent recipe) {
	if sent.rules != nil {
		f.addStored(store.CheckProfitRules(*sent.rules))
	}
}

// addStored adds the faults of fields that an error of the store names.
func (f *fields) addStored(err error) {
	for _, one := range storedFaults(err) {
		one.pointer, one.field, one.stored = f.at+one.pointer, f.path+one.field, false
		f.faults.add(one)
	}
}

// sound adds the faults of a changed row's values, and reports whether the body has no
// fault at all.
func (f *fields) sound(row checked) bool {
	f.check(row)
	return f.err() == nil
}

// faulty reports whether a fault of a field is known.
func (f *fields) faulty(name string) bool {
	at := f.at + pointerTo(name)
	return slices.ContainsFunc(f.faults.list, func(one bodyFault) bool {
		return one.pointer == at || strings.HasPrefix(one.pointer, at+"/")
	})
}
