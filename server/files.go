package server

import (
	"bufio"
	"context"
	"fmt"
	"mime"

	"github.com/gofiber/fiber/v2"

	"resellerd/store/cardfile/export"
	"resellerd/store/query"
	"resellerd/store/schema"
)

const (
	mediaCSV    = "text/csv"
	mediaNDJSON = "application/x-ndjson"
)

// answerRows answers a list as the caller wants it: a page of JSON, or all rows as a
// stream of CSV or NDJSON. fileName ends with a dot; the ending follows.
func (r *exchange) answerRows(q query.Query, shown map[string]schema.ColumnInfo, fileName string, apart ...string) error {
	switch r.media {
	case mediaCSV:
		return r.streamList(mediaCSV+"; charset=utf-8", fileName+"csv", q, shown, writeCSV, apart...)
	case mediaNDJSON:
		return r.streamList(mediaNDJSON, fileName+"ndjson", q, shown, writeNDJSON, apart...)
	}
	return r.answerList(q, shown, query.Row.AppendJSON, apart...)
}

// fileWriter writes all rows of a list. It ends with a line that holds the number of
// rows, so that a part is never taken for the whole.
type fileWriter func(w *bufio.Writer, columns []string, each func(func(query.Row) error) error) error

// streamList sends every row of a list as a file. Filters and sorting apply; pages do
// not. The caller has read the parameters in apart.
func (r *exchange) streamList(mediaType, fileName string, q query.Query, shown map[string]schema.ColumnInfo, write fileWriter, apart ...string) error {
	p, err := r.readParams(shown, apart...)
	if err != nil {
		return err
	}
	if err := r.wholeStream("cursor", "limit", "count", "expand"); err != nil {
		return err
	}
	q.Where, q.Sort, q.Desc = append(q.Where, p.where...), p.sort, p.desc
	columns := inOrder(q.Type, shown)
	r.c.Set(fiber.HeaderContentDisposition, disposition(fileName))
	s, disk, account := r.s.store, r.s.limiter.disk, r.payer().ID
	if q.Sort != "" {
		if err := disk.room(account); err != nil {
			return err
		}
	}
	return r.stream(mediaType, func(ctx context.Context, w *bufio.Writer) error {
		if q.Sort == "" {
			return write(w, columns, func(fn func(query.Row) error) error { return s.Stream(ctx, q, promptly(w, fn)) })
		}
		return disk.spooled(w, account, func(w *bufio.Writer) error {
			return write(w, columns, func(fn func(query.Row) error) error { return s.Stream(ctx, q, fn) })
		})
	})
}

// wholeStream refuses parameters of pages.
func (r *exchange) wholeStream(of ...string) error {
	for _, name := range of {
		if r.c.Request().URI().QueryArgs().Has(name) {
			return invalid(name, "is not for a stream, which holds all rows")
		}
	}
	return nil
}

// promptly flushes the first row as soon as it is written. Later rows are sent
// when the buffer is full.
func promptly(w *bufio.Writer, fn func(query.Row) error) func(query.Row) error {
	first := true
	return func(row query.Row) error {
		if err := fn(row); err != nil || !first {
			return err
		}
		first = false
		return w.Flush()
	}
}

// disposition gives the answer a file name.
func disposition(fileName string) string {
	return mime.FormatMediaType("attachment", map[string]string{"filename": fileName})
}

// rowCells returns the rows as cells of text.
func rowCells(columns []string, each func(func(query.Row) error) error) export.Rows {
	return func(put func([]string) error) error {
		cells := make([]string, len(columns))
		var text []byte
		return each(func(row query.Row) error {
			for i, name := range columns {
				text, _ = row.Text(text[:0], name) // empty for a column that the row does not show
				cells[i] = string(text)
			}
			return put(cells)
		})
	}
}

// inOrder lists the shown columns in the order of a row.
func inOrder(typ string, shown map[string]schema.ColumnInfo) []string {
	var names []string
	for _, c := range schema.Info(typ).Columns {
		if _, ok := shown[c.Name]; ok {
			names = append(names, c.Name)
		}
	}
	return names
}

// writeNDJSON writes one row per line, and {"rows":n} as the last line.
func writeNDJSON(w *bufio.Writer, _ []string, each func(func(query.Row) error) error) error {
	var line []byte
	n := 0
	err := each(func(row query.Row) error {
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

// writeCSV writes a heading, one row per line, and a last line with "total" and
// the number of rows. It makes cells inert that a spreadsheet would run as
// formulas.
func writeCSV(w *bufio.Writer, columns []string, each func(func(query.Row) error) error) error {
	return export.CSV(w, columns, rowCells(columns, each))
}
