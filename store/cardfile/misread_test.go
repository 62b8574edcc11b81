package cardfile_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"resellerd/store/cardfile"
)

// told is what becomes of a file: its prices, then the lines that are refused,
// or the error in place of both.
func told(t testing.TB, f cardfile.File, o cardfile.Options) string {
	t.Helper()
	rows, report, err := readAll(t, f, o)
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprintf("%s=%s", r.Prefix, r.Cost))
	}
	for _, why := range report.Refusals {
		out = append(out, "!"+why.Place.String())
	}
	return strings.Join(out, " ")
}

// toldOf compares what becomes of texts, whose lines / parts, with what should.
func toldOf(t *testing.T, o cardfile.Options, want map[string]string) {
	t.Helper()
	for text, outcome := range want {
		file := fileOf("a.csv", []byte(strings.ReplaceAll(text, " / ", "\n")+"\n"))
		if got := told(t, file, o); got != outcome && (outcome == "" || !strings.Contains(got, outcome)) {
			t.Errorf("%s: %q, want %q", text, got, outcome)
		}
	}
}

func TestALineOfMoreCellsThanColumnsIsRefused(t *testing.T) {
	toldOf(t, cardfile.Options{NANP: no()}, map[string]string{
		"prefix,cost / 447,712,0.1 / 49,1":            "49=1 !line 2",
		"prefix,cost / 44,0,015 / 49,1":               "49=1 !line 2",
		"prefix,cost / 44,1,,, / 49,1, ,":             "44=1 49=1",
		"prefix,cost,, / 447,712,0.1 / 49,1,,":        "49=1 !line 2",
		"prefix,,cost / 447,712,0.1 / 49,,1":          "447=0.1 49=1",
		"prefix;cost / 447;712;0,1 / 49;1":            "49=1 !line 2",
		"prefix,cost / 44,1,,,x":                      "!line 2",
		"prefix,cost,status,mcd / 44,1 / 49 / ,1":     "44=1 !line 3 !line 4",
		"name,prefix,cost / UK,44 / Spain,34,1":       "34=1 !line 2",
		"prefix,cost,note / 44,1,x / 45,1,x,y / 46,1": "44=1 46=1 !line 3",
	})
	toldOf(t, cardfile.Options{NANP: no(), Columns: []string{"prefix", "cost"}}, map[string]string{
		"447,712,0.1 / 49,1":                     "49=1 !line 1",
		"code,rate,note / 447,712,x / 44,1,x,y ": "447=712 !line 3",
	})
	toldOf(t, cardfile.Options{NANP: no(), Columns: []string{"prefix", "cost", "-"}}, map[string]string{"44,1,x / 49,1": "44=1 49=1"})
}

// Whatever cell a comma parts in two, the line is refused, or reads as it would
// have: nothing else comes of it.
func TestACommaTooManyChangesNoPrice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cells := []string{"4477", "UK", "1.25", "30", "6", "0.5", "open"}
		at := rapid.IntRange(0, len(cells)-1).Draw(rt, "cell")
		cut := rapid.IntRange(1, len(cells[at])).Draw(rt, "cut")
		if cut == len(cells[at]) && at == len(cells)-1 {
			return // an empty cell at the end
		}
		cells[at] = cells[at][:cut] + "," + cells[at][cut:]
		text := "prefix,name,cost,mcd,pulse,connect,status\n" + strings.Join(cells, ",") + "\n"
		if got := told(t, fileOf("a.csv", []byte(text)), cardfile.Options{}); got != "!line 2" {
			rt.Fatalf("%s: %s", text, got)
		}
	})
}

func TestASecondHeadingIsNotReadWithTheColumnsOfTheFirst(t *testing.T) {
	const again = "there are headings again"
	toldOf(t, cardfile.Options{NANP: no()}, map[string]string{
		"prefix,cost / 44,1 / prefix,cost / 49,1":                       "44=1 49=1",
		"prefix,cost / 44,1 / Prefix,Cost,, / 49,1":                     "44=1 49=1",
		"prefix,cost / 44,1 / Code,Rate / 49,1":                         "44=1 49=1",
		"prefix,cost,connect / 44,1,2 / prefix,connect,cost / 49,1,2":   again,
		"prefix,cost / 44,1 / cost,prefix / 49,1":                       again,
		"prefix,cost / 44,1 / prefix,connect,cost / 49,1,2":             again,
		"prefix,cost,connect / 44,1,2 / prefix,cost / 49,1":             again,
		"prefix,cost / 44,1 / prefix,connect / 49,1":                    again,
		"prefix,cost / 44,1 / rows,prefix,cost / 1,49,1":                again,
		"prefix,cost / 44,1 / cost,name / 49,1":                         again,
		"prefix,cost / 44,1 / ,,prefix,cost / ,,49,1":                   again,
		"prefix,rate USD / 44,1 / prefix,rate EUR / 49,1":               "the headings speak of USD and of EUR",
		"prefix,name,cost / 44,zone,1 / abc,Zone,1 / 49,prefix,1":       "44=1 49=1 !line 3",
		"prefix,name,cost / 44,a,1 / prefix,name,x / 49,a,1":            again,
		"prefix,cost,mcd,pulse / 44,1,1,1 / code,rate,pulse,mcd / 49,1": again,
	})
	toldOf(t, cardfile.Options{NANP: no(), Columns: []string{"prefix", "-", "cost"}}, map[string]string{
		"code,name,rate / 44,a,1 / code,name,rate / 49,a,1":  "44=1 49=1",
		"44,a,1 / code,name,rate / 49,a,1":                   "44=1 49=1",
		"44,a,1 / code,rate,name / 49,1,a":                   again,
		"code,name,rate / 44,a,1 / rate,name,code / 1,a,49 ": again,
	})
}

func TestNoLineThatHoldsAPrefixIsATotal(t *testing.T) {
	toldOf(t, cardfile.Options{NANP: no()}, map[string]string{
		"name,prefix,cost / a,44,1 / Total,4477-4479,1": "44=1 !line 3",
		"name,prefix,cost / a,44,1 / Total,4477,1":      "44=1 !line 3",
		"name,prefix,cost / a,44,1 / Total,\"+4477\",1": "44=1 !line 3",
		"name,prefix,cost / a,44,1 / End,4477;4478,1":   "44=1 !line 3",
		"name,prefix,cost / a,44,1 / Total,,1":          "44=1",
		"name,prefix,cost / a,44,1 / Total 1,-,":        "44=1",
		"prefix,name,cost / 44,a,1 / Total,1,2":         "44=1",
		"prefix,name,cost / 44,Total,1 / ,Total,2":      "44=1",
	})
}
