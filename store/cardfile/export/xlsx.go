package export

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxSheetRows is the number of rows of a sheet, including its heading.
const maxSheetRows = 1 << 20

// xlsxWriter streams a workbook: first the sheets, then the parts that list
// them.
type xlsxWriter struct {
	archive *zip.Writer
	sheet   *bufio.Writer
	name    string
	columns []string
	sheets  int
	row     int // last row in the current sheet
	line    []byte
}

// XLSX writes a workbook of the card's rates, on several sheets if one is
// too small. The title and the sheets have the card's name. The workbook names
// no author, program or path. Texts are text cells, so that no spreadsheet runs
// them as formulas.
func XLSX(w io.Writer, c Card, columns []string, rows Rows) error {
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

// sheetName returns a valid name for a sheet.
func sheetName(name string) string {
	name = strings.Map(func(c rune) rune {
		if c < ' ' || strings.ContainsRune(`[]:*?/\`, c) || !xmlChar(c) {
			return '_'
		}
		return c
	}, name)
	name = strings.Trim(name, " '")
	for utf8.RuneCountInString(name) > 26 { // leaves room for a number of up to four digits
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if name = strings.Trim(name, " '"); name == "" || strings.EqualFold(name, "history") {
		return "Rates"
	}
	return name
}

// xmlChar reports whether XML 1.0 allows a character.
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

// next begins a sheet and writes its heading.
func (x *xlsxWriter) next() (err error) {
	x.sheets, x.row = x.sheets+1, 0
	if x.sheet, err = x.part(fmt.Sprintf("xl/worksheets/sheet%d.xml", x.sheets)); err != nil {
		return err
	}
	_, _ = x.sheet.WriteString(`<worksheet ` + namespaceMain + `><sheetData>`) // the writer keeps the first error for Flush
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

// mayBeDate reports whether an increment has five digits or more. It is written
// as text. Package cardfile refuses such large numbers, because a spreadsheet turns
// 30/6 into one.
func mayBeDate(column, cell string) bool {
	return (column == "mcd" || column == "pulse") && len(cell) > 4
}

// cells writes a row. Cells have no reference and are placed in order, so empty
// cells must be written too.
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

// escaped appends a text as XML. It writes a character that XML cannot hold in
// the notation of spreadsheets, as _x0001_. It also escapes text that looks like
// this notation.
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

// escape reports whether a text begins with _xHHHH_.
func escape(text string) bool {
	return len(text) >= 7 && text[1] == 'x' && text[6] == '_' && strings.Trim(text[2:6], "0123456789abcdefABCDEF") == ""
}

// Unescaped returns a text with each _xHHHH_ replaced by its character.
func Unescaped(text string) string {
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

// list writes the parts that list the sheets and their types.
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
