package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies"
	"resellerd/policies/input"
	"resellerd/policies/predicate"
	"resellerd/server/session"
	"resellerd/server/tablefilter"
	"resellerd/store"
	"resellerd/store/fault"
)

// filterLife is how long a panel may use a filter.
const filterLife = 2 * time.Second

// postFilters answers with the filters for tables of the panel's own: the rows that
// the single check would allow, and the columns that they show.
func postFilters(r *exchange) error {
	asked, err := r.askedFilters()
	if err != nil {
		return err
	}
	subject, err := r.filtered(asked.user)
	if err != nil {
		return err
	}
	until := r.filtersUntil().UTC().Format(time.RFC3339Nano)
	tenants := tenantCheck{exchange: r}
	bodies := make([]filterBody, len(asked.filters))
	for i, f := range asked.filters {
		err := tenants.check(&f.table)
		if err == nil {
			bodies[i], err = r.filter(subject, f)
		}
		if err != nil {
			return asked.at(i, err)
		}
		bodies[i].ValidUntil = until
	}
	if !asked.many {
		return r.sendJSON(bodies[0])
	}
	return r.sendJSON(filterAnswer{Filters: bodies, ValidUntil: until})
}

// filtersUntil returns how long filters for a user are good: at most until a group of the
// user ends.
func (r *exchange) filtersUntil() time.Time {
	until := r.Now().Add(filterLife)
	if r.Subject != nil && r.Subject.Until != 0 && r.Subject.Until.Time().Before(until) {
		return r.Subject.Until.Time()
	}
	return until
}

func (r *exchange) sendJSON(value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// filtered returns the user that the filters are for. A user whom the store does not
// know, or whom the token is not good for, gets filters that let no row pass.
func (r *exchange) filtered(ref string) (input.Subject, error) {
	in := &input.Input{Subject: input.Subject{Type: session.SubjectUser, ID: ref}}
	err := r.loadQuestioned(in, question{subject: entity{typ: session.SubjectUser, id: ref}})
	return in.Subject, err
}

// filter plans one filter, records it and renders it.
func (r *exchange) filter(subject input.Subject, f filterAsked) (filterBody, error) {
	in := r.Input(f.action, f.area, "")
	in.Subject = subject
	plan, env, err := r.PlanFor(in)
	var no *session.DeniedError
	switch {
	case errors.As(err, &no) && errors.Is(err, policies.ErrNoFilter):
		return filterBody{}, &problem{kind: kindInvalid, field: "area", cause: err,
			detail: "The policy decides about rows of this area in a way that no filter can express. Ask single checks."}
	case err != nil:
		return filterBody{}, err
	}
	t, err := r.s.filters.Template(plan, f.table)
	if err != nil {
		return filterBody{}, filterProblem(err)
	}
	bound, err := t.Bind(env, &filterAccounts{r: r})
	if err != nil {
		return filterBody{}, filterProblem(err)
	}
	return f.body(t, bound, plan), nil
}

// filterCacheBytes limits the cached templates of filters.
const filterCacheBytes = 16 << 20

// filterProblem turns the refusal of a table or a filter into its answer.
func filterProblem(err error) error {
	var column *tablefilter.ColumnError
	switch {
	case errors.As(err, &column):
		return &problem{kind: kindInvalid, cause: err, errors: []bodyFault{columnFault(column)}}
	case errors.Is(err, tablefilter.ErrManyBelow):
		return &problem{kind: kindInvalid, field: "columns", cause: err, detail: fmt.Sprintf(
			"More than %d accounts are below the user's account. Map the column %s, so that a master needs no list of them.",
			tablefilter.MaxBelow, tablefilter.TenantColumn)}
	case errors.Is(err, tablefilter.ErrUCAST):
		return invalid("dialect", "cannot express this filter, which compares two columns")
	}
	return err
}

func columnFault(err *tablefilter.ColumnError) bodyFault {
	return bodyFault{pointer: pointerTo("columns") + pointerTo(err.Column), field: "columns." + err.Column, text: err.Text}
}

// tenantCheck refuses tables that could mix up tenants. It counts the tenants once for
// a request.
type tenantCheck struct {
	*exchange
	sole    string
	several bool
	asked   bool
}

func (c *tenantCheck) check(t *tablefilter.Table) error {
	if !c.asked {
		sole, err := c.Store.SoleTenant(c.Ctx)
		switch {
		case errors.Is(err, fault.ErrAmbiguous):
			c.several = true
		case err != nil && !errors.Is(err, fault.ErrNotFound):
			return unavailable(err)
		}
		c.sole, c.asked = sole, true
	}
	_, mapped := t.Columns[tablefilter.TenantColumn]
	switch {
	case t.OneTenant && (c.Caller.Tenant == "" || c.Caller.Tenant != c.sole):
		return invalid("single_tenant", "is only for a panel token that is bound to the only tenant of the store")
	case c.several && !mapped:
		return filterProblem(&tablefilter.ColumnError{Column: tablefilter.TenantColumn, Text: "is missing: the store has several tenants"})
	}
	return nil
}

// filterAccounts finds the accounts that the filters of a user may name.
type filterAccounts struct{ r *exchange }

// Below implements tablefilter.Accounts.
func (a *filterAccounts) Below() ([]store.NamedAccount, error) {
	if a.r.Subject == nil {
		return nil, nil
	}
	own := a.r.Subject.Account
	if a.r.Subject.Leaf {
		return []store.NamedAccount{{ID: own.ID, ExternalID: own.ExternalID}}, nil
	}
	list, err := a.r.Store.AccountsBelow(a.r.Ctx, own.ID, tablefilter.MaxBelow+1)
	if err != nil {
		return nil, unavailable(err)
	}
	return list, nil
}

// Find implements tablefilter.Accounts.
func (a *filterAccounts) Find(id string) (store.NamedAccount, bool) {
	if a.r.Subject == nil {
		return store.NamedAccount{}, false
	}
	for _, account := range a.r.Subject.Chain {
		if account.ID == id {
			return store.NamedAccount{ID: id, ExternalID: account.ExternalID}, true
		}
	}
	list, err := a.Below()
	if err != nil || len(list) > tablefilter.MaxBelow {
		return store.NamedAccount{}, false
	}
	for _, account := range list {
		if account.ID == id {
			return account, true
		}
	}
	return store.NamedAccount{}, false
}

// body is the answer to one filter.
func (f *filterAsked) body(t *tablefilter.Template, bound tablefilter.Filter, plan *policies.Plan) filterBody {
	body := filterBody{Area: f.area, filterResult: filterResult{Kind: kindNames[bound.Kind], UCAST: bound.Tree}}
	if f.table.Dialect != tablefilter.UCAST {
		body.SQL, body.Args = &bound.SQL, &bound.Args
		if f.table.Placeholders == tablefilter.Named {
			names := make([]string, len(bound.Args))
			for i := range names {
				names[i] = tablefilter.Name(f.table.First + i)
			}
			body.Names = &names
		}
	}
	columns, masks := []string{}, map[string]tablefilter.Mask{}
	if bound.Kind != predicate.None {
		columns, masks = t.Shown(plan.Columns)
	}
	body.Columns = &columns
	for column, mask := range masks {
		if body.Masks == nil {
			body.Masks = map[string]filterMask{}
		}
		body.Masks[column] = filterMask{Mask: mask.Kind, Value: mask.Value, SQL: t.MaskSQL(column, mask)}
	}
	return body
}

var kindNames = map[predicate.Kind]string{predicate.None: "none", predicate.All: "all", predicate.Where: "where"}
