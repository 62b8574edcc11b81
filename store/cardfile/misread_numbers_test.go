package cardfile_test

import (
	"fmt"
	"strings"
	"testing"

	"resellerd/store/cardfile"
)

// sheet returns a workbook of one sheet: a heading and the rows of cells
// below it.
func sheet(t testing.TB, heading []string, styles string, rows ...string) cardfile.File {
	t.Helper()
	var b strings.Builder
	b.WriteString("<worksheet><sheetData><row>")
	for _, name := range heading {
		fmt.Fprintf(&b, `<c t="inlineStr"><is><t>%s</t></is></c>`, name)
	}
	b.WriteString("</row><row>" + strings.Join(rows, "</row><row>") + "</row></sheetData></worksheet>")
	return fileOf("a.xlsx", archive(t, "xl/workbook.xml", bookParts, "xl/_rels/workbook.xml.rels", bookRels, "xl/s.xml", b.String(),
		"xl/styles.xml", styles))
}

const dateStyles = `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="[$-409]d\-mmm;@"/><numFmt numFmtId="165" formatCode="[Red]#,##0.00\ &quot;d&quot;"/>` +
	`<numFmt numFmtId="166" formatCode="[hh]"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>` +
	`<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/></cellXfs></styleSheet>`

func TestADateOfASpreadsheetIsNoNumber(t *testing.T) {
	head := []string{"prefix", "cost", "mcd", "pulse", "name"}
	for cells, want := range map[string]string{
		"<c><v>44</v></c><c><v>1.5</v></c><c><v>30</v></c><c><v>6</v></c>":                   "44=1.5",
		`<c><v>44</v></c><c s="0"><v>1.5</v></c><c s="3"><v>30</v></c>`:                      "44=1.5",
		`<c><v>44</v></c><c s="1"><v>45778</v></c>`:                                          "!",
		`<c><v>44</v></c><c s="2"><v>45778</v></c>`:                                          "!",
		`<c><v>44</v></c><c s="4"><v>0.5</v></c>`:                                            "!",
		`<c s="1"><v>45778</v></c><c><v>1</v></c>`:                                           "!",
		`<c><v>44</v></c><c><v>1</v></c><c s="1"><v>5</v></c>`:                               "!",
		`<c><v>44</v></c><c><v>1</v></c><c s="1"/><c s="1"/>`:                                "44=1",
		"<c><v>44</v></c><c><v>1</v></c><c/><c><v>45808</v></c>":                             "!", // 30 June without its style
		"<c><v>44</v></c><c><v>1</v></c><c><v>45808</v></c><c><v>6</v></c>":                  "!",
		`<c><v>44</v></c><c><v>1</v></c><c/><c t="str"><v>45808</v></c>`:                     "44=1",
		`<c><v>44</v></c><c><v>1</v></c><c/><c t="d"><v>2026-06-30T00:00:00</v></c>`:         "!",
		`<c><v>44</v></c><c s="1" t="inlineStr"><is><t>1</t></is></c><c/><c/>`:               "44=1",
		`<c t="b"><v>1</v></c><c><v>1</v></c>`:                                               "!",
		`<c><v>44</v></c><c t="b"><v>1</v></c>`:                                              "!",
		`<c><v>44</v></c><c><v>1</v></c><c t="b"><v>1</v></c>`:                               "!",
		`<c><v>44</v></c><c><v>1</v></c><c/><c t="b"><f>A1=1</f><v>1</v></c>`:                "!",
		`<c><v>44</v></c><c><v>1</v></c><c/><c/><c t="inlineStr"><is><t>a</t></is></c>`:      "44=1",
		`<c t="inlineStr"><is><t>44</t></is></c><c><v>0.30000000000000004</v></c><c/><c/>`:   "44=0.3",
		`<c><v>44</v></c><c t="inlineStr"><is><t>0.30000000000000004</t></is></c><c/><c/>`:   "has more than ten decimals: give round=up",
		`<c><v>44</v></c><c><v>1</v></c><c/><c t="inlineStr"><is><t>30/6</t></is></c><c/>`:   "44=1",
		`<c><v>44</v></c><c><v>1</v></c><c/><c t="inlineStr"><is><t>30-Jun</t></is></c><c/>`: "!",
	} {
		if got := told(t, sheet(t, head, dateStyles, cells), cardfile.Options{NANP: no()}); got != want && (want != "!" || got != `!sheet "A" row 2`) && (len(want) < 20 || !strings.Contains(got, want)) {
			t.Errorf("%s: %q, want %q", cells, got, want)
		}
	}
}

func TestANumberThatIsShownInAnotherCurrencyIsRefused(t *testing.T) {
	for format, fits := range map[string]string{
		"General": "EUR USD CAD BRL GBP", "0.00": "EUR USD CAD BRL GBP", "[Red]0.00;[$-409]0.0": "EUR USD CAD BRL GBP", "[$R$-416] 0.00": "EUR USD CAD BRL GBP",
		"0.00\\ [$€-407]": "EUR", "[$EUR] 0.00": "EUR", "0.00 &quot;USD&quot;": "USD", "£0.00": "GBP",
		"[$$-409]#,##0.00": "USD CAD", "&quot;$&quot;#,##0.00": "USD CAD", "$0.00": "USD CAD", "\\$0.00": "USD CAD", "[$USD] $0.00": "USD",
	} {
		styles := `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="` + format + `"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>`
		file := sheet(t, []string{"prefix", "cost"}, styles, `<c><v>44</v></c><c s="1"><v>1</v></c>`)
		for _, currency := range []string{"EUR", "USD", "CAD", "BRL", "GBP"} {
			_, report, err := readAll(t, file, cardfile.Options{Currency: currency})
			fit := strings.Contains(fits, currency)
			if err != nil || (report.Rates == 1) != fit {
				t.Errorf("%s, %s: %v %+v", format, currency, err, report)
			}
		}
	}
}

func TestASheetThatIsCutOffAnywhereIsAnError(t *testing.T) {
	const whole = `<worksheet><sheetData><row><c t="str"><v>prefix</v></c><c t="str"><v>cost</v></c></row>` +
		`<row><c><v>44</v></c><c><v>1</v></c></row><row><c><v>49</v></c><c><v>1</v></c></row></sheetData></worksheet>`
	for cut := range len(whole) {
		_, _, err := readAll(t, fileOf("a.xlsx", bookOf(t, whole[:cut])), cardfile.Options{})
		if err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", whole[:cut], err)
		}
	}
	if got := told(t, fileOf("a.xlsx", bookOf(t, whole)), cardfile.Options{}); got != "44=1 49=1" {
		t.Error(got)
	}
}

// open returns a document with one card.
func open(rate, rates string) cardfile.File {
	return fileOf("a.json", []byte(`{"cards":{"a":{"currency":"EUR","rate":`+rate+`,"fields":[{"name":"prefix"},{"name":"rate"}],"rates":[`+rates+`]}}}`))
}

func TestANumberOfJSONIsReadToItsLastDigit(t *testing.T) {
	for number, want := range map[string]string{
		"123456.7890123456":      "=123456.7890123456",
		"922337203.6854775807":   "=922337203.6854775807",
		"922337203.6854775808":   "!",
		"0.30000000000000004":    "more than ten decimals",
		"0.30000000000000000000": "=0.3",
		"1234567.8901234567e0":   "=1234567.8901234567",
		"12345678901234567e-10":  "=1234567.8901234567",
		"1e-11":                  "more than ten decimals",
		"1234567890123456":       "!",
		"true":                   "!",
		"[1]":                    "!",
		"-1":                     "!",
		`"0.30000000000000004"`:  "more than ten decimals",
		"1.00000000005":          "more than ten decimals",
		"0.0123456789":           "=0.0123456789",
	} {
		for _, file := range []cardfile.File{open("{}", `["44",`+number+"]"), fileOf("a.ndjson", []byte(`{"prefix":"44","cost":`+number+"}\n"))} {
			if got := told(t, file, cardfile.Options{}); got != strings.NewReplacer("=", "44=", "!", "!line 1").Replace(want) && (!strings.HasPrefix(want, "more") || !strings.Contains(got, want)) {
				t.Errorf("%s: %s: %q, want %q", file.Name, number, got, want)
			}
		}
	}
	for number, want := range map[string]string{"44": "44=1", "44.0": "44=1", "4.4e1": "!line 1", "44e0": "!line 1", "4.47E+11": "!line 1", "447123456789012": "447123456789012=1", "44.5": "!line 1"} {
		if got := told(t, open("{}", "["+number+",1]"), cardfile.Options{}); got != want {
			t.Errorf("%s: %q, want %q", number, got, want)
		}
	}
}

func TestWhatOpenRateCardJSONSaysTwiceIsRefused(t *testing.T) {
	for rate, says := range map[string]string{
		`{"default_pulse":6,"default_pulse":60}`:      "twice",
		`{"default_pulse":6,"default_puls\u0065":60}`: "twice",
		`{"connection":0.1,"connection":0.2}`:         "twice",
		`{"precision":4,"precision":6}`:               "twice",
		`{"default_pulse":6,"Default_Pulse":60}`:      "44=1",
		`{"default_pulse":6,"default_initial":30}`:    "44=1",
		`{"connection":0.12345678901}`:                "ten decimals",
		`7`:                                           "not as open rate card JSON defines it",
	} {
		if got := told(t, open(rate, `["44",1]`), cardfile.Options{}); !strings.Contains(got, says) {
			t.Errorf("%s: %q, want %q", rate, got, says)
		}
	}
	twice := `{"cards":{"a":{"fields":[{"name":"prefix","name":"note"},{"name":"rate"}],"rates":[["44",1]]}}}`
	if got := told(t, fileOf("a.json", []byte(twice)), cardfile.Options{}); !strings.Contains(got, `a field has "name" twice`) {
		t.Error(got)
	}
}
