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
	// Steps in other notations.
	{"steps with a hyphen", "Prefix,Rate,Bill Inc. / 44,2,60-60 / 49,2,60-60", cardfile.Options{}, []string{"column Bill Inc.: map=Bill Inc.=pulse -> line 2: 44 costs 2, 60/60"}},
	{"steps with a space", "Prefix,Rate,Inc / 44,2,60 60 / 49,2,60 60", cardfile.Options{}, []string{"column Inc: map=Inc=pulse -> line 2: 44 costs 2, 60/60"}},
	{"steps with an x", "Prefix,Rate,BI / 44,2,1x1 / 49,2,1x1", cardfile.Options{}, []string{"column BI: map=BI=pulse -> line 2: 44 costs 2, 1/1"}},
	{"steps with a bar", "Prefix,Rate,BI / 44,2,30|6 / 49,2,30|6", cardfile.Options{}, []string{"column BI: map=BI=pulse -> line 2: 44 costs 2, 30/6"}},
	{"full minutes", "Prefix,Rate,Charging / 44,2,Full minute / 49,2,Full minute", cardfile.Options{}, []string{"column Charging: map=Charging=pulse -> line 2: 44 costs 2, 0/60"}},
	{"German minutes", "Vorwahl,Preis,Abr. / 44,2,minutengenau / 49,2,minutengenau", cardfile.Options{}, []string{"column Abr.: map=Abr.=pulse -> line 2: 44 costs 2, 0/60"}},
	{"steps that are read", "Prefix,Rate,Billing Increment / 44,2,60-60 / 45,2,30|6 / 46,2,per minute / 47,2,Full minute / 48,2,per second / 49,2,60 60", cardfile.Options{},
		[]string{"44=2 60/60; 45=2 30/6; 46=2 0/60; 47=2 0/60; 48=2 0/1; 49=2 60/60"}},
	{"a range that is no step", "Prefix,Rate,Level / 44,2,33-61 / 49,2,33-61", cardfile.Options{}, []string{"44=2 0/1; 49=2 0/1"}},
	{"a unit of prices", "Prefix,Rate,UOM / 44,2,per minute / 49,2,per minute", cardfile.Options{}, []string{"44=2 0/1; 49=2 0/1"}},
	// Fees in texts.
	{"a fee above", "Connection fee 0.01 per call / Prefix,Rate / 44,2", cardfile.Options{}, []string{"text Connection fee 0.01 per call: ignore=Connection fee 0.01 per call"}},
	{"a minimum above", "Minimum call charge USD 0.05 / Prefix,Rate / 44,2", cardfile.Options{}, []string{"text Minimum call charge USD 0.05"}},
	{"a minimum below", "Prefix,Rate / 44,2 /  / Minimum charge per call: 0.05 USD", cardfile.Options{}, []string{"text Minimum charge per call: 0.05 USD"}},
	{"a surcharge below", "Prefix,Rate / 44,2 /  / ** 4479 surcharge 0.05 per call", cardfile.Options{}, []string{"text ** 4479 surcharge 0.05 per call"}},
	{"other origins below", "Prefix,Rate / 44,2 /  / Calls from all other origins: 0.25 USD", cardfile.Options{}, []string{"text Calls from all other origins: 0.25 USD"}},
	{"a fee, answered", "Connection fee 0.01 per call / Prefix,Rate / 44,2", cardfile.Options{Ignore: []string{"Connection fee 0.01 per call"}}, []string{"44=2 0/1"}},
	{"a fee without an amount", "Prefix,Rate / 44,2 /  / A surcharge may apply for some origins", cardfile.Options{}, []string{"44=2 0/1"}},
	{"a fee of a late payment", "Prefix,Rate / 44,2 /  / Late payment fee: 25.00 USD", cardfile.Options{}, []string{"44=2 0/1"}},
	{"a share", "Prefix,Rate / 44,2 /  / Fees of 1.5% apply to refunds", cardfile.Options{}, []string{"44=2 0/1"}},
	// A column of yes and no whose heading may be that of a date.
	{"active", "Prefix,Rate,Active / 44,2,Yes / 4479,2,No", cardfile.Options{}, []string{"status Active: map=Active=open -> line 2: 44 costs 2, 0/1 | map=Active=blocked -> line 2: 44 is blocked | ignore=Active"}},
	{"valid", "Prefix,Rate,Valid / 44,2,1 / 4479,2,0", cardfile.Options{}, []string{"status Valid: map=Valid=open"}},
	{"active, answered", "Prefix,Rate,Active / 44,2,Yes / 4479,2,No", with(cardfile.Options{}, "Active=open"), []string{"44=2 0/1; 4479=2 0/1 blocked"}},
	{"a sign behind a price", "Prefix,Rate / 44,0.03$ / 49,2", cardfile.Options{Currency: "USD"}, []string{"44=0.03 0/1; 49=2 0/1"}},
	// Units behind prices.
	{"cents behind a price", "Prefix,Rate / 44,2.5¢ / 49,3¢", cardfile.Options{Currency: "USD"}, []string{"unit Rate: map=Rate=cost:cents -> line 2: 44 costs 0.025"}},
	{"cents behind a price, answered", "Prefix,Rate / 44,2.5c / 49,3c", with(cardfile.Options{Currency: "USD"}, "Rate=cost:cents"), []string{"44=0.025 0/1; 49=0.03 0/1"}},
	{"pence behind a price", "Prefix,Rate / 44,2p", gbp, []string{"unit Rate: map=Rate=cost:pence -> line 2: 44 costs 0.02"}},
	{"seconds behind a price", "Prefix,Rate / 44,0.0002/sec", cardfile.Options{}, []string{"unit Rate: map=Rate=cost:second -> line 2: 44 costs 0.012"}},
	{"minutes behind a price", "Prefix,Rate / 44,2/min / 49,2/min", cardfile.Options{}, []string{"44=2 0/1; 49=2 0/1"}},
	{"a last line that counts", "Prefix,Rate / 44,2 / 49,2 / 2 records", cardfile.Options{}, []string{"44=2 0/1; 49=2 0/1"}},
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

func TestAPriceInAnotherUnitThanTheOneBeforeIsRefused(t *testing.T) {
	t.Parallel()
	o := with(cardfile.Options{Currency: "USD"}, "Rate=cost:cents")
	o.NANP = no()
	rows, report, err := readAll(t, fileOf("a.csv", []byte("Prefix,Rate\n44,2¢\n45,0\n49,3\n")), o)
	if err != nil || report.Lines.Refused != 1 || len(rows) != 2 {
		t.Errorf("%v %+v", err, report.Lines)
	}
}
