package cardfile

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"resellerd/store/cardfile/export"
)

// workbook is an open XLSX file (ECMA-376, SpreadsheetML). It streams the
// sheets row by row. Libraries load whole sheets, or cannot tell a formula
// from a number while streaming, or both.
type workbook struct {
	*reader
	parts   map[string]*zip.File
	room    int64 // bytes that may still be decompressed
	sheets  []sheet
	strings sharedStrings
	styles  []shown // by style number
}

type sheet struct {
	name, part string
	hidden     bool
}

// Limits for the decompressed size of a workbook. A real one shrinks to about
// a tenth.
const (
	inflateTimes = 200
	inflateBase  = 16 << 20
	inflateMost  = 4 << 30
	maxParts     = 100_000 // sheets, parts, formats or styles
)

const notXLSX = "the file is a ZIP archive but not an XLSX workbook"

func (r *reader) readXLSX(f File) error {
	directory := &sparing{ReaderAt: f, left: maxDirectory}
	archive, err := zip.NewReader(directory, f.Size)
	directory.lifted = true
	if err != nil {
		return broken("the workbook cannot be opened: it is damaged or incomplete")
	}
	w := &workbook{reader: r, parts: map[string]*zip.File{}, room: min(inflateMost, inflateBase+inflateTimes*f.Size)}
	for _, part := range archive.File {
		w.parts[strings.TrimPrefix(part.Name, "/")] = part
	}
	if _, is := w.parts["content.xml"]; is {
		return broken("the file is an OpenDocument spreadsheet (ODS): save it as XLSX or CSV")
	}
	if err := w.readContents(); err != nil {
		return err
	}
	chosen, err := w.choose()
	if err != nil {
		return err
	}
	if err := w.readStrings(); err != nil {
		return err
	}
	if err := w.readStyles(); err != nil {
		return err
	}
	for _, s := range chosen {
		if err := w.readSheet(s); err != nil {
			return err
		}
	}
	return nil
}

// inflating limits the decompressed size of the parts of the archive.
type inflating struct {
	io.Reader
	room *int64
}

func (i inflating) Read(p []byte) (int, error) {
	n, err := i.Reader.Read(p)
	if *i.room -= int64(n); *i.room < 0 {
		return 0, broken("the workbook inflates to far more than workbooks do")
	}
	return n, err
}

// elements reads XML one token at a time.
type elements struct {
	*xml.Decoder
	begin, done int64 // start of the current unit; end of the last token
	depth       int   // open elements
	rooted      bool  // there was at least one element
}

// next returns the next token. It returns an error if the current unit is
// longer than maxLine.
func (e *elements) next() (xml.Token, error) {
	token, err := e.RawToken()
	if e.done = e.InputOffset(); err == nil && e.done-e.begin > maxLine {
		err = errLongLine
	}
	switch token.(type) {
	case xml.StartElement:
		e.depth, e.rooted = e.depth+1, true
	case xml.EndElement:
		e.depth--
	}
	return token, err
}

// whole reports whether all elements are closed.
func (e *elements) whole() bool { return e.rooted && e.depth == 0 }

// each passes the tokens of a part to take.
func (w *workbook) each(name string, take func(*elements, xml.Token) error) error {
	part, ok := w.parts[name]
	if !ok {
		return broken(notXLSX)
	}
	body, err := part.Open()
	if err != nil {
		return broken("the workbook cannot be read: %s", name)
	}
	defer body.Close()
	g := &guard{ctx: w.ctx, from: inflating{body, &w.room}, work: w.work}
	d := &elements{Decoder: xml.NewDecoder(g)}
	g.parsed = func() int64 { return d.done }
	for {
		d.begin = d.done
		token, err := d.next()
		if errors.Is(err, io.EOF) && d.whole() {
			return nil
		}
		if err = cutOff(err); err == nil {
			err = take(d, token)
		}
		if err != nil {
			return w.explain(err, name)
		}
	}
}

// explain turns errors of the archive or its XML into an ErrFile and returns
// other errors unchanged.
func (w *workbook) explain(err error, name string) error {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, zip.ErrChecksum) || errors.Is(err, zip.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) {
		return broken("the workbook is damaged: %s", name)
	}
	if strings.HasPrefix(err.Error(), "flate: ") {
		return broken("the workbook is damaged: %s", name)
	}
	return err
}

// cutOff turns an early end of a part into io.ErrUnexpectedEOF.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// readContents lists the sheets and their parts.
func (w *workbook) readContents() error {
	targets := map[string]string{}
	err := w.each("xl/_rels/workbook.xml.rels", func(_ *elements, t xml.Token) error {
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == "Relationship" {
			if len(targets) > maxParts {
				return errNotParts
			}
			target := attribute(e, "Target")
			if !strings.HasPrefix(target, "/") {
				target = "xl/" + target
			}
			targets[attribute(e, "Id")] = path.Clean(strings.TrimPrefix(target, "/"))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.each("xl/workbook.xml", func(_ *elements, t xml.Token) error {
		e, ok := t.(xml.StartElement)
		switch {
		case ok && e.Name.Local == "workbookPr":
			w.since1904 = attribute(e, "date1904") == "1" || attribute(e, "date1904") == "true"
		case ok && e.Name.Local == "sheet" && len(w.sheets) > maxParts:
			return errNotParts
		case ok && e.Name.Local == "sheet":
			w.sheets = append(w.sheets, sheet{
				name: attribute(e, "name"), part: targets[attribute(e, "id")], hidden: strings.Contains(strings.ToLower(attribute(e, "state")), "hidden"),
			})
		}
		return nil
	})
}

// choose returns the sheets in Options, all visible sheets for "*", or the
// only visible sheet.
func (w *workbook) choose() ([]sheet, error) {
	var visible []sheet
	var names []string
	for _, s := range w.sheets {
		if !s.hidden {
			visible = append(visible, s)
			names = append(names, fmt.Sprintf("%q", excerpt(s.name)))
		}
	}
	switch {
	case len(w.sheets) > 1000:
		return nil, broken("the workbook has more than 1,000 sheets")
	case slices.Equal(w.o.Sheets, []string{"*"}):
	case len(w.o.Sheets) > 0:
		return w.named()
	case len(visible) > 1:
		return nil, w.askSheet(visible, strings.Join(names, ", "))
	}
	if len(visible) == 0 {
		return nil, broken("the workbook has no visible sheet")
	}
	for _, s := range w.sheets {
		if s.hidden {
			w.warn(fmt.Sprintf("the sheet %q is hidden and was not read", excerpt(s.name)))
		}
	}
	return visible, nil
}

// askSheet asks which of several sheets to read.
func (w *workbook) askSheet(visible []sheet, names string) error {
	q := Question{Code: "sheet", Option: "sheet", Text: "the workbook has several sheets: give sheet=NAME, or sheet=* for all; they are " + names}
	for _, s := range visible[:min(len(visible), MaxQuestions)] {
		q.Choices = append(q.Choices, Choice{Parameter: "sheet", Value: s.name})
	}
	q.Choices = append(q.Choices, Choice{Parameter: "sheet", Value: "*"})
	return Open([]Question{q}, []Mapped{})
}

func (w *workbook) named() ([]sheet, error) {
	var chosen []sheet
	for _, name := range w.o.Sheets {
		i := slices.IndexFunc(w.sheets, func(s sheet) bool { return s.name == name })
		if i < 0 {
			return nil, ask("sheet", "the workbook has no sheet %q", excerpt(name))
		}
		if !slices.Contains(chosen, w.sheets[i]) {
			chosen = append(chosen, w.sheets[i])
		}
	}
	return chosen, nil
}

// sharedStrings holds the texts that cells refer to by number, joined into one
// slice.
type sharedStrings struct {
	text []byte
	ends []uint32
}

const maxStrings = 64 << 20 // bytes

func (s *sharedStrings) at(i int) (string, bool) {
	if i < 0 || i >= len(s.ends) {
		return "", false
	}
	from := uint32(0)
	if i > 0 {
		from = s.ends[i-1]
	}
	return export.Unescaped(string(s.text[from:s.ends[i]])), true
}

func (w *workbook) readStrings() error {
	const part = "xl/sharedStrings.xml"
	if _, there := w.parts[part]; !there {
		return nil
	}
	s := &w.strings
	return w.each(part, func(d *elements, t xml.Token) error {
		e, ok := t.(xml.StartElement)
		if !ok || e.Name.Local != "si" {
			return nil
		}
		text, err := richText(d, "si")
		if err != nil {
			return err
		}
		s.text = append(s.text, text...)
		s.ends = append(s.ends, uint32(len(s.text)))
		if len(s.text)+4*len(s.ends) > maxStrings {
			return broken("the workbook has too many different texts: save it as CSV")
		}
		return nil
	})
}

// richText joins the runs of a text up to its end. It leaves out phonetic
// hints.
func richText(d *elements, until string) (string, error) {
	var text strings.Builder
	inside, aside := false, 0
	for {
		token, err := d.next()
		if err != nil {
			return "", cutOff(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			inside = t.Name.Local == "t"
			if t.Name.Local == "rPh" {
				aside++
			}
		case xml.EndElement:
			inside = false
			switch t.Name.Local {
			case until:
				return text.String(), nil
			case "rPh":
				aside--
			}
		case xml.CharData:
			if inside && aside == 0 {
				text.Write(t)
			}
		}
	}
}
