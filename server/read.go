package server

import (
	"fmt"
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
		return r.answerRows(p.Query(), shownColumns(typ, p.Plan), typ+"s.")
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
		return r.answerOne(typ, row, shownColumns(typ, p.Plan))
	}
}

// answerOne answers GET with a row, and with the rows that it refers to if the caller
// asks for them. These are no part of the tag, so an answer that has them is always
// whole.
func (r *exchange) answerOne(typ string, row query.Row, shown map[string]schema.ColumnInfo) error {
	part := r.Part("view")
	representation := row.AppendJSON(nil)
	part.End()
	wanted := r.query("expand")
	if wanted == "" {
		return r.answerRow(fiber.StatusOK, typ, representation)
	}
	columns, err := readExpand(shown, wanted)
	if err != nil {
		return err
	}
	expanded, err := r.expand(columns, []query.Row{row})
	if err != nil {
		return err
	}
	r.c.Set(fiber.HeaderETag, r.s.etag(typ, representation))
	body := expanded.append(representation[:len(representation)-1], row)
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, append(body, '}'))
}

// cardsOf answers GET on the cards of a customer: those of its cards that the reader
// sees. Errors: 404 if the reader does not see the customer, 403 if it is not shown its
// cards.
func cardsOf(r *exchange) error {
	id, err := r.customerWithCards()
	if err != nil {
		return err
	}
	p, err := r.ReadPlan("card")
	if err != nil {
		return err
	}
	q := p.Query()
	q.Customer = id
	return r.answerList(q, shownColumns("card", p.Plan), query.Row.AppendJSON)
}

// customerWithCards returns the id of the customer in the path. Errors: 404 if the reader
// does not see the customer, 403 if it is not shown its cards.
func (r *exchange) customerWithCards() (string, error) {
	id, err := r.param("id")
	if err != nil {
		return "", err
	}
	customers, err := r.ReadPlan("customer")
	if err != nil {
		return "", err
	}
	row, err := r.One(r.Store, customers, id)
	if err != nil {
		return "", err
	}
	if _, shown := row.Value("cards"); !shown {
		return "", &problem{kind: kindForbidden, reasons: []string{reasonAreaDenied}}
	}
	return id, nil
}

// appender writes a row's JSON.
type appender func(query.Row, []byte) []byte

// answerList reads the query's parameters and a page of rows, and answers
// {"items":[…],"next":"…","prev":"…","total":n}. It sends next and prev only if there
// are more rows on that side, and total only with ?count=true. Each row that has a tag
// of its own has it as etag. The order is that of q unless the query asks
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
	expanded, err := r.expand(p.expand, page.Rows)
	if err != nil {
		return err
	}
	part := r.Part("view")
	body := appendRows(make([]byte, 0, 256*len(page.Rows)+256), page, r.tagging(q.Type, expanded, write))
	part.End()
	if r.tellsUnchanged(r.s.etag("list", fmt.Appendf(body, "%d %t %t", page.Total, page.Next != nil, page.Prev != nil))) {
		return nil
	}
	if body, err = r.appendPage(body, page, p); err != nil {
		return err
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, body)
}

// tagging writes a row, its tag, and the rows that it refers to.
func (r *inquiry) tagging(typ string, expanded *expansion, write appender) appender {
	tagged := !untagged[typ]
	if !tagged && expanded == nil {
		return write
	}
	tagOf := r.s.etags(typ)
	return func(row query.Row, dst []byte) []byte {
		start := len(dst)
		dst = write(row, dst)
		tag := ""
		if tagged {
			tag = tagOf(dst[start:])
		}
		dst = dst[:len(dst)-1]
		if tagged {
			if dst[len(dst)-1] != '{' {
				dst = append(dst, ',')
			}
			dst = query.AppendString(append(dst, `"etag":`...), tag)
		}
		return append(expanded.append(dst, row), '}')
	}
}

// untagged are the types whose rows have no path of their own.
var untagged = map[string]bool{"rate": true, "audit": true}

// appendRows appends the beginning of a list. The rest has its cursors, which differ in
// each answer.
func appendRows(dst []byte, page query.Page, write appender) []byte {
	dst = append(dst, `{"items":[`...)
	for i, row := range page.Rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = write(row, dst)
	}
	return append(dst, ']')
}

// appendPage appends what follows the rows of a list.
func (r *inquiry) appendPage(dst []byte, page query.Page, p listParams) ([]byte, error) {
	for _, side := range []struct {
		name string
		at   *query.Cursor
	}{{"next", page.Next}, {"prev", page.Prev}} {
		if side.at == nil {
			continue
		}
		sealed, err := r.sealCursor(p.question, side.at, page.Revision)
		if err != nil {
			return nil, err
		}
		dst = append(append(append(dst, `,"`...), side.name...), `":`...)
		dst = query.AppendString(dst, sealed)
	}
	if p.count {
		dst = strconv.AppendInt(append(dst, `,"total":`...), int64(page.Total), 10)
	}
	return append(dst, '}'), nil
}

// tellsUnchanged sends the tag of an answer, and 304 if the reader has that answer.
func (r *exchange) tellsUnchanged(tag string) bool {
	r.c.Set(fiber.HeaderETag, tag)
	if r.route.method != fiber.MethodGet || !r.unchanged(tag) {
		return false
	}
	r.c.Status(fiber.StatusNotModified)
	return true
}

// answerRow sends one representation with its ETag. A reader who has it gets 304.
func (r *exchange) answerRow(status int, typ string, representation []byte) error {
	if r.tellsUnchanged(r.s.etag(typ, representation)) {
		return nil
	}
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
