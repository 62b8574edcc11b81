package cardfile_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"resellerd/store/cardfile"
)

// askedOf returns the questions of a file as "code column: parameter=value -> effect | …", or its prices.
func askedOf(t testing.TB, file cardfile.File, o cardfile.Options) string {
	t.Helper()
	rows, _, err := readAll(t, file, o)
	var bad *cardfile.FileError
	if !errors.As(err, &bad) {
		var out []string
		for _, r := range rows {
			text := fmt.Sprintf("%s=%s %d/%d", r.Prefix, r.Cost, r.MCD, r.Pulse)
			if r.Blocked {
				text += " blocked"
			}
			if r.Removed {
				text += " removed"
			}
			if r.Name != "" {
				text += " " + r.Name
			}
			if !r.From.IsZero() {
				text += " " + r.From.Format(time.RFC3339)
			}
			out = append(out, text)
		}
		return strings.Join(out, "; ") + fmt.Sprint(err)[len("<nil>")*btoi(err == nil):]
	}
	if len(bad.Questions) == 0 {
		return "error: " + bad.Error()
	}
	var out []string
	for _, q := range bad.Questions {
		text := strings.TrimSpace(q.Code+" "+q.Column) + ":"
		for _, c := range q.Choices {
			text += fmt.Sprintf(" %s=%s", c.Parameter, c.Value)
			if c.Effect != "" {
				text += " -> " + c.Effect + " |"
			}
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n")
}

func btoi(is bool) int {
	if is {
		return 1
	}
	return 0
}

// Each file holds something that could be read in two ways. Every part of want must be in the questions or in the prices.
func TestWhatAFileLeavesOpenIsAsked(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, text string
		o          cardfile.Options
		want       []string
	}{
		{"a prefix in two columns", "Destination,Country Code,City Code,Rate / Paris,33,1,0.01", cardfile.Options{}, []string{"331=0.01"}},
		{"a complete prefix beside its parts", "Country Code,Area Code,Full Code,Rate / 33,1,331,0.01 / 44,20,4420,0.02", cardfile.Options{}, []string{"331=0.01", "4420=0.02"}},
		{"an amendment that withdraws", "Prefix,New Rate,Change / 44,0.02,Increase / 4479,,Withdrawn", cardfile.Options{Amend: true, NANP: no()},
			[]string{"map=Change=status:block -> line 3: 4479 is blocked", "map=Change=status:remove -> line 3: 4479 is removed", "ignore=Change -> line 3: 4479 keeps its price"}},
		{"half of a prefix", "Area Code,Rate / 20,0.01", cardfile.Options{}, []string{"prefix Area Code: map=Area Code=prefix -> line 2: 20 costs 0.01"}},
		{"half of a prefix, answered", "Area Code,Rate / 20,0.01", cardfile.Options{Maps: []string{"area code=prefix"}}, []string{"20=0.01"}},
		{"a code beside a country code", "Country Code,Code,Rate / 33,1,0.01", cardfile.Options{}, []string{"map=Country Code+Code=prefix -> line 2: 331 costs 0.01", "map=Code=prefix -> line 2: 1 costs 0.01"}},
		{"a code beside a country code, answered", "Country Code,Code,Rate / 33,1,0.01", cardfile.Options{Maps: []string{"Country Code+Code=prefix"}}, []string{"331=0.01"}},
		{"a code that repeats its country code", "Country Code,Code,Rate / 33,331,0.01", cardfile.Options{}, []string{"331=0.01"}},
		{"a city code that is a whole prefix", "Country Code,City Code,Rate / 33,331,0.01 / 44,4420,1", cardfile.Options{}, []string{"prefix City Code: map=City Code=prefix -> line 2: 331 costs"}},
		{"NPA and NXX", "NPA,NXX,Rate / 212,555,0.01", cardfile.Options{NANP: yes()}, []string{"1212555=0.01"}},
		{"a hyphen", "Code,Rate / 49-30,0.01", cardfile.Options{}, []string{"hyphen=join -> line 2: 4930 costs 0.01", "hyphen=range -> line 2 is refused"}},
		{"a hyphen, answered", "Code,Rate / 33-35,0.01", cardfile.Options{Hyphen: cardfile.HyphenRange}, []string{"33=0.01", "35=0.01"}},
		{"a range in one country", "Code,Rate / 4477-4478,0.01", cardfile.Options{}, []string{"4477=0.01", "4478=0.01"}},
		{"an unknown price", "Prefix,Rate,Surcharge / 44,0.01,0.05 / 49,0.01,0", cardfile.Options{}, []string{"column Surcharge: map=Surcharge=connect -> line 2: 44 costs 0.01, 0/1, fee 0.05 | ignore=Surcharge -> line 2: 44 costs 0.01, 0/1 |"}},
		{"an unknown status", "Prefix,Rate,Barred / 44,0.01,no / 49,0.01,yes", cardfile.Options{}, []string{"map=Barred=blocked -> line 3: 49 is blocked"}},
		{"an unknown status, answered", "Prefix,Rate,Barred / 44,0.01,no / 49,0.01,yes", cardfile.Options{Maps: []string{"Barred=blocked"}}, []string{"44=0.01 0/1;", "49=0.01 0/1 blocked"}},
		{"a change that is withdrawn", "Prefix,Rate,Remark / 44,0.01,Increase / 49,,Withdrawn", cardfile.Options{}, []string{"map=Remark=status:block -> line 3: 49 is blocked | map=Remark=status:remove -> line 3: 49 is removed"}},
		{"a change that is withdrawn, answered", "Prefix,Rate,Remark / 44,0.01,Increase / 49,,Withdrawn", cardfile.Options{Maps: []string{"Remark=status:remove"}}, []string{"44=0.01 0/1;", "49=0 0/1 removed"}},
		{"a status that is deleted", "Prefix,Rate,Status / 49,,Deleted", cardfile.Options{}, []string{"withdrawn Status: map=Status=status:block", "map=Status=status:remove"}},
		{"increments under another heading", "Prefix,Rate,Terms / 44,0.01,60/30", cardfile.Options{}, []string{"map=Terms=pulse -> line 2: 44 costs 0.01, 60/30"}},
		{"a column of numbers", "Line,Prefix,Rate / 1,44,0.01 / 2,49,0.01", cardfile.Options{}, []string{"ignore=Line"}},
		{"a column of numbers, left out", "Line,Prefix,Rate / 1,44,0.01 / 2,49,0.01", cardfile.Options{Ignore: []string{"Line"}}, []string{"44=0.01", "49=0.01"}},
		{"a column of text", "Prefix,Rate,Operator / 44,0.01,A / 49,0.01,B", cardfile.Options{}, []string{"44=0.01", "49=0.01"}},
		{"a column that never varies", "Prefix,Rate,Deck / 44,0.01,7 / 49,0.01,7", cardfile.Options{}, []string{"44=0.01", "49=0.01"}},
		{"an old and a new price", "Prefix,Current Rate,Revised Rate / 44,0.01,0.02", cardfile.Options{}, []string{"44=0.02"}},
		{"an old and another price", "Prefix,Previous Price,Price / 44,0.01,0.02", cardfile.Options{}, []string{"44=0.02"}},
		{"two prices", "Prefix,Rate,Price / 44,0.01,0.02", cardfile.Options{}, []string{"cost Rate: map=Rate=cost -> line 2: 44 costs 0.01, 0/1 | map=Price=cost -> line 2: 44 costs 0.02, 0/1 |"}},
		{"two prices, answered", "Prefix,Rate,Price / 44,0.01,0.02", cardfile.Options{Maps: []string{"Price=cost"}}, []string{"44=0.02"}},
		{"a first interval at its own price", "Prefix,First Price,Subsequent Price / 44,0.01,0.02", cardfile.Options{}, []string{"error: line 1: ", "first interval with its own price"}},
		{"pence", "Prefix,Tariff (pence) / 44,1.2", cardfile.Options{Currency: "GBP"}, []string{"map=Tariff (pence)=cost:pence -> line 2: 44 costs 0.012,", "map=Tariff (pence)=cost:minute -> line 2: 44 costs 1.2,"}},
		{"pence, answered", "Prefix,Tariff (pence) / 44,1.2", cardfile.Options{Currency: "GBP", Maps: []string{"Tariff (pence)=cost:pence"}}, []string{"44=0.012"}},
		{"cents in a footer", "Prefix,Rate / 44,1.2 / Prices are in US cents per minute", cardfile.Options{}, []string{"map=Rate=cost:cents -> line 2: 44 costs 0.012,"}},
		{"a price of a thousand", "Prefix,Rate per 1000 / 44,12", cardfile.Options{}, []string{"map=Rate per 1000=cost:thousand -> line 2: 44 costs 0.012,"}},
		{"a price of a second above the headings", "Prices per second / Prefix,Rate / 44,0.0002", cardfile.Options{}, []string{"map=Rate=cost:second -> line 3: 44 costs 0.012,"}},
		{"minutes of an interval", "Prefix,Rate,Step (minutes) / 44,0.01,1", cardfile.Options{}, []string{"map=Step (minutes)=pulse:minutes -> line 2: 44 costs 0.01, 0/60"}},
		{"minutes of an interval, answered", "Prefix,Rate,Step (minutes) / 44,0.01,1", cardfile.Options{Maps: []string{"Step (minutes)=pulse:minutes"}}, []string{"44=0.01 0/60"}},
		{"a date whose order another one shows", "Prefix,Rate,Effective / 44,1,01/12/2026 / 49,1,31/12/2026", cardfile.Options{Zone: time.UTC}, []string{"44=1 0/1 2026-12-01", "49=1 0/1 2026-12-31"}},
		{"a date of two orders", "Prefix,Rate,Effective / 44,1,01/12/2026", cardfile.Options{Zone: time.UTC}, []string{"map=Effective=effective_date:dmy -> line 2: 44 costs 1, 0/1, from 2026-12-01", "map=Effective=effective_date:mdy -> line 2: 44 costs 1, 0/1, from 2026-01-12"}},
		{"a date of two orders, answered", "Prefix,Rate,Effective / 44,1,07/12/2026", cardfile.Options{Zone: time.UTC, Maps: []string{"Effective=effective_date:mdy"}}, []string{"44=1 0/1 2026-07-12"}},
		{"dates of two orders", "Prefix,Rate,Effective / 44,1,31/12/2026 / 49,1,12/31/2026", cardfile.Options{Zone: time.UTC}, []string{"error: one column has dates of two orders"}},
		{"forms of dates", "Prefix,Rate,Effective / 1,1,asap / 2,1,1 Aug 2026 09:30 / 3,1,Aug 1st 2026 / 4,1,31-12-26 / 5,1,8/31/2027 / 6,1,2026-08-01 1:30 PM", cardfile.Options{Zone: time.UTC}, []string{"error: one column has dates of two orders"}},
		{"a time that does not exist, and one that exists twice", "Prefix,Rate,Effective / 49,1,2027-03-28 02:15 / 43,1,2027-10-31 02:15", cardfile.Options{Zone: berlin},
			[]string{"skipped_time Effective: local_time=earlier -> line 2: 49 costs 1, 0/1, from 2027-03-28T00:15:00Z | local_time=later -> line 2: 49 costs 1, 0/1, from 2027-03-28T01:15:00Z", "repeated_time Effective: local_time=earlier -> line 3: 43 costs 1, 0/1, from 2027-10-31T00:15:00Z"}},
		{"a date above the headings", "Valid from 1 January 2027 / Prefix,Rate / 44,1", cardfile.Options{Zone: time.UTC}, []string{"effective: effective=2027-01-01 -> line 3: 44 costs 1, 0/1, from 2027-01-01T00:00:00Z | effective=now"}},
		{"a date above the headings, answered", "Valid from 1 January 2027 / Prefix,Rate / 44,1", cardfile.Options{Zone: time.UTC, Effective: "2027-01-01"}, []string{"44=1 0/1 2027-01-01T00:00:00Z"}},
		{"an end above the headings", "Valid until 31.01.2026 / Prefix,Rate / 44,1", cardfile.Options{}, []string{"error: line 1: the line says that the rates ended on 2026-01-31"}},
		{"many decimals", "Prefix,Rate / 44,0.01666666666666", cardfile.Options{}, []string{"round Rate: round=up -> line 2: 44 costs 0.0166666667, 0/1 | round=half -> line 2: 44 costs 0.0166666667, 0/1 | round=down -> line 2: 44 costs 0.0166666666"}},
		{"many decimals, answered", "Prefix,Rate / 44,0.01666666666666", cardfile.Options{Round: cardfile.RoundDown}, []string{"44=0.0166666666"}},
		{"a comma that another price explains", "Prefix;Rate / 44;1,234 / 49;0,5", cardfile.Options{}, []string{"44=1.234", "49=0.5"}},
		{"a comma that nothing explains", "Prefix;Rate / 44;1,234", cardfile.Options{}, []string{"decimal Rate: decimal=, -> line 2: 44 costs 1.234, 0/1 | decimal=. -> line 2: 44 costs 1234"}},
		{"an exponent", "Prefix,Rate / 44,1.5E-04", cardfile.Options{}, []string{"44=0.00015"}},
		{"a sign of the currency", "Prefix,Rate / 44,US$0.05", cardfile.Options{Currency: "USD"}, []string{"44=0.05"}},
		{"blocked without a price", "Prefix,Rate,Status / 44,0.01,open / 4479,N/A,blocked", cardfile.Options{}, []string{"44=0.01 0/1;", "4479=0 0/1 blocked"}},
		{"CR at the ends of lines", "Code,Rate\r44,0.01\r49,0.02\r", cardfile.Options{}, []string{"44=0.01", "49=0.02"}},
		{"two spellings of a name", "Prefix,Destination,Rate / 44,UK,1 / 44,U.K.,1", cardfile.Options{}, []string{"44=1 0/1 UK"}},
		{"Spanish", "Prefijo;Destino;Tarifa por minuto;Estado / 52;México;0,01;activo / 5255;CDMX;;bloqueado", cardfile.Options{}, []string{"52=0.01 0/1 México", "5255=0 0/1 blocked"}},
		{"German", "Vorwahl;Ziel;Preis pro Minute;Status / 49;Deutschland;0,01;offen / 4915;Mobil;;gesperrt", cardfile.Options{}, []string{"49=0.01 0/1 Deutschland", "4915=0 0/1 blocked"}},
		{"Russian", "Код;Направление;Цена за минуту / 7;Россия;0,01", cardfile.Options{}, []string{"7=0.01 0/1 Россия"}},
		{"Chinese", "前缀,目的地,费率 / 86,中国,0.01", cardfile.Options{}, []string{"86=0.01 0/1 中国"}},
		{"unknown headings", "Steering,Where,Amt / 44,UK,0.01", cardfile.Options{}, []string{"prefix: map=Steering=prefix", "cost: map=Steering=cost map=Where=cost map=Amt=cost"}},
		{"unknown headings, answered", "Steering,Where,Amt / 44,UK,0.01", cardfile.Options{Maps: []string{"Steering=prefix", "Amt=cost"}}, []string{"44=0.01"}},
		{"an answer for no column", "Prefix,Rate / 44,0.01", cardfile.Options{Ignore: []string{"Row"}}, []string{`error: ignore "Row" names no column: the columns are Prefix, Rate`}},
		{"an answer with an unknown meaning", "Prefix,Rate / 44,0.01", cardfile.Options{Maps: []string{"Rate=money"}}, []string{`"money" is no meaning: give one of prefix,`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if tc.o.NANP == nil {
				tc.o.NANP = no()
			}
			got := askedOf(t, fileOf("a.csv", []byte(strings.ReplaceAll(tc.text, " / ", "\n")+"\n")), tc.o)
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("got\n%s\nwant %q", got, want)
				}
			}
		})
	}
}

func TestHeadingsThatCarriersUseAreKnown(t *testing.T) {
	t.Parallel()
	for _, price := range []string{"USD/min", "Rates", "Tariff", "Buy Rate", "New Price", "Per Minute", "Rate/Min (USD)", "Price [USD]", "Prix HT/min", "ratePerMinute"} {
		for _, prefix := range []string{"Dialing Prefix", "Destination Prefixes", "Phone Code", "Complete Code", "Prefix/Code", "Number Range", "Dialled Digits", "E.164", "Indicatif"} {
			text := fmt.Sprintf("%s;%s\n44;0.01\n", prefix, price)
			if got := askedOf(t, fileOf("a.csv", []byte(text)), cardfile.Options{Currency: "USD", NANP: no()}); got != "44=0.01 0/1" {
				t.Errorf("%s and %s: %s", prefix, price, got)
			}
		}
	}
}

// The mapping names every column, and those that are left out.
func TestTheMappingNamesEveryColumn(t *testing.T) {
	t.Parallel()
	_, report, err := readAll(t, fileOf("a.csv", []byte("Country,Code,Rate,Memo\nUK,44,0.01,\nGermany,49,0.02,\n")), cardfile.Options{Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	want := []cardfile.Mapped{
		{Column: "Country", Samples: []string{"UK", "Germany"}, Meaning: "name"},
		{Column: "Code", Samples: []string{"44", "49"}, Meaning: "prefix"},
		{Column: "Rate", Samples: []string{"0.01", "0.02"}, Meaning: "cost", Currency: "EUR", Unit: "minute", Jurisdiction: "indeterminate"},
		{Column: "Memo", Samples: []string{}, Meaning: cardfile.LeftOut},
	}
	if got := fmt.Sprintf("%+v", report.Mapping); got != fmt.Sprintf("%+v", want) {
		t.Errorf("got %s", got)
	}
}

// A line that blocks its prefix, or may do so, is counted apart: without it, a shorter prefix would apply.
func TestARefusedLineThatBlocksIsCountedApart(t *testing.T) {
	t.Parallel()
	text := "Prefix,Rate,Status\n44,0.01,open\n4x,0.01,blocked\n45,x,open\n46,1,strange\n"
	_, report, err := readAll(t, fileOf("a.csv", []byte(text)), cardfile.Options{NANP: no()})
	if err != nil || report.Lines.Refused != 3 || report.Blocking != 3 {
		t.Errorf("%v %+v", err, report)
	}
}

func TestTextBelowTheRatesIsANote(t *testing.T) {
	t.Parallel()
	text := "Country,Prefix,Rate\nUK,44,0.01\n\n\"Rates may change. Taxes are not included.\"\nAll rates are in USD, without taxes\n49x,,\n"
	_, report, err := readAll(t, fileOf("a.csv", []byte(text)), cardfile.Options{Currency: "USD", NANP: no()})
	if err != nil {
		t.Fatal(err)
	}
	lines := []int{}
	for _, n := range report.Notes {
		lines = append(lines, n.Line)
	}
	if !slices.Equal(lines, []int{4, 5}) || report.Lines.Notes != 2 || report.Lines.Refused != 1 {
		t.Errorf("%+v", report)
	}
}

// A name of one country on the prefix of another, and a prefix of none, are warned of.
func TestNamesAndPrefixesOfNoOrAnotherCountryAreWarnedOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"20,UK London":                     `names of another country than their prefix: 1; the first is "UK London" on 20`,
		"4420,UK London":                   "",
		"4,UK":                             "prefixes that begin with no country code: 1; the first is 4",
		"2101,Nowhere":                     "prefixes that begin with no country code: 1; the first is 2101",
		"262,FRANCE - Reunion":             "",
		"49,Georgia":                       "",
		"33,Royaume-Uni Mobile":            `names of another country than their prefix: 1; the first is "Royaume-Uni Mobile" on 33`,
		"33,Espagne\n34,Espagne":           `names of another country than their prefix: 1; the first is "Espagne" on 33`,
		"234,Niger\n227,Nigeria\n7,Russia": `names of another country than their prefix: 2; the first is "Niger" on 234`,
	} {
		_, report, err := readAll(t, fileOf("a.csv", []byte("prefix,name,cost,pulse\n"+strings.ReplaceAll(text, "\n", ",1,1\n")+",1,1\n")), cardfile.Options{NANP: no()})
		if err != nil || strings.Join(report.Warnings, "; ") != want {
			t.Errorf("%q: %v, %q, want %q", text, err, report.Warnings, want)
		}
	}
}

// Two lines contradict each other. If one of them blocks or removes the prefix, nobody skips both, because a shorter
// prefix would apply.
func TestAContradictionAboutABlockCannotBeSkipped(t *testing.T) {
	t.Parallel()
	for lines, blocking := range map[string]int{
		"4479,0.9,open\n4479,,blocked\n":                     1,
		"4479,,blocked\n4479,0.9,open\n":                     1,
		"4479,,blocked\n4479,0.9,open\n4479,0.8,open\n":      1,
		"4479,0.9,open\n4479,0.8,open\n":                     0,
		"\"4478,4479\",,blocked\n4478,1,open\n4479,1,open\n": 1,
	} {
		_, report, err := readAll(t, fileOf("a.csv", []byte("Prefix,Rate,Status\n44,0.01,open\n"+lines)), cardfile.Options{NANP: no()})
		if err != nil || report.Blocking != blocking {
			t.Errorf("%q: %v, %d blocking of %d refused", lines, err, report.Blocking, report.Lines.Refused)
		}
	}
}

// A value of JSON that is no text and no number is not passed over.
func TestValuesOfJSONThatMayBlockAreAskedAbout(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"prefix":"44","cost":1,"blocked":false}` + "\n" + `{"prefix":"4479","cost":1,"blocked":true}`:                              "column blocked: map=blocked=blocked",
		`{"prefix":"44","cost":1,"enabled":false}`:                                                                                   "column enabled: map=enabled=blocked",
		`{"prefix":"44","cost":1,"limits":{"blocked":true}}`:                                                                         "column limits: ignore=limits",
		`{"cards":{"a":{"fields":[{"name":"prefix"},{"name":"rate"},{"name":"blocked"}],"rates":[["44",1,false],["4479",1,true]]}}}`: "column blocked: map=blocked=blocked",
		`{"cards":{"a":{"fields":[{"name":"prefix"},{"name":"rate"},{"name":"surcharge"}],"rates":[["44",1,0.5]]}}}`:                 "column surcharge: map=surcharge=connect",
	} {
		name := "a.ndjson"
		if strings.HasPrefix(text, `{"cards`) {
			name = "a.json"
		}
		if got := askedOf(t, fileOf(name, []byte(text+"\n")), cardfile.Options{NANP: no()}); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// A date of the document is beside all rates: no line shows what it means.
func TestADateOfADocumentMayBeOneThatAChangeOfClocksSkips(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"expiry_date", "effective_date"} {
		for local, want := range map[string]string{"": "skipped_time: local_time=earlier local_time=later", cardfile.LocalLater: "44=1 0/1"} {
			file := fileOf("a.json", []byte(`{"`+name+`":"2027-03-28 02:30","cards":{"a":{"fields":[{"name":"prefix"},{"name":"rate"}],"rates":[["44",1]]}}}`))
			got := askedOf(t, file, cardfile.Options{NANP: no(), Zone: berlin, LocalTime: local, Expiry: cardfile.ExpiryIgnore, Now: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)})
			if !strings.HasPrefix(got, want) || strings.Contains(got, "line 0") {
				t.Errorf("%s %q: %s", name, local, got)
			}
		}
	}
}

// Names of columns, currencies and parts of prefixes in other words than the usual ones.
func TestWhatOtherWordsSayIsHeard(t *testing.T) {
	t.Parallel()
	const other = "the currency "
	for text, want := range map[string]string{
		"Währung: EUR / Vorwahl;Ziel;Preis / 49;Deutschland;0,01": other, "Moneda: EUR / Prefijo;Precio / 49;0,01": other, "Devise : EUR / Indicatif;Prix / 49;0,01": other,
		"Preise in EUR / Vorwahl;Preis / 49;0,01": other, "Precios en EUR / Prefijo;Precio / 49;0,01": other, "Цены в EUR / Код;Цена / 49;0,01": other,
		"EUR per minute / Prefix,Rate / 49,0.01": other, "Prefix,Rate / 49,0.01 / EUR per minute": other,
		"Code,Destination,Rate (TRY) / 90,Turkey,0.50": other + "TRY", "Code,Rate (PEN) / 51,0.05": other + "PEN", "Prefix,Rate (pounds) / 44,0.01": other + "pounds",
		"Prefix,Rate (ALL) / 44,0.01": "unit Rate (ALL): ", "Mad Bob of SAR Telecom / Prefix,Rate / 49,1": "49=1",
		"Country,Code,Rate / 44,20,0.0044 / 49,30,0.008":                       "map=Country+Code=prefix -> line 2: 4420 costs 0.0044",
		"Code;Area;Rate / 44;20;0,0044 / 49;30;0,008":                          "map=Code+Area=prefix -> line 2: 4420 costs 0.0044",
		"Country,Code,Rate / UK,4420,0.0044 / 49,30,0.008":                     "4420=0.0044",
		"Alan Kodu;Yön;Ücret / 212;İstanbul;0,01":                              "prefix Alan Kodu: ",
		"Landnummer;Netnummer;Tarief / 31;20;0,01":                             "3120=0.01",
		"Prefix,Rate,Status / 44,0.01,Up / 4479,0.9,Down":                      "status Status: ignore=Status",
		"Prefix,Rate,Change / 44,0.01,Up / 4479,0.9,Down":                      "4479=0.9",
		"Country Code;Area Code;Rate / 44;1,534;0,02":                          "commas=thousands -> line 2: 441534 costs 0.02",
		"Country Code;Area Code;Rate / 44;203,207,208;0,02":                    "44203=0.02 0/1; 44207=0.02",
		"Country Code,Area Code,Rate / 1,212-555,0.01":                         "hyphen=join -> line 2: 1212555 costs 0.01",
		"Tous les prix sont toutes taxes comprises / Indicatif;Prix / 33;0,01": "unit Prix: ", "Los precios incluyen impuestos / Prefijo;Precio / 34;0,01": "unit Precio: ",
		"Prefix;Price per 60 minutes / 41;1.2": "unit Price per 60 minutes: ", "Prefix;Rate/30 min / 41;1.2": "unit Rate/30 min: ", "Prices per 60 minutes / Prefix,Rate / 41,1.2": "unit Rate: ",
		"Prefix;Price per 1 minute / 41;1.2": "41=1.2", "USD per minute / Prefix,Rate / 44,0.0002": "44=0.0002",
		"USD per second / Prefix,Rate / 44,0.0002": "map=Rate=cost:second -> line 3: 44 costs 0.012", "Per 1000 minutes / Prefix,Rate / 44,12": "map=Rate=cost:thousand -> line 3: 44 costs 0.012",
		"Angaben pro Sekunde / Vorwahl;Preis / 44;0,0002": "map=Preis=cost:second", "Valores por segundo / Prefijo;Precio / 44;0,0002": "map=Precio=cost:second",
		"Unidad: milésimas de USD / Prefijo;Precio / 54;12":                "map=Precio=cost:thousand",
		"Alle Preise in Rappen / Vorwahl;Preis / 41;4":                     "map=Preis=cost:cents -> line 3: 41 costs 0.04",
		"Vigente a partir del 1 de enero del 2027 / Prefijo;Precio / 34;1": "effective=2027-01-01",
	} {
		if got := askedOf(t, fileOf("a.csv", []byte(strings.ReplaceAll(text, " / ", "\n")+"\n")), cardfile.Options{NANP: no(), Currency: "USD", Zone: time.UTC}); !strings.Contains(got, want) {
			t.Errorf("%s\n  got  %s\n  want %s", text, got, want)
		}
	}
}

// What stands beside the rates, or shows only by itself, is asked about too.
func TestWhatTextsNamesAndMarksLeaveOpenIsAsked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		// A dot before three digits may part thousands, unless a price of the column shows the mark.
		"Rates are per minute, billed per second / Prefix,Rate / 44,0.01":                "unit Rate: map=Rate=cost:second -> line 3: 44 costs 0.6, 0/1 | map=Rate=cost:minute -> line 3: 44 costs 0.01, 0/1 |",
		"Currency as agreed in contract / Prefix,Rate / 44,0.01":                         "44=0.01 0/1",
		"Rates for calls in Germany / Prefix,Rate / 49,0.01":                             "49=0.01 0/1",
		"Prices may be changed or withdrawn with 14 days notice / Prefix,Rate / 44,0.01": "44=0.01 0/1",
		"Closed user group rates / Prefix,Rate / 44,0.01":                                "44=0.01 0/1",
		"Legend: N = new code, D = deleted code / Prefix,Rate / 44,0.01":                 "44=0.01 0/1",
		"Tel: +44 20 7946 2029 / Prefix,Rate / 44,0.01":                                  "44=0.01 0/1",
		"Tel: +44 20 2029 7946 / Prefix,Rate / 44,0.01":                                  "44=0.01 0/1",
		"Rates of 01 2027 / Prefix,Rate / 44,0.01":                                       "effective: effective=now -> line 3: 44 costs 0.01, 0/1 |",
		"Dupont & Fils / Prefix,Rate / 33,0.01":                                          "33=0.01 0/1",
		"1000 / Prefix,Rate / 33,0.01":                                                   "33=0.01 0/1",
		"Deck No 12 Premium Routes / Prefix,Rate / 44,0.01 / 49,0.02":                    "44=0.01 0/1; 49=0.02",
		"Prefix;Rate / 62;1.250 / 628;2.400":                                             "decimal Rate: decimal=, -> line 2: 62 costs 1250, 0/1 | decimal=. -> line 2: 62 costs 1.25, 0/1 |",
		"Prefix;Rate / 62;1.250 / 628;0.5":                                               "62=1.25 0/1; 628=0.5",
		"Prefix;Rate / 62;0.125 / 628;2.400":                                             "62=0.125 0/1; 628=2.4",
		"Prefix;Rate / 62;1.250 / 628;0,5":                                               "62=1250 0/1; 628=0.5",
		"Prefix;Rate / 62;1.250,5 / 628;2.400":                                           "62=1250.5 0/1; 628=2400",
		"Prefix;Rate;Connect / 62;0.5;1.250":                                             "decimal Connect: ",
		"Prefix;Rate / 62;1000.250":                                                      "62=1000.25",
		"Prefix;Rate / 62;.250":                                                          "62=0.25",
		// Dates in other forms and languages, and what may be one.
		"Effective from 1 Jan 27 / Prefix,Rate / 44,1":            "effective: effective=2027-01-01",
		"Effective from 1 January '27 / Prefix,Rate / 44,1":       "effective: effective=2027-01-01",
		"Effective from Jan 1, 27 / Prefix,Rate / 44,1":           "effective: effective=2027-01-01",
		"Effective 27-01-02 / Prefix,Rate / 44,1":                 "effective: effective=2027-01-02 -> line 3: 44 costs 1, 0/1, from 2027-01-02T00:00:00Z | effective=now",
		"Effective 01-02-27 / Prefix,Rate / 44,1":                 "effective: effective=2027-02-01 -> line 3: 44 costs 1, 0/1, from 2027-02-01T00:00:00Z | effective=2027-01-02",
		"Obowiązuje od 1 października 2027 / Prefiks;Cena / 48;1": "effective: effective=2027-10-01",
		"1 Ocak 2027 tarihinden itibaren / Önek;Fiyat / 90;1":     "effective: effective=2027-01-01",
		"Platí od 1. ledna 2027 / Prefix;Cena / 420;1":            "effective: effective=2027-01-01",
		"Érvényes 2027. harmadik hetétől / Prefix;Rate / 36;1":    "effective: effective=now",
		"Effective week 3 of 2026 / Prefix;Rate / 36;1":           "effective: effective=now",
		"Price list 2026 / Prefix;Rate / 36;1":                    "36=1",
		"Valid until 31/12/24 / Prefix;Rate / 36;1":               "error: line 1: the line says that the rates ended on 2024-12-31",
		// Units that no rule knows, and hours.
		"Semua harga, prices in perak per minute / Prefix;Rate / 60;4": "map=Rate=cost:cents -> line 3: 60 costs 0.04",
		"All prices in sen / Prefix;Rate / 60;4":                       "map=Rate=cost:cents -> line 3: 60 costs 0.04",
		"Ceny w halerzach / Prefiks;Cena / 420;4":                      "map=Cena=cost:cents -> line 3: 420 costs 0.04",
		"Rates in effect / Prefix;Rate / 60;4":                         "60=4",
		"Prices in USD / Prefix;Rate / 60;4":                           "60=4",
		"Precios en vigor / Prefijo;Precio / 34;4":                     "34=4",
		"Prefix;Rate (cents/hour) / 60;4":                              "unit Rate (cents/hour): map=Rate (cents/hour)=cost:minute ->",
		// Increments without a slash.
		"Billing: 60 seconds / Prefix,Rate / 44,0.01":                                  "pulse: pulse=60 -> line 3: 44 costs 0.01, 0/60 | pulse=1",
		"Billing in full minutes / Prefix,Rate / 44,0.01":                              "pulse: pulse=60",
		"Facturación por minuto / Prefijo;Precio / 34;0,01":                            "pulse: pulse=60",
		"Billing: minimum 30 seconds, increments of 6 seconds / Prefix,Rate / 44,0.01": "pulse: pulse=6 -> line 3: 44 costs 0.01, 0/6 | pulse=1 -> line 3: 44 costs 0.01, 0/1 |\nmcd: mcd=30",
		"Billing per second / Prefix,Rate / 44,0.01":                                   "44=0.01",
		"Billing increment: 60 seconds / Prefix,Rate,Increment / 44,0.01,6":            "44=0.01 0/6",
		// Taxes.
		"Preise inkl. Steuern / Vorwahl;Preis / 49;0,01":            "unit Preis: ",
		"Todos los precios incluyen IVA / Prefijo;Precio / 34;0,01": "unit Precio: ",
		"Prix hors taxes / Indicatif;Prix / 33;0,01":                "33=0.01",
		// Names and texts that block.
		"Prefix,Destination,Rate / 44,UK,0.01 / 4479,UK Pager (BLOCKED),0.9":                     "column Destination: map=Destination=name -> line 3: 4479 costs 0.9",
		"Prefix,Destination,Rate,Status / 44,UK,0.01,open / 4479,UK Pager (BLOCKED),0.9,blocked": "4479=0.9 0/1 blocked",
		"Prefix,Destination,Rate / 52,Mexico Baja California,0.01 / 47,Norway No 1,0.9":          "47=0.9",
		"前缀,目的地,费率 / 86,中国,0.01 / 8610,中国北京（已停用）,0.9":                                            "column 目的地: ",
		"Prefix,Rate / 44,0.01 / 4479,0.9 / Calls to 4479 are barred until further notice":       "text Calls to 4479 are barred until further notice: ignore=Calls to 4479 are barred until further notice",
		"We do not route calls to Cuba / Prefix,Rate / 53,0.9":                                   "text We do not route calls to Cuba: ",
		"Prefix,Rate / 44,0.01 / Las rutas a Cuba están suspendidas o cerradas":                  "text Las rutas a Cuba están suspendidas o cerradas: ",
		"Prefix,Rate / 44,0.01 / Rates may change. Taxes are not included.":                      "44=0.01",
	} {
		o := cardfile.Options{NANP: no(), Currency: "USD", Zone: time.UTC, Now: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)}
		if got := askedOf(t, fileOf("a.csv", []byte(strings.ReplaceAll(text, " / ", "\n")+"\n")), o); !strings.Contains(got, want) {
			t.Errorf("%s\n  got  %s\n  want %s", text, got, want)
		}
	}
	text := "Prefix,Destination,Rate\n4479,UK Pager (BLOCKED),0.9\nCalls to 4479 are barred until  further notice\n"
	o := cardfile.Options{NANP: no(), Maps: []string{"destination=name"}, Ignore: []string{"Calls to 4479 are barred until further notice"}}
	if got := askedOf(t, fileOf("a.csv", []byte(text)), o); got != "4479=0.9 0/1 UK Pager (BLOCKED)" {
		t.Errorf("answered: %s", got)
	}
}

// With the names of columns by position, the file's own headings are heard all the same.
func TestHeadingsAreHeardBesideNamesByPosition(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"prefix,rate (cents) / 44,1":                  "unit cost: map=cost=cost:cents -> line 2: 44 costs 0.01, 0/1 | map=cost=cost:minute",
		"Code,Rate per second / 44,0.0002":            "map=cost=cost:second -> line 2: 44 costs 0.012",
		"All rates in US cents / 44,1":                "map=cost=cost:cents -> line 2: 44 costs 0.01",
		"Valid from the first of January 2027 / 44,1": "effective: effective=2027-01-01",
		"Code,Rate / 44,1 / Prices are in cents":      "map=cost=cost:cents",
		"Code,Rate / 44,1":                            "44=1",
	} {
		o := cardfile.Options{NANP: no(), Zone: time.UTC, Columns: []string{"prefix", "cost"}}
		if got := askedOf(t, fileOf("a.csv", []byte(strings.ReplaceAll(text, " / ", "\n")+"\n")), o); !strings.Contains(got, want) {
			t.Errorf("%s\n  got  %s\n  want %s", text, got, want)
		}
		if o.Maps = []string{"cost=cost:cents"}; strings.Contains(text, "(cents)") {
			if got := askedOf(t, fileOf("a.csv", []byte(strings.ReplaceAll(text, " / ", "\n")+"\n")), o); got != "44=0.01 0/1" {
				t.Errorf("%s, answered: %s", text, got)
			}
		}
	}
}

// A column that is not understood is asked about by what its values say, whether they vary or not.
func TestAColumnWithOneValueIsAskedAboutAsOneThatVaries(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Prefix,Rate,Remark / 4479,0.9,Closed / 4478,0.9,Closed":                        "column Remark: map=Remark=status -> line 2: 4479 is blocked",
		"Prefijo;Precio;Activo / 44;1;no / 45;1;no":                                     "column Activo: map=Activo=blocked -> line 2: 44 costs 1, 0/1 | map=Activo=open -> line 2: 44 is blocked",
		"Vorwahl;Preis;Sperre / 44;1;ja / 45;1;ja":                                      "column Sperre: map=Sperre=blocked -> line 2: 44 is blocked",
		"Vorwahl;Preis;Datum / 49;0,01;01.01.2027 / 44;0,02;01.01.2027":                 "column Datum: map=Datum=effective_date",
		"Vorwahl;Preis;Datum / 49;0,01;01.01.2027 / 44;0,02;02.01.2027":                 "column Datum: map=Datum=effective_date",
		"Vorwahl;Preis;Gültig bis / 49;0,01;31.12.2024 / 44;0,02;31.12.2024":            "column Gültig bis: ignore=Gültig bis",
		"Prefijo;Precio;Inicio / 54;0,01;1 ene 2027 / 55;0,02;2 feb 2027":               "column Inicio: map=Inicio=effective_date",
		"Prefijo;Precio;Inicio / 54;0,01;1 ene 2027 / 55;0,02;1 ene 2027":               "column Inicio: map=Inicio=effective_date",
		"Prefijo;Precio;Facturación / 54;0,01;60/60 / 55;0,02;60/60":                    "column Facturación: map=Facturación=pulse -> line 2: 54 costs 0.01, 60/60",
		"Prefijo;Precio;Facturación / 54;0,01;60s/60s / 55;0,02;1s/1s":                  "column Facturación: ",
		"Prefix,Rate,Bill Incr / 44,0.01,60 / 49,0.02,60":                               "map=Bill Incr=pulse -> line 2: 44 costs 0.01, 0/60",
		"Prefix,Rate,Unheard / 44,0.01,60 / 49,0.02,60":                                 "map=Unheard=pulse -> line 2: 44 costs 0.01, 0/60",
		"Prefix,Rate,Initial,Recurring / 44,0.01,60,60 / 49,0.02,60,60":                 "map=Recurring=pulse -> line 2: 44 costs 0.01, 60/60",
		"Vorwahl;Preis;Verbindungsgebühr / 49;0,01;0,05 / 44;0,02;0,05":                 "map=Verbindungsgebühr=connect -> line 2: 49 costs 0.01, 0/1, fee 0.05",
		"Prefix,Rate,Extra / 44,0.01,0.05 USD / 49,0.01,0.10 USD":                       "column Extra: ",
		"Prefix,Rate,Flag / 44,2,A / 45,2,C / 46,2,N / 417,2,B":                         "column Flag: ",
		"Prefijo;Precio;Observación / 54;1;vigente / 5411;1;dado de baja":               "column Observación: ",
		"Prefix,Rate,Country / 44,0.01,United Kingdom / 4479,0.02,United Kingdom":       "44=0.01",
		"Prefix,Rate,Supplier,Plan,Id / 44,0.01,ACME,60,1.5 / 4479,0.02,ACME,60,1.5":    "44=0.01",
		"Prefix,Rate,Mandatory,Fee / 44,0.01,no,0.00 / 4479,0.02,no,0.00":               "44=0.01",
		"Prefix,Rate,Interval,Min Duration,Product / 44,0.01,1,0,60 / 4479,0.02,1,0,60": "44=0.01",
		"Prefix,Rate,MCD,Pulse,Group / 44,0.01,0,1,60 / 4479,0.02,0,1,60":               "44=0.01",
	} {
		if got := askedOf(t, fileOf("a.csv", []byte(strings.ReplaceAll(text, " / ", "\n")+"\n")), cardfile.Options{NANP: no()}); !strings.Contains(got, want) {
			t.Errorf("%s\n  got  %s\n  want %s", text, got, want)
		}
	}
}
