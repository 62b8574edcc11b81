package cardfile_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"resellerd/store/cardfile"
)

// A workbook as people send it: a merged title, a second table with the same headings, numbers as texts, a date as
// a date, and hidden parts, which the report names.
func TestASheetAsPeopleFormatItIsRead(t *testing.T) {
	t.Parallel()
	book := excelize.NewFile()
	defer book.Close()
	const sheet = "Sheet1"
	put := func(at string, values ...any) {
		if err := book.SetSheetRow(sheet, at, &values); err != nil {
			t.Fatal(err)
		}
	}
	put("A1", "Rates of a carrier")
	put("A3", "Code", "Destination", "Rate", "Effective Date")
	put("A4", "44", "UK", "0,012", time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	put("A5", 49, "Germany", 0.01, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	put("A7", "Code", "Destination", "Rate", "Effective Date")
	put("A8", "33", "France", "0,02", "01.01.2030")
	for _, err := range []error{book.MergeCell(sheet, "A1", "D1"), book.SetRowVisible(sheet, 5, false), book.SetColVisible(sheet, "B", false)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := book.Write(&out); err != nil {
		t.Fatal(err)
	}
	rows, report, err := readAll(t, fileOf("a.xlsx", out.Bytes()), cardfile.Options{Zone: time.UTC, NANP: no(), Maps: []string{"Effective Date=effective_date:dmy"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprint(r.Prefix, "=", r.Cost, " ", r.From.Year()))
	}
	if !slices.Equal(got, []string{"44=0.012 2030", "49=0.01 2030", "33=0.02 2030"}) {
		t.Errorf("%q", got)
	}
	for _, want := range []string{`the sheet "Sheet1" hides rows: 1`, `the sheet "Sheet1" hides columns`} {
		if !strings.Contains(strings.Join(report.Warnings, "\n"), want) {
			t.Errorf("no %q in %q", want, report.Warnings)
		}
	}
}

// The format of a number may say its unit, and a cell may be TRUE or FALSE.
func TestASheetShowsUnitsAndTruths(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		`0.000,`:     "unit Rate: map=Rate=cost:thousand -> sheet \"Sheet1\" row 2: 44 costs 0.0012",
		`0.0,,;-0.0`: "map=Rate=cost:million",
		`#,##0.00`:   "column Barred: ",
		`0.00"¢"`:    "unit Rate: map=Rate=cost:cents -> sheet \"Sheet1\" row 2: 44 costs 0.012",
		`0.00"/sec"`: "unit Rate: map=Rate=cost:second",
		`0.00" USD"`: "column Barred: map=Barred=blocked -> sheet \"Sheet1\" row 3: 4479 is blocked",
		`0.00%`:      "unit Rate: map=Rate=cost:minute",
	} {
		book := excelize.NewFile()
		defer book.Close()
		for at, values := range map[string][]any{"A1": {"Prefix", "Rate", "Barred"}, "A2": {44, 1.2, false}, "A3": {4479, 1.3, true}} {
			if err := book.SetSheetRow("Sheet1", at, &values); err != nil {
				t.Fatal(err)
			}
		}
		style, err := book.NewStyle(&excelize.Style{CustomNumFmt: &format})
		if err == nil {
			err = book.SetCellStyle("Sheet1", "B2", "B3", style)
		}
		var out bytes.Buffer
		if err == nil {
			err = book.Write(&out)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := askedOf(t, fileOf("a.xlsx", out.Bytes()), cardfile.Options{NANP: no(), Currency: "USD"}); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", format, got, want)
		}
		for meaning, want := range map[string]string{"blocked": "4479=1.3 0/1 blocked", "open": "44=1.2 0/1 blocked"} {
			o := cardfile.Options{NANP: no(), Currency: "USD", Maps: []string{"Barred=" + meaning, "Rate=cost:minute"}}
			if got := askedOf(t, fileOf("a.xlsx", out.Bytes()), o); !strings.Contains(got, want) {
				t.Errorf("%s, %s: %s, want %s", format, meaning, got, want)
			}
		}
	}
}

// Which sheet or card to read is a question with its choices, as everything else is.
func TestWhichPartOfAFileToReadIsAsked(t *testing.T) {
	t.Parallel()
	books := archive(t, "xl/workbook.xml", `<workbook xmlns:r="r"><sheets><sheet name="A" r:id="a"/><sheet name="B" r:id="a"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", bookRels, "xl/s.xml", `<worksheet/>`)
	for name, c := range map[string]struct {
		file cardfile.File
		want string
	}{
		"sheets": {fileOf("a.xlsx", books), "sheet: sheet=A sheet=B sheet=*"},
		"cards":  {fileOf("a.json", []byte(`{"cards":{"a":{},"b":{}}}`)), "card: card=a card=b"},
		"commas": {fileOf("a.csv", []byte("Prefix;Rate\n447,712;1\n")), "commas Prefix: commas=thousands -> line 2: 447712 costs 1, 0/1 | commas=list -> line 2: each of 447 and 712 costs 1, 0/1 |"},
		"ods":    {fileOf("a.ods", archive(t, "mimetype", "x", "content.xml", "<x/>")), "error: the file is an OpenDocument spreadsheet (ODS): save it as XLSX or CSV"},
	} {
		if got := askedOf(t, c.file, cardfile.Options{NANP: no()}); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// A sheet may hold tables of different headings, one below the other, and its name may say what its prices are.
func TestASheetOfSeveralTablesIsReadTableByTable(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Rates":          "43=0.5 0/1 Austria; 41=0.25 60/1 Zürich; 4179=0 0/1 blocked",
		"Rates in cents": `unit Rate: map=Rate=cost:cents -> sheet "Rates in cents" row 2: 43 costs 0.005`,
		"From 1.2.2031":  "effective: effective=2031-02-01",
	} {
		book := excelize.NewFile()
		defer book.Close()
		if err := book.SetSheetName("Sheet1", name); err != nil {
			t.Fatal(err)
		}
		for at, values := range map[string][]any{
			"A1": {"Prefix", "Destination", "Rate"}, "A2": {43, "Austria", 0.5}, "A4": {"Mobile and cities"},
			"B5": {"Rate", "Code", "Minimum", "Area"}, "B6": {"0.25", "41", 60, "Zürich"}, "A8": {"Prefix", "Rate", "Status"}, "A9": {"4179", nil, "closed"},
		} {
			if err := book.SetSheetRow(name, at, &values); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if err := book.Write(&out); err != nil {
			t.Fatal(err)
		}
		got := askedOf(t, fileOf("a.xlsx", out.Bytes()), cardfile.Options{NANP: no(), Now: time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC)})
		if name == "Rates" && got != want || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
