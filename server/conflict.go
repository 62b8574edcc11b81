package server

import (
	"errors"

	"resellerd/store/query"
	"resellerd/store/schema"
)

// rowInTheWay names the row that a write conflicts with.
type rowInTheWay struct {
	Type string `json:"type" required:"true"`
	ID   string `json:"id" required:"true"`
}

// takenError is a conflict about a value that is unique in an account. Which row has it
// is found out after the transaction.
type takenError struct {
	error
	typ, account, column, value string
}

func (t *takenError) Unwrap() error { return t.error }

// takenBy adds to a conflict about a unique value what is needed to name the row that has
// the value. It leaves out external ids that are unique in the tenant: nobody learns
// whose they are.
func takenBy(err error, typ, account string, f *fields) error {
	if err == nil {
		return nil
	}
	p := problemOf(err)
	if p.kind != kindConflict {
		return err
	}
	for _, one := range p.errors {
		for _, column := range []string{"login", externalID} {
			unnamed := column == externalID && p.reasons != nil
			if value, sent := f.sent[column].(string); sent && !unnamed && one.pointer == f.at+pointerTo(column) {
				return &takenError{err, typ, account, column, value}
			}
		}
	}
	return err
}

// explained adds to a refused write what the writer may know about its cause: the fields
// that the policy denies, and the row in the way if the row and the column are shown to
// the writer.
func (r *inquiry) explained(err error) error {
	var t *takenError
	if !errors.As(err, &t) {
		return r.blamed(err)
	}
	p := *problemOf(t.error)
	p.inTheWay = r.holder(t)
	return &p
}

// holder returns the row that has a unique value, as far as the user sees that, or nil.
func (r *inquiry) holder(t *takenError) *rowInTheWay {
	p, err := r.MayList(t.typ)
	if err != nil || p == nil || !p.Sees(t.column) {
		return nil
	}
	q := p.Query()
	q.Limit = query.MaxLimit
	q.Where = []query.Condition{{Column: "account_id", Op: query.Eq, Value: t.account}, {Column: t.column, Op: query.Eq, Value: t.value}}
	same := func(value string) bool { return value == t.value }
	if t.column == "login" { // unique by its key
		q.Where[1].Op = query.Contains
		same = func(value string) bool { return schema.LoginKey(value) == schema.LoginKey(t.value) }
	}
	page, err := r.s.store.List(r.Ctx, q)
	if err != nil {
		return nil
	}
	for _, row := range page.Rows {
		if value, shown := row.Text(nil, t.column); shown && same(string(value)) {
			return &rowInTheWay{t.typ, row.ID()}
		}
	}
	return nil
}
