package cardfile_test

import (
	"fmt"
	"strings"
	"testing"

	"resellerd/store/cardfile"
)

// Names of countries in English, German, French and Spanish, with a prefix of the country.
func TestNamesOfCountriesAreHeldAgainstTheirPrefixes(t *testing.T) {
	t.Parallel()
	for name, prefix := range map[string]string{
		"Holland Mobile": "316", "Deutschland": "49", "Allemagne Fixe": "49", "Alemania": "4915", "Frankreich": "33", "Francia Móvil": "336",
		"Spanien": "34", "Espagne": "34", "España": "34", "Italien": "39", "Österreich": "43", "Autriche": "43", "Schweiz": "41", "Suisse": "4179",
		"Vereinigtes Königreich": "44", "Großbritannien": "44", "Grossbritannien Mobil": "447", "Royaume-Uni": "44", "Reino Unido": "44",
		"Niederlande": "31", "Belgique": "32", "Bélgica": "32", "Polen": "48", "Russland": "7", "Türkei": "90", "Grèce": "30", "Schweden": "46",
		"Norvège": "47", "Dinamarca": "45", "Ungarn": "36", "Roumanie": "40", "Tschechien": "420", "Égypte": "20", "Marruecos": "212", "Brésil": "55",
		"México": "52", "Indien": "91", "Japón": "81", "Chine": "86", "États Unis": "1", "Estados Unidos": "1212", "ESTADOS UNIDOS": "1",
		"Vereinigte Arabische Emirate": "971", "Arabia Saudita": "966", "Puerto Rico": "1787", "Hong Kong": "852", "Ivory Coast": "225",
		"North Macedonia": "389", "South Korea": "82", "El Salvador": "503", "UAE Mobile": "9715", "Czech Republic": "420",
	} {
		for other, want := range map[string]int{prefix: 0, "998": 1} {
			_, report, err := readAll(t, fileOf("a.csv", fmt.Appendf(nil, "prefix,name,cost,pulse\n%s,%s,1,1\n", other, name)), cardfile.Options{NANP: no()})
			said := strings.Count(strings.Join(append([]string{}, report.Warnings...), "\n"), "names of another country than their prefix: 1; the first is \""+name+"\" on "+other)
			if err != nil || said != want {
				t.Errorf("%s on %s: %v %q", name, other, err, report.Warnings)
			}
		}
	}
}
