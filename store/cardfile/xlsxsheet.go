package cardfile

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"resellerd/store/cardfile/export"
)

// sheetRows reads the rows of one sheet.
type sheetRows struct {
	*workbook
	name  string
	last  int // number of the previous row
	cells []cell

	hiddenRows, hiddenColumns int
}

// readSheet reads a sheet. Each sheet has its own heading.
func (w *workbook) readSheet(s sheet) error {
	w.report.sheets = append(w.report.sheets, s.name)
	w.layout, w.above, w.spoken = nil, 0, nil
	rows := &sheetRows{workbook: w, name: s.name}
	title := []cell{{text: s.name}}
	w.hears(Place{Sheet: s.name, Line: 1}, title)
	if err := w.dateAbove(Place{Sheet: s.name, Line: 1}, title, true); err != nil {
		return err
	}
	err := w.each(s.part, func(d *elements, t xml.Token) error {
		e, ok := t.(xml.StartElement)
		switch {
		case ok && e.Name.Local == "row":
			if isTrue(attribute(e, "hidden")) {
				rows.hiddenRows++
			}
			err := rows.row(d, e)
			if errors.Is(err, errLongLine) {
				err = placed(Place{Sheet: s.name, Line: rows.last}, err)
			}
			return err
		case ok && e.Name.Local == "col" && isTrue(attribute(e, "hidden")):
			rows.hiddenColumns++
		}
		return nil
	})
	if rows.hiddenRows > 0 {
		w.warn(fmt.Sprintf("the sheet %q hides rows: %d; they are read like the others", excerpt(s.name), rows.hiddenRows))
	}
	if rows.hiddenColumns > 0 {
		w.warn(fmt.Sprintf("the sheet %q hides columns; they are read like the others", excerpt(s.name)))
	}
	if err == nil {
		_, err = w.settleHeadings(Place{}, nil)
	}
	if err == nil && w.layout == nil {
		w.warn(fmt.Sprintf("the sheet %q has no headings of rates", excerpt(s.name)))
	}
	return err
}

// isTrue reads a truth value of XML.
func isTrue(text string) bool { return text == "1" || text == "true" }

// row reads one row to its end. Missing row numbers count as blank rows.
func (s *sheetRows) row(d *elements, e xml.StartElement) error {
	if err := s.oneMore(); err != nil {
		return err
	}
	number := s.last + 1
	if r := attribute(e, "r"); r != "" {
		n, err := strconv.Atoi(r)
		if err != nil || n <= s.last || n > 1<<rowBits {
			return &FileError{Place: Place{Sheet: s.name, Line: s.last}, Text: fmt.Sprintf("a wrong row number follows: %s", excerpt(r))}
		}
		number = n
	}
	s.blank(number - s.last - 1)
	s.last, s.cells = number, s.cells[:0]
	for {
		token, err := d.next()
		if err != nil {
			return cutOff(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Local == "c" {
				if err := s.cell(d, t); err != nil {
					return err
				}
			}
		case xml.EndElement:
			if t.Name.Local == "row" {
				return s.line(Place{Sheet: s.name, Line: number}, s.cells)
			}
		}
	}
}

// cell reads one cell to its end and stores it at the position that it names.
func (s *sheetRows) cell(d *elements, e xml.StartElement) error {
	at := len(s.cells)
	if r := attribute(e, "r"); r != "" {
		at = columnIndex(r)
	}
	if at < len(s.cells) || at >= maxCells {
		return &FileError{Place: Place{Sheet: s.name, Line: s.last}, Text: fmt.Sprintf("a cell is in a wrong place: %s", excerpt(attribute(e, "r")))}
	}
	raw, err := readCell(d)
	if err != nil {
		return err
	}
	for len(s.cells) < at {
		s.cells = append(s.cells, cell{})
	}
	c := s.value(attribute(e, "t"), raw)
	if c.number {
		c.shown = s.style(attribute(e, "s"))
	}
	s.cells = append(s.cells, c)
	return nil
}

// columnIndex returns the column of a reference such as "AB12", counted from
// 0, or -1 if there is none.
func columnIndex(place string) int {
	n := 0
	for _, c := range place {
		if c < 'A' || c > 'Z' {
			break
		}
		if n = n*26 + int(c-'A') + 1; n > maxCells {
			return maxCells
		}
	}
	return n - 1
}

// rawCell is the content of a cell's element.
type rawCell struct {
	value   []byte
	inline  string
	valued  bool
	formula bool
}

func readCell(d *elements) (c rawCell, err error) {
	inside := ""
	for {
		token, err := d.next()
		if err != nil {
			return c, cutOff(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			inside = t.Name.Local
			switch inside {
			case "f":
				c.formula = true
			case "is":
				if c.inline, err = richText(d, "is"); err != nil {
					return c, err
				}
			}
		case xml.EndElement:
			if t.Name.Local == "c" {
				return c, nil
			}
			inside = ""
		case xml.CharData:
			if inside == "v" {
				c.value = append(c.value, t...)
				c.valued = true
			}
		}
	}
}

// value returns what a cell of a type shows. It does not evaluate formulas; it
// takes the result that was stored when the workbook was saved.
func (s *sheetRows) value(typ string, raw rawCell) cell {
	value := string(raw.value)
	if raw.formula && !raw.valued {
		return cell{fault: "is a formula without a result: save the workbook with its values"}
	}
	switch typ {
	case "s":
		i, err := strconv.Atoi(strings.TrimSpace(value))
		text, ok := s.strings.at(i)
		if err != nil || !ok {
			return cell{fault: "refers to a text that does not exist"}
		}
		return cell{text: text}
	case "inlineStr":
		return cell{text: export.Unescaped(raw.inline)}
	case "e":
		return cell{text: value, fault: "has an error of the spreadsheet"}
	case "b":
		return cell{text: strconv.FormatBool(isTrue(value))}
	case "str", "d":
		return cell{text: value}
	}
	return cell{text: value, number: raw.valued}
}
