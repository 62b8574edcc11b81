package cardfile

import (
	"math"
	"strconv"
	"strings"

	"resellerd/store/rating"
)

// style is the notation of the prices of a file, as far as it is known.
type style struct {
	told byte // '.' or ',' from the options; 0 if they do not say
	seen byte // what an earlier price has shown; 0 if none has

	dollars bool // a price had the sign $, and the card's currency is not USD

	unit   unit
	behind string // the unit behind the first price other than 0
	priced bool   // there was one

	round string // as Options.Round
}

const (
	notAPrice     = "is not a price"
	missingPrice  = "has no price: block the prefix in a column of the status, or remove the line"
	tooPrecise    = "has more than ten decimals"
	tooMuch       = "is above 922 million"
	ambiguousMark = "may have thousands or decimals: give decimal=, or decimal=."
	mixedStyle    = "has another decimal mark than the prices before it: give decimal=, or decimal=."
)

// price reads an amount of at least 0. reason says why a cell is not a price.
func (s *style) price(c cell, currency string) (m rating.Money, reason string) {
	text := strings.TrimSpace(c.text)
	if c.number {
		if !s.fits(c.shown, currency) {
			return 0, "is shown in " + c.currency + ", but the card has " + currency
		}
		return s.numberPrice(text, c.exact)
	}
	signed := strings.Contains(text, "$")
	text, ok := stripCurrency(text, currency)
	if !ok {
		return 0, "has an unknown currency, or another one than the card"
	}
	if strings.ContainsAny(text, "eE") && isExponent(text) && strings.Count(text, ",")+strings.Count(text, ".") <= 1 {
		return s.numberPrice(strings.Replace(text, ",", ".", 1), true)
	}
	whole, fraction, reason := s.split(text)
	if reason != "" {
		return 0, reason
	}
	s.dollars = s.dollars || signed && currency != "USD"
	return s.amount(whole, fraction)
}

// fits reports whether a number is displayed in the card's currency, or in
// none.
func (s *style) fits(how shown, currency string) bool {
	switch {
	case how.currency == "", how.currency == currency, currency == "":
		return true
	case how.currency != "$":
		return false
	}
	s.dollars = s.dollars || currency != "USD"
	return strings.Contains(symbols["$"], currency)
}

// symbols maps a sign to the currencies that use it.
var symbols = map[string]string{
	"$": "USD AUD CAD NZD SGD HKD", "€": "EUR", "£": "GBP", "US$": "USD", "USD$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD",
	"NZ$": "NZD", "S$": "SGD", "HK$": "HKD", "R$": "BRL",
}

// stripCurrency removes the card's own currency from an amount.
func stripCurrency(text, currency string) (string, bool) {
	if text != "" && text[0] <= '9' && text[0] >= '0' && text[len(text)-1] <= '9' && text[len(text)-1] >= '0' {
		return text, true
	}
	bare := strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ$€£ \u00A0")
	if len(bare) == len(text) {
		return text, true
	}
	sign := strings.Trim(strings.Replace(text, bare, "", 1), " \u00A0")
	if currency == "" || bare == "" {
		return "", false
	}
	return bare, sign == "" || sign == currency || symbols[sign] != "" && strings.Contains(symbols[sign], currency)
}

// split divides an amount at its decimal mark and removes thousands
// separators.
func (s *style) split(text string) (whole, fraction, reason string) {
	dots, commas := strings.Count(text, "."), strings.Count(text, ",")
	if dots == 0 && commas == 0 {
		return groups(text, " ")
	}
	mark, sure := s.mark(text, dots, commas)
	switch {
	case mark == 0:
		return "", "", ambiguousMark
	case s.told == 0 && sure && s.seen != 0 && s.seen != mark:
		return "", "", mixedStyle
	case s.told == 0 && sure:
		s.seen = mark
	}
	other := ","
	if mark == ',' {
		other = "."
	}
	before, after, found := strings.Cut(text, string(mark))
	if found && !allDigits(after) {
		return "", "", notAPrice
	}
	whole, _, reason = groups(before, other)
	return whole, after, reason
}

// mark returns the decimal mark of an amount, or 0 if it is ambiguous. sure
// reports whether the amount itself or an option shows it.
func (s *style) mark(text string, dots, commas int) (mark byte, sure bool) {
	switch {
	case s.told != 0:
		return s.told, true
	case dots > 0 && commas > 0:
		return text[strings.LastIndexAny(text, ".,")], true
	case dots > 1:
		return ',', true // 1.234.567
	case commas > 1:
		return '.', true // 1,234,567
	}
	if mark = '.'; dots == 0 {
		mark = ','
	}
	if at := strings.IndexByte(text, mark); len(text)-at != 4 || at > 3 || strings.Trim(text[:at], "0") == "" {
		return mark, true
	}
	return s.seen, false // 1.250 and 1,250 are as the prices before them
}

// groups removes well-formed thousands separators from a whole number.
func groups(text, mark string) (whole, none, reason string) {
	text = strings.ReplaceAll(text, "\u00A0", " ")
	for _, m := range []string{mark, " ", "'", "\u2019", "\u202F"} {
		if !strings.Contains(text, m) {
			continue
		}
		parts := strings.Split(text, m)
		for i, part := range parts {
			if !allDigits(part) || i > 0 && len(part) != 3 || i == 0 && (len(part) > 3 || part == "" || part[0] == '0') {
				return "", "", notAPrice
			}
		}
		return strings.Join(parts, ""), "", ""
	}
	if text != "" && !allDigits(text) {
		return "", "", notAPrice
	}
	return text, "", ""
}

func allDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// amount returns the money for the digits before and after the decimal mark, in the unit of
// the column.
func (s *style) amount(whole, fraction string) (rating.Money, string) {
	if whole == "" && fraction == "" {
		return 0, notAPrice
	}
	if n := s.unit.shift; n > 0 {
		whole = strings.Repeat("0", n) + whole
		whole, fraction = whole[:len(whole)-n], whole[len(whole)-n:]+fraction
	}
	fraction = strings.TrimRight(fraction, "0")
	more := false // to be rounded up
	if len(fraction) > rating.Decimals {
		switch s.round {
		case RoundUp:
			more = true
		case RoundHalf:
			more = fraction[rating.Decimals] >= '5'
		case RoundDown:
		default:
			return 0, tooPrecise
		}
		fraction = fraction[:rating.Decimals]
	}
	var m uint64
	for _, part := range [2]string{whole, fraction} {
		for i := range len(part) {
			if m > math.MaxInt64/10 {
				return 0, tooMuch
			}
			m = m*10 + uint64(part[i]-'0')
		}
	}
	for range rating.Decimals - len(fraction) {
		if m > math.MaxInt64/10 {
			return 0, tooMuch
		}
		m *= 10
	}
	if more {
		m++
	}
	times := uint64(max(1, s.unit.times))
	if m > math.MaxInt64/times {
		return 0, tooMuch
	}
	return rating.Money(m * times), ""
}

// numberPrice reads a number as a spreadsheet or JSON stores it. It may have
// an exponent. Unless it is exact, digits after the fifteenth are rounding
// errors of a binary fraction and are rounded away.
func (s *style) numberPrice(text string, exact bool) (rating.Money, string) {
	digits, point, ok := scientific(text)
	if !ok {
		return 0, notAPrice
	}
	if len(digits) > 15 && !exact {
		digits, point = toFifteen(digits, point)
	}
	switch {
	case digits == "":
		return 0, ""
	case point <= 0:
		if -point > 400 {
			return 0, tooPrecise
		}
		return s.amount("", strings.Repeat("0", -point)+digits)
	case point >= len(digits):
		if point > 20 {
			return 0, tooMuch
		}
		return s.amount(digits+strings.Repeat("0", point-len(digits)), "")
	}
	return s.amount(digits[:point], digits[point:])
}

// scientific reads a number of at least 0. It returns the digits without zeros
// at either end, and the position of the decimal point in them.
func scientific(text string) (digits string, point int, ok bool) {
	mantissa, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.Atoi(text[i+1:])
		if err != nil || n > 400 || n < -400 {
			return "", 0, false
		}
		mantissa, exponent = text[:i], n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || !allDigits(whole+fraction) {
		return "", 0, false
	}
	digits = strings.TrimLeft(whole+fraction, "0")
	point = len(whole) - (len(whole+fraction) - len(digits)) + exponent
	digits = strings.TrimRight(digits, "0")
	return digits, point, true
}

// toFifteen rounds to fifteen digits, as many as a spreadsheet shows.
func toFifteen(digits string, point int) (string, int) {
	kept := []byte(digits[:15])
	if digits[15] >= '5' {
		i := len(kept) - 1
		for i >= 0 && kept[i] == '9' {
			kept[i] = '0'
			i--
		}
		if i < 0 {
			return "1", point + 1
		}
		kept[i]++
	}
	return strings.TrimRight(string(kept), "0"), point
}

// increment reads a cell of seconds. A spreadsheet may have turned 30/6 into a
// date, which is a number of days.
func (r *reader) increment(c cell) (uint32, string) {
	n, reason := seconds(c.text)
	if reason == "" && c.number && r.report.Format == XLSX && n >= firstSerial {
		return 0, "may be a date that was a text like 30/6: write it as text"
	}
	return n, reason
}

const notSeconds = "must be a whole number of seconds up to a day"

// seconds reads a whole number of seconds, at most a day.
func seconds(text string) (uint32, string) {
	text = strings.TrimSpace(text)
	if text == "" || !allDigits(text) || len(text) > 9 {
		return 0, notSeconds
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n > 86_400 {
		return 0, notSeconds
	}
	return uint32(n), ""
}
