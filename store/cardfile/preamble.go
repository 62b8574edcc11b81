package cardfile

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

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
		case !r.mayBe(s.codes):
			return &FileError{Place: s.at, Text: fmt.Sprintf("the line has the currency %s, and the card has %s", s.codes[0], card)}
		case len(s.codes) == 1:
			l.currencies = append(l.currencies, s.codes[0])
		default:
			r.warn(fmt.Sprintf("%s mentions a currency: check that it is the card's", s.at))
		}
	}
	return nil
}

// mayBe reports whether one of the currencies that a line names may be the card's.
func (r *reader) mayBe(codes []string) bool {
	return len(codes) == 0 || r.o.Currency == "" || slices.ContainsFunc(codes, func(code string) bool { return agree(code, r.o.Currency) })
}

// currenciesOf returns the currencies that a line names, if the line is about
// currency or prices or contains only codes. spoken reports whether it is
// about currency.
func currenciesOf(cells []cell) (codes []string, spoken bool) {
	var words []string
	for _, c := range cells {
		words = append(words, strings.FieldsFunc(brackets.Replace(c.text), separates)...)
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
	if code := currencyWord(word); code != "" {
		return code
	}
	if _, err := currency.ParseISO(word); behind && err == nil || word == upper && isCurrency(word) {
		return upper
	}
	return ""
}

// dated finds dates in a text.
var dated = regexp.MustCompile(`(?i)(?:^|[^\pL\d])(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}(?:st|nd|rd|th|er|º|\.)?[ -]+(?:of |de )?\pL{3,10}\.?,?[ -](?:de )?\d{4}|\pL{3,10}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}|\pL{3,10} (?:de )?\d{4})(?:[T ,]+\d{1,2}:\d{2}(?::\d{2})?)?`)

// datesIn returns the first dates in a text, at most two. A month is its first day.
func datesIn(text string) (all []string) {
	for range 20 {
		at := dated.FindStringSubmatchIndex(text)
		if at == nil || len(all) == 2 {
			break
		}
		date := strings.TrimSpace(text[at[2]:at[1]])
		if !isDate(date) {
			date = "1 " + date
		}
		if isDate(date) {
			all, text = append(all, date), text[at[1]:]
			continue
		}
		next := strings.IndexAny(text[at[2]:], " -/.") + 1
		text = text[at[2]+max(1, next):]
	}
	return all
}

func isDate(text string) bool {
	w, ok := wallOf(text)
	swapped := w
	w.sort(false)
	swapped.sort(true)
	return ok && (w.valid() || swapped.valid())
}

var (
	startWords = setOf("effective starting starts start from as fecha vigencia vigente válido valido valable gültig gueltig valide действует 生效日期 生效 effet")
	endWords   = setOf("expiry expires expire expired expiration until till end ends ended ending")
)

// dateAbove handles a date beside the rates from which, or until which, they are in force. Above the rates, a date
// that is not past counts without such a word too.
func (r *reader) dateAbove(at Place, cells []cell, above bool) error {
	text := textOf(cells)
	list := strings.FieldsFunc(strings.ToLower(text), separates)
	ends := endWords.any(list)
	starts := startWords.any(list) || !ends && setOf("valid validity").any(list)
	if !above && !starts && !ends || r.quiet || r.countOnly || r.proving {
		return nil
	}
	found := datesIn(text)
	for _, c := range cells {
		if c.number && c.date && len(found) == 0 {
			if d, reason := r.serialDay(c.text); reason == "" {
				found = append(found, d)
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	if ends && (!starts || len(found) > 1) {
		w, ok := wallOf(found[len(found)-1])
		w.sort(false)
		if ok && w.valid() && w.in(time.UTC).AddDate(0, 0, 1).Before(r.o.Now) {
			return &FileError{Place: at, Final: true, Text: fmt.Sprintf("the line says that the rates ended on %s: ask the carrier for rates that are in force",
				w.in(time.UTC).Format(time.DateOnly))}
		}
		if !starts {
			r.warn(fmt.Sprintf("%s states an end of the rates: %q; a card has no end, so import later rates before it", at, excerpt(strings.TrimSpace(text))))
			return nil
		}
	}
	if r.o.Effective != "" || r.passed(found[0]) {
		return nil
	}
	r.stated = append(r.stated, statedDate{at, found[0], excerpt(strings.TrimSpace(text))})
	return nil
}

// passed reports whether a date is past in every zone and in every order of day and month.
func (r *reader) passed(text string) bool {
	w, ok := wallOf(text)
	swapped := w
	w.sort(false)
	swapped.sort(true)
	past := func(w wall) bool { return w.in(time.UTC).Add(24 * time.Hour).Before(r.o.Now) }
	return ok && past(w) && (!swapped.valid() || past(swapped))
}

// statedDate is a date above the headings.
type statedDate struct {
	at         Place
	date, text string
}

// askStated asks whether the rates begin at a date above the headings. A column of dates says so itself.
func (r *reader) askStated() {
	for _, s := range r.stated {
		if r.layout != nil && r.layout.at[colFrom] >= 0 {
			return
		}
		q := Question{Code: "effective", Column: "", Place: s.at, Sample: s.date, on: r.anyLine(),
			Text: fmt.Sprintf("%s says %q: give effective=DATE if the rates begin then, or effective=now", s.at, s.text)}
		w, ok := wallOf(s.date)
		if !ok {
			q.Choices = append(q.Choices, Choice{Parameter: "effective", Value: s.date})
		} else {
			swapped := w
			for _, one := range []*wall{&w, &swapped} {
				one.sort(one == &swapped)
				value := one.in(time.UTC).Format("2006-01-02T15:04")
				value = strings.TrimSuffix(value, "T00:00")
				if one.valid() && !slices.ContainsFunc(q.Choices, func(c Choice) bool { return c.Value == value }) {
					q.Choices = append(q.Choices, Choice{Parameter: "effective", Value: value})
				}
			}
		}
		q.Choices = append(q.Choices, Choice{Parameter: "effective", Value: EffectiveNow})
		r.ask(q)
	}
}

// anyLine returns the first line with rates.
func (r *reader) anyLine() *sampleLine {
	for _, s := range r.stats {
		if s.column == colPrefix && s.first != nil {
			return s.first
		}
	}
	return nil
}

// serialDay returns the day that a spreadsheet stores as a number.
func (r *reader) serialDay(text string) (string, string) {
	was := r.o.Zone
	r.o.Zone = cmp.Or(was, time.UTC)
	at, reason := r.serial(strings.TrimSpace(text))
	r.o.Zone = was
	return at.Format(time.DateOnly), reason
}

// begin applies Options.Effective to the rows without a date.
func (r *reader) begin() error {
	if r.o.Effective == "" || r.o.Effective == EffectiveNow {
		return nil
	}
	at, reason := r.date(cell{text: r.o.Effective})
	if reason == noZone {
		r.askZone(Question{Text: fmt.Sprintf("the date %q has no time zone: give zone=NAME", excerpt(r.o.Effective)), Sample: r.o.Effective})
		at, reason = r.date(cell{text: r.o.Effective})
	}
	if reason != "" {
		return ask("effective", "effective %q %s: give a date as YYYY-MM-DD, or now", excerpt(r.o.Effective), reason)
	}
	r.since = at
	return nil
}
