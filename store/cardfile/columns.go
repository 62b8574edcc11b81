package cardfile

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/currency"
)

// The columns that Read knows.
const (
	colPrefix = iota
	colName
	colCost
	colInter
	colIntra
	colMCD
	colPulse
	colConnect
	colStatus
	colFrom
	colIncluded
	colCurrency
	colCountry // the beginning of a prefix in two columns: a country code, or an area code of North America
	colArea    // the rest of such a prefix
	colBlocked // whether the price is blocked
	colOpen    // whether the price is open
	columnCount
)

// columnNames holds the names of the columns in written files, in the report,
// and in Options.Columns.
var columnNames = [columnCount]string{
	"prefix", "name", "cost", "inter", "intra", "mcd", "pulse", "connect", "status",
	"effective_date", "included_seconds", "currency", "country_code", "area_code", "blocked", "open",
}

// heading returns a heading in the form for lookups: words of letters and
// digits in lower case, without remarks in brackets. It removes the currency
// codes from the words and returns them separately.
func heading(cell string) (words string, codes []string) {
	var kept []string
	cell, remark := cutBrackets(cell)
	for word := range strings.FieldsFuncSeq(cell, separates) {
		if code := headingCode(word); code != "" {
			codes = append(codes, code)
			continue
		}
		kept = append(kept, strings.ToLower(word))
	}
	for word := range strings.FieldsFuncSeq(remark, separates) {
		if code := headingCode(word); code != "" {
			codes = append(codes, code)
		}
	}
	return strings.Join(kept, " "), codes
}

// partOf returns the currency whose hundredth a word such as GBp, GBX or ZAc names, or "".
func partOf(word string) string {
	switch word {
	case "GBX", "GBx":
		return "GBP"
	case "ZAc", "ZAX", "ZAx":
		return "ZAR"
	case "ILa", "ILX", "ILx":
		return "ILS"
	case "USc", "USX", "USx":
		return "USD"
	case "EUc", "EUX", "EUx":
		return "EUR"
	}
	if len(word) == 3 && word[2] >= 'a' && word[2] <= 'z' && word[:2] == strings.ToUpper(word[:2]) && isCurrency(strings.ToUpper(word)) {
		return strings.ToUpper(word)
	}
	return ""
}

// partIn returns the currency whose hundredth a text names, or "".
func partIn(text string) string {
	for word := range strings.FieldsFuncSeq(text, separates) {
		if code := partOf(word); code != "" {
			return code
		}
	}
	return ""
}

// headingCode returns the currency that a word of a heading names, $ for one of several, or "".
func headingCode(word string) string {
	if code := partOf(word); code != "" {
		return code
	}
	if isCurrency(word) {
		return strings.ToUpper(word)
	}
	return currencyWord(word)
}

// currencyWord returns the currency that a word in plain language names, or "".
func currencyWord(word string) string {
	switch strings.ToLower(word) {
	case "dollar", "dollars":
		return "$"
	case "euro", "euros":
		return "EUR"
	case "pound", "pounds":
		return "pounds"
	case "sterling":
		return "GBP"
	}
	return ""
}

// sharedNames are the names of several currencies.
var sharedNames = map[string]string{"$": symbols["$"], "pounds": "GBP EGP FKP GIP LBP SDG SHP SSP SYP"}

// agree reports whether two names of currencies may mean the same one.
func agree(code, card string) bool {
	return code == card || strings.Contains(sharedNames[code], card) || strings.Contains(sharedNames[card], code)
}

func separates(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// brackets turns other brackets into round ones, and signs into codes of currencies.
var brackets = strings.NewReplacer("[", "(", "]", ")", "（", "(", "）", ")", "US$", " USD ", "US $", " USD ", "CA$", " CAD ", "C$", " CAD ", "AU$", " AUD ", "A$", " AUD ",
	"NZ$", " NZD ", "HK$", " HKD ", "S$", " SGD ", "R$", " BRL ", "$", " dollars ", "€", " EUR ", "£", " GBP ", "₹", " INR ", "₽", " RUB ")

func cutBrackets(text string) (plain, inside string) {
	before, rest, found := strings.Cut(brackets.Replace(text), "(")
	if !found {
		return before, ""
	}
	inside, after, _ := strings.Cut(rest, ")")
	return before + " " + after, inside
}

// isCurrency reports whether a word of a heading is a currency code. It leaves out codes that are common words in
// headings; some of them count in capitals.
func isCurrency(word string) bool {
	if len(word) != 3 || slices.Contains([]string{"ALL", "TOP", "STD"}, strings.ToUpper(word)) ||
		slices.Contains([]string{"TRY", "PEN", "CUP", "SOS"}, strings.ToUpper(word)) && strings.ToUpper(word) != word {
		return false
	}
	unit, err := currency.ParseISO(word)
	return err == nil && unit != currency.XXX && unit != currency.XTS
}
