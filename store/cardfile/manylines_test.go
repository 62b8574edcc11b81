package cardfile_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"resellerd/store/cardfile"
)

// A deck has many lines, and most of its columns hold the same value in each. Each deck begins with a text, and its lines
// hold a prefix, a price and the constants of the deck. Every part of want must be in the questions or in the prices.
func TestDecksOfManyLinesWithConstantColumns(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		head, line string // of prefix %[1]s, its country %[2]s, the rest %[3]s, price %[4]s
		o          cardfile.Options
		want       []string
	}{
		"country and area code":       {"Carrier,Country Code,City Code,Price", "Halyard,%[2]s,%[3]s,%[4]s", cardfile.Options{}, []string{"4420=0.011 0/1; 44161=0.012", "34=0.0112"}},
		"country and area code, full": {"Country Code,City Code,Full Code,Price,Increment", "%[2]s,%[3]s,%[1]s,%[4]s,60/1", cardfile.Options{}, []string{"4420=0.011 60/1", "34=0.0112 60/1"}},
		"hyphens":                     {"Currency,Code,Price", "USD,%[2]s-%[3]s,%[4]s", cardfile.Options{}, []string{"hyphen Code: hyphen=join -> line 2: 4420 costs 0.011", "hyphen=range"}},
		"one surcharge":               {"Prefix,Price,Extra Fee", "%[1]s,%[4]s,0.04", cardfile.Options{}, []string{"map=Extra Fee=connect -> line 2: 4420 costs 0.011, 0/1, fee 0.04"}},
		"one status":                  {"Prefix,Price,Availability", "%[1]s,%[4]s,Closed", cardfile.Options{}, []string{"map=Availability=status -> line 2: 4420 is blocked"}},
		"one minimum":                 {"Prefix,Price,Shortest Call", "%[1]s,%[4]s,30", cardfile.Options{}, []string{"map=Shortest Call=mcd -> line 2: 4420 costs 0.011, 30/1"}},
		"one increment":               {"Prefix,Price,Steps", "%[1]s,%[4]s,60/60", cardfile.Options{}, []string{"map=Steps=pulse -> line 2: 4420 costs 0.011, 60/60"}},
		"one multiplier":              {"Prefix,Price,Multiplier", "%[1]s,%[4]s,1.5", cardfile.Options{}, []string{"column Multiplier: "}},
		"one unit":                    {"Prefix,Price,Unit", "%[1]s,%[4]s,cents", cardfile.Options{}, []string{"map=Price=cost:cents -> line 2: 4420 costs 0.00011"}},
		"one date":                    {"Prefix,Price,Starting", "%[1]s,%[4]s,2027-02-01", cardfile.Options{}, []string{"4420=0.011 0/1 2027-02-01T00:00:00Z; 44161=0.012 0/1 2027-02-01"}},
		"one date of another heading": {"Prefix,Price,As of date (local)", "%[1]s,%[4]s,1 Feb 2027", cardfile.Options{}, []string{"2027-02-01"}},
		"one end":                     {"Prefix,Price,Good until", "%[1]s,%[4]s,2027-03-31", cardfile.Options{}, []string{"column Good until: ignore=Good until"}},
		"one currency":                {"Prefix,Price,Money", "%[1]s,%[4]s,EUR", cardfile.Options{}, []string{"column Money: map=Money=currency"}},
		"all blocked without a price": {"Prefix,Price,Status", "%[1]s,N/A,blocked", cardfile.Options{}, []string{"4420=0 0/1 blocked; 44161=0 0/1 blocked"}},
		"an old and a new price":      {"Prefix,Present Price,Future Price,Change", "%[1]s,0.5,%[4]s,Increase", cardfile.Options{}, []string{"4420=0.011 0/1; 44161=0.012"}},
		"cents above":                 {"All charges in US cents / Prefix,Price,Deck", "%[1]s,%[4]s,7", cardfile.Options{}, []string{"map=Price=cost:cents"}},
		"seconds above":               {"Charges per second / Prefix,Price,Deck", "%[1]s,%[4]s,7", cardfile.Options{}, []string{"map=Price=cost:second"}},
		"messages":                    {"Prefix,Price (per message),Type", "%[1]s,%[4]s,SMS", cardfile.Options{}, []string{"unit Price (per message): "}},
		"pence":                       {"Prefix,ppm,Deck", "%[1]s,%[4]s,7", cardfile.Options{Currency: "GBP"}, []string{"map=ppm=cost:pence -> line 2: 4420 costs 0.00011"}},
		"minutes":                     {"Prefix,Price,Minimum (min),Increment (min)", "%[1]s,%[4]s,1,1", cardfile.Options{}, []string{"map=Minimum (min)=mcd:minutes", "map=Increment (min)=pulse:minutes"}},
		"a first interval":            {"Prefix,Initial Price,Additional Price,Status", "%[1]s,0.05,%[4]s,open", cardfile.Options{}, []string{"first interval with its own price"}},
		"days first":                  {"Prefix,Price,Effective", "%[1]s,%[4]s,01/02/2027", cardfile.Options{}, []string{"map=Effective=effective_date:dmy -> line 2: 4420 costs 0.011, 0/1, from 2027-02-01", "map=Effective=effective_date:mdy"}},
		"at once":                     {"Prefix,Price,Effective", "%[1]s,%[4]s,Immediately", cardfile.Options{}, []string{"4420=0.011 0/1; 44161"}},
		"a time that is skipped":      {"Prefix,Price,Effective", "%[1]s,%[4]s,2027-03-28 02:15", cardfile.Options{}, []string{"local_time=earlier"}},
		"exponents":                   {"Prefix,Price,Deck", "%[1]s,4.5E-05,7", cardfile.Options{}, []string{"4420=0.000045 0/1; 44161=0.000045"}},
		"signs":                       {"Prefix,Price,Deck", "%[1]s,US$%[4]s,7", cardfile.Options{}, []string{"4420=0.011 0/1; 44161=0.012"}},
		"a date above":                {"Good from: 2027-02-01 / Prefix,Price,Deck", "%[1]s,%[4]s,7", cardfile.Options{}, []string{"effective=2027-02-01 -> line 3: 4420 costs 0.011, 0/1, from 2027-02-01"}},
		"many decimals":               {"Prefix,Price,Deck", "%[1]s,%[4]s33333333333,7", cardfile.Options{}, []string{"round Price: round=up"}},
		"an area code of a country":   {"NPA,NXX,Price,State", "212,5%[3]s,%[4]s,NY", cardfile.Options{NANP: yes()}, []string{"1212"}},
		"Spanish":                     {"Prefijo;Precio;Estado;Fracción", "%[1]s;0,02;suspendido;60/60", cardfile.Options{}, []string{"column Fracción: map=Fracción=pulse"}},
		"German":                      {"Vorwahl;Preis;Sperrvermerk", "%[1]s;0,02;ja", cardfile.Options{}, []string{"column Sperrvermerk: "}},
		"French":                      {"Indicatif;Prix;Frais d'appel", "%[1]s;0,02;0,05", cardfile.Options{}, []string{"map=Frais d'appel=connect -> line 2: 4420 costs 0.02, 0/1, fee 0.05"}},
		"a footer":                    {"Prefix,Price,Deck", "%[1]s,%[4]s,7 / \"Prices may change at any time. Taxes are not included.\",,", cardfile.Options{}, []string{"4420=0.011"}},
		"one name":                    {"Prefix,Destination,Price", "%[1]s,Closed network (barred),%[4]s", cardfile.Options{}, []string{"column Destination: map=Destination=name"}},
		"thousands":                   {"Prefix,Price,Deck", "%[1]s,1.500,7", cardfile.Options{}, []string{"decimal Price: decimal=, -> line 2: 4420 costs 1500"}},
	} {
		var lines []string
		for n, p := range [][2]string{{"44", "20"}, {"44", "161"}, {"44", "7911"}, {"49", "30"}, {"33", "1"}, {"34", ""}} {
			country, rest := p[0], p[1]
			lines = append(lines, fmt.Sprintf(c.line+"%[5]s", country+rest, country, rest, []string{"0.011", "0.012", "0.0135", "0.02", "0.3", "0.0112"}[n], ""))
		}
		text := strings.ReplaceAll(c.head+" / "+strings.Join(lines, " / "), " / ", "\n") + "\n"
		if c.o.NANP == nil {
			c.o.NANP = no()
		}
		if c.o.Currency == "" {
			c.o.Currency = "USD"
		}
		c.o.Zone, c.o.Now = time.UTC, noon
		if strings.Contains(name, "skipped") {
			c.o.Zone = berlin(t)
		}
		got := askedOf(t, fileOf("a.csv", []byte(text)), c.o)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got\n%s\nwant %q", name, got, want)
			}
		}
	}
}

func berlin(t *testing.T) *time.Location {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}
