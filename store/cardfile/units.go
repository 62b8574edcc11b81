package cardfile

import (
	"fmt"
	"slices"
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

// stated returns the units that a text states, as details of a price, and the unit in words.
// A unit that no detail describes has no detail.
func stated(text, currency string) (units []string, words string) {
	_, remark := cutBrackets(text)
	list := strings.FieldsFunc(strings.ToLower(brackets.Replace(text)), separates)
	inside := strings.FieldsFunc(strings.ToLower(remark), separates)
	has := func(set string) bool { return setOf(set).any(list) }
	minor := ""
	switch {
	case strings.Contains(text, "¢"), has("cent cents cts ct centavos centimes центов 美分"), slices.Contains(inside, "c"):
		minor, words = "cents", "cents"
	case has("pence penny"), slices.Contains(inside, "p"), has("ppm") && pennies[currency]:
		minor, words = "pence", "pence"
	}
	switch {
	case has("second seconds sec secs segundo segundos seconde secondes sekunde sekunden"):
		if minor != "" {
			return []string{minor + "/second", minor}, words + " a second"
		}
		return []string{"second"}, "a price of a second"
	case strings.Contains(text, "1,000"), strings.Contains(text, "1.000"), has("1000 thousand mille 1k"):
		return []string{"thousand"}, "a price of a thousand"
	case has("sms message messages msg mms mb megabyte event events session day month"):
		return []string{}, "a price of something other than a minute"
	case has("hour hours hr hrs"):
		return []string{}, "a price of an hour"
	case minor != "":
		return []string{minor}, words
	}
	return nil, ""
}

// askUnits asks about units that the headings state.
func (r *reader) askUnits(l *layout) {
	for i := range l.roles {
		o := &l.roles[i]
		name := position(l.cells, i)
		q := Question{Code: "unit", option: "map", Column: name}
		switch {
		case o.detail != "":
			continue
		case o.column == colCost, o.column == colInter, o.column == colIntra:
			units, words := stated(l.cells[i].text, r.o.Currency)
			if units == nil {
				continue
			}
			q.Text = fmt.Sprintf("%q may not be a price a minute in whole units of a currency, but %s", excerpt(l.cells[i].text), words)
			q.Choices = mapTo(name, prefixed(columnNames[o.column], append(units, "minute")), false)
		case o.column == colConnect:
			units, words := stated(l.cells[i].text, r.o.Currency)
			if len(units) == 0 || unitOf(units[0]).shift == 0 {
				continue
			}
			q.Text = fmt.Sprintf("%q may not be a price in whole units of a currency, but %s", excerpt(l.cells[i].text), words)
			q.Choices = mapTo(name, prefixed("connect", []string{units[len(units)-1], "whole"}), false)
		case (o.column == colMCD || o.column == colPulse) && statesMinutes(l.cells[i].text):
			q.Text = fmt.Sprintf("%q may be in minutes", excerpt(l.cells[i].text))
			q.Choices = mapTo(name, prefixed(columnNames[o.column], []string{"minutes", "seconds"}), false)
		default:
			continue
		}
		l.open = append(l.open, q)
	}
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
	aboutIntervals = setOf("increment increments interval intervals billing")
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

// hears notes what a line above or below the rates says about units.
func (r *reader) hears(at Place, cells []cell) {
	text := textOf(cells)
	list := strings.FieldsFunc(strings.ToLower(text), separates)
	about := aboutPrices.any(list)
	units, words := stated(text, "")
	if about && units != nil {
		r.saidUnits = append(r.saidUnits, saidUnit{at, units, words, excerpt(text)})
	}
	if aboutIntervals.any(list) && slices.Contains(list, "minutes") {
		r.saidUnits = append(r.saidUnits, saidUnit{at, nil, "minutes", excerpt(text)})
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
			case said.units != nil && (s.column == colCost || s.column == colInter || s.column == colIntra):
				r.ask(Question{Code: "unit", option: "map", Column: s.name, on: s.first, Sample: s.sample(),
					Text:    fmt.Sprintf("%s says %q, so the column %q may hold %s", said.at, said.text, s.name, said.words),
					Choices: mapTo(s.name, prefixed(columnNames[s.column], append(slices.Clone(said.units), "minute")), false)})
			case said.units == nil && (s.column == colMCD || s.column == colPulse):
				r.ask(Question{Code: "unit", option: "map", Column: s.name, on: s.first, Sample: s.sample(),
					Text:    fmt.Sprintf("%s says %q, so the column %q may be in minutes", said.at, said.text, s.name),
					Choices: mapTo(s.name, prefixed(columnNames[s.column], []string{"minutes", "seconds"}), false)})
			}
		}
	}
}
