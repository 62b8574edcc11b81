package cardfile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// unit is the unit of the prices in a column.
type unit struct {
	shift int   // by how many decimals a price is divided
	times int64 // by what a price is multiplied, to be one of a minute
}

func unitOf(detail string) unit {
	u := unit{times: 1}
	for word := range strings.SplitSeq(detail, "/") {
		switch word {
		case "cents", "pence":
			u.shift = 2
		case "thousand":
			u.shift = 3
		case "second":
			u.times = 60
		}
	}
	return u
}

// pennies are the currencies whose hundredth is a penny: there, ppm may be pence per minute.
var pennies = setOf("GBP GIP FKP SHP IMP JEP GGP")

// The words of units.
var (
	centWords     = setOf("cent cents cts ct centavo centavos centime centimes céntimo céntimos centimo centimos cêntimo cêntimos centesimi usc eurc cpm paise paisa коп копеек центов 分 美分 欧分")
	penceWords    = setOf("pence penny gbx")
	secondWords   = setOf("second seconds sec secs segundo segundos seconde secondes sekunde sekunden secondo secondi секунду сек 秒")
	thousandWords = setOf("1000 thousand mille 1k")
	hourWords     = setOf("hour hours hr hrs")
	otherWords    = setOf("sms mms mb msg megabyte")
	messages      = setOf("message messages event events session sessions day month")
	perOther      = setOf("call calls message messages event events session sessions day month")
	taxWords      = setOf("tax taxes vat gst iva tva mwst ust")
	withTax       = setOf("incl include includes including included inclusive inkl with con avec mit")
	withoutTax    = setOf("excl exclude excludes excluding excluded exclusive without ex not plus zzgl exkl sin ohne hors net")
)

// said are the words of a heading, or of a line beside the rates.
type said struct {
	words   []string
	inside  []string // of them, those in brackets
	heading bool
}

func saidBy(text string, isHeading bool) said {
	for _, date := range datesIn(text) {
		text = strings.Replace(text, strings.TrimPrefix(date, "1 "), " ", 1)
	}
	_, remark := cutBrackets(text)
	return said{strings.FieldsFunc(strings.ToLower(brackets.Replace(text)), separates), strings.FieldsFunc(strings.ToLower(remark), separates), isHeading}
}

// after reports whether one of the words follows per.
func (s said) after(per string, set wordSet) bool {
	for i, word := range s.words {
		if i > 0 && set[word] && s.words[i-1] == per {
			return true
		}
	}
	return false
}

// minor returns the hundredth of a currency that is named, as a detail, or "".
func (s said) minor(text, currency string) string {
	letter := func(l string) bool {
		at := slices.Index(s.words, l)
		return s.heading && at >= 0 && !(at+1 < len(s.words) && s.words[at+1] == "m") // p/m is per minute
	}
	switch {
	case strings.Contains(text, "¢"), centWords.any(s.words), letter("c"):
		return "cents"
	case penceWords.any(s.words), letter("p"), slices.Contains(s.words, "ppm") && pennies[currency]:
		return "pence"
	}
	return ""
}

// taxed reports whether a price includes tax.
func (s said) taxed() bool {
	if withoutTax.any(s.words) {
		return false
	}
	return setOf("ttc brutto").any(s.words) || taxWords.any(s.words) && withTax.any(s.words)
}

// scaled reports whether a heading has a number or a unit that no other rule knows: x100, mUSD.
func (s said) scaled() bool {
	return s.heading && slices.ContainsFunc(s.inside, func(word string) bool {
		small := len(word) == 4 && strings.ContainsAny(word[:1], "mku") && isCurrency(word[1:])
		return small || strings.ContainsAny(word, "0123456789") && strings.TrimLeft(word, "0123456789") != "" || allDigits(word) && len(word) > 2
	})
}

// stated returns the units that a text states, as details of a price, and the unit in words.
// A unit that no detail describes has no detail.
func (s said) stated(text, currency string) (units []string, words string) {
	minor := s.minor(text, currency)
	number := slices.IndexFunc(s.words, func(w string) bool { return secondWords[w] })
	switch {
	case number > 0 && s.words[number-1] == "60":
		return s.whole(minor)
	case number > 0 && s.heading && setOf("6 10 30").any(s.words[number-1:number]):
		return []string{}, "a price of " + s.words[number-1] + " seconds"
	case number >= 0 && minor != "":
		return []string{minor + "/second", minor}, minor + " a second"
	case number >= 0:
		return []string{"second"}, "a price of a second"
	case strings.Contains(text, "1,000"), strings.Contains(text, "1.000"), strings.Contains(text, "1 000"), thousandWords.any(s.words):
		return []string{"thousand"}, "a price of a thousand"
	case otherWords.any(s.words), s.heading && messages.any(s.words), s.after("per", perOther), strings.Contains(strings.ToLower(text), "/call"):
		return []string{}, "a price of something other than a minute"
	case hourWords.any(s.words):
		return []string{}, "a price of an hour"
	case s.taxed():
		return []string{}, "a price with tax"
	case minor == "" && s.scaled():
		return []string{"thousand", "cents"}, "another part of it"
	}
	return s.whole(minor)
}

func (s said) whole(minor string) ([]string, string) {
	if minor == "" {
		return nil, ""
	}
	return []string{minor}, minor
}

// askUnits asks about units that the headings state.
func (r *reader) askUnits(l *layout) {
	minor := ""
	for i := range l.roles {
		if q := r.unitOfColumn(l, i, &minor); q != nil {
			l.open = append(l.open, *q)
		}
	}
	if minor == "" {
		return
	}
	for i := range l.roles {
		o := &l.roles[i]
		name := position(l.cells, i)
		if !isPrice(o.column) || o.detail != "" || slices.ContainsFunc(l.open, func(q Question) bool { return q.Code == "unit" && q.Column == name }) {
			continue
		}
		l.open = append(l.open, Question{Code: "unit", option: "map", Column: name,
			Text:    fmt.Sprintf("another price is in %s, so %q may be too", minor, excerpt(l.cells[i].text)),
			Choices: mapTo(name, prefixed(columnNames[o.column], []string{minor, wholeOf(o.column)}))})
	}
}

// wholeOf returns the detail of a price in whole units of a currency.
func wholeOf(column int) string {
	if column == colConnect {
		return "whole"
	}
	return "minute"
}

func isPrice(column int) bool {
	return column == colCost || column == colInter || column == colIntra || column == colConnect
}

// unitOfColumn returns the question about the unit of a column, or nil. It notes in minor that a price is in
// hundredths of a currency.
func (r *reader) unitOfColumn(l *layout, i int, minor *string) *Question {
	o := &l.roles[i]
	name, text := position(l.cells, i), l.cells[i].text
	s := saidBy(text, true)
	q := &Question{Code: "unit", option: "map", Column: name}
	if isPrice(o.column) {
		if is := s.minor(text, r.o.Currency); o.detail == "" && is != "" {
			*minor = is
		} else if unitOf(o.detail).shift == 2 {
			*minor, _, _ = strings.Cut(o.detail, "/")
		}
	}
	switch {
	case o.detail != "":
		return nil
	case o.column == colCost, o.column == colInter, o.column == colIntra:
		units, words := s.stated(text, r.o.Currency)
		if units == nil {
			return nil
		}
		q.about = []string{words}
		q.Text = fmt.Sprintf("%q may not be a price a minute in whole units of a currency, but %s", excerpt(text), words)
		q.Choices = mapTo(name, prefixed(columnNames[o.column], append(units, "minute")))
	case o.column == colConnect:
		is := s.minor(text, r.o.Currency)
		if is == "" {
			return nil
		}
		q.Text = fmt.Sprintf("%q may not be a price in whole units of a currency, but %s", excerpt(text), is)
		q.Choices = mapTo(name, prefixed("connect", []string{is, "whole"}))
	case (o.column == colMCD || o.column == colPulse) && (statesMinutes(text) || s.oddTime()):
		q.Text = fmt.Sprintf("%q may be in minutes", excerpt(text))
		if !statesMinutes(text) {
			q.Text = fmt.Sprintf("%q may not be in seconds", excerpt(text))
		}
		q.Choices = mapTo(name, prefixed(columnNames[o.column], []string{"minutes", "seconds"}))
	default:
		return nil
	}
	return q
}

// oddTime reports whether the brackets of a heading hold a unit of time other than seconds and minutes.
func (s said) oddTime() bool {
	return slices.ContainsFunc(s.inside, func(word string) bool {
		return setOf("ms msec msecs milliseconds millisecond h hr hrs hour hours")[word] || strings.ContainsAny(word, "0123456789")
	})
}

func prefixed(meaning string, details []string) (all []string) {
	for _, detail := range details {
		all = append(all, meaning+":"+detail)
	}
	return all
}

// statesMinutes reports whether the heading of an interval says that it is in minutes.
func statesMinutes(text string) bool {
	_, remark := cutBrackets(text)
	inside := strings.FieldsFunc(strings.ToLower(remark), separates)
	return minuteWords.any(strings.FieldsFunc(strings.ToLower(text), separates)) ||
		slices.Contains(inside, "min") || slices.Contains(inside, "m")
}

var (
	aboutPrices    = setOf("rate rates price prices pricing cost costs tariff tariffs charges amounts")
	aboutIntervals = setOf("increment increments interval intervals billing billed rounding pulse pulses taktung takt tarification facturation facturación")
	minuteWords    = setOf("minutes minute mins minutos minuten")
)

// textOf joins the cells of a line, up to some 4 KiB.
func textOf(cells []cell) string {
	var all strings.Builder
	for _, c := range cells {
		if all.Len() < 4096 {
			all.WriteString(c.text + " ")
		}
	}
	return strings.TrimSpace(all.String())
}

// hears notes what a line above or below the rates says about units and increments.
func (r *reader) hears(at Place, cells []cell) {
	text := textOf(cells)
	s := saidBy(text, false)
	units, words := s.stated(text, "")
	about := aboutPrices.any(s.words) || setOf("unit units currency").any(s.words) || otherWords.any(s.words)
	if units != nil && (about || s.minor(text, "") != "") {
		r.saidUnits = append(r.saidUnits, saidUnit{at, units, words, excerpt(text)})
	}
	if aboutIntervals.any(s.words) && slices.Contains(s.words, "minutes") {
		r.saidUnits = append(r.saidUnits, saidUnit{at, nil, "minutes", excerpt(text)})
	}
	if aboutIntervals.any(s.words) {
		r.hearsPair(at, text)
	}
}

// pair finds increments such as 60/60 in a text, and no part of a date.
var pair = regexp.MustCompile(`(?:^|[^\d/.-])(\d{1,4}) ?/ ?(\d{1,4})(?:$|[^\d/.-]|[.]$|[.] )`)

// hearsPair notes increments that a text beside the rates, or a heading, states.
func (r *reader) hearsPair(at Place, text string) {
	if m := pair.FindStringSubmatch(text); m != nil && atoi(m[2]) > 0 && r.saidPair == nil {
		r.saidPair = &saidPair{at, excerpt(text), strconv.Itoa(atoi(m[1])), strconv.Itoa(atoi(m[2]))}
	}
}

// saidPair are increments that a text states.
type saidPair struct {
	at               Place
	text, mcd, pulse string
}

// askPair asks about increments that a text states, if no column has them.
func (r *reader) askPair() {
	p := r.saidPair
	has := func(column int) bool {
		return slices.ContainsFunc(r.stats, func(s *columnStat) bool { return s.column == column })
	}
	if p == nil || has(colPulse) || r.o.Pulse != nil {
		return
	}
	ask := func(option, value, other string) {
		q := Question{Code: option, Place: p.at, on: r.anyLine(), Sample: p.pulse,
			Text: fmt.Sprintf("%s says %q, and no column has the increments: give %s=%s if it means them", p.at, p.text, option, value)}
		for _, v := range []string{value, other} {
			q.Choices = append(q.Choices, Choice{Parameter: option, Value: v})
		}
		if value == other {
			q.Choices = q.Choices[:1]
		}
		r.ask(q)
	}
	ask("pulse", p.pulse, "1")
	if !has(colMCD) && r.o.MCD == nil && p.mcd != "0" {
		ask("mcd", p.mcd, "0")
	}
}

// saidUnit is a unit that a line beside the rates states.
type saidUnit struct {
	at    Place
	units []string // nil for a unit of intervals
	words string
	text  string
}

// askSaid asks about the units that lines beside the rates state.
func (r *reader) askSaid() {
	for _, said := range r.saidUnits {
		for _, s := range r.stats {
			switch {
			case s.detail != "":
			case said.units != nil && s.column == colConnect && (said.words == "cents" || said.words == "pence"):
				r.ask(Question{Code: "unit", option: "map", Column: s.name, on: s.first, Sample: s.sample(), about: []string{said.words},
					Text:    fmt.Sprintf("%s says %q, so the column %q may hold %s", said.at, said.text, s.name, said.words),
					Choices: mapTo(s.name, prefixed("connect", []string{said.words, "whole"}))})
			case said.units != nil && (s.column == colCost || s.column == colInter || s.column == colIntra):
				r.ask(Question{Code: "unit", option: "map", Column: s.name, on: s.first, Sample: s.sample(), about: []string{said.words},
					Text:    fmt.Sprintf("%s says %q, so the column %q may hold %s", said.at, said.text, s.name, said.words),
					Choices: mapTo(s.name, prefixed(columnNames[s.column], append(slices.Clone(said.units), "minute")))})
			case said.units == nil && (s.column == colMCD || s.column == colPulse):
				r.ask(Question{Code: "unit", option: "map", Column: s.name, on: s.first, Sample: s.sample(), about: []string{said.words},
					Text:    fmt.Sprintf("%s says %q, so the column %q may be in minutes", said.at, said.text, s.name),
					Choices: mapTo(s.name, prefixed(columnNames[s.column], []string{"minutes", "seconds"}))})
			}
		}
	}
}
