package cardfile_test

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"resellerd/store/cardfile"
)

// doubtful are files that say more than their numbers. Nothing of it is left out without a word: the import asks,
// refuses, or reads it as it is meant.
var doubtful = []struct {
	name, text string
	o          cardfile.Options
	want       []string
}{
	// Units and currencies, wherever they stand.
	{"cents by the sign of a letter", "Prefix;c/min / 41;2", cardfile.Options{}, []string{"unit c/min: map=c/min=cost:cents -> line 2: 41 costs 0.02"}},
	{"p/m is per minute", "Prefix;Rate p/m / 41;2", cardfile.Options{}, []string{"41=2 0/1"}},
	{"Spanish cents", "Prefijo;Precio (céntimos) / 41;2", cardfile.Options{}, []string{"=cost:cents -> line 2: 41 costs 0.02"}},
	{"a price of a call", "Prefix;Rate per call / 41;2", cardfile.Options{}, []string{"unit Rate per call"}},
	{"the rate of a call", "Prefix;Call Rate / 41;2", cardfile.Options{}, []string{"41=2 0/1"}},
	{"a price of sixty seconds", "Prefix;Price per 60 sec / 41;2", cardfile.Options{}, []string{"41=2 0/1"}},
	{"a price of six seconds", "Prefix;Price per 6 sec / 41;2", cardfile.Options{}, []string{"unit Price per 6 sec"}},
	{"thousandths of a currency", "Prefix;Rate (mUSD) / 41;2", cardfile.Options{}, []string{"=cost:thousand -> line 2: 41 costs 0.002"}},
	{"a factor", "Prefix;Rate (x100) / 41;2", cardfile.Options{}, []string{"=cost:cents -> line 2: 41 costs 0.02"}},
	{"with tax", "Prefix;Rate (incl. VAT) / 41;2", cardfile.Options{}, []string{"unit Rate (incl. VAT)"}},
	{"without tax", "Prefix;Rate (excl. VAT) / 41;2", cardfile.Options{}, []string{"41=2 0/1"}},
	{"with tax, above", "All rates include VAT / Prefix;Rate / 41;2", cardfile.Options{}, []string{"unit Rate"}},
	{"a unit without the word price", "Unit: US cents / Prefix;Rate / 41;2", cardfile.Options{}, []string{"=cost:cents -> line 3: 41 costs 0.02"}},
	{"one price in cents, the fee perhaps too", "Prefix;Rate (cents);Setup / 41;2;3", cardfile.Options{}, []string{"unit Rate (cents)", "unit Setup: map=Setup=connect:cents"}},
	{"the fee in cents by a note", "Prefix;Rate;Setup / 41;2;3 /  / All prices are in cents", cardfile.Options{}, []string{"unit Rate", "unit Setup: map=Setup=connect:cents"}},
	{"another currency below", "Prefix;Rate / 41;2 /  / All prices are in EUR.", cardfile.Options{Currency: "USD"}, []string{"error: line 4: the line has the currency EUR"}},
	{"the card's currency below", "Prefix;Rate / 41;2 /  / All prices are in USD or EUR.", cardfile.Options{Currency: "USD"}, []string{"41=2 0/1"}},
	{"the sign of another currency", "Prefix;Rate ($) / 41;2", cardfile.Options{Currency: "EUR"}, []string{"error: line 1: the headings have the currency $"}},
	{"the sign of this currency", "Prefix;$/min / 41;2", cardfile.Options{Currency: "USD"}, []string{"41=2 0/1"}},
	{"another currency in words", "Prefix;Rate in Euro / 41;2", cardfile.Options{Currency: "USD"}, []string{"error: line 1: the headings have the currency EUR"}},
	{"another currency in a column", "Prefix;Rate;Cur / 41;2;EUR / 43;2;EUR", cardfile.Options{Currency: "USD"}, []string{"column Cur: map=Cur=currency"}},
	{"the card's currency in a column", "Prefix;Rate;Cur / 41;2;USD / 43;2;USD", cardfile.Options{Currency: "USD"}, []string{"41=2 0/1; 43=2 0/1"}},
	// Increments.
	{"increments above", "Billing increments: 30/6 / Prefix;Rate / 41;2", cardfile.Options{}, []string{"pulse: pulse=6 -> line 3: 41 costs 2, 0/6", "mcd: mcd=30 -> line 3: 41 costs 2, 30/1"}},
	{"increments in the heading of the price", "Prefix;Rate (60/60) / 41;2", cardfile.Options{}, []string{"pulse: pulse=60"}},
	{"increments above, and in a column", "Billing increments: 30/6 / Prefix;Rate;Increment / 41;2;1/1", cardfile.Options{}, []string{"41=2 1/1"}},
	{"no increments but a date", "Billing from 30/6/2020 / Prefix;Rate / 41;2", cardfile.Options{}, []string{"41=2 0/1"}},
	{"milliseconds", "Prefix;Rate;Increment (ms) / 41;2;6000", cardfile.Options{}, []string{"unit Increment (ms)"}},
	// Dates.
	{"a date without a word above", "Price list 2031-02-01 / Prefix;Rate / 41;2", cardfile.Options{}, []string{"effective: effective=2031-02-01"}},
	{"a month above", "Price list of March 2031 / Prefix;Rate / 41;2", cardfile.Options{}, []string{"effective: effective=2031-03-01"}},
	{"a date in French", "Date d'effet : 1er février 2031 / Indicatif;Tarif / 41;2", cardfile.Options{}, []string{"effective: effective=2031-02-01"}},
	{"a date in a heading", "Prefix;New Rate (from 2031-02-01) / 41;2", cardfile.Options{}, []string{"effective: effective=2031-02-01"}},
	{"a date below", "Prefix;Rate / 41;2 /  / Effective from 1 March 2031 onwards", cardfile.Options{}, []string{"effective: effective=2031-03-01"}},
	{"a date of payment below", "Prefix;Rate / 41;2 /  / Pay us by 1 March 2031, please", cardfile.Options{}, []string{"41=2 0/1"}},
	{"months of other languages", "Prefix;Rate;Effective Date / 41;2;3 dic 2030 / 43;2;4. März 2031 / 44;2;5 de mayo de 2031", cardfile.Options{Zone: time.UTC},
		[]string{"41=2 0/1 2030-12-03T00:00:00Z; 43=2 0/1 2031-03-04T00:00:00Z; 44=2 0/1 2031-05-05T00:00:00Z"}},
	{"a date of the past needs no zone", "Prefix;Rate;Effective Date / 41;2;2020-01-01", cardfile.Options{}, []string{"41=2 0/1"}},
	{"the year first, or last", "Prefix;Rate;Effective Date / 41;2;26/05/25", cardfile.Options{Zone: time.UTC},
		[]string{"=effective_date:dmy -> line 2: 41 costs 2, 0/1, from 2025-05-26", "=effective_date:ymd -> line 2: 41 costs 2, 0/1, from 2026-05-25"}},
	{"the year last by another date", "Prefix;Rate;Effective Date / 41;2;26/05/25 / 43;2;26/05/2025", cardfile.Options{Zone: time.UTC}, []string{"41=2 0/1; 43=2 0/1"}},
	// Status and prices.
	{"no price but a status", "Prefix;Rate / 41;2 / 417;Closed", cardfile.Options{}, []string{"41=2 0/1; 417=0 0/1 blocked"}},
	{"a status in a longer text", "Prefix;Rate;Remark / 41;2;as before / 417;2;this route is suspended", cardfile.Options{}, []string{"column Remark"}},
	{"a longer text without one", "Prefix;Rate;Remark / 41;2;as before / 417;2;a new name", cardfile.Options{}, []string{"41=2 0/1; 417=2 0/1"}},
	{"availability", "Prefix;Rate;Availability / 41;2;available / 417;2;unavailable", cardfile.Options{}, []string{"column Availability: map=Availability=status"}},
	{"a current price beside a price", "Prefix;Rate;Current Rate / 41;2;3", cardfile.Options{}, []string{"cost Rate: map=Rate=cost"}},
	{"a current price beside a new one", "Prefix;Current Rate;New Rate / 41;2;3", cardfile.Options{}, []string{"41=3 0/1"}},
	{"a price of another kind", "Prefix;Rate;Rate EEA / 41;2;3", cardfile.Options{}, []string{"map=Rate EEA=cost -> line 2: 41 costs 3"}},
	{"an end is no beginning", "Prefix;Rate;Valid Until / 41;2;2031-02-01", cardfile.Options{Zone: time.UTC}, []string{"column Valid Until: ignore=Valid Until -> line 2: 41 costs 2, 0/1 |"}},
	{"only prices by state", "Prefix;Inter;Intra / 41;2;3", cardfile.Options{}, []string{"cost: map=Inter=cost map=Intra=cost"}},
	// Prefixes.
	{"a trunk zero", "Country Code;Area Code;Rate / 41;044;2", cardfile.Options{}, []string{"=prefix:drop0 -> line 2: 4144 costs 2", "=prefix:keep0 -> line 2: 41044 costs 2"}},
	{"a trunk zero, answered", "Country Code;Area Code;Rate / 41;044;2", cardfile.Options{Maps: []string{"Country Code+Area Code=prefix:drop0"}}, []string{"4144=2 0/1"}},
	{"a trunk zero before the rest of the prefix", "Country Code;Area Code;Range;Rate / 41;044;000-001;2",
		cardfile.Options{Maps: []string{"Country Code+Area Code+Range=prefix:drop0"}}, []string{"4144000=2 0/1; 4144001=2 0/1"}},
	{"a zero that belongs to the number", "Country Code;Area Code;Rate / 39;06;2", cardfile.Options{}, []string{"3906=2 0/1"}},
	{"a country code in many area codes", "Country Code;Area Code;Rate / 41;4144;2 / 43;1;2", cardfile.Options{}, []string{"prefix Area Code: map=Area Code=prefix -> line 2: 4144"}},
	{"an area code that begins like its country", "Country Code;Area Code;Rate / 49;491;2 / 49;30;2 / 49;40;2 / 49;69;2 / 49;89;2", cardfile.Options{}, []string{"49491=2"}},
	{"two prefixes or one", "Prefix;Rate / 41/44;2", cardfile.Options{}, []string{"=prefix:list -> line 2: each of 41 and 44 costs 2", "=prefix:join -> line 2: 4144 costs 2"}},
	{"two prefixes of one country", "Prefix;Rate / 4144/4122;2", cardfile.Options{}, []string{"4144=2 0/1; 4122=2 0/1"}},
	{"a long dash", "Prefix;Rate / 41–44;2", cardfile.Options{}, []string{"hyphen Prefix: hyphen=join -> line 2: 4144"}},
	{"the rest of a prefix", "Code;Sub Code;Rate / 41;44;2", cardfile.Options{}, []string{"map=Code+Sub Code=prefix -> line 2: 4144"}},
	{"the rest of a prefix, as a range", "Country Code;Area Code;Number Range;Rate / 41;44;7000-7009;2", cardfile.Options{Hyphen: cardfile.HyphenRange},
		[]string{"map=Country Code+Area Code+Number Range=prefix -> line 2: each of 10 prefixes (41447000 … 41447009)"}},
	{"prefixes that repeat their country and area", "Country Code;Area Code;Prefix;Rate / 41;44;41441-41442;2", cardfile.Options{}, []string{"41441=2 0/1; 41442=2 0/1"}},
	{"digits of an unknown column", "Code;Zone No;Rate / 41;44;2 / 43;1;2", cardfile.Options{}, []string{"map=Code+Zone No=prefix -> line 2: 4144"}},
	{"a country code and three parts of a prefix", "CC,NPA,NXX,Rate / 1,212,555,2 / 1,415,200,2", cardfile.Options{},
		[]string{"prefix CC: map=CC+NPA+NXX=prefix -> line 2: 1212555 costs 2", "map=CC+NXX=prefix -> line 2: 1555 costs 2"}},
	{"three parts, answered", "CC,NPA,NXX,Rate / 1,212,555,2", cardfile.Options{Maps: []string{"CC+NPA+NXX=prefix"}}, []string{"1212555=2 0/1"}},
	{"a country code, an area code and a city code", "Country Code,Area Code,City Code,Rate / 44,20,7,2", cardfile.Options{}, []string{"map=Country Code+Area Code+City Code=prefix -> line 2: 44207 costs 2"}},
	{"two country codes", "ISD,NPA,Rate / 1,212,2", cardfile.Options{}, []string{"map=ISD+NPA=prefix -> line 2: 1212 costs 2"}},
	{"a range of one country keeps its meaning", "Prefix;Rate / 33-60;2 / 4477-4479;2", cardfile.Options{Hyphen: cardfile.HyphenJoin}, []string{"3360=2 0/1; 4477=2 0/1; 4478=2 0/1; 4479=2 0/1"}},
	{"a country code and area codes behind a semicolon", "Prefix,Rate / 44;20,2", cardfile.Options{}, []string{"=prefix:list -> line 2: each of 44 and 20 costs 2", "=prefix:join -> line 2: 4420 costs 2"}},
	{"a country code and area codes behind commas", "Prefix;Rate / \"44,20,21-22\";2", cardfile.Options{}, []string{"=prefix:join -> line 2: each of 3 prefixes (4420 … 4422) costs 2"}},
	{"prefixes of one country", "Prefix;Rate / \"4420,4421\";2", cardfile.Options{}, []string{"4420=2 0/1; 4421=2 0/1"}},
	// First intervals at their own prices.
	{"a first and an additional minute", "Prefix,First Minute,Additional Minute / 41,2,1", cardfile.Options{}, []string{`error: line 1: the column "First Minute" is a first interval with its own price`}},
	{"the same in German", "Vorwahl;Preis erste Minute;Preis Folgeminute / 41;2;1", cardfile.Options{}, []string{"first interval with its own price"}},
	{"the same in French", "Indicatif;Prix 1ère minute;Prix minute suivante / 41;2;1", cardfile.Options{}, []string{"first interval with its own price"}},
	{"the same in Spanish", "Prefijo;Precio primer minuto;Precio minuto adicional / 41;2;1", cardfile.Options{}, []string{"first interval with its own price"}},
	{"the same in Chinese", "前缀;首分钟费率;续分钟费率 / 41;2;1", cardfile.Options{}, []string{"first interval with its own price"}},
	{"the same in short", "Code,Rate 1st min,Rate add min / 41,2,1", cardfile.Options{}, []string{"first interval with its own price"}},
	{"an initial price alone", "Prefix;Initial Price / 41;2", cardfile.Options{}, []string{"first interval with its own price"}},
	{"a later price beside another", "Prefix;Rate;Subsequent Rate / 41;2;1", cardfile.Options{}, []string{"first interval with its own price"}},
	{"an initial charge beside a price", "Code,Rate,Initial Charge / 41,2,1", cardfile.Options{}, []string{"first interval with its own price"}},
	{"a first price that an answer passes over", "Prefix;First Minute;Additional Minute / 41;3;2", cardfile.Options{Maps: []string{"Additional Minute=cost"}}, []string{"first interval with its own price"}},
	{"a first price that is left out", "Prefix;First Minute;Additional Minute / 41;3;2", cardfile.Options{Ignore: []string{"First Minute"}}, []string{"41=2 0/1"}},
	{"a price of one minute", "Prefix;Rate per 1 min / 41;2", cardfile.Options{}, []string{"41=2 0/1"}},
	{"a first interval in seconds", "Prefix;Rate;First Interval;Next Interval / 41;2;0;1", cardfile.Options{}, []string{"41=2 0/1"}},
	// Units that no word of the heading proves.
	{"öre", "Prefix;Rate (ore/min) / 41;2", cardfile.Options{}, []string{"unit Rate (ore/min): map=Rate (ore/min)=cost:cents -> line 2: 41 costs 0.02"}},
	{"mills", "Prefix;Rate (mills) / 41;2", cardfile.Options{}, []string{"=cost:thousand -> line 2: 41 costs 0.002"}},
	{"a unit that nobody knows", "Prefix;Rate (blips) / 41;2", cardfile.Options{}, []string{"unit Rate (blips): map=Rate (blips)=cost:cents"}},
	{"a price per something", "Prefix;Rate per parsec / 41;2", cardfile.Options{Maps: []string{"Rate per parsec=cost"}}, []string{"unit Rate per parsec"}},
	{"German seconds above", "Alle Preise pro Sekunde / Vorwahl;Preis / 41;2", cardfile.Options{}, []string{"unit Preis: map=Preis=cost:second -> line 3: 41 costs 120"}},
	{"Spanish seconds above", "Precios por segundo / Prefijo;Precio / 41;2", cardfile.Options{}, []string{"unit Precio: map=Precio=cost:second"}},
	{"Russian cents above", "Цены в центах / Код;Цена / 41;2", cardfile.Options{}, []string{"unit Цена: map=Цена=cost:cents"}},
	{"Chinese cents above", "所有价格均以美分计 / 前缀;费率 / 41;2", cardfile.Options{}, []string{"unit 费率: map=费率=cost:cents"}},
	{"a factor above", "Prices multiplied by 10000 / Prefix;Rate / 41;2", cardfile.Options{}, []string{"=cost:10000 -> line 3: 41 costs 0.0002"}},
	{"a unit in a column", "Prefix;Rate;UOM / 41;2;Cents / 43;2;Cents", cardfile.Options{}, []string{"unit Rate: map=Rate=cost:cents -> line 2: 41 costs 0.02"}},
	{"a unit in a column, answered", "Prefix;Rate;UOM / 41;2;Cents", cardfile.Options{Maps: []string{"Rate=cost:minute"}}, []string{"41=2 0/1"}},
	{"cents in a footer with a star", "Prefix;Rate / 41;2 /  / * in eurocents", cardfile.Options{}, []string{"=cost:cents -> line 2: 41 costs 0.02"}},
	{"hundredths in a footer", "Prefix;Rate / 41;2 /  / All amounts are expressed in hundredths of a dollar.", cardfile.Options{}, []string{"=cost:cents -> line 2: 41 costs 0.02"}},
	{"an hour by an answer", "Préfixe;Prix/heure / 41;2", cardfile.Options{Maps: []string{"Prix/heure=cost"}}, []string{"unit Prix/heure"}},
	{"many minutes by an answer", "Prefix;Rate per 10000 minutes / 41;2", cardfile.Options{Maps: []string{"Rate per 10000 minutes=cost"}}, []string{"=cost:10000 -> line 2: 41 costs 0.0002"}},
	{"a price of thirty seconds", "Prefix;Rate per 30 sec / 41;2", cardfile.Options{}, []string{"map=Rate per 30 sec=cost:30s -> line 2: 41 costs 4"}},
	{"a price of thirty seconds above", "Rates are quoted per 30 seconds / Prefix;Rate / 41;2", cardfile.Options{}, []string{"map=Rate=cost:30s -> line 3: 41 costs 4"}},
	{"cents of thirty seconds", "Prefix;Rate (cents per 30 sec) / 41;2", cardfile.Options{Maps: []string{"Rate (cents per 30 sec)=cost:cents/30s"}}, []string{"41=0.04 0/1"}},
	{"minutes of an interval in German", "Vorwahl;Preis;Takt in Minuten / 41;2;1", cardfile.Options{}, []string{"map=Takt in Minuten=pulse:minutes -> line 2: 41 costs 2, 0/60"}},
	{"what a charge is for", "Prefix;Rate;Charging / 41;2;per call", cardfile.Options{}, []string{"unit Rate"}},
	{"tax in a column", "Prefix;Rate;VAT / 41;2;incl.", cardfile.Options{}, []string{"unit Rate"}},
	{"a state of the US", "Prefix;Rate;Place / 41;2;CT / 43;2;NY", cardfile.Options{}, []string{"column Place: ignore=Place"}},
	// Dates in words and in digits.
	{"a Chinese date", "生效日期：2031年2月1日 / 前缀;费率 / 41;2", cardfile.Options{}, []string{"effective: effective=2031-02-01"}},
	{"a date above, and its zone", "Price list 2031-02-01 / Prefix;Rate / 41;2", cardfile.Options{}, []string{"effective: effective=2031-02-01", "\nzone: zone=UTC"}},
	{"a date above, and no zone for now", "Price list 2031-02-01 / Prefix;Rate / 41;2", cardfile.Options{Effective: "now"}, []string{"41=2 0/1"}},
	{"a date without spaces", "Rate sheet 15JAN2031 / Prefix;Rate / 41;2", cardfile.Options{}, []string{"effective: effective=2031-01-15"}},
	{"a date in eight digits", "Rates_20310115 / Prefix;Rate / 41;2", cardfile.Options{}, []string{"effective: effective=2031-01-15"}},
	{"a Spanish date below", "Prefijo;Precio / 41;2 /  / Estos precios entran en vigor el 1 de enero de 2031", cardfile.Options{}, []string{"effective: effective=2031-01-01"}},
	{"a German date below", "Vorwahl;Preis / 41;2 /  / Diese Preise treten am 1. Januar 2031 in Kraft.", cardfile.Options{}, []string{"effective: effective=2031-01-01"}},
	{"an English date below", "Prefix;Rate / 41;2 /  / New prices apply from next Monday 2031-01-06", cardfile.Options{}, []string{"effective: effective=2031-01-06"}},
	{"a German end", "Gültig bis 30.06.2025 / Vorwahl;Preis / 41;2", cardfile.Options{}, []string{"error: line 1: the line says that the rates ended on 2025-06-30"}},
	{"a Spanish end", "Válido hasta el 30/06/2025 / Prefijo;Precio / 41;2", cardfile.Options{}, []string{"error: line 1: the line says that the rates ended on 2025-06-30"}},
	{"a Chinese end", "有效期至2025年6月30日 / 前缀;费率 / 41;2", cardfile.Options{}, []string{"error: line 1: the line says that the rates ended on 2025-06-30"}},
	{"an end to come", "Expiry date: 2031-03-31 / Prefix;Rate / 41;2", cardfile.Options{}, []string{"expiry: expiry=ignore"}},
	{"an end to come, answered", "Expiry date: 2031-03-31 / Prefix;Rate / 41;2", cardfile.Options{Expiry: cardfile.ExpiryIgnore}, []string{"41=2 0/1"}},
	{"a beginning and an end", "Valid from 2031-01-01 to 2031-03-31 / Prefix;Rate / 41;2", cardfile.Options{}, []string{"effective: effective=2031-01-01", "expiry: expiry=ignore"}},
	{"a beginning in the past until further notice", "Effective 2020-01-01 until further notice / Prefix;Rate / 41;2", cardfile.Options{}, []string{"41=2 0/1"}},
	{"a beginning in the past, and an end in the past", "Effective 2020-01-01, valid until 2025-01-01 / Prefix;Rate / 41;2", cardfile.Options{}, []string{"error: line 1: the line says that the rates ended on 2025-01-01"}},
	{"the month first with dots", "Prefix;Rate;Effective Date / 41;2;12.25.2030 / 43;2;12.01.2031", cardfile.Options{Zone: time.UTC}, []string{"date_order Effective Date: map=Effective Date=effective_date:dmy", "effective_date:mdy -> line 3: 43 costs 2, 0/1, from 2031-12-01"}},
	{"dots beside the month first", "Prefix;Rate;Effective Date / 41;2;01.12.2030 / 43;2;12/25/2030", cardfile.Options{Zone: time.UTC}, []string{"date_order Effective Date"}},
	{"dots beside the month first, answered", "Prefix;Rate;Effective Date / 41;2;01.12.2030 / 43;2;12/25/2030",
		cardfile.Options{Zone: time.UTC, Maps: []string{"Effective Date=effective_date:mdy"}}, []string{"41=2 0/1 2030-01-12T00:00:00Z; 43=2 0/1 2030-12-25T00:00:00Z"}},
	{"the day first with dots and slashes", "Prefix;Rate;Effective Date / 41;2;25.12.2030 / 43;2;12/25/2030", cardfile.Options{Zone: time.UTC}, []string{"error: one column has dates of two orders"}},
	{"an effective price", "Prefix;Effective Rate / 41;2", cardfile.Options{}, []string{"41=2 0/1"}},
	// Words and codes of a status.
	{"a flag", "Prefix;Rate;Flag / 41;2;A / 417;2;D", cardfile.Options{}, []string{"column Flag: ignore=Flag"}},
	{"a remark that denies", "Prefix;Rate;Remarks / 41;2; / 417;2;do not route", cardfile.Options{}, []string{"column Remarks: ignore=Remarks -> line 3"}},
	{"a remark about an end", "Prefix;Rate;Remarks / 41;2; / 417;2;No longer offered", cardfile.Options{}, []string{"column Remarks"}},
	{"a German remark", "Vorwahl;Preis;Bemerkung / 41;2; / 417;2;Ziel wird nicht mehr angeboten", cardfile.Options{}, []string{"column Bemerkung"}},
	{"a French remark", "Indicatif;Prix;Remarque / 41;2; / 417;2;n'est plus offert", cardfile.Options{}, []string{"column Remarque"}},
	{"a Spanish remark", "Prefijo;Precio;Nota / 41;2; / 417;2;ya no se ofrece", cardfile.Options{}, []string{"column Nota"}},
	{"a code of no service", "Prefix;Rate;Service / 41;2; / 417;2;N/S", cardfile.Options{}, []string{"column Service"}},
	{"a status of yes and no", "Prefix;Rate;Status / 41;2;1 / 417;2;0", cardfile.Options{}, []string{"status Status: map=Status=open -> line 2: 41 costs 2, 0/1 | map=Status=blocked -> line 2: 41 is blocked | ignore=Status"}},
	{"a status of yes and no, answered", "Prefix;Rate;Status / 41;2;1 / 417;2;0", cardfile.Options{Maps: []string{"Status=open"}}, []string{"41=2 0/1; 417=2 0/1 blocked"}},
	{"the states of a country", "Prefix;Rate;State / 1212;2;NY / 1415;2;CA", cardfile.Options{}, []string{"status State: ignore=State -> line 2: 1212 costs 2"}},
	// Forms of increments.
	{"minutes in a cell", "Prefix;Rate;Increment / 41;2;1 min", cardfile.Options{}, []string{"41=2 0/60"}},
	{"seconds in a cell", "Prefix;Rate;Increment / 41;2;60s/1s", cardfile.Options{}, []string{"41=2 60/1"}},
	{"other signs between increments", "Prefix;Rate;Increment / 41;2;1+1 / 43;2;60:60", cardfile.Options{}, []string{"41=2 1/1; 43=2 60/60"}},
	{"increments with a plus below", "Prefix;Rate / 41;2 /  / Billing: 30+6 seconds for all", cardfile.Options{}, []string{"pulse: pulse=6", "mcd: mcd=30"}},
	{"columns of a German prefix", "Landeskennzahl;Ortsnetz;Preis / 41;44;2", cardfile.Options{}, []string{"4144=2 0/1"}},
	// Amendments without a price.
	{"only a status", "Prefix;Status / 41;open / 417;blocked", cardfile.Options{Amend: true}, []string{"41=0 0/1; 417=0 0/1 blocked"}},
	{"only a fee", "prefix;connect / 41;2", cardfile.Options{Amend: true}, []string{"41=0 0/1"}},
	{"only a fee in a replacement", "prefix;connect / 41;2", cardfile.Options{}, []string{"error: no heading line has a prefix and a cost"}},
	// Texts below the rates.
	{"notes below", "Prefix;Rate / 41;2 /  / E&OE / Terms: / 1. Pay within a week", cardfile.Options{}, []string{"41=2 0/1"}},
}

func TestWhatAFileSaysBesideItsNumbersIsAskedOrRead(t *testing.T) {
	t.Parallel()
	for _, tc := range doubtful {
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

// Without its price, the prefix would have that of a shorter one. So nobody skips the line.
func TestALineWithoutAPriceCannotBeSkipped(t *testing.T) {
	t.Parallel()
	for price, blocking := range map[string]int{"": 1, "N/A": 1, "-": 1, "x": 1, "No Access": 1, "-1": 1, "0,01,5": 0, "blank": 0} {
		line := "417;" + price
		if price == "blank" {
			line = "Average;" // has no prefix
		}
		_, report, err := readAll(t, fileOf("a.csv", []byte("Prefix;Rate\n41;2\n"+line+"\n")), cardfile.Options{NANP: no()})
		if err != nil || report.Lines.Refused != 1 || report.Blocking != blocking {
			t.Errorf("%q: %v %+v", price, err, report)
		}
	}
}

func TestLettersOfAnotherAlphabetAreNotTakenForLatinOnes(t *testing.T) {
	t.Parallel()
	text, err := charmap.Windows1251.NewEncoder().String("Код;Направление;Цена\n7;Россия;0,01\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := askedOf(t, fileOf("a.csv", []byte(text)), cardfile.Options{NANP: no()}); !strings.HasPrefix(got, `encoding: encoding=windows-1251 -> a cell is "Код" | encoding=gb18030 -> a cell is "`) {
		t.Error(got)
	}
	if got := askedOf(t, fileOf("a.csv", []byte(text)), cardfile.Options{NANP: no(), Encoding: "windows-1251"}); got != "7=0.01 0/1 Россия" {
		t.Error(got)
	}
}

// A document of another kind of traffic, or of the other direction, is refused.
func TestADocumentIsForCallsInTheDirectionOfTheCard(t *testing.T) {
	t.Parallel()
	for properties, want := range map[string]string{
		`"type":"termination"`:                             "41=2 0/1",
		`"type":"origination"`:                             "error: the document's rates are for origination",
		`"direction":"bidirectional","type":"origination"`: "41=2 0/1",
		`"traffic_type":"voice"`:                           "41=2 0/1",
		`"traffic_type":"sms"`:                             "error: the card has prices for sms",
	} {
		file := fileOf("a.json", []byte(`{"cards":{"a":{`+properties+`,"fields":[{"name":"prefix"},{"name":"rate"}],"rates":[["41",2]]}}}`))
		if got := askedOf(t, file, cardfile.Options{NANP: no(), Direction: "termination"}); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", properties, got)
		}
	}
}

// The samples of a column are values, and no headings of the table below.
func TestTheHeadingsOfATableAreNoValuesOfTheOneAbove(t *testing.T) {
	t.Parallel()
	_, report, err := readAll(t, fileOf("a.csv", []byte("Code;Rate\n41;2\nPrefix;Price;Increment\n43;3;60\n")), cardfile.Options{NANP: no()})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range report.Mapping {
		got = append(got, m.Column+"="+strings.Join(m.Samples, ","))
	}
	if want := "Code=41 Rate=2 Prefix=43 Price=3 Increment=60"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %s", got, want)
	}
}
