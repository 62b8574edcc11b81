package server

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"resellerd/store/query"
	"resellerd/store/schema"
)

// getAudit lists audit entries, the newest first. An entry shows the changes of
// the columns that the reader may see on such a row now.
func getAudit(r *exchange) error {
	p, err := r.ReadPlan("audit")
	if err != nil {
		return err
	}
	return r.answerList(p.NewestFirst(p.Query()), shownColumns("audit", p.Plan), r.AppendEntry)
}

type exportQuery struct {
	After string `query:"after" description:"the cursor of another answer; without it, the answer begins with the oldest entry"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"1000" description:"entries of an answer"`
}

type exportBody struct {
	Items []auditBody `json:"items" required:"true"`
	exportEnd
}

type exportEnd struct {
	Cursor string `json:"cursor" required:"true" description:"the next request's after"`
	More   bool   `json:"more" required:"true" description:"there are more entries now"`
}

// auditCursor is the last entry that a reader got. All of them have the same length.
type auditCursor struct {
	Place string `json:"p"`
	ID    string `json:"i"`
	At    string `json:"a"`
}

// noEntry stands for an entry, before the first one.
var noEntry = strings.Repeat("0", 30)

// exportAudit tells the audit entries that the user sees, each once, in the order in which
// they were committed. As NDJSON, the last line is the cursor.
func exportAudit(r *exchange) error {
	args, err := r.queryArgs()
	if err != nil {
		return err
	}
	limit, sent := query.MaxLimit, ""
	for _, a := range args {
		if a.name == "after" {
			sent = a.value
			continue
		}
		if limit, err = numberIn(a, 1, query.MaxLimit); err != nil {
			return err
		}
	}
	after, err := r.openAuditCursor(sent)
	if err != nil {
		return err
	}
	p, err := r.ReadPlan("audit")
	if err != nil {
		return err
	}
	q := p.Query()
	q.Sort, q.Limit, q.After = schema.AuditPlace, limit, after
	page, err := r.s.store.List(r.Ctx, q)
	if err != nil {
		return err
	}
	end := exportEnd{Cursor: sent, More: page.Next != nil}
	if page.Last != nil || sent == "" {
		if end.Cursor, err = r.sealAuditCursor(&page); err != nil {
			return err
		}
	}
	return r.sendEntries(&page, end)
}

func (r *exchange) sendEntries(page *query.Page, end exportEnd) error {
	last, err := json.Marshal(end)
	if err != nil {
		return err
	}
	body := make([]byte, 0, 512*len(page.Rows)+256)
	if r.media == mediaNDJSON {
		for _, row := range page.Rows {
			body = append(r.AppendEntry(row, body), '\n')
		}
		return r.send(fiber.StatusOK, mediaNDJSON, append(append(body, last...), '\n'))
	}
	body = append(body, `{"items":[`...)
	for i, row := range page.Rows {
		if i > 0 {
			body = append(body, ',')
		}
		body = r.AppendEntry(row, body)
	}
	return r.send(fiber.StatusOK, fiber.MIMEApplicationJSON, append(append(body, `],`...), last[1:]...))
}

// sealAuditCursor returns the cursor after the last entry of a page.
func (r *inquiry) sealAuditCursor(page *query.Page) (string, error) {
	c, at := auditCursor{ID: noEntry}, int64(0)
	place := int64(-1)
	if page.Last != nil {
		c.ID = page.Last.ID
		place, _ = page.Last.Key.(int64)
		value, _ := page.Rows[len(page.Rows)-1].Value("at")
		at, _ = value.(int64)
	}
	c.Place, c.At = fmt.Sprintf("%019d", place), fmt.Sprintf("%019d", at)
	plain, err := json.Marshal(c)
	return r.s.sealer.Seal("audit", r.cursorBinding(""), plain), err
}

// openAuditCursor returns the position where an answer begins, nil for the oldest entry.
// Errors: 422, and 409 if the database has lost the entry.
func (r *inquiry) openAuditCursor(sealed string) (*query.Cursor, error) {
	if sealed == "" {
		return nil, nil
	}
	var c auditCursor
	var place, at int64
	plain, err := r.s.sealer.Open("audit", r.cursorBinding(""), sealed)
	if err == nil {
		err = json.Unmarshal(plain, &c)
	}
	if err == nil {
		place, err = strconv.ParseInt(c.Place, 10, 64)
	}
	if err == nil {
		at, err = strconv.ParseInt(c.At, 10, 64)
	}
	if err != nil {
		return nil, invalid("after", "is not a cursor of this user")
	}
	if c.ID == noEntry {
		return nil, nil
	}
	lost, err := r.Store.AuditEntryLost(r.Ctx, r.Facts.Account.TenantID, c.ID, schema.Micros(at))
	if err != nil {
		return nil, unavailable(err)
	}
	if lost {
		return nil, &problem{kind: kindRevisionLost, detail: "The store does not have the last entry that was read. An older copy has replaced it. Read all entries again, without after, and drop those that you have by their id."}
	}
	return &query.Cursor{Key: place, ID: c.ID}, nil
}
