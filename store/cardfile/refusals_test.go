package cardfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"resellerd/store/cardfile"
)

// faulty are lines that cannot be read, in a file of the columns below.
var faulty = []string{
	"4x,A,1,1/1,open,", "44,A,x,1/1,open,", "44,A,,1/1,open,", "44,A,-1,1/1,open,", "44,A,1,0,open,", "44,A,1,1/1,strange,",
	"44,A,1,1/1,open,soon", "4.47E+11,A,1,1/1,open,", "44," + strings.Repeat("A", 201) + ",1,1/1,open,", "44-45-46,A,1,1/1,open,",
	"49,A,2,1/1,open,", // another price than at line 2
}

const faultyColumns = "Prefix,Destination,Rate,Increment,Status,Effective Date"

// fileWith is a file whose line at has one of the faults, behind good lines.
func fileWith(t *testing.T, format string, at int, line string) cardfile.File {
	t.Helper()
	lines := []string{"49,A,1,1/1,open,"}
	for n := 1; n < at-2; n++ {
		lines = append(lines, fmt.Sprintf("49%03d,A,1,1/1,open,", n))
	}
	lines = append(lines, line)
	columns := strings.Split(faultyColumns, ",")
	values := func(line string, named bool) string {
		var all []string
		for i, value := range strings.Split(line, ",") {
			text := strconv.Quote(value)
			if named {
				text = strconv.Quote(columns[i]) + ":" + text
			}
			all = append(all, text)
		}
		return strings.Join(all, ",")
	}
	switch format {
	case cardfile.CSV:
		return fileOf("a.csv", []byte(faultyColumns+"\n"+strings.Join(lines, "\n")+"\n"))
	case cardfile.NDJSON:
		text := "{" + values(lines[0], true) + "}\n" // in place of the headings
		for _, line := range lines {
			text += "{" + values(line, true) + "}\n"
		}
		return fileOf("a.ndjson", []byte(text))
	case cardfile.JSON:
		rows := "[" + values(lines[0], false) + "]"
		for _, line := range lines {
			rows += ",[" + values(line, false) + "]"
		}
		fields := `{"name":"` + strings.Join(columns, `"},{"name":"`) + `"}`
		return fileOf("a.json", []byte(`{"cards":{"a":{"fields":[`+fields+`],"rates":[`+rows+`]}}}`))
	}
	book := excelize.NewFile()
	defer book.Close()
	for n, line := range append([]string{faultyColumns}, lines...) {
		if err := book.SetSheetRow("Sheet1", fmt.Sprintf("A%d", n+1), new(strings.Split(line, ","))); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := book.Write(&out); err != nil {
		t.Fatal(err)
	}
	return fileOf("a.xlsx", out.Bytes())
}

func TestEveryRefusalOfALineNamesIt(t *testing.T) {
	t.Parallel()
	for _, format := range []string{cardfile.CSV, cardfile.XLSX, cardfile.NDJSON, cardfile.JSON} {
		for _, line := range faulty {
			for _, at := range []int{3, 17} {
				_, report, err := readAll(t, fileWith(t, format, at, line), cardfile.Options{NANP: no(), Zone: time.UTC})
				if err != nil || report.Lines.Refused == 0 || len(report.Refusals) == 0 {
					t.Errorf("%s %q: %v %+v", format, line, err, report)
					continue
				}
				for _, r := range report.Refusals {
					if r.Line != at || (r.Sheet != "") != (format == cardfile.XLSX) || r.Reason == "" {
						t.Errorf("%s %q at line %d: %+v", format, line, at, r)
					}
				}
			}
		}
	}
}

// A line that ends the reading is named too.
func TestAFaultThatALineMakesNamesIt(t *testing.T) {
	t.Parallel()
	const good = "Prefix,Rate,Effective Date\n44,1,2026-01-01\n"
	for text, want := range map[string]string{
		good + "49,1," + strings.Repeat("x", 2<<20) + "\n":                                      "line 3: ",
		good + "49,1,\"" + strings.Repeat("x\n", 1<<20) + "\"\n":                                "line 3: ",
		good + "49,1,25/12/2030\n33,1,12/25/2030\n":                                             `"25/12/2030" (line 3) and "12/25/2030" (line 4)`,
		good + "49,1,01/12/2030\n33,1,12/25/2030\n34,1,25/12/2030\n":                            `"25/12/2030" (line 5) and "12/25/2030" (line 4)`,
		"A carrier\nPrefix,Rate (EUR)\n49,1\n":                                                  "line 2: the headings have the currency EUR, and the card has USD",
		"Prefix,First Price,Subsequent Price\n44,0.01,0.02\n":                                   `line 1: the column "First Price"`,
		"{\"prefix\":\"44\",\"cost\":1}\n{\"prefix\":\"" + strings.Repeat("4", 2<<20) + "\"}\n": "line 2: ",
	} {
		name := "a.csv"
		if strings.HasPrefix(text, "{") {
			name = "a.ndjson"
		}
		_, _, err := readAll(t, fileOf(name, []byte(text)), cardfile.Options{NANP: no(), Currency: "USD", Zone: time.UTC})
		var bad *cardfile.FileError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, want %q", text, err, want)
		}
	}
}

// Values that cannot be read at all may block their prefix.
func TestAnUnreadableLineOfJSONCannotBeSkipped(t *testing.T) {
	t.Parallel()
	for text, blocking := range map[string]int{
		`{"cards":{"a":{"fields":[{"name":"prefix"},{"name":"rate"},{"name":"status"}],"rates":[["44",1,"open"],["4479",1,1,"blocked"],["4478",1]]}}}`: 1,
		`{"prefix":"44","cost":1}` + "\n" + `{"prefix":"4479","status":"blocked"` + "\n":                                                               1,
		`{"prefix":"44","cost":1}` + "\n" + `{"prefix":"4479","cost":1,"rate":2}` + "\n":                                                               1,
	} {
		name := "a.json"
		if strings.HasPrefix(text, `{"prefix`) {
			name = "a.ndjson"
		}
		_, report, err := readAll(t, fileOf(name, []byte(text)), cardfile.Options{NANP: no()})
		if err != nil || report.Blocking != blocking || report.Lines.Refused == 0 {
			t.Errorf("%s: %v %+v", text, err, report)
		}
	}
}

// A line of which one prefix is refused later counts as refused, once, whatever it counted as before.
func TestALineIsRefusedOnceAfterTheReading(t *testing.T) {
	t.Parallel()
	text := "Prefix,Name\n\"4420,4477\",A\n33,B\n"
	var lines []uint32
	report, err := cardfile.Read(t.Context(), fileOf("a.csv", []byte(text)), cardfile.Options{NANP: no(), Amend: true, Now: noon}, func(r cardfile.Row) error {
		lines = append(lines, r.Line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[:2] {
		if err := report.Refuse(line, "cost", "is missing"); err != nil {
			t.Error(err)
		}
	}
	if l := report.Lines; l.Priced != 1 || l.Refused != 1 || report.Rates != 1 || len(report.Refusals) != 2 || report.Refusals[1].Line != 2 {
		t.Errorf("%+v", report)
	}
}

// Refusals after the reading are limited like those of the reading: each of them is remembered.
func TestRefusalsAfterTheReadingAreLimited(t *testing.T) {
	t.Parallel()
	const limit = 100_000
	text := []byte("Prefix,Name\n")
	for n := range limit + 2 {
		text = fmt.Appendf(text, "44%06d,A\n", n)
	}
	report, err := cardfile.Read(t.Context(), fileOf("a.csv", text), cardfile.Options{NANP: no(), Amend: true, Now: noon}, func(cardfile.Row) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for n := range limit + 1 {
		err := report.Refuse(uint32(n+2), "cost", "is missing")
		if bad := new(cardfile.FileError); errors.As(err, &bad) != (n == limit) || n == limit && !strings.Contains(err.Error(), fmt.Sprintf("line %d: more than 100000 lines are refused", limit+2)) {
			t.Fatalf("refusal %d: %v", n+1, err)
		}
	}
}
