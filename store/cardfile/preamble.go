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

// spoken is what a line above the headings says of the currency: one, several,
// or none that is known.
type spoken struct {
	at    Place
	codes []string
}

// listen keeps what a line above the headings says of the currency.
func (r *reader) listen(at Place, cells []cell) {
	if codes, any := currenciesOf(cells); any || len(codes) > 0 {
		r.spoken = append(r.spoken, spoken{at, codes})
	}
}

// heard holds what stands above the headings against the card's currency, and
// leaves it to be held against that of the headings.
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

// currenciesOf are the currencies that a line names which speaks of currency
// or prices, or of nothing else. spoken says that it speaks of currency.
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

// codeOf is the code that a word is. Within a sentence it is in capitals;
// behind the word currency it is any.
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
