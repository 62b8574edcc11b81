package server

import (
	"maps"

	"github.com/gofiber/fiber/v2"

	"resellerd/server/identity"
	"resellerd/server/rowfile"
	"resellerd/store/query"
)

// namedRow is how rows of a type are written by their external ids.
type namedRow struct {
	importedType
	typ, owner string // owner is the column of the account that the id is unique in; "" for the tenant
	answer     func(*writing, target) (written, error)
	options    []string // fields of a change that a creation lacks, because nothing depends on a new row
}

func namedRowOf(typ, owner string, answer func(*writing, target) (written, error), options ...string) namedRow {
	return namedRow{importedTypes[typ], typ, owner, answer, options}
}

// The bodies of rows that are put by their external ids. A row that does not exist yet
// needs what a creation needs.
type (
	accountNamed struct {
		ParentID string `json:"parent_id,omitempty" description:"default: the actor's own account"`
		accountChange
	}
	groupNamed struct {
		AccountID string `json:"account_id,omitempty" description:"default: the actor's own account"`
		groupFields
	}
	userNamed struct {
		AccountID string `json:"account_id,omitempty" description:"default: the actor's own account"`
		userFields
	}
	customerNamed struct {
		AccountID string `json:"account_id,omitempty" description:"default: the actor's own account"`
		customerChange
	}
	cardNamed struct {
		AccountID string `json:"account_id,omitempty" description:"default: the actor's own account"`
		Kind      string `json:"kind,omitempty" enum:"provider,customer"`
		cardChange
	}
)

// putRow is a row of a bulk request. Its body has the external id that it is put by.
type putRow[T any] struct {
	Row T `json:"-" inline:"true" required:"external_id"`
}

type bulkPut[T any] = bulkNew[putRow[T]]

var (
	namedAccount  = namedRowOf("account", "", answerAccount, rowfile.AcceptCurrency)
	namedGroup    = namedRowOf("group", "account_id", answerWarned)
	namedUser     = namedRowOf("user", "", answerRow)
	namedCustomer = namedRowOf("customer", "account_id", answerRow, rowfile.AcceptCurrency)
	namedCard     = namedRowOf("card", "account_id", answerRow, rowfile.AcceptCurrency, "accept_losses")
)

// putNamed answers PUT on an external id: it creates the row, or changes the one that has
// the id.
func putNamed(n namedRow) func(*exchange) error {
	return func(r *exchange) error {
		name, err := r.param("external_id")
		if err != nil {
			return err
		}
		return r.write(func(w *writing) (target, error) { return w.putByName(n, name) }, n.answer)
	}
}

// bulkNamed puts the rows of a bulk request, each by the external id that its body has.
func bulkNamed(n namedRow, path string) bulkWriter {
	return bulkWriter{fiber.MethodPut, path, func(w *writing) (target, error) {
		name, _ := w.sent.object[externalID].(string)
		return w.putByName(n, name)
	}, n.answer, n.gives}
}

// putByName creates or changes the row with an external id. It finds the row only if its
// writer sees the row and its id. Faults of the body come after the decision.
func (w *writing) putByName(n namedRow, name string) (target, error) {
	if !w.r.mayNameRows(n.typ) {
		return target{}, &problem{kind: kindForbidden, field: externalID, detail: "Only users of the master can name rows of this type, or a token that has the scope " + identity.ScopeIdentity.String() + "."}
	}
	account := w.r.Subject.Account.ID
	if f, err := w.sent.fields(anyField); err == nil {
		if owner, ok := f.sent[n.owner].(string); ok && n.owner != "" {
			account = owner
		}
		sent := *w.sent
		sent.object = maps.Clone(f.sent)
		if other, ok := f.sent[externalID]; name == "" || ok && other != name {
			sent.fault = invalid(externalID, "must be the external id that the row is put by")
		}
		sent.object[externalID] = name
		w.sent = &sent
	}
	id, err := w.named(n, account, name)
	if err != nil {
		return target{}, err
	}
	if id == "" {
		for _, option := range n.options {
			if _, is := w.sent.object[option].(bool); is {
				delete(w.sent.object, option)
			}
		}
		made, err := n.create(w)
		if err == nil && len(w.sent.ifMatch) > 0 { // RFC 9110, 13.1.1: there is no row that could match
			err = stale()
		}
		return made, err
	}
	return w.updateRow(n.update, id)
}

// named finds the row that an external id names; "" for none that the writer sees.
func (w *writing) named(n namedRow, account, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	p, err := w.r.ReadPlan(n.typ)
	if err != nil {
		return "", err
	}
	q := p.Query()
	q.Leaf, q.Limit = false, 1
	q.Where = []query.Condition{{Column: externalID, Op: query.Eq, Value: name}}
	if n.owner != "" {
		q.Where = append(q.Where, query.Condition{Column: n.owner, Op: query.Eq, Value: account})
	}
	page, err := w.tx.List(w.r.Ctx, q)
	if err != nil || len(page.Rows) == 0 {
		return "", err
	}
	return page.Rows[0].ID(), nil
}
