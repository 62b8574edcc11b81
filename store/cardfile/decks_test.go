package cardfile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"resellerd/store/cardfile"
	"resellerd/store/rating"
)

var update = flag.Bool("update", false, "write what is read beside the decks")

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func yes() *bool { v := true; return &v }
func no() *bool  { v := false; return &v }

// price is a row in the form of the golden files.
type price struct {
	Prefix, Name, Cost string
	Inter, Intra       string `json:",omitempty"`
	Connect            string `json:",omitempty"`
	MCD, Pulse         uint32
	Blocked            bool       `json:",omitempty"`
	From               *time.Time `json:",omitempty"`
}

func priceOf(r cardfile.Row) price {
	p := price{Prefix: r.Prefix.String(), Name: r.Name, Cost: r.Cost.String(), MCD: r.MCD, Pulse: r.Pulse, Blocked: r.Blocked}
	option := func(o rating.Optional[rating.Money]) string {
		if m, ok := o.Get(); ok {
			return m.String()
		}
		return ""
	}
	p.Inter, p.Intra = option(r.Inter), option(r.Intra)
	if r.Connect != 0 {
		p.Connect = r.Connect.String()
	}
	if !r.From.IsZero() {
		p.From = &r.From
	}
	return p
}

// readAll reads a file and applies the report's fixes to the rows.
func readAll(t testing.TB, f cardfile.File, o cardfile.Options) ([]cardfile.Row, *cardfile.Report, error) {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = noon
	}
	var rows []cardfile.Row
	report, err := cardfile.Read(t.Context(), f, o, func(r cardfile.Row) error {
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for _, fix := range report.Fixes {
		kept := rows[:0]
		for _, r := range rows {
			switch {
			case r.Prefix != fix.Prefix || !r.From.Equal(fix.From):
				kept = append(kept, r)
			case fix.Row != nil:
				kept = append(kept, *fix.Row)
			}
		}
		rows = kept
	}
	for i := range rows {
		rows[i].Line = 0 // it says nothing about the row
	}
	l := report.Lines
	if l.Read != l.Priced+l.Repeated+l.Superseded+l.Refused+l.Blank+l.Headings+l.Totals+l.Notes || len(rows) != report.Rates+report.Removals {
		t.Errorf("unaccounted for: %+v, %d rates of %d", l, len(rows), report.Rates)
	}
	return rows, report, nil
}

func fileOf(name string, text []byte) cardfile.File {
	return cardfile.File{ReaderAt: bytes.NewReader(text), Size: int64(len(text)), Name: name}
}

func TestDecksInTheWild(t *testing.T) {
	second := 1
	for name, c := range map[string]struct {
		file string
		o    cardfile.Options
	}{
		"plain":             {"plain.csv", cardfile.Options{}},
		"dates":             {"dates.csv", cardfile.Options{}},
		"semicolons":        {"semicolons.csv", cardfile.Options{}},
		"included":          {"included.csv", cardfile.Options{}},
		"bom":               {"bom.csv", cardfile.Options{}},
		"windows1252":       {"windows1252.csv", cardfile.Options{}},
		"windows1252-utf8":  {"windows1252.csv", cardfile.Options{Encoding: "utf-8"}},
		"utf16":             {"utf16.csv", cardfile.Options{}},
		"blanks":            {"blanks.csv", cardfile.Options{}},
		"thousands":         {"thousands.csv", cardfile.Options{}},
		"thousands-point":   {"thousands.csv", cardfile.Options{Decimal: '.'}},
		"thousands-comma":   {"thousands.csv", cardfile.Options{Decimal: ','}},
		"ranges":            {"ranges.csv", cardfile.Options{}},
		"exponent":          {"exponent.csv", cardfile.Options{}},
		"twice":             {"twice.csv", cardfile.Options{}},
		"nanp":              {"nanp.csv", cardfile.Options{NANP: yes()}},
		"nanp-not":          {"nanp.csv", cardfile.Options{NANP: no()}},
		"nanp-asked":        {"nanp-asked.csv", cardfile.Options{}},
		"exits":             {"exits.csv", cardfile.Options{}},
		"exits-011":         {"exits.csv", cardfile.Options{Exit011: true}},
		"formulas":          {"formulas.csv", cardfile.Options{}},
		"quotes":            {"quotes.csv", cardfile.Options{}},
		"headless":          {"headless.csv", cardfile.Options{}},
		"headless-columns":  {"headless.csv", cardfile.Options{Columns: []string{"prefix", "name", "cost", "-", "pulse"}}},
		"olddates":          {"olddates.csv", cardfile.Options{}},
		"olddates-zone":     {"olddates.csv", cardfile.Options{Zone: time.FixedZone("", 3600)}},
		"twocosts":          {"twocosts.csv", cardfile.Options{}},
		"currency":          {"currency.csv", cardfile.Options{Currency: "EUR"}},
		"currency-other":    {"currency.csv", cardfile.Options{Currency: "USD"}},
		"bounds":            {"bounds.csv", cardfile.Options{}},
		"mixed":             {"mixed.csv", cardfile.Options{}},
		"ndjson":            {"plain.ndjson", cardfile.Options{}},
		"open":              {"open.json", cardfile.Options{Currency: "EUR"}},
		"open-other":        {"open.json", cardfile.Options{Currency: "USD"}},
		"pulse-told":        {"bom.csv", cardfile.Options{Pulse: &second}},
		"delimiter-told":    {"semicolons.csv", cardfile.Options{Delimiter: ','}},
		"said-to-be-xlsx":   {"plain.csv", cardfile.Options{Format: cardfile.XLSX}},
		"unknown-encoding":  {"plain.csv", cardfile.Options{Encoding: "ebcdic"}},
		"columns-unknown":   {"plain.csv", cardfile.Options{Columns: []string{"prefix", "colour", "cost"}}},
		"columns-too-few":   {"plain.csv", cardfile.Options{Columns: []string{"prefix", "name"}}},
		"columns-and-heads": {"bom.csv", cardfile.Options{Columns: []string{"prefix", "-", "cost"}}},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", "decks", c.file))
			if err != nil {
				t.Fatal(err)
			}
			rows, report, err := readAll(t, fileOf(c.file, text), c.o)
			golden(t, filepath.Join("testdata", "golden", name+".json"), rows, report, err)
		})
	}
}

// golden compares the result with the golden file.
func golden(t *testing.T, path string, rows []cardfile.Row, report *cardfile.Report, failed error) {
	t.Helper()
	result := map[string]any{}
	var bad *cardfile.FileError
	switch {
	case errors.As(failed, &bad):
		result["error"], result["option"] = failed.Error(), bad.Option
	case failed != nil:
		t.Fatal(failed)
	default:
		prices := []price{}
		for _, r := range rows {
			prices = append(prices, priceOf(r))
		}
		result["rows"], result["report"] = prices, report
		if len(report.Dates) > 0 {
			result["dates"] = report.Dates
		}
	}
	var got bytes.Buffer
	e := json.NewEncoder(&got)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(result); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got %s\nwant %s", got.Bytes(), want)
	}
}
