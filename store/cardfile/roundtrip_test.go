package cardfile_test

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"resellerd/store/cardfile"
	"resellerd/store/cardfile/export"
	"resellerd/store/rating"
)

var columns = []string{"prefix", "name", "cost", "inter", "intra", "mcd", "pulse", "connect", "status"}

var card = export.Card{
	Name: "A-Z <gold> & 'co'", Currency: "EUR", Direction: "termination", RatePrecision: 4, RateRounding: "half_up",
	ChargePrecision: 6, ChargeRounding: "up", Date: noon,
}

// names generates difficult names of rows.
func names() *rapid.Generator[string] {
	hostile := rapid.SampledFrom([]string{
		"", "=cmd|' /C calc'!A0", "'=1", "''=1", "'", "+49", "-1", "@SUM(A1)", " blank ", "a,b;c|d", `"quoted"`, `"`, "total", "Total",
		"_x0041_", "_x000D_", "<b>&amp;</b>", "]]>", "ä€\u00A0𝄞", "null", "NaN", "1E5", "0x1", "\\", "\u2028", "prefix",
	})
	return rapid.OneOf(hostile, rapid.StringOf(rapid.RuneFrom([]rune("ab =+-@'\",;|<>&_xX0\u00e9\u20ac\uFFFD\uFFFE"))))
}

func money() *rapid.Generator[rating.Money] {
	return rapid.Map(rapid.OneOf(rapid.Int64Range(0, 1<<62), rapid.Int64Range(0, 1<<36), rapid.Just(int64(1<<63-1)), rapid.Just(int64(0))),
		func(n int64) rating.Money { return rating.Money(n) })
}

func option(t *rapid.T, name string) rating.Optional[rating.Money] {
	if rapid.Bool().Draw(t, name+"?") {
		return rating.Some(money().Draw(t, name))
	}
	return rating.Optional[rating.Money]{}
}

func drawRows(t *rapid.T) []cardfile.Row {
	digits := rapid.SliceOfNDistinct(rapid.StringMatching(`[1-9][0-9]{0,14}`), 0, 30, rapid.ID).Draw(t, "prefixes")
	slices.Sort(digits)
	var rows []cardfile.Row
	for _, text := range digits {
		p, err := rating.ParsePrefix(text)
		if err != nil {
			t.Fatal(err)
		}
		r := cardfile.Row{Row: rating.Row{Prefix: p}, Name: names().Draw(t, "name")}
		r.Cost, r.Connect = money().Draw(t, "cost"), money().Draw(t, "connect")
		r.Inter, r.Intra = option(t, "inter"), option(t, "intra")
		r.MCD, r.Pulse = rapid.Uint32Range(0, 86_400).Draw(t, "mcd"), rapid.Uint32Range(1, 86_400).Draw(t, "pulse")
		r.Blocked = rapid.Bool().Draw(t, "blocked")
		rows = append(rows, r)
	}
	return rows
}

func rowsOf(rows []cardfile.Row) export.Rows {
	return func(put func([]string) error) error {
		for _, r := range rows {
			p := priceOf(r)
			status := "open"
			if p.Blocked {
				status = "blocked"
			}
			cells := []string{p.Prefix, p.Name, p.Cost, p.Inter, p.Intra, rating.Money(int64(p.MCD) * int64(rating.Unit)).String(),
				rating.Money(int64(p.Pulse) * int64(rating.Unit)).String(), r.Connect.String(), status}
			if err := put(cells); err != nil {
				return err
			}
		}
		return nil
	}
}

var writers = map[string]func(io.Writer, export.Rows) error{
	"card.csv":  func(w io.Writer, rows export.Rows) error { return export.CSV(w, columns, rows) },
	"card.xlsx": func(w io.Writer, rows export.Rows) error { return export.XLSX(w, card, columns, rows) },
	"card.json": func(w io.Writer, rows export.Rows) error { return export.JSON(w, card, columns, rows) },
}

func TestWhatIsWrittenIsReadAsItWas(t *testing.T) {
	for name, write := range writers {
		t.Run(name, rapid.MakeCheck(func(rt *rapid.T) {
			rows := drawRows(rt)
			var out bytes.Buffer
			if err := write(&out, rowsOf(rows)); err != nil {
				rt.Fatal(err)
			}
			got, report, err := readAll(t, fileOf(name, out.Bytes()), cardfile.Options{Currency: "EUR", NANP: no()})
			if err != nil {
				rt.Fatalf("%v\n%s", err, out.Bytes())
			}
			for i := range got {
				got[i].Given = 0
			}
			if report.Lines.Refused != 0 || len(report.Ignored) != 0 || !reflect.DeepEqual(got, rows) {
				rt.Fatalf("%+v\ngot %+v\nwant %+v\n%s", report, got, rows, out.Bytes())
			}
		}))
	}
}

func TestTheEndOfAWrittenFileIsMissed(t *testing.T) {
	r := cardfile.Row{Row: rating.Row{Rate: rating.Rate{Increment: rating.Increment{Pulse: 1}}}, Name: "x"}
	r.Prefix, _ = rating.ParsePrefix("49")
	for name, write := range writers {
		var out bytes.Buffer
		if err := write(&out, rowsOf([]cardfile.Row{r, r})); err != nil {
			t.Fatal(err)
		}
		text := out.Bytes()
		if name == "card.csv" { // remove a middle line; its end only shows that there is one
			text = []byte(strings.Replace(string(text), "49,x,0,,,0,1,0,open\n", "", 1))
		} else {
			text = text[:len(text)*2/3]
		}
		if _, _, err := readAll(t, fileOf(name, text), cardfile.Options{}); err == nil {
			t.Errorf("%s: a part is taken for the whole", name)
		}
	}
}

// openSchema describes the part of the format "Interconnect Made Easy" that is
// used here.
func openSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.Open("testdata/open-rate-card.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	document, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("open.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("open.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestOpenRateCardJSONIsValidAndNamesNobody(t *testing.T) {
	schema := openSchema(t)
	rapid.Check(t, func(rt *rapid.T) {
		rows := drawRows(rt)
		var out bytes.Buffer
		if err := export.JSON(&out, card, columns, rowsOf(rows)); err != nil {
			rt.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(&out)
		if err != nil {
			rt.Fatal(err)
		}
		if err := schema.Validate(document); err != nil {
			rt.Fatal(err)
		}
		root := document.(map[string]any)
		if len(root) != 5 || len(root["cards"].(map[string]any)["default"].(map[string]any)["rates"].([]any)) != len(rows) {
			rt.Fatalf("%v", root)
		}
		for _, never := range []string{"endpoints", "customer", "notes", "metadata", "author", "description"} {
			if _, there := root[never]; there {
				rt.Fatalf("the document has %q", never)
			}
		}
	})
}

func TestAWorkbookIsReadAsAnotherLibraryReadsIt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows := drawRows(rt)
		var out bytes.Buffer
		if err := export.XLSX(&out, card, columns, rowsOf(rows)); err != nil {
			rt.Fatal(err)
		}
		book, err := excelize.OpenReader(&out)
		if err != nil {
			rt.Fatal(err)
		}
		defer book.Close()
		sheets := book.GetSheetList()
		cells, err := book.GetRows(sheets[0], excelize.Options{RawCellValue: true})
		if err != nil || len(cells) != len(rows)+1 || len(sheets) != 1 {
			rt.Fatalf("%v: %d rows, %v", err, len(cells), sheets)
		}
		for i, r := range rows {
			if got, want := cells[i+1][:3], []string{r.Prefix.String(), r.Name, r.Cost.String()}; got[0] != want[0] || got[2] != want[2] {
				rt.Fatalf("row %d: %q, want %q", i, got, want)
			}
			if place, _ := excelize.CoordinatesToCellName(2, i+2); r.Name != "" {
				if formula, err := book.GetCellFormula(sheets[0], place); err != nil || formula != "" {
					rt.Fatalf("%s runs %q (%v)", place, formula, err)
				}
			}
		}
		properties, err := book.GetDocProps()
		if err != nil || properties.Title != card.Name || properties.Creator != "" || properties.LastModifiedBy != "" || properties.Created != "" {
			rt.Fatalf("%+v (%v)", properties, err)
		}
	})
}

func TestAWorkbookOfAnotherLibraryIsRead(t *testing.T) {
	book := excelize.NewFile()
	defer book.Close()
	put := func(sheet, at string, values ...any) {
		if err := book.SetSheetRow(sheet, at, &values); err != nil {
			t.Fatal(err)
		}
	}
	put("Sheet1", "A1", "Rates of ACME")
	put("Sheet1", "B3", "Code", "Destination", "Rate", "Effective Date")
	put("Sheet1", "B4", 4477, "UK _x0041_ mobile", 0.1+0.2, time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))
	put("Sheet1", "B6", "49-50", "two", 1e-5)
	put("Sheet1", "B7", "51", "=cmd|x", 0.5)
	put("Sheet1", "B8", "4.47E+11", "short", 0.5)
	if err := book.SetCellFormula("Sheet1", "D9", "1+1"); err != nil {
		t.Fatal(err)
	}
	put("Sheet1", "B9", "52", "formula")
	if err := book.SetCellValue("Sheet1", "D10", 3); err != nil {
		t.Fatal(err)
	}
	if _, err := book.NewSheet("More"); err != nil {
		t.Fatal(err)
	}
	put("More", "A1", "prefix", "cost")
	put("More", "A2", 4930, 0.25)
	put("More", "A3", 50, 0.25)
	var out bytes.Buffer
	if err := book.Write(&out); err != nil {
		t.Fatal(err)
	}
	file := fileOf("a.xlsx", out.Bytes())
	for name, o := range map[string]cardfile.Options{
		"xlsx-asked": {}, "xlsx-all": {Sheets: []string{"*"}, Zone: time.UTC}, "xlsx-more": {Sheets: []string{"More"}},
		"xlsx-none": {Sheets: []string{"Nothing"}}, "xlsx-zone": {Sheets: []string{"Sheet1"}},
	} {
		o.Hyphen = cardfile.HyphenRange
		rows, report, err := readAll(t, file, o)
		golden(t, "testdata/golden/"+name+".json", rows, report, err)
	}
}

func TestAWorkbookGoesOnOnAnotherSheet(t *testing.T) {
	if testing.Short() {
		t.Skip("a million rows")
	}
	const rows = 1<<20 + 5
	var out bytes.Buffer
	err := export.XLSX(&out, card, []string{"prefix", "cost"}, func(put func([]string) error) error {
		for n := range rows {
			if err := put([]string{rating.Money((10_000_000 + int64(n)) * int64(rating.Unit)).String(), "1"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	sheets := 0
	for _, part := range z.File {
		if strings.HasPrefix(part.Name, "xl/worksheets/") {
			sheets++
		}
	}
	if sheets != 2 {
		t.Errorf("%d sheets for %d rows", sheets, rows)
	}
}
