package cardfile_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"resellerd/store/cardfile"
)

// What stands beside the price that applies is an old price only if it says so, or if it says no more than price.
func TestAFeeBesideANewPriceIsAskedAbout(t *testing.T) {
	t.Parallel()
	for _, other := range []string{
		"Call Charge", "Min Charge", "Min Rate", "Charge", "Unit Charge", "SMS Rate", "Sell Price", "Rate per call", "Initial Charge per call",
		"Minimum Charge", "Increment",
	} {
		for head, o := range map[string]cardfile.Options{
			"New Rate": {NANP: no()}, "Rate": {NANP: no(), Maps: []string{"Rate=cost"}}, "Price": {NANP: no(), Maps: []string{"Price=cost"}, Amend: true},
		} {
			if other == "Sell Price" && head != "New Rate" {
				continue // the caller has chosen between the prices of two sides
			}
			got := askedOf(t, fileOf("a.csv", []byte("Prefix,"+head+","+other+"\n44,2,60\n49,3,30\n")), o)
			if other == "Increment" && strings.HasPrefix(got, "44=2 0/60") {
				continue
			}
			if !strings.Contains(got, " "+other+": ") && !strings.Contains(got, `"`+other+`"`) {
				t.Errorf("%s, %s: %s", head, other, got)
			}
		}
	}
	for _, other := range []string{"Rate", "Price per minute", "Rate/min", "Old Rate", "Old Call Charge", "Current Price", "Tariff", "USD/min", "Rate Min", "Previous Sell Rate"} {
		if got := askedOf(t, fileOf("a.csv", []byte("Prefix,New Rate,"+other+"\n44,2,1\n49,3,3\n")), cardfile.Options{NANP: no()}); got != "44=2 0/1; 49=3 0/1" {
			t.Errorf("%s: %s", other, got)
		}
	}
	for _, other := range []string{"Sell Rate", "Base Price", "Rate"} {
		o := cardfile.Options{NANP: no(), Maps: []string{"Buy Rate=cost"}}
		if got := askedOf(t, fileOf("a.csv", []byte("Prefix,Buy Rate,"+other+"\n44,2,1\n49,3,3\n")), o); got != "44=2 0/1; 49=3 0/1" {
			t.Errorf("%s: %s", other, got)
		}
	}
}

// sheetOf returns a workbook of one sheet.
func sheetOf(t *testing.T, rows ...[]any) cardfile.File {
	t.Helper()
	book := excelize.NewFile()
	defer book.Close()
	for i, values := range rows {
		at, err := excelize.CoordinatesToCellName(1, i+1)
		if err == nil {
			err = book.SetSheetRow("Sheet1", at, &values)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := book.Write(&out); err != nil {
		t.Fatal(err)
	}
	return fileOf("a.xlsx", out.Bytes())
}

// A row of a sheet may go on behind the last heading. What stands there is a column as any other.
func TestWhatStandsBehindTheHeadingsOfASheetIsAskedAbout(t *testing.T) {
	t.Parallel()
	plain, head := []any{"44", "UK", 0.5}, []any{"Prefix", "Destination", "Rate"}
	for name, c := range map[string]struct {
		rows [][]any
		maps string
		want string
	}{
		"a status":           {[][]any{head, plain, {"4479", "P", 0.9, "Blocked"}}, "", "column #4: map=#4=status"},
		"a status, answered": {[][]any{head, plain, {"4479", "P", 0.9, "Blocked"}}, "#4=status", "44=0.5 0/1 UK; 4479=0.9 0/1 blocked P"},
		"fees":               {[][]any{head, {"44", "UK", 0.5, 0.05}, {"49", "DE", 0.5, 0.1}}, "", "column #4: map=#4=connect"},
		"a fee":              {[][]any{head, plain, {"49", "DE", 0.5, 0.1}}, "", "column #4: map=#4=connect"},
		"farther":            {[][]any{head, plain, {"49", "DE", 0.5, nil, nil, 0.1}}, "", "column #6: map=#6=connect"},
		"farther, answered":  {[][]any{head, plain, {"4479", "DE", 0.5, nil, nil, "closed"}}, "#6=status", "4479=0.5 0/1 blocked DE"},
		"a remark":           {[][]any{head, plain, {"49", "DE", 0.5, "as agreed"}}, "", "44=0.5 0/1 UK; 49=0.5 0/1 DE"},
		"nothing":            {[][]any{head, plain, {"49", "DE", 0.5, nil, " "}}, "", "44=0.5 0/1 UK; 49=0.5 0/1 DE"},
	} {
		o := cardfile.Options{NANP: no()}
		if c.maps != "" {
			o.Maps = []string{c.maps}
		}
		if got := askedOf(t, sheetOf(t, c.rows...), o); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// A second line of headings belongs to the first: it says which price is which, and in which unit it is.
func TestASecondLineOfHeadingsBelongsToTheFirst(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Prefix,Dest,Price, / ,,Old,New / 44,UK,1,2":                                 "44=2 0/1 UK",
		"Prefix,Dest,Price, / ,,New,Old / 44,UK,1,2":                                 "44=1 0/1 UK",
		"Prefix,Dest,Price,,Billing, / ,,New,Old,Initial,Increment / 44,UK,1,2,60,6": "44=1 60/6 UK",
		"Prefix,Destination,Rate / ,,(US cents) / 44,UK,1":                           "unit Rate (US cents): map=Rate (US cents)=cost:cents -> line 3: 44 costs 0.01",
		"Prefix,Destination,Rate / ,,per second / 44,UK,1":                           "=cost:second -> line 3: 44 costs 60",
		"Prefix,Destination,Rate / #,,EUR / 44,UK,1":                                 "error: line 1: the headings have the currency EUR, and the card has USD",
		"Prefix,Destination,Rate,Increment / ,,USD/min,sec / 44,UK,1,6":              "44=1 0/6 UK",
		"Prefix,Destination,Rate / #,-,USD / 44,UK,1":                                "44=1 0/1 UK",
		"Prefix,Destination,Rate / Vorwahl,Ziel,Preis / 44,UK,1":                     "44=1 0/1 UK",
		"Prefix,Rate, / ,First minute,Next minute / 44,1,2":                          "first interval with its own price",
		"Prefix,Rate / 44,1 / Code,Price / ,cents / 45,2":                            "unit Price cents: map=Price cents=cost:cents -> line 5: 45 costs 0.02",
		"Prefix,Destination,Rate / ,,gratis / 44,UK,1":                               "!line 2",
		"Prefix,Destination,Rate / ,Mars,Closed / 44,UK,1":                           "!line 2",
		"Prefix,Destination,Rate / ,Europe, / 44,UK,1":                               "44=1 0/1 UK",
		"Prefix,Destination,Rate":                                                    "",
	} {
		file := fileOf("a.csv", []byte(strings.ReplaceAll(text, " / ", "\n")+"\n"))
		o := cardfile.Options{NANP: no(), Currency: "USD"}
		if strings.HasPrefix(want, "!") {
			_, report, err := readAll(t, file, o)
			if err != nil || report.Lines.Refused != 1 || report.Blocking != 1 {
				t.Errorf("%s: %v %+v", text, err, report)
			}
			continue
		}
		if got := askedOf(t, file, o); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	file := sheetOf(t, []any{"Prefix", "Dest", "Price"}, []any{nil, nil, "Old", "New"}, []any{"44", "UK", 0.25, 0.5})
	if got := askedOf(t, file, cardfile.Options{NANP: no()}); got != "44=0.5 0/1 UK" {
		t.Error(got)
	}
	file = fileOf("a.csv", []byte("Prefix,Rate\n,(US cents)\n44,1\n"))
	for answer, want := range map[string]string{"Rate (US cents)=cost:cents": "44=0.01 0/1", "Rate=cost:cents": `error: map "Rate=cost:cents" names no column`} {
		if got := askedOf(t, file, cardfile.Options{NANP: no(), Maps: []string{answer}}); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", answer, got)
		}
	}
}

// A column may be half of the prefix, on either side, and no choice leads to a line that is refused.
func TestHalfOfAPrefixIsOfferedWithItsOtherHalf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"Destination,Int. Code,City Code,USD/min / London,44,20,1":                                  {"map=Int. Code+City Code=prefix -> line 2: 4420 costs 1"},
		"Destination,Digits A,City Code,USD/min / London,44,20,1 / B,49,30,1":                       {"map=Digits A+City Code=prefix -> line 2: 4420 costs 1", "map=City Code+Digits A=prefix -> line 2: 2044 costs 1"},
		"Destination,CountryCode,Breakout,Rate / Kazakhstan,7,\"75, 77\",1 / Russia,7,\"71, 72\",2": {"map=CountryCode+Breakout=prefix -> line 2: each of 775 and 777 costs 1"},
	} {
		got := askedOf(t, fileOf("a.csv", []byte(strings.ReplaceAll(text, " / ", "\n")+"\n")), cardfile.Options{NANP: no()})
		for _, choice := range want {
			if !strings.Contains(got, choice) || strings.Contains(got, "is refused") {
				t.Errorf("%s: %s, want %s", text, got, choice)
			}
		}
	}
}

// The first and the last prefix of a range may stand in two columns.
func TestARangeMayStandInTwoColumns(t *testing.T) {
	t.Parallel()
	for _, heads := range []string{"From Code,To Code", "Range Start,Range End", "Prefix,Prefix End", "Code From,Code To"} {
		from, to, _ := strings.Cut(heads, ",")
		file := func(rows string) cardfile.File {
			return fileOf("a.csv", []byte("Dest,"+heads+",Rate\n"+strings.ReplaceAll(rows, " ", "\n")+"\n"))
		}
		o := cardfile.Options{NANP: no()}
		want := "prefix " + from + ": map=" + from + "+" + to + "=prefix:range -> line 2: each of 3 prefixes (4477 … 4479) costs 2, 0/1, \"UK\" | map=" + from + "=prefix -> line 2: 4477 costs 2, 0/1, \"UK\" |"
		if got := askedOf(t, file("UK,4477,4479,2 DE,49,49,3"), o); got != want {
			t.Errorf("%s: %s", heads, got)
		}
		o.Maps = []string{from + "=prefix"}
		if got := askedOf(t, file("UK,4477,4479,2"), o); got != "4477=2 0/1 UK" {
			t.Errorf("%s: %s", heads, got)
		}
		o.Maps = []string{from + "+" + to + "=prefix:range"}
		if got := askedOf(t, file("UK,4477,4479,2 DE,49,49,3 FR,33,,4"), o); got != "4477=2 0/1 UK; 4478=2 0/1 UK; 4479=2 0/1 UK; 49=3 0/1 DE; 33=4 0/1 FR" {
			t.Errorf("%s: %s", heads, got)
		}
		for _, rows := range []string{"UK,4479,4477,2", "UK,4477,44790,2", "UK,4477,x,2", "UK,,4477,2"} {
			if _, report, err := readAll(t, file(rows), o); err != nil || report.Lines.Refused != 1 {
				t.Errorf("%s, %s: %v %+v", heads, rows, err, report)
			}
		}
	}
	for _, half := range []string{"33-", "-33"} { // in one column, a range has two ends
		_, report, err := readAll(t, fileOf("a.csv", []byte("Prefix,Rate\n"+half+",1\n44,1\n")), cardfile.Options{NANP: no(), Hyphen: cardfile.HyphenRange})
		if err != nil || report.Lines.Refused != 1 {
			t.Errorf("%s: %v %+v", half, err, report)
		}
	}
	o := cardfile.Options{NANP: no(), Maps: []string{"Prefix=prefix:range"}}
	if got := askedOf(t, fileOf("a.csv", []byte("Prefix,Rate\n44,1\n")), o); !strings.Contains(got, "a range is in two columns: give map=FROM+TO=prefix:range") {
		t.Error(got)
	}
}
