package cardfile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// cell is the content of one cell. Only a number may have an exponent; in a
// text, an exponent means that a spreadsheet has shortened a prefix.
type cell struct {
	text   string
	number bool
	exact  bool   // a number that its digits give exactly, not one stored in binary
	fault  string // why the cell has no readable content, for people
	shown         // how a spreadsheet displays a number
}

func (r *reader) readCSV(f File) error {
	text, encoding, err := f.text(r.ctx, r.o)
	if err != nil {
		return err
	}
	g := &guard{ctx: r.ctx, from: &lines{from: text}, work: r.work, texts: true}
	buffered := bufio.NewReaderSize(g, 256<<10)
	delimiter := r.o.Delimiter
	if delimiter == 0 {
		sample, err := buffered.Peek(64 << 10)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		delimiter = delimiterOf(sample, r.o)
	}
	r.report.Encoding, r.report.Delimiter = encoding, string(delimiter)
	in := newCSV(buffered, delimiter)
	done := int64(0) // end of the last record; the parser's own offset also advances inside a quoted text
	g.parsed = func() int64 { return done }
	return r.csvLines(in, g, &done)
}

func newCSV(from io.Reader, delimiter rune) *csv.Reader {
	in := csv.NewReader(from)
	in.Comma, in.FieldsPerRecord, in.ReuseRecord = delimiter, -1, true
	return in
}

// csvLines reads every line. The parser skips blank lines; gaps in the line
// numbers reveal them.
func (r *reader) csvLines(in *csv.Reader, from *guard, done *int64) error {
	var cells []cell
	next := 1
	for {
		record, err := in.Read()
		*done = in.InputOffset()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			r.blank(bad.StartLine - next)
			r.refuseQuotes(bad)
			next = bad.Line + 1
			continue
		}
		if errors.Is(err, errLongLine) {
			return placed(Place{Line: next}, err)
		}
		if err != nil {
			return err
		}
		line, _ := in.FieldPos(0)
		r.blank(line - next)
		next = line + 1
		cells = cells[:0]
		for _, field := range record {
			next += strings.Count(field, "\n")
			cells = append(cells, cell{text: field})
		}
		if err := r.line(Place{Line: line}, cells); err != nil {
			return err
		}
	}
	r.blank(from.total() + 1 - next)
	return nil
}

func (r *reader) blank(lines int) {
	r.report.Lines.Blank += max(0, lines)
	r.gap = r.gap || lines > 0
}

// refuseQuotes refuses the lines that a misplaced quotation mark has joined
// or broken.
func (r *reader) refuseQuotes(bad *csv.ParseError) {
	why := refusal{reason: "a quotation mark is in a wrong place"}
	if bad.Line > bad.StartLine {
		why.reason = fmt.Sprintf("a quotation mark is not closed: lines %d to %d are not read", bad.StartLine, bad.Line)
	}
	if r.layout != nil && (r.layout.at[colStatus] >= 0 || r.layout.at[colBlocked] >= 0 || r.layout.at[colOpen] >= 0) {
		r.report.Blocking++
	}
	r.report.Lines.Refused += bad.Line - bad.StartLine
	r.report.refuse(Place{Line: bad.StartLine}, why)
}

var delimiters = []rune{',', ';', '\t', '|'}

// delimiterOf returns the delimiter that gives the most known headings in a
// line. Among equals, it returns the one that gives the most cells.
func delimiterOf(sample []byte, o Options) rune {
	best, most := delimiters[0], 0
	for _, delimiter := range delimiters {
		in := newCSV(bytes.NewReader(sample), delimiter)
		score := 0
		for range maxHeading {
			record, err := in.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				continue
			}
			score = max(score, recordScore(record, o))
		}
		if score > most {
			best, most = delimiter, score
		}
	}
	return best
}

func recordScore(record []string, o Options) int {
	if len(o.Columns) > 0 {
		return len(record)
	}
	known := 0
	for _, field := range record {
		if _, words, _, ok := columnFor(field); ok && words != "" {
			known++
		}
	}
	return 1000*known + len(record)
}
