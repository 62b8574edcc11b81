package cardfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"resellerd/store/cardfile"
)

// ranges is a small file whose lines each stand for 10,000 other prefixes.
func ranges(lines int, head, line string) []byte {
	var text strings.Builder
	text.WriteString(head)
	for n := range lines {
		fmt.Fprintf(&text, line, 100_000_000+10_000*n, 100_009_999+10_000*n)
	}
	return []byte(text.String())
}

func TestRangesAreCountedBeforeTheyAreExpanded(t *testing.T) {
	t.Parallel()
	errEnough := errors.New("enough")
	var elements []string
	for n := range 600 {
		elements = append(elements, fmt.Sprintf(`["%d-%d",1]`, 100_000_000+10_000*n, 100_009_999+10_000*n))
	}
	for name, file := range map[string]cardfile.File{
		"CSV":                                fileOf("a.csv", ranges(600, "prefix,cost\n", "%d-%d,1\n")),
		"NDJSON":                             fileOf("a.ndjson", ranges(600, "", `{"prefix":"%d-%d","cost":"1"}`+"\n")),
		"JSON":                               open("{}", strings.Join(elements, ",")),
		"a file that gives a number of rows": fileOf("a.csv", ranges(600, "prefix,name,cost\n49,a,1\ntotal,1,\n", "%d-%d,a,1\n")),
	} {
		n := 0
		_, err := cardfile.Read(t.Context(), file, cardfile.Options{NANP: no(), Now: noon}, func(cardfile.Row) error {
			if n++; n > 50_000 {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, cardfile.ErrFile) || !strings.Contains(err.Error(), "more than 5000000 prefixes") {
			t.Errorf("%s: %v after %d rows of %d bytes", name, err, n, file.Size)
		}
	}
}

func TestRangesWithinTheLimitAreRead(t *testing.T) {
	t.Parallel()
	rows, report, err := readAll(t, fileOf("a.csv", ranges(5, "prefix,cost\n", "%d-%d,1\n")), cardfile.Options{NANP: no()})
	if err != nil || len(rows) != 50_000 || report.Lines.Priced != 5 {
		t.Errorf("%v, %d rows", err, len(rows))
	}
}

func TestACellStandsForSoManyPrefixesAndNoMore(t *testing.T) {
	t.Parallel()
	list := strings.Repeat("44;", 9_999)
	for cell, refused := range map[string]bool{
		list + "45":                  false,
		list + "45;46":               true,
		"1000-9999;10000-10999":      false,
		"1000-9999;10000-11000":      true,
		"10000-19999":                false,
		"10000-20000":                true,
		"10000-19999;3":              true,
		"100000000000-999999999999":  true,
		"1-999999999999999":          true, // of unequal length
		"100000000000000-9999999999": true,
	} {
		_, report, err := readAll(t, fileOf("a.csv", []byte("prefix;cost\n\""+cell+"\";1\n")), cardfile.Options{NANP: no(), Delimiter: ';', Hyphen: cardfile.HyphenRange, Maps: []string{"prefix=prefix:list"}})
		if err != nil || (report.Lines.Refused == 1) != refused {
			t.Errorf("%.60s: %v %+v", cell, err, report)
		}
	}
}

// A file of a few hundred kB of gzip has tens of millions of short lines.
func TestTheLinesOfAFileAreLimited(t *testing.T) {
	t.Parallel()
	lines := strings.Repeat("\n", 500_000)
	for name, file := range map[string]endless{
		"a.csv":    {"prefix,cost\n", `"` + lines + `",1` + "\n"},
		"a.ndjson": {"{\"prefix\":\"49\",\"cost\":\"1\"}\n", lines},
	} {
		_, _, err := readAll(t, cardfile.File{ReaderAt: file, Size: 40 << 20, Name: name}, cardfile.Options{NANP: no()})
		if !errors.Is(err, cardfile.ErrFile) || !strings.Contains(err.Error(), "more than 6000000 lines") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The time of the database does not count.
func TestTheWorkOnAFileIsLimited(t *testing.T) {
	t.Parallel()
	now := noon
	o := cardfile.Options{Work: time.Second, Clock: func() time.Time { now = now.Add(200 * time.Microsecond); return now }, NANP: no(), Now: noon}
	deck := func(lines int) cardfile.File {
		return fileOf("a.csv", []byte("prefix,cost\n"+strings.Repeat("49,1\n", lines)))
	}
	slow := func(cardfile.Row) error { now = now.Add(time.Hour); return nil }
	if _, err := cardfile.Read(t.Context(), deck(1000), o, slow); err != nil {
		t.Errorf("the time of a slow database counts: %v", err)
	}
	o.Clock = func() time.Time { now = now.Add(300 * time.Millisecond); return now }
	if _, err := cardfile.Read(t.Context(), deck(300_000), o, slow); !errors.Is(err, cardfile.ErrFile) || !strings.Contains(err.Error(), "takes too long") {
		t.Errorf("a file that takes long: %v", err)
	}
}

func TestWhatAWorkbookHoldsBesidesItsRowsIsLimited(t *testing.T) {
	t.Parallel()
	many := func(begin, one, end string) string { return begin + strings.Repeat(one, 100_100) + end }
	book := func(parts, rels, styles string) []byte {
		return archive(t, "xl/workbook.xml", parts, "xl/_rels/workbook.xml.rels", rels, "xl/styles.xml", styles, "xl/s.xml", "<worksheet/>")
	}
	rels := strings.Builder{}
	rels.WriteString("<Relationships>")
	for n := range 100_100 {
		fmt.Fprintf(&rels, `<Relationship Id="%d"/>`, n)
	}
	rels.WriteString("</Relationships>")
	var crowd []string
	for n := range 20_000 {
		crowd = append(crowd, fmt.Sprintf("%060d", n), "")
	}
	for name, c := range map[string]struct {
		book []byte
		says string
	}{
		"parts of the archive": {archive(t, crowd...), "cannot be opened"},
		"relationships":        {book(bookParts, rels.String(), "<x/>"), "more parts"},
		"sheets":               {book(many("<workbook><sheets>", "<sheet/>", "</sheets></workbook>"), bookRels, "<x/>"), "more parts"},
		"styles":               {book(bookParts, bookRels, many("<x><cellXfs>", "<xf/>", "</cellXfs></x>")), "more parts"},
	} {
		if _, _, err := readAll(t, fileOf("a.xlsx", c.book), cardfile.Options{}); !errors.Is(err, cardfile.ErrFile) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
