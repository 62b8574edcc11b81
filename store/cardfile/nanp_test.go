package cardfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"resellerd/store/cardfile"
)

// optionAsked returns the option that the reader asks for, or "".
func optionAsked(t testing.TB, text string, o cardfile.Options) string {
	t.Helper()
	_, _, err := readAll(t, fileOf("a.csv", []byte(text)), o)
	var bad *cardfile.FileError
	if err != nil && !errors.As(err, &bad) {
		t.Fatal(err)
	}
	if bad == nil {
		return ""
	}
	if bad.Option == "" {
		t.Fatal(err)
	}
	return bad.Option
}

func TestPrefixesThatMayBeNorthAmericanAreAskedFor(t *testing.T) {
	const head, states = "prefix,cost\n", "prefix,cost,inter,intra\n"
	for name, c := range map[string]struct {
		text, asks string
	}{
		"all":                                   {head + "212555,1\n415555,1\n", "nanp"},
		"all but one":                           {head + "212555,1\n415555,1\n44,1\n", "nanp"},
		"all but one with a 1":                  {head + "212555,1\n1,1\n1415555,1\n1415556,1\n", "nanp"},
		"all but those with an exit":            {head + "212555,1\n0044,1\n+33,1\n+49,1\n", "nanp"},
		"blocks and numbers":                    {head + "2125550,1\n2125551234,1\n44,1\n", "nanp"},
		"half":                                  {head + "212555,1\n44,1\n", ""},
		"few":                                   {head + "212555,1\n44,1\n33,1\n4477,1\n", ""},
		"none: exchanges begin with 2 to 9":     {head + "212155,1\n212011,1\n", ""},
		"none: no area code has a 9 there":      {head + "491555,1\n391555,1\n", ""},
		"none: the world says so":               {head + "+212555,1\n00212555,1\n", ""},
		"a deck with a country code":            {states + "1212555,1,2,3\n1415555,1,2,3\n44,1,,\n212555,1,,\n33,1,,\n", ""},
		"few, with prices by state":             {states + "44,1,,\n33,1,,\n212555,1,2,3\n", "nanp"},
		"few, with one price by state":          {states + "44,1,,\n33,1,,\n212555,1,,3\n", "nanp"},
		"few, of areas, with prices by state":   {states + "44,1,,\n33,1,,\n212,1,2,3\n", "nanp"},
		"the world, with the cost by state":     {states + "44,1,1,1\n4477,1,1,1\n33,1,,\n212555,1,1,1\n", ""},
		"a code of no country":                  {head + "44,1\n33,1\n4477,1\n214555,1\n", "nanp"},
		"an area of no country":                 {head + "44,1\n33,1\n4477,1\n801,1\n", "nanp"},
		"a heading of NPA-NXX":                  {"NPA-NXX,cost\n44,1\n33,1\n49,1\n212555,1\n", "nanp"},
		"a heading of NPA-NXX, all with a 1":    {"NPA-NXX,cost\n1212555,1\n", ""},
		"a list in a cell":                      {head + "\"212555; 212556\",1\n44,1\n", "nanp"},
		"a deck of the world and one of the US": {head + "44,1\n4477,1\n33,1\n336,1\n49,1\n212555,1\n212556,1\n972555,1\n", ""},
	} {
		if got := optionAsked(t, c.text, cardfile.Options{}); got != c.asks {
			t.Errorf("%s: asks for %q, want %q", name, got, c.asks)
		}
		for _, told := range []*bool{yes(), no()} {
			if got := optionAsked(t, c.text, cardfile.Options{NANP: told}); got != "" {
				t.Errorf("%s: asks for %q all the same", name, got)
			}
		}
	}
}

// A North American deck is never read as one of the world, whatever its
// order. It may contain up to half other prefixes.
func TestANorthAmericanDeckIsNeverTakenForAnother(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(rt, "exchanges")
		lines := rapid.SliceOfN(rapid.StringMatching(`[2-9][0-8][02-9][2-9][0-9][02-9]`), n, n).Draw(rt, "NPA-NXX")
		lines = append(lines, rapid.SliceOfN(rapid.StringMatching(`[1-9][0-9]{0,14}`), 0, n-1).Draw(rt, "others")...)
		lines = append(lines, rapid.SliceOfN(rapid.StringMatching(`(1|00[1-9]|[+][1-9])[0-9]{0,11}`), 0, 20).Draw(rt, "whole")...)
		lines = rapid.Permutation(lines).Draw(rt, "lines")
		text := "prefix,cost\n" + strings.Join(lines, ",1\n") + ",1\n"
		if got := optionAsked(t, text, cardfile.Options{}); got != "nanp" {
			rt.Fatalf("asks for %q", got)
		}
	})
}

// A deck of the world has prefixes of all lengths, any number per country.
// Those of the United States begin with 1.
func TestADeckOfTheWorldIsReadUnasked(t *testing.T) {
	countries := []string{"1", "20", "211", "212", "213", "30", "31", "33", "351", "355", "380", "44", "49", "505", "52", "62", "7", "81", "86", "880", "91", "971", "98"}
	rapid.Check(t, func(rt *rapid.T) {
		var text strings.Builder
		text.WriteString("prefix,cost,inter,intra\n")
		for _, country := range countries {
			for length := len(country); length <= 8; length++ {
				prefix := country + rapid.StringMatching(fmt.Sprintf("[0-9]{%d}", length-len(country))).Draw(rt, "prefix")
				fmt.Fprintf(&text, "%s,1,1,1\n1%s,1,2,3\n", prefix, rapid.StringMatching(`[2-9][0-8][02-9][2-9][0-9]{2}`).Draw(rt, "US"))
			}
		}
		if got := optionAsked(t, text.String(), cardfile.Options{}); got != "" {
			rt.Fatalf("asks for %q", got)
		}
	})
}

func TestAHyphenInNPANXXIsNoRange(t *testing.T) {
	const both = "1212555=1 0/1; 1415200=1 0/1"
	for head, forms := range map[string][]string{
		"NPA-NXX": {"212-555 415-200", "212-555 1-415-200", "(212)_555 (415)_200", "212_555 415_200", "212.555 +1-415-200", "212–555 415–200", "212555 415-200"},
		"Prefix":  {"212-555 415-200", "1-212-555 1-415-200", "(212)_555 415-200"},
	} {
		for _, form := range forms {
			first, second, _ := strings.Cut(strings.ReplaceAll(form, " ", "\n"), "\n")
			file := fileOf("a.csv", []byte(strings.ReplaceAll(head+",Rate\n"+first+",1\n"+second+",1\n", "_", " ")))
			if got := askedOf(t, file, cardfile.Options{NANP: yes()}); got != both {
				t.Errorf("%s %s: %s", head, form, got)
			}
			if head == "NPA-NXX" && strings.HasPrefix(form, "212-555 4") {
				if got := askedOf(t, file, cardfile.Options{}); !strings.Contains(got, "nanp=true -> line 2: 1212555 costs 1") {
					t.Errorf("%s %s: %s", head, form, got)
				}
			}
		}
	}
	text := fileOf("a.csv", []byte("prefix,cost\n212-555,1\n44,1\n"))
	if got := askedOf(t, text, cardfile.Options{}); !strings.HasPrefix(got, "nanp: nanp=true -> line 2: 1212555 costs 1, 0/1 | nanp=false -> line 2: each of 344 prefixes (212 … 555) costs 1") {
		t.Error(got)
	}
	_, report, err := readAll(t, text, cardfile.Options{NANP: no()})
	if err != nil || report.Rates != 555-212+2 {
		t.Errorf("of the world: %v %+v", err, report)
	}
}

func TestACommaInANumberPartsNothingUnasked(t *testing.T) {
	for cell, c := range map[string]struct{ unasked, list, thousands string }{
		"447,712":             {"?", "447 712", "447712"},
		"+447,712":            {"?", "447 712", "447712"},
		"1,212,555":           {"?", "1 212 555", "1212555"},
		"44, 712":             {"44 712", "44 712", "44 712"},
		"447,712, 447,713":    {"?", "447 712 713", "447712 447713"},
		"447,712;33":          {"?", "447 712 33", "447712 33"},
		"447,712-447,714":     {"?", "?", "447712 447713 447714"},
		"447 ,712":            {"447 712", "447 712", "447 712"},
		"447\u00a0, 712":      {"447 712", "447 712", "447 712"},
		"4471,712":            {"4471 712", "4471 712", "4471 712"},
		"447,7123":            {"447 7123", "447 7123", "447 7123"},
		"447,71":              {"447 71", "447 71", "447 71"},
		"447,712,":            {"447 712", "447 712", "447 712"},
		"44,447;712":          {"?", "44 447 712", "44447 712"},
		"355,356,357,358,359": {"?", "355 356 357 358 359", "355356357358359"},
		"35,35,356,357":       {"35 356 357", "35 356 357", "35 356 357"},
		"1,355,356,357,358,359": {
			"1 355 356 357 358 359", "1 355 356 357 358 359", "1 355 356 357 358 359"}, // sixteen digits are not a prefix
	} {
		for option, want := range map[string]string{"": c.unasked, cardfile.CommasList: c.list, cardfile.CommasThousands: c.thousands} {
			text := fmt.Sprintf("prefix;cost\n\"%s\";1\n", strings.ReplaceAll(cell, ";", "|"))
			rows, report, err := readAll(t, fileOf("a.csv", []byte(text)), cardfile.Options{NANP: no(), Commas: option, Maps: []string{"prefix=prefix:list"}})
			var open *cardfile.FileError
			if errors.As(err, &open) && len(open.Questions) == 1 && open.Questions[0].Code == "commas" && want == "?" {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range rows {
				got = append(got, r.Prefix.String())
			}
			switch {
			case want == "?" && len(got) == 0 && report.Lines.Refused == 1:
			case strings.Join(got, " ") != want:
				t.Errorf("%q, %q: %v, want %s", cell, option, got, want)
			}
		}
	}
}
