package server

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"resellerd/store/query"
	"resellerd/store/schema"
)

// listOf answers GET on a collection.
func listOf(typ string) func(*exchange) error {
	return func(r *exchange) error {
		p, err := r.ReadPlan(typ)
		if err != nil {
			return err
		}
		return r.answerList(p.Query(), shownColumns(typ, p.Plan), query.Row.AppendJSON)
	}
}

// oneOf answers GET on a member of a collection.
func oneOf(typ string) func(*exchange) error {
	return func(r *exchange) error {
		id, err := r.param("id")
		if err != nil {
			return err
		}
		p, err := r.ReadPlan(typ)
		if err != nil {
			return err
		}
		row, err := r.One(r.Store, p, id)
		if err != nil {
			return err
		}
		r.countViews(typ, row)
		return r.answerRow(fiber.StatusOK, typ, row.AppendJSON(nil))
	}
}

// appender writes a row's JSON.
type appender func(query.Row, []byte) []byte

// answerList reads the query's parameters and a page of rows, and answers
// {"items":[…],"next":"…","total":n}. It sends next only if there are more rows,
// and total only with ?count=true. The order is that of q unless the query asks
// for another. The caller has read the parameters in apart.
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
		return invalid("cursor", "belongs to a revision that was deleted")
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

// answerRow sends one representation with its ETag.
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
