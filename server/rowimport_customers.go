package server

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"resellerd/policies/input"
	"resellerd/server/rowfile"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// freshCustomers are the new customers of an import, which may be very many. They are read,
// decided and checked before the transaction, as createCustomer does. The transaction
// only inserts them. Under the lock, it makes sure that what the decisions depend on is
// still the same: the policy, the user's rights, and what the user sees and may do in each
// account.
type freshCustomers struct {
	run      *rowImport
	r        *inquiry // knows the accounts that the file creates
	read     *session.ReadPlan
	accounts map[string]*freshAccount
	rows     customerSpool
	n        int // rows
	placed   int // those that belong to accounts that the file creates
}

// freshAccount is what a creation of a customer decides about the customer's account.
type freshAccount struct {
	columns map[string]bool
	err     error // why no customer can be created there
}

func newFreshCustomers(run *rowImport) *freshCustomers {
	return &freshCustomers{run: run, accounts: map[string]*freshAccount{}}
}

// begin prepares the decisions.
func (c *freshCustomers) begin() (err error) {
	if c.r != nil {
		return nil
	}
	c.r = c.run.inquiry()
	c.r.Subject, c.r.Actor = c.run.r.Subject, c.run.r.Actor
	facts, below := *c.run.r.Facts, map[string]bool{}
	stored := c.run.r.Facts.InSubtree
	facts.Leaf, facts.Below = false, func(account string) bool {
		known, ok := below[account]
		if !ok {
			at := account
			for rowfile.Placeholder(at) {
				at = c.run.names.Above(at)
			}
			known = stored(at)
			below[account] = known
		}
		return known
	}
	c.r.Facts = input.NewFacts(facts)
	c.read, err = c.r.MayList("customer")
	return err
}

// add decides about a new customer.
func (c *freshCustomers) add(row *rowfile.Resolved) error {
	if err := c.begin(); err != nil {
		return err
	}
	customer, change, err := c.made(row)
	if err != nil {
		if err := fatal(err); err != nil {
			return err
		}
		op := rowOp{Line: row.Line, Type: row.Kind.Type, Name: row.Name}
		c.run.report.Refuse(refusalFor(&op, problemOf(err)))
		return nil
	}
	if rowfile.Placeholder(row.Owner) {
		c.placed++
	}
	c.n++
	return c.rows.add(row.Line, customer, change)
}

// made is createCustomer without the transaction. It returns the customer and what the
// audit entry says of it.
func (c *freshCustomers) made(row *rowfile.Resolved) (made store.Customer, change []byte, err error) {
	at, err := c.account(row.Owner)
	if err != nil {
		return made, nil, err
	}
	f := fieldsOf(row.Object)
	f.shown = columnsOf(at.columns)
	f.value("account_id")
	patch := customerPatch(f)
	made.AccountID = row.Owner
	store.Apply(&patch, &made)
	if !f.sound(&made) {
		return made, nil, f.err()
	}
	made.ID, made.TenantID = c.run.s.store.NewID("customer"), c.r.Facts.Account.TenantID
	policy := policyRowOf(&made)
	in := c.r.Input("create", "customer", "")
	in.Resource.Row = policy
	d := c.r.Decide(in)
	if !d.Allow {
		return made, nil, session.DeniedOpenly(d)
	}
	if c.read == nil || len(d.Columns) == 0 {
		return made, nil, errUnseenAfterwards
	}
	sight := c.r.Sight(c.read, made.ID, policy)
	if !sight.Shown {
		return made, nil, errUnseenAfterwards
	}
	return made, creationOf(policy, sight.Columns), nil
}

var errUnseenAfterwards = forbidden("the user could not see the row afterwards")

// account decides about new customers of an account, once.
func (c *freshCustomers) account(id string) (*freshAccount, error) {
	at := c.accounts[id]
	if at == nil {
		at = &freshAccount{}
		at.columns, at.err = c.decideAccount(id)
		if err := fatal(at.err); at.err != nil && err != nil {
			return nil, err
		}
		c.accounts[id] = at
	}
	return at, at.err
}

func (c *freshCustomers) decideAccount(id string) (columns map[string]bool, err error) {
	if id != c.r.Subject.Account.ID && !rowfile.Placeholder(id) {
		p, err := c.r.ReadPlan("account")
		if err == nil {
			p.Leaf = false
			_, err = c.r.One(c.run.s.store, p, id)
		}
		if unseen(err) {
			return nil, invalid("account_id", "does not name an account")
		}
		if err != nil {
			return nil, err
		}
	}
	return (&writing{r: c.r}).mayCreate("customer", map[string]any{"account_id": id}, nil)
}

// decideAgain decides about the accounts again, in the transaction. It returns ErrConflict
// if a decision has changed.
func (c *freshCustomers) decideAgain(w *writing) error {
	for id, at := range c.accounts {
		if at.err != nil || rowfile.Placeholder(id) {
			continue
		}
		seen, err := w.sees("account", id)
		if err != nil {
			return err
		}
		columns, err := w.mayCreate("customer", map[string]any{"account_id": id}, nil)
		if err != nil && fatal(err) != nil {
			return err
		}
		if err != nil || !seen && id != w.r.Subject.Account.ID || !maps.Equal(columns, at.columns) {
			return fault.Conflict("", "an account of the file has changed meanwhile: import again")
		}
	}
	return nil
}

// policyRowOf is the row that policies read of a new customer.
func policyRowOf(c *store.Customer) map[string]any {
	row := map[string]any{"id": c.ID, "tenant_id": c.TenantID, "account_id": c.AccountID, "name": c.Name, "status": c.Status}
	for name, text := range map[string]string{"email": c.Email, "currency": c.Currency, "external_id": c.ExternalID, "notes": c.Notes} {
		if text != "" {
			row[name] = text
		}
	}
	return row
}

// creationOf is session.AuditChange for a new customer with these policy columns, of which
// its creator is shown some. columns are sorted.
func creationOf(row map[string]any, columns []string) []byte {
	text := []byte(`{"columns":{`)
	member := func(name, before string, value any) {
		if text[len(text)-1] != '{' {
			text = append(text, ',')
		}
		quoted, err := json.Marshal(value)
		if err != nil { // never: it is a text or an empty list
			quoted = []byte("null")
		}
		text = append(append(append(append(text, '"'), name...), `":`+before...), quoted...)
	}
	for _, name := range columns {
		value, has := row[name]
		if name == "cards" {
			value, has = []any{}, true
		}
		if has && name != "tenant_id" {
			member(name, `{"before":null,"after":`, value)
			text = append(text, '}')
		}
	}
	text = append(text, `},"row":{`...)
	for _, c := range schema.Info("customer").Columns {
		if value, has := row[c.Name]; has && !c.Opaque {
			member(c.Name, "", value)
		}
	}
	return append(text, "}}"...)
}

// write inserts the customers of accounts that were stored before or, if placed is true,
// of those that the file creates. Each gets an audit entry.
func (c *freshCustomers) write(w *rowWriting, placed bool) error {
	if placed && c.placed == 0 {
		return nil
	}
	next := c.rows.reader()
	for {
		some, err := next(customersAtOnce)
		if err != nil || len(some) == 0 {
			return err
		}
		if some, err = c.settle(w, some, placed); err != nil {
			return err
		}
		writes := c.run.writes && !c.run.doomed()
		if !writes && !placed {
			some, err = c.free(w, some)
		}
		if writes && len(some) > 0 {
			some, err = c.insert(w, some)
		}
		if err != nil {
			return err
		}
		for range some {
			c.run.report.Count("customer", rowfile.Created)
		}
		c.run.Progress(StepWrite, len(some))
	}
}

// customersAtOnce is how many customers one statement inserts, and maxAtOnce how many bytes they
// have.
const (
	customersAtOnce = 5_000
	maxAtOnce       = 4 << 20
)

// settle selects the customers of stored accounts, or of new ones. It replaces the
// placeholders of accounts, and refuses customers of accounts that were not created.
func (c *freshCustomers) settle(w *rowWriting, some []freshCustomer, placed bool) ([]freshCustomer, error) {
	kept := some[:0]
	for _, one := range some {
		at := one.AccountID
		if rowfile.Placeholder(at) != placed {
			continue
		}
		if placed {
			id, ok := w.made[at]
			if !ok {
				c.run.report.Refuse(rowfile.Refusal{Line: one.line, Type: "customer", ExternalID: one.ExternalID, Pointer: "/account",
					Detail: refusedReference, Do: doReference})
				continue
			}
			old, err := json.Marshal(at)
			if err != nil {
				return nil, err
			}
			one.AccountID, one.change = id, bytes.ReplaceAll(one.change, old, fmt.Appendf(nil, "%q", id))
		}
		kept = append(kept, one)
	}
	return kept, nil
}

// insert inserts customers and returns them. It refuses those whose external id is taken: by a
// row that the user does not see, or that was created meanwhile.
func (c *freshCustomers) insert(w *rowWriting, some []freshCustomer) ([]freshCustomer, error) {
	for {
		n := 0
		err := w.tx.Part(c.run.ctx, func() error {
			return w.tx.CreateCustomers(c.run.ctx, func() (*store.Customer, error) {
				if n++; n > len(some) {
					return nil, nil
				}
				return &some[n-1].Customer, nil
			})
		})
		if err == nil {
			break
		}
		if !errors.Is(err, fault.ErrConflict) {
			return nil, err
		}
		free, failed := c.free(w, some)
		if failed != nil {
			return nil, failed
		}
		switch {
		case c.run.doomed():
			return free, nil // nothing is written
		case len(free) == len(some):
			return nil, err
		}
		some = free
	}
	return some, c.audit(w, some)
}

// free refuses the customers whose external ids are taken, and returns the others.
func (c *freshCustomers) free(w *rowWriting, some []freshCustomer) ([]freshCustomer, error) {
	names := map[string][]string{}
	for i := range some {
		names[some[i].AccountID] = append(names[some[i].AccountID], some[i].ExternalID)
	}
	taken := map[string]map[string]bool{}
	for account, all := range names {
		found, err := w.tx.TakenCustomers(c.run.ctx, account, all)
		if err != nil {
			return nil, err
		}
		taken[account] = found
	}
	return slices.DeleteFunc(some, func(one freshCustomer) bool {
		if !taken[one.AccountID][one.ExternalID] {
			return false
		}
		c.run.report.Refuse(rowfile.Refusal{Line: one.line, Type: "customer", ExternalID: one.ExternalID, Pointer: "/external_id",
			Detail: "Another customer of the account has this `external_id`. The acting user does not see it, or it was created meanwhile.",
			Do:     "Import again, as a user who sees all customers of the account."})
		return true
	}), nil
}

func (c *freshCustomers) audit(w *rowWriting, some []freshCustomer) error {
	n, sub := 0, w.r.Subject
	return w.tx.AuditAll(c.run.ctx, func() (*store.AuditEntry, error) {
		if n++; n > len(some) {
			return nil, nil
		}
		one := &some[n-1]
		return &store.AuditEntry{ActorID: sub.User.ID, ActorAccountID: sub.Account.ID, Panel: w.r.Caller.Panel, AccountID: one.AccountID,
			ResourceType: "customer", ResourceID: one.ID, Action: "create", Change: one.change}, nil
	})
}

// freshCustomer is a new customer with the change of its audit entry.
type freshCustomer struct {
	store.Customer
	line   int
	change []byte
}

// texts are the texts of a customer that a spool stores.
func (c *freshCustomer) texts() []*string {
	return []*string{&c.ID, &c.AccountID, &c.Name, &c.Email, &c.Status, &c.Currency, &c.ExternalID, &c.Notes}
}

// customerSpool keeps new customers on disk in the order of add.
type customerSpool struct {
	file  rowSpool
	frame []byte
}

func (s *customerSpool) Close() error { return s.file.Close() }

func (s *customerSpool) add(line int, c store.Customer, change []byte) error {
	one := freshCustomer{Customer: c}
	s.frame = binary.AppendUvarint(s.frame[:0], uint64(line))
	for _, text := range one.texts() {
		s.frame = append(binary.AppendUvarint(s.frame, uint64(len(*text))), *text...)
	}
	s.frame = append(binary.AppendUvarint(s.frame, uint64(len(change))), change...)
	return s.file.add(s.frame)
}

var errSpool = errors.New("a temporary file is damaged")

// reader returns a function that reads the next customers, at most n, and about maxAtOnce bytes.
func (s *customerSpool) reader() func(n int) ([]freshCustomer, error) {
	next := s.file.reader()
	return func(n int) (some []freshCustomer, err error) {
		for size := 0; len(some) < n && size < maxAtOnce; {
			frame, err := next()
			if err != nil || frame == nil {
				return some, err
			}
			one, err := readCustomer(frame)
			if err != nil {
				return nil, err
			}
			size += len(frame)
			some = append(some, one)
		}
		return some, nil
	}
}

func readCustomer(frame []byte) (c freshCustomer, err error) {
	line, n := binary.Uvarint(frame)
	frame, c.line = frame[max(n, 0):], int(line)
	part := func() []byte {
		size, n := binary.Uvarint(frame)
		if n <= 0 || size > uint64(len(frame)-n) {
			err = errSpool
			return nil
		}
		text := frame[n : n+int(size)]
		frame = frame[n+int(size):]
		return text
	}
	for _, text := range c.texts() {
		*text = string(part())
	}
	c.change = bytes.Clone(part())
	return c, err
}
