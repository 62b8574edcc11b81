package cardfile_test

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"resellerd/store/cardfile"
)

// Old programs for Macs save texts in MacRoman, with CR at the ends of lines. The question shows a cell in each encoding.
func TestTextsOfOldMacsAreAskedAbout(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"México", "Panamá Móvil", "Côte d'Ivoire", "Österreich", "Réunion", "España Málaga", "Türkei Süd"} {
		text, err := charmap.Macintosh.NewEncoder().String("Prefix;Destination;Rate\r52;UK\r52;" + name + ";0,01\r")
		if err != nil {
			t.Fatal(err)
		}
		got := askedOf(t, fileOf("a.csv", []byte(text)), cardfile.Options{NANP: no()})
		if name == "Österreich" { // has no letter that shows the encoding
			if !strings.HasPrefix(got, "52=0.01") {
				t.Errorf("%s: %s", name, got)
			}
		} else if !strings.HasPrefix(got, `encoding: encoding=macintosh -> a cell is "`+name+`" | encoding=windows-1252 -> a cell is "`) {
			t.Errorf("%s: %s", name, got)
		}
		if got := askedOf(t, fileOf("a.csv", []byte(text)), cardfile.Options{NANP: no(), Encoding: "macintosh"}); got != "52=0.01 0/1 "+name {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Signs and letters of windows-1252 that are letters in MacRoman too are no reason for a question.
func TestTextsInWindows1252AreNotAskedAbout(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"México", "Côte d’Ivoire", "UK – Mobile", "UK—Mobile", "Niš", "ŽILINA KOŽE", "Žilina", "cœur", "Österreich", "Panamá", "10 €", "…"} {
		text, err := charmap.Windows1252.NewEncoder().String("Prefix;Destination;Rate\n52;" + name + ";0,01\n")
		if err != nil {
			t.Fatal(err)
		}
		if got := askedOf(t, fileOf("a.csv", []byte(text)), cardfile.Options{NANP: no()}); got != "52=0.01 0/1 "+name {
			t.Errorf("%s: %s", name, got)
		}
	}
}
