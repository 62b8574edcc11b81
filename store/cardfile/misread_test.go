package cardfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"resellerd/store/cardfile"
)

// told describes the result of reading a file: its prices and its refused
// lines, or the error.
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

// toldOf compares the results for several texts with the expected ones. " / "
// stands for a line end.
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
		"prefix,,cost / 447,712,0.1 / 49,,1":          `the column "#2" is not understood`,
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

func TestALineThatIsTooWideForColumnsByPositionSaysHowToLeaveOneOut(t *testing.T) {
	file := fileOf("a.csv", []byte("44,1,x\n"))
	for says, o := range map[string]cardfile.Options{"": {Columns: []string{"prefix", "cost", "-"}}, "name columns that are not read as -": {Columns: []string{"prefix", "cost"}}} {
		_, report, err := readAll(t, file, o)
		if err != nil || (len(report.Refusals) == 1) != (says != "") || says != "" && !strings.Contains(report.Refusals[0].Reason, says) {
			t.Errorf("%v %+v", err, report)
		}
	}
}

// Wherever a comma splits a cell, the line is refused. No price changes.
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

// Each table of a file is read by its own headings, whatever their order.
func TestATableBelowAnotherIsReadByItsOwnHeadings(t *testing.T) {
	const lacks = "the headings of another table lack the prefix or the cost"
	const again = "a second heading line has other columns"
	toldOf(t, cardfile.Options{NANP: no()}, map[string]string{
		"prefix,cost / 44,1 / prefix,cost / 49,1":                       "44=1 49=1",
		"prefix,cost / 44,1 / Prefix,Cost,, / 49,1":                     "44=1 49=1",
		"prefix,cost / 44,1 / Code,Rate / 49,1":                         "44=1 49=1",
		"prefix,cost,connect / 44,1,2 / prefix,connect,cost / 49,2,3":   "44=1 49=3",
		"prefix,cost / 44,1 / cost,prefix / 2,49":                       "44=1 49=2",
		"prefix,cost / 44,1 / prefix,connect,cost / 49,1,2":             "44=1 49=2",
		"prefix,cost,connect / 44,1,2 / prefix,cost / 49,3 / 33,1,2":    "44=1 49=3 !line 5",
		"prefix,cost / 44,1 / prefix,connect / 49,1":                    lacks,
		"prefix,cost / 44,1 / rows,prefix,cost / 1,49,1":                `the column "rows" is not understood`,
		"prefix,cost / 44,1 / cost,name / 49,1":                         lacks,
		"prefix,cost / 44,1 / ,,prefix,cost / ,,49,1":                   "44=1 49=1",
		"prefix,rate USD / 44,1 / prefix,rate EUR / 49,1":               "the headings have the currencies USD and EUR",
		"prefix,rate USD / 44,1 / rate EUR,prefix / 1,49":               "the headings have the currencies USD and EUR",
		"prefix,name,cost / 44,zone,1 / abc,Zone,1 / 49,prefix,1":       "44=1 49=1 !line 3",
		"prefix,name,cost / 44,a,1 / prefix,name,x / 49,a,1":            lacks,
		"prefix,cost,mcd,pulse / 44,1,1,1 / code,rate,pulse,mcd / 49,1": "44=1 49=1",
		// The words of these headings are as many as those of a note.
		"prefix,cost / 44,1 / Rate per minute of a call,Destination prefix / 2,49": "44=1 49=2",
		// The file is also read for a proof of its notation.
		"prefix,cost / 44,\"1,234\" / cost,prefix / \"0,5\",49": "44=1.234 49=0.5",
		"Code,Rate,Code,Rate / 44,1,49,2":                       "two tables stand side by side",
		// The same columns in another unit.
		"prefix,cost / 44,1 / Prefix,Price (cents) / 49,1": `"Price (cents)" may not be a price a minute`,
		// A question about one table does not concern the columns of another.
		"Country Code,Area Code,Rate / 44,4420,1 / prefix,cost / 49,1": `begins like "Country Code"`,
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

func TestAMinimumThatIsSaidTwiceIsSaidAlike(t *testing.T) {
	toldOf(t, cardfile.Options{NANP: no()}, map[string]string{
		"prefix,cost,mcd,pulse / 44,1,30,30/6":   "44=1",
		"prefix,cost,mcd,pulse / 44,1,60,30/6":   "!line 2",
		"prefix,cost,mcd,pulse / 44,1,0,30/6":    "!line 2",
		"prefix,cost,mcd,pulse / 44,1,,30/6":     "44=1",
		"prefix,cost,mcd,pulse / 44,1,60,6":      "44=1",
		"prefix,cost,pulse,mcd / 44,1,30/6,60":   "!line 2",
		"prefix,cost,pulse,mcd / 44,1,30/6,30":   "44=1",
		"prefix,cost,pulse,mcd / 44,1,30/6,30/6": "!line 2",
	})
	thirty := 30
	rows, _, err := readAll(t, fileOf("a.csv", []byte("prefix,cost,pulse\n44,1,60/6\n")), cardfile.Options{MCD: &thirty})
	if err != nil || len(rows) != 1 || rows[0].MCD != 60 || rows[0].Pulse != 6 {
		t.Errorf("%v: %+v", err, rows)
	}
}

func TestADollarIsTakenForACurrencyOfThatSignAndToldOf(t *testing.T) {
	file := fileOf("a.csv", []byte("prefix,cost\n44,$0.5\n49,0.1\n"))
	for _, currency := range []string{"USD", "AUD", "CAD", "NZD", "SGD", "HKD"} {
		rows, report, err := readAll(t, file, cardfile.Options{Currency: currency})
		warned := err == nil && strings.Contains(strings.Join(report.Warnings, "\n"), "have the sign $ and are taken to be in "+currency)
		if err != nil || len(rows) != 2 || warned != (currency != "USD") {
			t.Errorf("%s: %v %+v", currency, err, report)
		}
	}
	for _, currency := range []string{"", "EUR", "GBP", "MXN"} {
		if got := told(t, file, cardfile.Options{Currency: currency}); got != "49=0.1 !line 2" {
			t.Errorf("%s: %s", currency, got)
		}
	}
	for price, currency := range map[string]string{"€1": "EUR", "1 €": "EUR", "£1": "GBP"} {
		text := fileOf("a.csv", []byte("prefix,cost\n44,"+price+"\n"))
		for _, card := range []string{"EUR", "GBP", "USD", "EGP"} {
			if got := told(t, text, cardfile.Options{Currency: card}); (got == "44=1") != (card == currency) {
				t.Errorf("%s, %s: %s", price, card, got)
			}
		}
	}
}

func TestACurrencyAboveTheHeadingsIsHeldAgainstTheCards(t *testing.T) {
	for _, says := range []string{
		"Currency: EUR", "Currency: eur", "Currency,EUR", "currency;Euro", "Rates in EUR per minute", "PRICES (EUR)", "EUR", "All prices in Euro", "Currency: €",
		"ACME,,Currency,,EUR", "Currency: TRY",
	} {
		code := "EUR"
		if strings.Contains(says, "TRY") {
			code = "TRY"
		}
		text := fileOf("a.csv", []byte("ACME rates\n"+says+"\n\nprefix,cost\n49,1\n"))
		for card, want := range map[string]string{"USD": "line 2: the line has the currency " + code + ", and the card has USD", code: "49=1", "": "49=1"} {
			if got := told(t, text, cardfile.Options{Currency: card}); got != want {
				t.Errorf("%s: %s: %q, want %q", says, card, got, want)
			}
		}
	}
	toldOf(t, cardfile.Options{Currency: "USD"}, map[string]string{
		"Mad Bob of SAR Telecom / prefix,cost / 49,1":                            "49=1",
		"All rates are the top / prefix,cost / 49,1":                             "49=1",
		"EUR and USD rates / prefix,cost / 49,1":                                 "49=1",
		"Currency: US dollar / prefix,cost / 49,1":                               "49=1",
		"Currency: USD / prefix,rate EUR / 49,1":                                 "the headings have the currency EUR, and the card has USD",
		"Currency: GBP / Currency: USD / code,rate / 49,1":                       "line 1: the line has the currency GBP",
		"Currency: USD / code,rate / Currency: EUR / 49,1":                       "49=1 !line 3",
		"Currency: EUR / Nothing else":                                           "no heading line",
		"Currency: USD / Destination,Currency / code,rate,currency / 49,1,USD":   "49=1",
		"Currency: USD / Destination,Currency / code,rate,currency / 49,1,EUR":   "!line 4",
		"Rates, valid from 1 May 2026, of ACME / code,rate,currency / 49,1,USD ": "49=1",
	})
	toldOf(t, cardfile.Options{}, map[string]string{
		"Currency: USD / prefix,rate EUR / 49,1":             "the headings have the currencies EUR and USD",
		"Currency: USD / Currency: EUR / prefix,rate / 49,1": "the headings have the currencies USD and EUR",
	})
	toldOf(t, cardfile.Options{Currency: "USD", Columns: []string{"prefix", "cost"}}, map[string]string{
		"Currency,EUR / 49,1":                  "line 1: the line has the currency EUR",
		"Currency,USD / 49,1":                  "49=1",
		"code,rate,Currency / 49,1,EUR / 50,1": "49=1 50=1",
	})
}

func TestACurrencyThatIsNotUnderstoodIsToldOf(t *testing.T) {
	for says, told := range map[string]bool{"Currency: US dollar": false, "Currency: local": true, "EUR and USD rates": true, "Currency: USD": false, "Rates of May": false} {
		_, report, err := readAll(t, fileOf("a.csv", []byte(says+"\nprefix,cost,pulse\n49,1,1\n")), cardfile.Options{Currency: "USD"})
		if err != nil || (len(report.Warnings) > 0) != told {
			t.Errorf("%s: %v %+v", says, err, report)
		}
	}
}

func TestColumnsByPositionAreRefusedWhereValuesHaveNames(t *testing.T) {
	for _, file := range []cardfile.File{open("{}", `["44",1]`), fileOf("a.ndjson", []byte("{\"prefix\":\"44\",\"cost\":1}\n"))} {
		_, _, err := readAll(t, file, cardfile.Options{Columns: []string{"cost", "prefix"}})
		var bad *cardfile.FileError
		if !errors.As(err, &bad) || bad.Option != "columns" {
			t.Errorf("%s: %v", file.Name, err)
		}
	}
}

func TestADeckOfAreaCodesAloneIsAskedFor(t *testing.T) {
	const head = "prefix,cost\n"
	list := []string{"prefix=prefix:list"}
	for text, asks := range map[string]string{
		head + "212,1\n213,1\n310,1\n":             "nanp",
		head + "212,1\n213,1\n298,1\n":             "nanp",
		head + "212,1\n213,1\n":                    "",
		head + "212,1\n213,1\n310,1\n44,1\n":       "",
		head + "212,1\n213,1\n310,1\n1,1\n":        "",
		head + "212,1\n213,1\n310,1\n2125,1\n":     "",
		head + "212,1\n213,1\n00310,1\n310,1\n":    "nanp",
		head + "290,1\n291,1\n297,1\n351,1\n":      "",
		head + "+212,1\n+213,1\n+310,1\n":          "",
		head + "212,1\n213,1\n310,1\n1212555,1\n":  "",
		head + "\"212; 213\",1\n\"310|311\",1\n":   "nanp",
		"name," + head + "a,212,1\nb,212,1\nc,3,1": "",
	} {
		if got := optionAsked(t, text, cardfile.Options{Maps: list}); got != asks {
			t.Errorf("%q: asks for %q, want %q", text, got, asks)
		}
		for _, told := range []*bool{yes(), no()} {
			if got := optionAsked(t, text, cardfile.Options{NANP: told, Maps: list}); got != "" {
				t.Errorf("%q: asks for %q all the same", text, got)
			}
		}
	}
}

func TestPricesInCentsOrByTheSecondAreAskedAbout(t *testing.T) {
	toldOf(t, cardfile.Options{NANP: no()}, map[string]string{
		"prefix,rate (US cents) / 44,1":              `"rate (US cents)" may not be a price a minute in whole units`,
		"prefix,Rate (¢/min) / 44,1":                 "may not be a price a minute in whole units",
		"prefix,Rate ¢ / 44,1":                       "may not be a price a minute in whole units",
		"prefix,price (per Second) / 44,1":           "may not be a price a minute in whole units",
		"prefix,rate,connection fee (ct) / 44,1,3":   "may not be a price in whole units of a currency, but cents",
		"prefix,rate,mcd (sec),pulse (s) / 44,1,1,1": "44=1",
		"prefix (2nd),rate (EUR) / 44,1":             "44=1",
	})
	toldOf(t, cardfile.Options{NANP: no(), Columns: []string{"prefix", "cost"}}, map[string]string{
		"prefix,rate (cents) / 44,1": `"rate (cents)" may not be a price a minute in whole units`,
	})
}

func TestKeysOfPricesInCentsAreAskedAbout(t *testing.T) {
	file := fileOf("a.ndjson", []byte(`{"prefix":"44","rate (cents)":"1"}`+"\n"+`{"prefix":"45","rate":"1"}`+"\n"))
	if got := told(t, file, cardfile.Options{NANP: no()}); !strings.Contains(got, `"rate (cents)" may not be a price a minute in whole units`) {
		t.Errorf("got %q", got)
	}
}

func TestAFileThatLacksSeveralOptionsIsAskedForAllOfThem(t *testing.T) {
	t.Parallel()
	file := fileOf("a.csv", []byte("prefix,cost,effective date\n212555,1,2026-07-01\n213556,1,2026-07-01\n"))
	_, _, err := readAll(t, file, cardfile.Options{})
	var bad *cardfile.FileError
	if !errors.As(err, &bad) || bad.Option != "zone" || !strings.Contains(bad.Text, "2 questions are open") ||
		!strings.Contains(bad.Text, "zone=NAME") || !strings.Contains(bad.Text, "nanp=true") {
		t.Errorf("%v, want both options", err)
	}
}
