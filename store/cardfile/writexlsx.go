package cardfile

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxSheetRows is how many rows a sheet has, its heading among them.
const maxSheetRows = 1 << rowBits

// xlsxWriter writes a workbook as it goes: sheets first, and what lists them
// at the end.
type xlsxWriter struct {
	archive *zip.Writer
	sheet   *bufio.Writer
	name    string
	columns []string
	sheets  int
	row     int // of the sheet
	line    []byte
}

// WriteXLSX writes a workbook of the card's rates, on further sheets where one
// does not hold them. Its title and sheets are named after the card, and no
// author, program or path is. Texts are cells of text: no spreadsheet runs them.
func WriteXLSX(w io.Writer, c Card, columns []string, rows Rows) error {
	x := &xlsxWriter{archive: zip.NewWriter(w), name: sheetName(c.Name), columns: columns}
	if err := x.next(); err != nil {
		return err
	}
	if err := rows(x.put); err != nil {
		return err
	}
	if err := x.endSheet(); err != nil {
		return err
	}
	if err := x.list(c.Name); err != nil {
		return err
	}
	return x.archive.Close()
}

// sheetName is a name that a sheet may have.
func sheetName(name string) string {
	name = strings.Map(func(c rune) rune {
		if c < ' ' || strings.ContainsRune(`[]:*?/\`, c) || !xmlChar(c) {
			return '_'
		}
		return c
	}, name)
	name = strings.Trim(name, " '")
	for utf8.RuneCountInString(name) > 26 { // and a number of up to four digits
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if name = strings.Trim(name, " '"); name == "" || strings.EqualFold(name, "history") {
		return "Rates"
	}
	return name
}

// xmlChar says that XML 1.0 can hold a character.
func xmlChar(c rune) bool {
	return c == '\t' || c == '\n' || c == '\r' || c >= ' ' && c <= 0xD7FF || c >= 0xE000 && c <= 0xFFFD || c >= 0x10000
}

func (x *xlsxWriter) sheetTitle(n int) string {
	if n == 1 {
		return x.name
	}
	return fmt.Sprintf("%s %d", x.name, n)
}

const (
	namespaceMain = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	namespaceRels = `xmlns="http://schemas.openxmlformats.org/package/2006/relationships"`
	officeRels    = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
)

func (x *xlsxWriter) part(name string) (*bufio.Writer, error) {
	part, err := x.archive.Create(name)
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriterSize(part, 32<<10)
	_, err = out.WriteString(xml.Header)
	return out, err
}

// next begins a sheet with its heading.
func (x *xlsxWriter) next() (err error) {
	x.sheets, x.row = x.sheets+1, 0
	if x.sheet, err = x.part(fmt.Sprintf("xl/worksheets/sheet%d.xml", x.sheets)); err != nil {
		return err
	}
	_, _ = x.sheet.WriteString(`<worksheet ` + namespaceMain + `><sheetData>`) // the first error is kept for Flush
	return x.cells(x.columns, func(int) bool { return false })
}

func (x *xlsxWriter) endSheet() error {
	_, _ = x.sheet.WriteString("</sheetData></worksheet>")
	return x.sheet.Flush()
}

func (x *xlsxWriter) put(cells []string) error {
	if x.row == maxSheetRows {
		if err := x.endSheet(); err != nil {
			return err
		}
		if err := x.next(); err != nil {
			return err
		}
	}
	return x.cells(cells, func(i int) bool {
		return numeric[x.columns[i]] && fitsNumber(cells[i]) && !mayBeDate(x.columns[i], cells[i])
	})
}

// mayBeDate reports increments of hours. As numbers they would be refused, for
// a spreadsheet makes such of 30/6.
func mayBeDate(column, cell string) bool {
	return (column == "mcd" || column == "pulse") && len(cell) > 4
}

// cells writes a row. Cells without a place follow one another, so that empty
// ones are written, too.
func (x *xlsxWriter) cells(cells []string, number func(int) bool) error {
	x.row++
	b := x.line[:0]
	b = append(b, "<row>"...)
	for i, cell := range cells {
		switch {
		case cell == "":
			b = append(b, "<c/>"...)
		case number(i):
			b = append(append(append(b, "<c><v>"...), cell...), "</v></c>"...)
		default:
			b = append(b, `<c t="inlineStr"><is><t xml:space="preserve">`...)
			b = append(escaped(b, cell), "</t></is></c>"...)
		}
	}
	b = append(b, "</row>"...)
	x.line = b
	_, err := x.sheet.Write(b)
	return err
}

// escaped writes a text as XML. A character that XML cannot hold is written as
// spreadsheets do, as _x0001_, and so is what would read like that.
func escaped(b []byte, text string) []byte {
	for i, c := range text {
		switch {
		case c == '<':
			b = append(b, "&lt;"...)
		case c == '>':
			b = append(b, "&gt;"...)
		case c == '&':
			b = append(b, "&amp;"...)
		case c == '"':
			b = append(b, "&#34;"...)
		case c == '\r' || !xmlChar(c) || c == '_' && escape(text[i:]):
			b = fmt.Appendf(b, "_x%04X_", c)
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return b
}

// escape knows _xHHHH_.
func escape(text string) bool {
	return len(text) >= 7 && text[1] == 'x' && text[6] == '_' && strings.Trim(text[2:6], "0123456789abcdefABCDEF") == ""
}

// unescaped is the text that was written with _xHHHH_ in it.
func unescaped(text string) string {
	if !strings.Contains(text, "_x") {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		if text[0] == '_' && escape(text) {
			var c rune
			if _, err := fmt.Sscanf(text[2:6], "%04x", &c); err == nil && utf8.ValidRune(c) {
				b.WriteRune(c)
				text = text[7:]
				continue
			}
		}
		b.WriteByte(text[0])
		text = text[1:]
	}
	return b.String()
}

// list writes the parts that say what there is.
func (x *xlsxWriter) list(title string) error {
	var sheets, rels, types strings.Builder
	for n := 1; n <= x.sheets; n++ {
		fmt.Fprintf(&sheets, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, escaped(nil, x.sheetTitle(n)), n, n)
		fmt.Fprintf(&rels, `<Relationship Id="rId%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, n, officeRels, n)
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>`, n)
	}
	for _, part := range [][2]string{
		{"xl/workbook.xml", `<workbook ` + namespaceMain + ` xmlns:r="` + officeRels + `"><sheets>` + sheets.String() + `</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships ` + namespaceRels + `>` + rels.String() + `</Relationships>`},
		{"docProps/core.xml", `<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>` +
			string(escaped(nil, title)) + `</dc:title></cp:coreProperties>`},
		{"_rels/.rels", `<Relationships ` + namespaceRels + `><Relationship Id="rId1" Type="` + officeRels + `/officeDocument" Target="xl/workbook.xml"/>` +
			`<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="docProps/core.xml"/></Relationships>`},
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Default Extension="xml" ContentType="application/xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>` +
			`<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>` + types.String() + `</Types>`},
	} {
		out, err := x.part(part[0])
		if err != nil {
			return err
		}
		_, _ = out.WriteString(part[1])
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return nil
}
