package cardfile

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/currency"
)

var (
	currencyWords = []string{"currency", "currencies", "ccy"}
	priceWords    = []string{"rate", "rates", "price", "prices", "cost", "costs", "tariff", "tariffs", "charges", "amounts"}
	signs         = strings.NewReplacer("€", " EUR ", "£", " GBP ")
)

// spoken holds the currencies that a line above the headings names: one,
// several, or none that is known.
type spoken struct {
	at    Place
	codes []string
}

// listen records what a line above the headings says about the currency.
func (r *reader) listen(at Place, cells []cell) {
	if codes, any := currenciesOf(cells); any || len(codes) > 0 {
		r.spoken = append(r.spoken, spoken{at, codes})
	}
}

// heard compares the lines above the headings with the card's currency. It
// passes a single currency on to the check of the headings.
func (r *reader) heard(l *layout) error {
	card := r.o.Currency
	for _, s := range r.spoken {
		switch {
		case len(s.codes) > 0 && card != "" && !slices.Contains(s.codes, card):
			return &FileError{Place: s.at, Text: fmt.Sprintf("the line has the currency %s, and the card has %s", s.codes[0], card)}
		case len(s.codes) == 1:
			l.currencies = append(l.currencies, s.codes[0])
		default:
			r.warn(fmt.Sprintf("%s mentions a currency: check that it is the card's", s.at))
		}
	}
	return nil
}

// currenciesOf returns the currencies that a line names, if the line is about
// currency or prices or contains only codes. spoken reports whether it is
// about currency.
func currenciesOf(cells []cell) (codes []string, spoken bool) {
	var words []string
	for _, c := range cells {
		words = append(words, strings.FieldsFunc(signs.Replace(c.text), separates)...)
	}
	priced, other := false, 0
	for i, word := range words {
		lower := strings.ToLower(word)
		switch code := codeOf(word, i > 0 && slices.Contains(currencyWords, strings.ToLower(words[i-1]))); {
		case slices.Contains(currencyWords, lower):
			spoken = true
		case code == "":
			other++
			priced = priced || slices.Contains(priceWords, lower)
		case !slices.Contains(codes, code):
			codes = append(codes, code)
		}
	}
	if spoken || priced || other == 0 {
		return codes, spoken
	}
	return nil, false
}

// codeOf returns the currency code that a word is, or "". After the word
// currency, any code counts; elsewhere only one in capitals.
func codeOf(word string, behind bool) string {
	upper := strings.ToUpper(word)
	if upper == "EURO" || upper == "EUROS" {
		return "EUR"
	}
	if _, err := currency.ParseISO(word); behind && err == nil || word == upper && isCurrency(word) {
		return upper
	}
	return ""
}
