package server

import (
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"resellerd/policies"
	"resellerd/policies/predicate"
	"resellerd/server/identity"
	"resellerd/store"
	"resellerd/store/query"
	"resellerd/store/schema"
)

// lister is the store, or a transaction in it: rows are read the same way
// outside and inside of one.
type lister interface {
	page(r *inquiry, q query.Query) (query.Page, error)
}

type outside struct{}

func (outside) page(r *inquiry, q query.Query) (query.Page, error) { return r.s.store.List(r.Ctx, q) }

type within struct{ tx *store.Tx }

func (w within) page(r *inquiry, q query.Query) (query.Page, error) { return w.tx.List(r.Ctx, q) }

// readPlan is what the policy says about all rows of a type for a reader, ready
// to be asked with.
type readPlan struct {
	typ  string
	plan *policies.Plan
	env  predicate.Env
	leaf bool
}

// readPlan asks the policy which rows of a type the acting user may read. When
// that is none whatever there is, the reasons are no secret: 403.
func (r *inquiry) readPlan(typ string) (readPlan, error) {
	plan, env, err := r.Plan("read", typ)
	if err == nil && plan.Outcome == policies.OutcomeDeny {
		err = r.whyNone(typ)
	}
	return readPlan{typ: typ, plan: plan, env: env, leaf: r.Facts.Leaf}, err
}

// whyNone explains why no row of a type may be read, by the decision on a row
// without columns.
func (r *inquiry) whyNone(typ string) error {
	in := r.Input("read", typ, "")
	in.Resource.Row = map[string]any{}
	d := r.Decide(in)
	d.Allow = false
	return deniedOpenly(d)
}

// query asks for what the plan lets the reader see.
func (p readPlan) query() query.Query {
	q := query.Query{Type: p.typ, Filter: p.plan.Filter, Env: p.env, Leaf: p.leaf}
	for _, v := range p.plan.Views {
		q.Views = append(q.Views, query.View{Name: v.Name, When: v.When})
	}
	for _, c := range p.plan.Columns {
		q.Columns = append(q.Columns, query.Columns{Names: c.Columns, When: c.When})
	}
	return q
}

// also is the plan as the filter of a type that a list joins.
func (p readPlan) also() query.TypedFilter {
	return query.TypedFilter{Type: p.typ, Filter: p.plan.Filter, Env: p.env, Leaf: p.leaf}
}

// one returns the row of this id as its reader sees it. A row that is not
// visible is as absent as one that never was: 404.
func (r *inquiry) one(from lister, p readPlan, id string) (query.Row, error) {
	q := p.query()
	q.ID, q.Limit = id, 1
	return r.single(from, q)
}

func (r *inquiry) single(from lister, q query.Query) (query.Row, error) {
	if q.ID == "" || len(q.ID) > identity.MaxName {
		return query.Row{}, notFound()
	}
	page, err := from.page(r, q)
	if err != nil {
		return query.Row{}, err
	}
	if len(page.Rows) != 1 {
		return query.Row{}, notFound()
	}
	return page.Rows[0], nil
}

// listOf answers GET on a collection.
func listOf(typ string) func(*exchange) error {
	return func(r *exchange) error {
		p, err := r.readPlan(typ)
		if err != nil {
			return err
		}
		return r.answerList(p.query(), shownColumns(typ, p.plan), query.Row.AppendJSON)
	}
}

// oneOf answers GET on a member of a collection.
func oneOf(typ string) func(*exchange) error {
	return func(r *exchange) error {
		id, err := r.param("id")
		if err != nil {
			return err
		}
		p, err := r.readPlan(typ)
		if err != nil {
			return err
		}
		row, err := r.one(outside{}, p, id)
		if err != nil {
			return err
		}
		r.countViews(typ, row)
		return r.answerRow(fiber.StatusOK, typ, row.AppendJSON(nil))
	}
}

// appender writes a row's JSON.
type appender func(query.Row, []byte) []byte

// answerList reads the query's parameters, a page of rows, and answers
// {"items":[…],"next":"…","total":n}; next only where there is more, total
// only with ?count=true. The order is q's own unless another is asked for.
// Parameters apart have been read by the caller.
func (r *exchange) answerList(q query.Query, shown map[string]schema.ColumnInfo, write appender, apart ...string) error {
	p, err := r.readParams(shown, apart...)
	if err != nil {
		return err
	}
	q.Where = append(q.Where, p.where...)
	q.Limit, q.Count = p.limit, p.count
	if p.sort != "" {
		q.Sort, q.Desc = p.sort, p.desc
	}
	if p.cursor != "" {
		var revision string
		if q.After, revision, err = r.openCursor(p.question, p.cursor); err != nil {
			return err
		}
		if revision != "" {
			q.Revision, q.At = revision, 0
		}
	}
	page, err := r.s.store.List(r.Ctx, q)
	if err != nil {
		return err
	}
	if p.cursor != "" && q.Revision != "" && page.Revision == "" {
		return invalid("cursor", "is of a revision that is not there any more")
	}
	r.countViews(q.Type, page.Rows...)
	body, err := r.appendPage(make([]byte, 0, 256*len(page.Rows)+64), page, p, write)
	if err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

func (r *inquiry) appendPage(dst []byte, page query.Page, p listParams, write appender) ([]byte, error) {
	dst = append(dst, `{"items":[`...)
	for i, row := range page.Rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = write(row, dst)
	}
	dst = append(dst, ']')
	if page.Next != nil {
		next, err := r.sealCursor(p.question, page.Next, page.Revision)
		if err != nil {
			return nil, err
		}
		dst = query.AppendString(append(dst, `,"next":`...), next)
	}
	if p.count {
		dst = strconv.AppendInt(append(dst, `,"total":`...), int64(page.Total), 10)
	}
	return append(dst, '}'), nil
}

// answerRow sends one representation with its tag.
func (r *exchange) answerRow(status int, typ string, representation []byte) error {
	r.c.Set(fiber.HeaderETag, r.s.etag(typ, representation))
	return r.send(status, fiber.MIMEApplicationJSON, representation)
}

// countViews counts the cards shown, by view.
func (r *inquiry) countViews(typ string, rows ...query.Row) {
	if typ != "card" {
		return
	}
	for _, row := range rows {
		r.s.metrics.cardView(row.View, 1)
	}
}

// sees reports whether a plan shows a column of this name on some row.
func (p readPlan) sees(column string) bool {
	return slices.ContainsFunc(p.plan.Columns, func(g policies.ColumnGroup) bool {
		return g.When.Kind != predicate.None && slices.Contains(g.Columns, column)
	})
}
