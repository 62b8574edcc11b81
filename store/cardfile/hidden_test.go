package cardfile_test

import (
	"strings"
	"testing"
	"time"

	"resellerd/store/cardfile"
)

// hidden are files with a unit, a date, a block, steps or a fee in a form that is easily passed over.
var hidden = []struct {
	name, text string
	o          cardfile.Options
	want       []string
}{
	// Hundredths of a currency as a code.
	{"pence in the heading", "Prefix,Rate (GBp) / 44,2", gbp, []string{"unit Rate (GBp): map=Rate (GBp)=cost:pence -> line 2: 44 costs 0.02"}},
	{"pence in the heading, bare", "Prefix,Rate GBX / 44,2", gbp, []string{"unit Rate GBX: map=Rate GBX=cost:pence -> line 2: 44 costs 0.02"}},
	{"pence in a column", "Prefix,Rate,Currency / 44,2,GBp", gbp, []string{"unit Rate: map=Rate=cost:pence -> line 2: 44 costs 0.02"}},
	{"pence in a column, and the fee", "Prefix,Rate,Connect,Currency / 44,2,3,GBX", gbp, []string{"unit Rate: map=Rate=cost:pence", "unit Connect: map=Connect=connect:pence"}},
	{"pence in a column, answered", "Prefix,Rate,Currency / 44,2,GBp", with(gbp, "Rate=cost:pence"), []string{"44=0.02 0/1"}},
	{"pence above", "Currency: GBp / Prefix,Rate / 44,2", gbp, []string{"unit Rate: map=Rate=cost:pence"}},
	{"pence below", "Prefix,Rate / 44,2 /  / All prices in GBp", gbp, []string{"unit Rate: map=Rate=cost:pence"}},
	{"cents of South Africa", "Prefix,Rate (ZAc) / 44,2", cardfile.Options{Currency: "ZAR"}, []string{"unit Rate (ZAc): map=Rate (ZAc)=cost:cents -> line 2: 44 costs 0.02"}},
	{"cents of South Africa in a column", "Prefix,Rate,Currency / 44,2,ZAc", cardfile.Options{Currency: "ZAR"}, []string{"unit Rate: map=Rate=cost:cents"}},
	{"agorot", "Prefix,Rate,Currency / 44,2,ILa", cardfile.Options{Currency: "ILS"}, []string{"unit Rate: map=Rate=cost:cents"}},
	{"pence of another card", "Prefix,Rate (GBp) / 44,2", with(cardfile.Options{Currency: "USD"}, "Rate (GBp)=cost:pence"), []string{"error: line 1: the headings have the currency GBP"}},
	{"pounds in small letters", "Prefix,Rate,Currency / 44,2,gbp", gbp, []string{"44=2 0/1"}},
	// One word that closes a route.
	{"deny", "Prefix,Rate,Routing / 44,2,Allow / 4479,2,Deny", cardfile.Options{}, []string{"column Routing: map=Routing=status -> line 2: 44 costs 2"}},
	{"deny, answered", "Prefix,Rate,Routing / 44,2,Allow / 4479,2,Deny", with(cardfile.Options{}, "Routing=status"), []string{"44=2 0/1; 4479=2 0/1 blocked"}},
	{"exclude", "Prefix,Rate,LCR / 44,2,Include / 4479,2,Exclude", cardfile.Options{}, []string{"column LCR: map=LCR=status"}},
	{"forbidden", "Prefix,Rate,Traffic / 44,2,permitted / 4479,2,forbidden", cardfile.Options{}, []string{"column Traffic: map=Traffic=status"}},
	{"none", "Prefix,Rate,Access / 44,2,full / 4479,2,none", cardfile.Options{}, []string{"column Access: ignore=Access"}},
	{"dead", "Prefix,Rate,Service / 44,2,live / 4479,2,dead", cardfile.Options{}, []string{"column Service: map=Service=status"}},
	{"stop", "Prefix,Rate,Route / 44,2,OK / 4479,2,STOP", cardfile.Options{}, []string{"column Route"}},
	{"block", "Prefix,Rate,Mode / 44,2,normal / 4479,2,Block", cardfile.Options{}, []string{"column Mode"}},
	{"halt", "Prefix,Rate,Info / 44,2,fine / 4479,2,halted", cardfile.Options{}, []string{"column Info"}},
	{"temporarily down", "Prefix,Rate,Remark / 44,2,fine / 4479,2,temporarily down", cardfile.Options{}, []string{"column Remark"}},
	{"a Spanish suspension", "Prefijo,Precio,Nota / 44,2, / 4479,2,suspensión temporal", cardfile.Options{}, []string{"column Nota"}},
	{"a French route", "Indicatif,Prix,Remarque / 44,2, / 4479,2,route coupée", cardfile.Options{}, []string{"column Remarque"}},
	{"a minimum in a remark", "Prefix,Rate,Comments / 44,2,min charge 30 sec / 49,2,", cardfile.Options{}, []string{"column Comments"}},
	{"a kind of route", "Prefix,Rate,Route Type / 44,2,CLI / 49,2,CLI", cardfile.Options{}, []string{"44=2 0/1; 49=2 0/1"}},
	// Names that block.
	{"do not route", "Prefix,Name,Rate / 44,UK,2 / 4479,UK Pager - DO NOT ROUTE,2", cardfile.Options{}, []string{"column Name: map=Name=name -> line 3"}},
	{"no route", "Prefix,Name,Rate / 44,UK,2 / 4479,UK Pager (no route),2", cardfile.Options{}, []string{"column Name: map=Name=name"}},
	{"not in use", "Prefix,Name,Rate / 44,UK,2 / 4479,UK Pager NOT IN USE,2", cardfile.Options{}, []string{"column Name: map=Name=name"}},
	{"a last word stop", "Prefix,Name,Rate / 44,UK,2 / 4479,UK Pager - stop,2", cardfile.Options{}, []string{"column Name: map=Name=name"}},
	{"no service in Spanish", "Prefijo,Destino,Precio / 44,UK,2 / 4479,Móvil no disponible,2", cardfile.Options{}, []string{"column Destino: map=Destino=name"}},
	{"no service in German", "Vorwahl,Ziel,Preis / 49,DE,2 / 4915,Mobil wird nicht angeboten,2", cardfile.Options{}, []string{"column Ziel: map=Ziel=name"}},
	{"names with such words", "Prefix,Name,Rate / 44,Mexico Not Equal Access,2 / 47,Norway No 12,2 / 49,One Stop Telecom,2 / 45,Lyngby Non-Stop,2", cardfile.Options{},
		[]string{"44=2 0/1 Mexico Not Equal Access; 47=2 0/1 Norway No 12; 49=2 0/1 One Stop Telecom; 45=2 0/1 Lyngby Non-Stop"}},
	// Dates without a year, in words, or as a number.
	{"a day and a month", "Effective 7 December / Prefix,Rate / 44,2", cardfile.Options{}, []string{"effective: effective=now"}},
	{"a month and a day", "Effective December 7th / Prefix,Rate / 44,2", cardfile.Options{}, []string{"effective: effective=now"}},
	{"a day and a month in digits", "Effective from 15/12 / Prefix,Rate / 44,2", cardfile.Options{}, []string{"effective: effective=now"}},
	{"a day and a month with dots", "Valid as of 01.01. / Prefix,Rate / 44,2", cardfile.Options{}, []string{"effective: effective=now"}},
	{"a day of the week and a date", "\"Effective: Monday, 7 Dec\" / Prefix,Rate / 44,2", cardfile.Options{}, []string{"effective: effective=now"}},
	{"a day of the week", "Effective: next Monday / Prefix,Rate / 44,2", cardfile.Options{}, []string{"effective: effective=now"}},
	{"a period of notice", "Rates increase 7 days after notice / Prefix,Rate / 44,2", cardfile.Options{}, []string{"effective: effective=now"}},
	{"a period of notice below", "Prefix,Rate / 44,2 /  / \"Increases are effective in 7 days, decreases immediately\"", cardfile.Options{}, []string{"effective: effective=now"}},
	{"a day and a month below", "Prefix,Rate / 44,2 /  / Effective 15 December", cardfile.Options{}, []string{"effective: effective=now"}},
	{"a Spanish day and month", "Vigente desde el 7 de diciembre / Prefijo,Precio / 34,2", cardfile.Options{}, []string{"effective: effective=now"}},
	{"a German day and month", "Gültig ab 7. Dezember / Vorwahl,Preis / 49,2", cardfile.Options{}, []string{"effective: effective=now"}},
	{"a number of a spreadsheet", "Effective Date,46388 / Prefix,Rate / 44,2", cardfile.Options{}, []string{"effective: effective=2027-01-01"}},
	{"a number of a spreadsheet, as an end", "Valid until,45658 / Prefix,Rate / 44,2", cardfile.Options{}, []string{"error: line 1: the line says that the rates ended on 2025-01-01"}},
	{"a day and a month, answered", "Effective 7 December / Prefix,Rate / 44,2", cardfile.Options{Effective: "now"}, []string{"44=2 0/1"}},
	{"a payment", "Prefix,Rate / 44,2 /  / Payment applies 30 days from invoice", cardfile.Options{}, []string{"44=2 0/1"}},
	{"a telephone number", "Valid for Customer 45678 / Prefix,Rate / 44,2", cardfile.Options{}, []string{"44=2 0/1"}},
	{"a time of answer", "Prefix,Rate / 44,2 /  / Questions are answered from Monday to Friday", cardfile.Options{}, []string{"44=2 0/1"}},
}

var gbp = cardfile.Options{Currency: "GBP"}

func with(o cardfile.Options, maps ...string) cardfile.Options {
	o.Maps = maps
	return o
}

func TestWhatIsEasilyPassedOverIsAskedOrRead(t *testing.T) {
	t.Parallel()
	for _, tc := range hidden {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.o.NANP, tc.o.Now = no(), time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC)
			got := askedOf(t, fileOf("a.csv", []byte(strings.ReplaceAll(tc.text, " / ", "\n")+"\n")), tc.o)
			for _, want := range tc.want {
				if strings.Contains(want, "=2 0/1") && got != want || !strings.Contains(got, want) {
					t.Errorf("got\n%s\nwant %q", got, want)
				}
			}
		})
	}
}

// Prices of one file in pounds and in pence have no unit that an answer can give.
func TestALineInAnotherPartOfTheCurrencyIsRefused(t *testing.T) {
	t.Parallel()
	o := with(gbp, "Rate=cost:pence")
	o.NANP = no()
	_, report, err := readAll(t, fileOf("a.csv", []byte("Prefix,Rate,Currency\n44,2,GBp\n49,3,GBP\n")), o)
	if err != nil || report.Lines.Refused != 1 {
		t.Errorf("%v %+v", err, report.Lines)
	}
}
