package cardfile_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"resellerd/store/cardfile"
)

// endless is a file that repeats one text, of any size.
type endless struct {
	begin, again string
}

func (e endless) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if off < int64(len(e.begin)) {
		n = copy(p, e.begin[off:])
	}
	if n < len(p) {
		n += copy(p[n:], e.again[(off+int64(n)-int64(len(e.begin)))%int64(len(e.again)):])
	}
	for begin := n; n < len(p); { // copy the repetitions, doubling each time
		if n-begin >= len(e.again) {
			n += copy(p[n:], p[begin:begin+(n-begin)/len(e.again)*len(e.again)])
		} else {
			n += copy(p[n:], e.again)
		}
	}
	return n, nil
}

func archive(t testing.TB, parts ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.Create(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, parts[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const (
	bookParts = `<workbook xmlns:r="r"><sheets><sheet name="A" r:id="a"/></sheets></workbook>`
	bookRels  = `<Relationships><Relationship Id="a" Target="s.xml"/></Relationships>`
)

func bookOf(t testing.TB, sheet string) []byte {
	return archive(t, "xl/workbook.xml", bookParts, "xl/_rels/workbook.xml.rels", bookRels, "xl/s.xml", sheet)
}

func TestFilesThatAreNoCardsEndInAClearError(t *testing.T) {
	for name, c := range map[string]struct {
		file cardfile.File
		says string
	}{
		"nothing":                  {fileOf("a.csv", nil), "empty"},
		"a PDF named CSV":          {fileOf("a.csv", []byte("%PDF-1.7\n")), "PDF"},
		"HTML named CSV":           {fileOf("a.csv", []byte(" <!DOCTYPE html><html>")), "HTML"},
		"an old workbook":          {fileOf("a.xls", []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")), "XLS"},
		"a program":                {fileOf("", []byte("\x7FELF\x02\x01")), "program"},
		"gzip twice":               {fileOf("a.csv", []byte("\x1F\x8B\x08")), "gzip"},
		"a CSV named XLSX":         {fileOf("a.xlsx", []byte("prefix,cost\n49,1\n")), "said to be xlsx"},
		"JSON named CSV":           {fileOf("a.csv", []byte(`{"cards":{}}`)), "said to be csv"},
		"a media type that lies":   {cardfile.File{ReaderAt: strings.NewReader("prefix,cost\n49,1\n"), Size: 17, MediaType: cardfile.MediaXLSX}, "said to be xlsx"},
		"NUL bytes":                {fileOf("a.csv", []byte("prefix,cost\n4\x009,1\n")), "NUL"},
		"a line of 2 GB":           {cardfile.File{ReaderAt: endless{"prefix,cost\n", "4"}, Size: 2 << 30, Name: "a.csv"}, "longer than"},
		"a quoted line of 64 MB":   {cardfile.File{ReaderAt: endless{"prefix,cost\n\"", "4\n"}, Size: 64 << 20, Name: "a.csv"}, "longer than"},
		"a JSON text of 64 MB":     {cardfile.File{ReaderAt: endless{`{"name":"`, "x"}, Size: 64 << 20, Name: "a.json"}, "longer than"},
		"an NDJSON line of 64 MB":  {cardfile.File{ReaderAt: endless{"{\"prefix\":\"1\"}\n{\"name\":\"", "x"}, Size: 64 << 20, Name: "a.ndjson"}, "longer than"},
		"text without a heading":   {cardfile.File{ReaderAt: endless{"", "lorem,ipsum\n"}, Size: 64 << 20, Name: "a.csv"}, "no heading line"},
		"deep JSON":                {cardfile.File{ReaderAt: endless{`{"x":`, "["}, Size: 1 << 20, Name: "a.json"}, "JSON"},
		"JSON cut off":             {fileOf("a.json", []byte(`{"cards":{"a":{"rates":[[`)), "incomplete"},
		"JSON with more":           {fileOf("a.json", []byte(`{"cards":{"a":{"currency":"EUR"}}} {}`)), "text after"},
		"a card twice":             {fileOf("a.json", []byte(`{"cards":{"a":{},"a":{}}}`)), "twice"},
		"other JSON":               {fileOf("a.json", []byte(`{"hello":"world"}`)), "no cards"},
		"several cards":            {fileOf("a.json", []byte(`{"cards":{"a":{},"b":{}}}`)), "several cards"},
		"a card for messages":      {fileOf("a.json", []byte(`{"cards":{"a":{"type":"messaging"}}}`)), "messaging"},
		"a ZIP of something":       {fileOf("a.xlsx", archive(t, "a.txt", "hello")), "not an XLSX"},
		"half a workbook":          {fileOf("a.xlsx", bookOf(t, "<worksheet/>")[:200]), "incomplete"},
		"a sheet cut off":          {fileOf("a.xlsx", bookOf(t, "<worksheet><sheetData><row><c>")), "damaged"},
		"an entity that expands":   {fileOf("a.xlsx", bookOf(t, `<!DOCTYPE x [<!ENTITY a "b">]><worksheet><row><c><v>&a;</v></c></row></worksheet>`)), "damaged"},
		"a zip bomb":               {fileOf("a.xlsx", bookOf(t, "<worksheet><sheetData>"+strings.Repeat("<row/>"+strings.Repeat(" ", 10_000), 3_000)+"</sheetData></worksheet>")), "inflates"},
		"a cell of 3 MB":           {fileOf("a.xlsx", bookOf(t, "<worksheet><sheetData><row><c><v>"+strings.Repeat("x", 3<<20)+"</v></c></row></sheetData></worksheet>")), "longer than"},
		"a cell without end":       {fileOf("a.xlsx", bookOf(t, "<worksheet><row>"+strings.Repeat("<c/>", 2000)+"</row></worksheet>")), "in a wrong place"},
		"rows in no order":         {fileOf("a.xlsx", bookOf(t, `<worksheet><row r="2"/><row r="1"/></worksheet>`)), "wrong row number"},
		"a heading in no sheet":    {fileOf("a.xlsx", bookOf(t, `<worksheet><row r="2"><c><v>1</v></c></row></worksheet>`)), "no heading line"},
		"a document of one number": {fileOf("", []byte("42")), "no heading line"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := readAll(t, c.file, cardfile.Options{})
			if !errors.Is(err, cardfile.ErrFile) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want an error that says %q", err, c.says)
			}
		})
	}
}

func TestAReaderEndsWithItsContextAndItsTaker(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	long := cardfile.File{ReaderAt: endless{"prefix,cost\n", "49,1\n"}, Size: 64 << 20}
	n := 0
	_, err := cardfile.Read(ctx, long, cardfile.Options{}, func(cardfile.Row) error {
		cancel(gone)
		n++
		return nil
	})
	if !errors.Is(err, gone) || n != 1 {
		t.Errorf("%v after %d rows, want the context's end", err, n)
	}
	full := errors.New("no more")
	_, err = cardfile.Read(t.Context(), long, cardfile.Options{}, func(cardfile.Row) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("%v, want the taker's error", err)
	}
}

func TestAFileThatFailsIsNotTakenForAShortOne(t *testing.T) {
	broken := errors.New("the disk is gone")
	for after := range int64(27) {
		_, _, err := readAll(t, cardfile.File{ReaderAt: failing{broken, after}, Size: 27}, cardfile.Options{})
		if !errors.Is(err, broken) {
			t.Errorf("%v, want the file's own error", err)
		}
	}
}

// A file that ends before its size has lost data, and so has one that reports
// a failure as its end.
func TestAFileThatEndsEarlyIsNotTakenForAShortOne(t *testing.T) {
	read := func(r io.ReaderAt, size int, name string) error {
		_, _, err := readAll(t, cardfile.File{ReaderAt: r, Size: int64(size), Name: name}, cardfile.Options{})
		return err
	}
	for name, write := range writers {
		var out bytes.Buffer
		if err := write(&out, rowsOf(nil)); err != nil {
			t.Fatal(err)
		}
		whole := out.Bytes()
		if err := read(bytes.NewReader(whole), len(whole), name); err != nil {
			t.Errorf("%s, whole: %v", name, err)
		}
		for cut := range whole {
			if err := read(bytes.NewReader(whole[:cut]), len(whole), name); err == nil {
				t.Errorf("%s is whole after %d of %d bytes", name, cut, len(whole))
			}
		}
	}
	for _, end := range []error{io.EOF, fmt.Errorf("the disk: %w", io.EOF)} {
		for after := range int64(27) {
			if err := read(failing{end, after}, 27, ""); err == nil || errors.Is(err, cardfile.ErrFile) {
				t.Errorf("%v after %d bytes: %v", end, after, err)
			}
		}
	}
}

type failing struct {
	err   error
	after int64
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	text := "prefix,cost\n49,1\n50,2\n51,3\n"
	if off >= f.after {
		return 0, f.err
	}
	n := copy(p, text[off:f.after])
	if n < len(p) {
		return n, f.err
	}
	return n, nil
}

func TestMorePricesOfOnePrefixThanACardHasAreAnError(t *testing.T) {
	var text strings.Builder
	text.WriteString("prefix,cost\n")
	for _, cost := range []int{1, 2} {
		for n := range 11_000 {
			fmt.Fprintf(&text, "%d,%d\n", 100_000+n, cost)
		}
	}
	_, _, err := readAll(t, fileOf("a.csv", []byte(text.String())), cardfile.Options{NANP: no()})
	if !errors.Is(err, cardfile.ErrFile) || !strings.Contains(err.Error(), "not a rate card") {
		t.Errorf("%v", err)
	}
}

func FuzzRead(f *testing.F) {
	decks, err := filepath.Glob("testdata/decks/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, deck := range decks {
		text, err := os.ReadFile(deck)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, filepath.Ext(deck))
	}
	f.Add(bookOf(f, `<worksheet><row><c t="inlineStr"><is><t>prefix</t></is></c><c t="str"><v>cost</v></c></row><row><c><v>49</v></c><c><f>1</f><v>0.1</v></c></row></worksheet>`), ".xlsx")
	f.Fuzz(func(t *testing.T, text []byte, ending string) {
		rows, _, err := readAll(t, fileOf("a"+ending, text), cardfile.Options{})
		if err != nil && !errors.Is(err, cardfile.ErrFile) {
			t.Fatal(err)
		}
		type key struct {
			prefix any
			from   int64
		}
		seen := map[key]bool{}
		for _, r := range rows {
			k := key{r.Prefix, r.From.Unix()}
			if seen[k] {
				t.Fatalf("%s stands twice", r.Prefix)
			}
			seen[k] = true
			if r.Prefix.Len() == 0 || r.Validate() != nil || r.MCD > 86_400 || r.Pulse > 86_400 {
				t.Fatalf("%+v", r)
			}
		}
	})
}
