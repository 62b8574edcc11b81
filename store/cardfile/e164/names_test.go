package e164_test

import (
	"slices"
	"strings"
	"testing"

	"resellerd/store/cardfile/e164"
)

// Names of countries in English, German, French and Spanish, with a prefix of the country.
func TestNamesHaveTheCodesOfTheirCountries(t *testing.T) {
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
		codes := e164.CodesOfName(name)
		if !slices.ContainsFunc(codes, func(code string) bool { return strings.HasPrefix(prefix, code) }) {
			t.Errorf("%s on %s: %v", name, prefix, codes)
		}
		for _, code := range codes {
			if e164.CountryCode(code) != code {
				t.Errorf("%s: %s is no country code", name, code)
			}
		}
	}
	for _, name := range []string{"", "Georgia", "Congo", "Mobile", "Guinea-Bissau", "Unitedland"} {
		if codes := e164.CodesOfName(name); codes != nil {
			t.Errorf("%s: %v", name, codes)
		}
	}
}

func TestANumberBeginsWithOneCountryCode(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{"442071234567": "44", "1212": "1", "76": "7", "380": "380", "38": "", "210": "", "": "", "4": "", "999": ""} {
		if got := e164.CountryCode(number); got != want {
			t.Errorf("%q: %q, want %q", number, got, want)
		}
	}
}
