package cardfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var totals = []string{"total", "totals", "grand total", "subtotal", "sub total", "sum", "summe", "gesamt", "count", "end", "eof", "end of file", "rows", "records"}

// countedThings are the words of a last line such as 2 records.
var countedThings = []string{"total", "rows", "records", "lines", "entries", "prefixes", "codes", "destinations", "rates", "routes", "items", "registros", "zeilen", "lignes", "записей"}

func filled(cells []cell) (n int) {
	for _, c := range cells {
		if strings.TrimSpace(c.text) != "" {
			n++
		}
	}
	return n
}

// isTotal reports whether a line is a total and has no prefix.
func (r *reader) isTotal(cells []cell) bool { return r.sumsUp(cells) && !r.prefixBeside(cells) }

// sumsUp reports whether the first cell with content says that the line is a
// total. This cell may be the prefix.
func (r *reader) sumsUp(cells []cell) bool {
	for _, c := range cells {
		if text := strings.TrimSpace(c.text); text != "" {
			if allDigits(text) {
				return false // as most lines begin
			}
			words, _ := heading(text)
			if text[0] >= '0' && text[0] <= '9' { // 2 records
				return filled(cells) == 1 && slices.Contains(countedThings, strings.TrimLeft(words, " 0123456789"))
			}
			return slices.Contains(totals, strings.TrimRight(words, " 0123456789"))
		}
	}
	return false
}

// prefixBeside reports whether the prefix column holds digits and a cell
// before it has content.
func (r *reader) prefixBeside(cells []cell) bool {
	at := r.layout.at[colPrefix]
	return at < len(cells) && !blank(cells[:at]) && strings.ContainsAny(cells[at].text, "0123456789")
}

// total counts a total. The total at the end of a card that this package wrote
// must give the correct number of rows.
func (r *reader) total(at Place, cells []cell) error {
	r.report.Lines.Totals++
	own := len(cells) > 1 && cells[0].text == "total" && len(r.layout.heading) > 1 &&
		r.layout.heading[0] == columnNames[colPrefix] && r.layout.heading[1] == columnNames[colName]
	if own {
		return r.whole(at, cells[1].text)
	}
	return nil
}

// whole compares the number of rows that a file states with the number read.
func (r *reader) whole(at Place, rows string) error {
	l := r.report.Lines
	if n, err := strconv.Atoi(rows); err == nil && n != l.Priced+l.Repeated+l.Superseded+l.Refused {
		return &FileError{Place: at, Text: fmt.Sprintf("the file says that it has %d rows, but it has %d",
			n, l.Priced+l.Repeated+l.Superseded+l.Refused)}
	}
	return nil
}
