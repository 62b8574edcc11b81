package cardfile

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"resellerd/store/cardfile/export"
	"resellerd/store/rating"
)

// rowOrSum reads a line. It refuses a line with more cells than columns, and a
// line that may be a total.
func (r *reader) rowOrSum(cells []cell) (Row, refusal) {
	if why := r.wide(cells); !why.none() {
		return Row{}, why
	}
	if r.sumsUp(cells) {
		p := r.cell(cells, colPrefix)
		return Row{}, refusal{column: columnNames[colPrefix], cell: p.text, reason: "is in a line that may be a total or a price"}
	}
	return r.row(cells)
}

// wide refuses a line of CSV with cells after the last column. A comma may
// have split a number, and the following cells would be in wrong columns.
// Empty cells there are accepted.
func (r *reader) wide(cells []cell) refusal {
	if r.report.Format != CSV || len(cells) <= r.layout.width || blank(cells[r.layout.width:]) {
		return refusal{}
	}
	why := "a cell may have been split, so the columns are not certain"
	if r.layout.told {
		why += "; name columns that are not read as -"
	}
	return refusal{reason: fmt.Sprintf("has %d cells for %d columns: %s", len(cells), r.layout.width, why)}
}

// row reads a line. It leaves the prefixes in r.prefixed.
func (r *reader) row(cells []cell) (row Row, why refusal) {
	p := lineReader{reader: r, cells: cells}
	row.Connect, row.From = r.connect, r.since
	r.prefixed, r.unexpanded, r.shapes.line = r.prefixed[:0], 0, ""
	p.read(colPrefix, func(c cell) (reason string) {
		r.prefixed, reason = r.prefixes(r.prefixed, c, cells)
		return reason
	})
	p.read(colName, func(c cell) string {
		if c.text != "" || !r.o.Amend {
			row.Given.give(colName)
		}
		return r.name(&row.Name, c)
	})
	r.status(&p, &row)
	p.read(colCost, func(c cell) string {
		if !c.number && (c.text == "" || c.text[0] < '0' || c.text[0] > '9') && noPrice(c.text) { // as few prices do
			if stateOf(c.text) == isBlocked {
				row.Blocked = true
				row.Given.give(colStatus)
			}
			if row.Blocked || row.Removed || r.o.Amend && strings.TrimSpace(c.text) == "" {
				return ""
			}
			return missingPrice
		}
		return r.money(&row, colCost, &row.Cost, c)
	})
	p.optional(colInter, func(c cell) string { return r.moneyOption(&row, colInter, &row.Inter, c) })
	p.optional(colIntra, func(c cell) string { return r.moneyOption(&row, colIntra, &row.Intra, c) })
	p.optional(colConnect, func(c cell) string {
		if row.Blocked && noPrice(c.text) {
			return ""
		}
		return r.money(&row, colConnect, &row.Connect, c)
	})
	r.counting(&p, &row)
	p.optional(colIncluded, included)
	p.optional(colCurrency, func(c cell) string { return r.currency(c) })
	p.optional(colFrom, func(c cell) (reason string) {
		if _, truth := truthOf(c.text); truth && !c.date {
			return r.strangeStatus(colFrom, c)
		}
		row.From, reason = r.date(c)
		return reason
	})
	return row, p.why
}

// counted marks the numeric columns, in which a date is an error.
var counted = [columnCount]bool{
	colPrefix: true, colCost: true, colInter: true, colIntra: true, colConnect: true, colMCD: true, colPulse: true, colIncluded: true,
}

// lineReader reads the cells of a line until the first refusal.
type lineReader struct {
	*reader
	cells []cell
	why   refusal
}

func (p *lineReader) read(column int, take func(cell) string) {
	if !p.why.none() || p.layout.at[column] < 0 {
		return
	}
	c := p.cell(p.cells, column)
	reason := c.fault
	switch {
	case reason != "":
	case c.date && counted[column]:
		reason = "is shown as a date: a spreadsheet may have converted it"
	default:
		reason = take(c)
	}
	if reason != "" {
		p.why = refusal{column: columnNames[column], cell: c.text, reason: reason}
	}
}

// optional reads a cell that may be empty.
func (p *lineReader) optional(column int, take func(cell) string) {
	p.read(column, func(c cell) string {
		if strings.TrimSpace(c.text) == "" {
			return ""
		}
		return take(c)
	})
}

const maxName = 200

// name reads a name unchanged.
func (r *reader) name(into *string, c cell) string {
	text := c.text
	if r.report.Format == CSV {
		text = export.Uninert(text)
	}
	switch {
	case utf8.RuneCountInString(text) > maxName:
		return "is longer than 200 characters"
	case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7F }):
		return "has a line end or another control character"
	case !utf8.ValidString(text):
		return "is not valid UTF-8"
	}
	*into = strings.Clone(text)
	return ""
}

// unitBehind matches a price with its unit, such as 1.2¢ and 0.012/min.
var unitBehind = regexp.MustCompile(`^([\d.,]*\d) ?(¢|[cp]|[Cc]ts?|[Cc]ents?|[Pp]ence|GBp|GBX|ZAc|ILa|USc|(?:/|per ) ?\pL{1,12})\.?$`)

func (r *reader) money(row *Row, column int, into *rating.Money, c cell) (reason string) {
	s := &r.styles[column]
	unit := ""
	if text := strings.TrimSpace(c.text); !c.number && text != "" && (text[len(text)-1] < '0' || text[len(text)-1] > '9') {
		if parts := unitBehind.FindStringSubmatch(text); parts != nil {
			c.text, unit = parts[1], parts[2]
			if _, words := saidBy(unit, true).stated(unit, r.o.Currency); words != "" {
				c.unit = unit
			}
		}
	}
	m, reason := s.price(c, r.o.Currency)
	if reason == "" && m != 0 {
		if s.priced && s.behind != unit {
			return "has another unit than the prices before it"
		}
		s.behind, s.priced = strings.Clone(unit), true
	}
	switch reason {
	case ambiguousMark:
		if reason = r.mark(s, column, c); reason == "" {
			m, reason = s.price(c, r.o.Currency)
		}
	case tooPrecise:
		r.ask(Question{Code: "round", Column: r.layout.names[column], Sample: c.text, on: r.sampleOf(r.at, r.cells),
			Text:    fmt.Sprintf("the price %q has more than ten decimals: give round=up, round=half or round=down", excerpt(c.text)),
			Choices: []Choice{{Parameter: "round", Value: RoundUp}, {Parameter: "round", Value: RoundHalf}, {Parameter: "round", Value: RoundDown}}})
		for i := range r.styles {
			r.styles[i].round = RoundUp
		}
		m, reason = s.price(c, r.o.Currency)
	}
	if c.unit != "" && r.layout.details[column] == "" {
		r.askShown(column, c)
	}
	*into = m
	row.Given.give(column)
	return reason
}

// askPart asks for the unit of a price beside a cell with a hundredth of a currency.
func (r *reader) askPart(column int, c cell) {
	name, minor := position(r.layout.cells, r.layout.at[column]), said{}.minor(c.text, "")
	r.ask(Question{Code: "unit", Option: "map", Column: name, Sample: c.text, on: r.sampleOf(r.at, r.cells), About: []string{minor},
		Text:    fmt.Sprintf("the currency is %q, so the column %q may hold %s", excerpt(c.text), name, minor),
		Choices: mapTo(name, prefixed(columnNames[column], []string{minor, wholeOf(column)}))})
}

// askShown asks for the unit of a price that a spreadsheet shows with a text beside the number.
func (r *reader) askShown(column int, c cell) {
	units, words := saidBy(c.unit, true).stated(c.unit, r.o.Currency)
	if words == "" {
		words = fmt.Sprintf("%q", excerpt(c.unit))
	}
	name, whole := position(r.layout.cells, r.layout.at[column]), wholeOf(column)
	if column == colConnect {
		units = slices.DeleteFunc(slices.Clone(units), func(u string) bool { return !slices.Contains(details[colConnect], u) })
	}
	r.ask(Question{Code: "unit", Option: "map", Column: name, Sample: c.text, on: r.sampleOf(r.at, r.cells), About: []string{words},
		Text:    fmt.Sprintf("prices of the column %q stand beside the text %q, so they may be %s", name, excerpt(c.unit), words),
		Choices: mapTo(name, prefixed(columnNames[column], append(slices.Clone(units), whole)))})
}

func (r *reader) moneyOption(row *Row, column int, into *rating.Optional[rating.Money], c cell) string {
	if row.Blocked && noPrice(c.text) {
		return ""
	}
	var m rating.Money
	reason := r.money(row, column, &m, c)
	*into = rating.Some(m)
	return reason
}

// mark finds the decimal mark of a column in the whole file, or asks for it.
func (r *reader) mark(s *style, column int, c cell) string {
	if r.quiet && r.proof == nil {
		return ambiguousMark
	}
	p, err := r.proved()
	if err != nil {
		r.fault = err
		return ambiguousMark
	}
	s.told = p.marks[column]
	if s.told == 0 {
		r.ask(Question{Code: "decimal", Column: r.layout.names[column], Sample: c.text, on: r.sampleOf(r.at, r.cells),
			Text:    fmt.Sprintf("the price %q may have thousands or decimals: give decimal=, or decimal=.", excerpt(c.text)),
			Choices: []Choice{{Parameter: "decimal", Value: ","}, {Parameter: "decimal", Value: "."}}})
		s.told = ','
	}
	return ""
}

// status reads the columns that say whether a price is open.
func (r *reader) status(p *lineReader, row *Row) {
	p.optional(colStatus, func(c cell) string {
		switch stateOf(c.text) {
		case isOpen:
			row.Given.give(colStatus)
		case isBlocked:
			row.Blocked = true
			row.Given.give(colStatus)
		case isWithdrawn:
			return r.withdrawn(row, c)
		case isSilent:
			if text := strings.ToLower(strings.TrimSpace(c.text)); (text == "up" || text == "down") && columnOfStatus(position(r.layout.cells, r.layout.at[colStatus])) {
				return r.strangeStatus(colStatus, c)
			}
		default:
			return r.strangeStatus(colStatus, c)
		}
		return ""
	})
	for _, column := range []int{colBlocked, colOpen} {
		p.read(column, func(c cell) string {
			if strings.TrimSpace(c.text) == "" && r.o.Amend {
				return ""
			}
			is, known := truthOf(c.text)
			if !known {
				return "is neither yes nor no"
			}
			row.Blocked = row.Blocked || is == (column == colBlocked)
			row.Given.give(colStatus)
			return ""
		})
	}
}

// columnOfStatus reports whether a heading means the status, and not what becomes of a price.
func columnOfStatus(name string) bool {
	column, _, _, known := columnFor(name)
	return known && column == colStatus
}

// strangeStatus asks about a status, or a column such as Active, that is yes or no, or up or down, and about a column of states of a country. It refuses others.
func (r *reader) strangeStatus(column int, c cell) string {
	text := strings.TrimSpace(c.text)
	name := position(r.layout.cells, r.layout.at[column])
	_, truth := truthOf(text)
	words, _ := heading(name)
	place := len(text) == 2 && strings.ToUpper(text) == text && !strings.ContainsAny(text, "0123456789") && slices.Contains([]string{"state", "estado", "stato", "état", "etat"}, words)
	moves := stateOf(text) == isSilent
	if !truth && !place && !moves {
		return "is neither open nor blocked"
	}
	q := Question{Code: "status", Option: "map", Column: name, Sample: c.text, on: r.sampleOf(r.at, r.cells),
		Text: fmt.Sprintf("%q in the column %q is neither open nor blocked: give \"ignore=%s\" if the column says nothing about the status", excerpt(text), name, name)}
	if truth {
		q.Text = fmt.Sprintf("%q in the column %q may open or block the prefix: give \"map=%s=open\" if yes opens it, or \"map=%s=blocked\" if yes blocks it", excerpt(text), name, name, name)
		q.Choices = mapTo(name, []string{"open", "blocked"})
	}
	q.Choices = append(q.Choices, Choice{Parameter: "ignore", Value: name})
	r.ask(q)
	return ""
}

// withdrawn blocks or removes a price, or asks which.
func (r *reader) withdrawn(row *Row, c cell) string {
	if r.layout.details[colStatus] == "" {
		name := position(r.layout.cells, r.layout.at[colStatus])
		r.ask(Question{Code: "withdrawn", Option: "map", Column: name, Sample: c.text, on: r.sampleOf(r.at, r.cells),
			Text: fmt.Sprintf("%q may block the prefix or remove it; without it, a shorter prefix applies: give \"map=%s=status:block\" or \"map=%s=status:remove\"",
				excerpt(c.text), name, name),
			Choices: mapTo(name, []string{"status:block", "status:remove"})})
	}
	if r.layout.details[colStatus] == "remove" {
		row.Removed = true
		return ""
	}
	row.Blocked = true
	row.Given.give(colStatus)
	return ""
}

// counting reads mcd and pulse, which may share a cell as 30/6. The pulse
// stays 0 if neither the file nor the options give it.
func (r *reader) counting(p *lineReader, row *Row) {
	if r.o.MCD != nil {
		row.MCD = uint32(*r.o.MCD)
	}
	if r.o.Pulse != nil {
		row.Pulse = uint32(*r.o.Pulse)
	}
	said := false // the pulse column also gave the minimum
	minutes := func(column int, n *uint32) string {
		if r.layout.details[column] != "minutes" {
			return ""
		}
		if *n *= 60; *n > 86_400 {
			return notSeconds
		}
		return ""
	}
	p.optional(colPulse, func(c cell) (reason string) {
		c.text = plainSteps(c.text, r.layout.details[colPulse] == "minutes")
		first, step, both := strings.Cut(c.text, "/")
		if both {
			if row.MCD, reason = seconds(first); reason != "" {
				return "is neither a number of seconds nor two numbers like 30/6"
			}
			said, c.text = true, step
			row.Given.give(colMCD)
		}
		row.Given.give(colPulse)
		if row.Pulse, reason = r.increment(c); reason == "" {
			reason = minutes(colPulse, &row.Pulse)
		}
		if reason == "" && both {
			reason = minutes(colPulse, &row.MCD)
		}
		if reason == "" && row.Pulse == 0 {
			reason = "is 0: the smallest step is one second"
		}
		return reason
	})
	p.optional(colMCD, func(c cell) (reason string) {
		c.text = plainSteps(c.text, r.layout.details[colMCD] == "minutes")
		pair := row.MCD
		row.Given.give(colMCD)
		if row.MCD, reason = r.increment(c); reason == "" {
			reason = minutes(colMCD, &row.MCD)
		}
		if reason == "" && said && row.MCD != pair {
			reason = fmt.Sprintf("contradicts the column %s, which begins with %d", columnNames[colPulse], pair)
		}
		return reason
	})
}

// steps matches one or two intervals, perhaps with their units.
var steps = regexp.MustCompile(`^(\d{1,5}) ?(\pL{0,10})\.?(?: ?([/+:]) ?(\d{1,5}) ?(\pL{0,10})\.?)?$`)

// plainSteps writes intervals such as 1 min, 60s/1s, 1+1 and 1:1 like 60 and 60/1, in seconds, or in the minutes of the
// column. 60-60 and full minute are read too. Other texts stay as they are, among them 1:30, which may be a time.
func plainSteps(text string, minutes bool) string {
	if strings.Trim(text, "0123456789/") == "" { // as most are
		return text
	}
	if first, next, is := stepPair(strings.TrimSpace(text)); is && !minutes && !strings.Contains(text, ":") {
		return first + "/" + next
	}
	if seconds, _ := stepsIn(text); seconds != "" {
		text = choose(seconds == "60", "1 min", "1 s")
	}
	m := steps.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if m == nil || m[3] == ":" && len(m[4]) == 2 && atoi(m[1]) < 60 {
		return text
	}
	one, ok := inUnit(m[1], m[2], minutes)
	if m[3] == "" || !ok {
		return choose(ok, one, text)
	}
	if m[2] == "" && m[5] != "" && inMinutes(m[5]) {
		return text // 1/1 min
	}
	other, ok := inUnit(m[4], m[5], minutes)
	return choose(ok, one+"/"+other, text)
}

func choose(first bool, one, other string) string {
	if first {
		return one
	}
	return other
}

func inMinutes(word string) bool { return minuteWord[word] || word == "m" || word == "mn" }

// inUnit returns a number of seconds or minutes, as a number of the one or of the other.
func inUnit(number, word string, minutes bool) (string, bool) {
	switch {
	case word == "":
		return number, true
	case inMinutes(word) && minutes, (word == "s" || secondWords[word]) && !minutes:
		return number, true
	case inMinutes(word):
		return strconv.Itoa(60 * atoi(number)), true
	}
	return "", false
}

// included refuses free time, which a row cannot express.
func included(c cell) string {
	if strings.Trim(strings.TrimSpace(c.text), "0.") != "" {
		return "has free time, which is not supported"
	}
	return ""
}

// currency compares the currency of a line with the card's. It asks about prices in its hundredths, which are then those of all lines.
func (r *reader) currency(c cell) string {
	part := partOf(strings.TrimSpace(c.text))
	if r.o.Currency == "" || part == r.o.Currency || strings.EqualFold(strings.TrimSpace(c.text), r.o.Currency) {
		was := &r.part
		if *was == "" {
			*was = strings.TrimSpace(c.text)
		}
		if (partOf(*was) != "") != (part != "") {
			return "is another part of the currency than in the lines before it"
		}
	}
	if part != "" && part == r.o.Currency {
		for _, column := range []int{colCost, colInter, colIntra, colConnect} {
			if r.layout.at[column] >= 0 && r.layout.details[column] == "" {
				r.askPart(column, c)
			}
		}
		return ""
	}
	if r.o.Currency != "" && !strings.EqualFold(strings.TrimSpace(c.text), r.o.Currency) {
		return "is not the card's currency, " + r.o.Currency
	}
	return ""
}
