package server

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"mime"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"resellerd/store"
)

const (
	mediaCSV    = "text/csv"
	mediaNDJSON = "application/x-ndjson"
)

// getRates lists the rates of a card: a page as JSON, or the whole card as a
// stream of CSV or NDJSON. They are seen as their card is.
func getRates(r *call) error {
	card, err := r.param("id")
	if err != nil {
		return err
	}
	head, q, shown, err := r.ratesOf(card)
	if err != nil {
		return err
	}
	r.c.Vary(fiber.HeaderAccept)
	switch r.c.Accepts(fiber.MIMEApplicationJSON, mediaCSV, mediaNDJSON) {
	case mediaCSV:
		return r.streamRates(mediaCSV+"; charset=utf-8", "csv", head, q, shown, writeCSV)
	case mediaNDJSON:
		return r.streamRates(mediaNDJSON, "ndjson", head, q, shown, writeNDJSON)
	case fiber.MIMEApplicationJSON:
		return r.answerList(q, shown, store.Row.AppendJSON)
	}
	return &problem{kind: kindNotAcceptable}
}

// cardHead is what a file of rates is named after, as the reader sees it.
type cardHead struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// ratesOf finds the card as its reader sees it (404), decides that its rates
// may be read (403), and asks for them. revision names another revision than
// the active one, on the reader's own side of the card only.
func (r *call) ratesOf(card string) (head cardHead, q store.Query, shown map[string]store.ColumnInfo, err error) {
	cards, err := r.reading("card")
	if err != nil {
		return head, q, nil, err
	}
	row, err := r.one(outside{}, cards, card)
	if err != nil {
		return head, q, nil, err
	}
	if err := json.Unmarshal(row.AppendJSON(nil), &head); err != nil {
		return head, q, nil, fmt.Errorf("card %s: %w", card, err)
	}
	rates, err := r.reading("rate")
	if err != nil {
		return head, q, nil, err
	}
	q = rates.query()
	q.Parent = card
	if row.View != translatedView {
		q.Revision = r.takeRevision()
	}
	return head, q, shownColumns("rate", rates.plan), nil
}

// takeRevision removes the parameter from the query, where it is known.
func (r *call) takeRevision() string {
	args := r.c.Request().URI().QueryArgs()
	if len(args.PeekMulti("revision")) != 1 {
		return ""
	}
	revision := string(args.Peek("revision"))
	args.Del("revision")
	return revision
}

// rateWriter writes a whole card. It ends with a line that says how many rows
// there are, so that a part is never taken for the whole.
type rateWriter func(w *bufio.Writer, columns []string, each func(func(store.Row) error) error) error

// streamRates sends every rate. Filters and sorting apply; pages do not.
func (r *call) streamRates(mediaType, ending string, head cardHead, q store.Query, shown map[string]store.ColumnInfo, write rateWriter) error {
	p, err := r.readParams(shown)
	if err != nil {
		return err
	}
	if p.cursor != "" || p.count || r.query("limit") != "" {
		return invalid("", "a stream is the whole card: it takes no cursor, limit or count")
	}
	q.Where, q.Sort, q.Desc = p.where, p.sort, p.desc
	columns := inOrder("rate", shown)
	r.c.Set(fiber.HeaderContentDisposition, disposition(head, ending))
	s := r.s.store
	return r.stream(mediaType, func(ctx context.Context, w *bufio.Writer) error {
		return write(w, columns, func(fn func(store.Row) error) error { return s.Stream(ctx, q, promptly(w, fn)) })
	})
}

// promptly sends the first row as soon as it is written; those after it go out
// when there are enough of them.
func promptly(w *bufio.Writer, fn func(store.Row) error) func(store.Row) error {
	first := true
	return func(row store.Row) error {
		if err := fn(row); err != nil || !first {
			return err
		}
		first = false
		return w.Flush()
	}
}

// disposition names the file as the reader sees the card.
func disposition(head cardHead, ending string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) || r == 0x7F {
			return '_'
		}
		return r
	}, head.Name)
	if name = strings.Trim(name, ". "); name == "" {
		name = head.ID
	}
	return mime.FormatMediaType("attachment", map[string]string{"filename": name + "." + ending})
}

// inOrder lists the shown columns in the order of a row.
func inOrder(typ string, shown map[string]store.ColumnInfo) []string {
	var names []string
	for _, c := range typeInfo(typ).Columns {
		if _, ok := shown[c.Name]; ok {
			names = append(names, c.Name)
		}
	}
	return names
}

// writeNDJSON writes a row a line, and last {"rows":n}.
func writeNDJSON(w *bufio.Writer, _ []string, each func(func(store.Row) error) error) error {
	var line []byte
	n := 0
	err := each(func(row store.Row) error {
		n++
		line = append(row.AppendJSON(line[:0]), '\n')
		_, err := w.Write(line)
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `{"rows":%d}`+"\n", n)
	return err
}

// writeCSV writes a heading, a row a line, and last "total" with the number of
// rows in the second cell. Cells that a spreadsheet would run are made inert.
func writeCSV(w *bufio.Writer, columns []string, each func(func(store.Row) error) error) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	cells := make([]string, len(columns))
	var text []byte
	n := 0
	err := each(func(row store.Row) error {
		n++
		for i, name := range columns {
			text, _ = row.Text(text[:0], name) // nothing of what the row does not show
			cells[i] = inert(string(text))
		}
		return out.Write(cells)
	})
	if err != nil {
		return err
	}
	clear(cells)
	last := append(cells, "", "")[:max(2, len(cells))]
	last[0], last[1] = "total", strconv.Itoa(n)
	if err := out.Write(last); err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// inert puts an apostrophe before what a spreadsheet takes for a formula.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
