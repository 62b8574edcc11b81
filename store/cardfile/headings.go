package cardfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// head looks for the line of headings, or uses the columns in Options.
func (r *reader) head(at Place, cells []cell) error {
	if len(r.o.Columns) > 0 {
		return r.headTold(at, cells)
	}
	used := slices.Clone(r.used)
	found, err := r.layoutOf(slices.Clone(cells))
	if err != nil {
		if found != nil {
			r.statsOf(found) // for the mapping
		}
		return placed(at, err)
	}
	r.report.Lines.Headings++
	if found != nil {
		r.upper = &upperHeadings{at, found, used}
		return nil
	}
	r.listen(at, cells)
	r.hears(at, cells)
	if err := r.dateAbove(at, cells, true); err != nil {
		return err
	}
	if len(r.headless) < maxHeading {
		r.headless = append(r.headless, headless{at, slices.Clone(cells)})
	}
	if r.above++; r.above >= maxHeading {
		return r.noHeading()
	}
	return nil
}

// upperHeadings are headings that the line below them may go on with.
type upperHeadings struct {
	at   Place
	l    *layout
	used []bool // as reader.used was before
}

// settleHeadings uses the headings above a line, together with the line if it goes on with them. cells are nil at the
// end of the lines.
func (r *reader) settleHeadings(at Place, cells []cell) (both bool, err error) {
	upper := r.upper
	if r.upper = nil; upper == nil {
		return false, nil
	}
	r.below = at
	joined := upper.l.joined(cells)
	if joined == nil || r.byNames(slices.Clone(cells)).complete() {
		return false, r.headed(upper.at, upper.l)
	}
	used := slices.Clone(r.used)
	copy(r.used, upper.used)
	l, err := r.layoutOf(joined)
	switch {
	case l == nil, l.at[colPrefix] != upper.l.at[colPrefix]:
		copy(r.used, used)
		return false, r.headed(upper.at, upper.l)
	case err != nil:
		r.statsOf(l) // for the mapping
		return true, placed(at, err)
	}
	r.report.Lines.Headings++
	l.currencies = slices.Concat(upper.l.currencies, l.currencies)
	return true, r.headed(upper.at, l)
}

// joined joins the headings with those in the line below them. A heading over several columns belongs to each. It
// returns nil if the line holds anything else.
func (l *layout) joined(cells []cell) (all []cell) {
	over, says := "", false
	for i := range max(len(l.heading), len(cells)) {
		var upper, lower string
		if i < len(l.heading) {
			upper = strings.TrimSpace(l.heading[i])
		}
		if i < len(cells) {
			if lower = strings.TrimSpace(cells[i].text); cells[i].number || cells[i].fault != "" || strings.ContainsAny(lower, "0123456789") {
				return nil
			}
		}
		if !strings.ContainsFunc(lower, unicode.IsLetter) && !strings.ContainsAny(lower, "$€£¥¢") {
			lower = "" // a dash
		}
		if upper != "" || lower == "" {
			over = ""
			if lower != "" {
				over = upper
			}
		} else {
			upper = over
		}
		both := strings.TrimSpace(upper + " " + lower)
		all = append(all, cell{text: both})
		if says = says || lower != ""; lower == "" {
			continue
		}
		_, _, _, was := columnFor(upper)
		if _, _, _, is := columnFor(both); was && !is || isOpen <= stateOf(lower) && stateOf(lower) <= isWithdrawn || noPrice(lower) {
			return nil
		}
	}
	if !says {
		return nil
	}
	return all
}

// goesOnUnread reports whether a line directly below the headings has neither a prefix nor a number, but a text under
// another heading. Nobody knows what it says about the prices.
func (r *reader) goesOnUnread(at Place, cells []cell) bool {
	if at != r.below {
		return false
	}
	says := false
	for i, c := range cells {
		if c.number || c.fault != "" || strings.ContainsAny(c.text, "0123456789") {
			return false
		}
		known := slices.Contains(r.layout.at[:], i) && i != r.layout.at[colPrefix] && i != r.layout.at[colName]
		says = says || known && strings.ContainsFunc(c.text, unicode.IsLetter)
	}
	return says
}

// headed uses a line of headings. A heading of a price may state a date or increments.
func (r *reader) headed(at Place, l *layout) error {
	if err := r.heard(l); err != nil {
		return err
	}
	if err := r.useLayout(l); err != nil {
		return placed(at, err)
	}
	return r.headingsSay(at, l)
}

// headingsSay notes the dates and increments that the headings of prices state.
func (r *reader) headingsSay(at Place, l *layout) error {
	for _, column := range []int{colCost, colInter, colIntra} {
		if l.at[column] < 0 {
			continue
		}
		c := cell{text: l.headingOf(l.at[column])}
		r.hearsPair(at, c.text)
		if err := r.dateAbove(at, []cell{c}, true); err != nil {
			return err
		}
	}
	return nil
}

// headless is a line above the rates that is no known heading.
type headless struct {
	at    Place
	cells []cell
}

// noHeading asks for the columns of the prefix and the cost. The line with the most names before a line with
// digits may be the heading.
func (r *reader) noHeading() error {
	best := -1
	for i, h := range r.headless {
		names := 0
		for _, c := range h.cells {
			if text := strings.TrimSpace(c.text); text != "" && !strings.ContainsAny(text, "0123456789") {
				names++
			}
		}
		if names >= 2 && i+1 < len(r.headless) && (best < 0 || len(h.cells) > len(r.headless[best].cells)) {
			best = i
		}
	}
	why := ask("columns", "no heading line has a prefix and a cost: give columns=NAMES")
	if best < 0 || len(r.questions) > 0 {
		return why
	}
	h := r.headless[best]
	l := r.byNames(h.cells)
	r.statsOf(l)
	for _, need := range []int{colPrefix, colCost} {
		if l.at[need] >= 0 {
			continue
		}
		q := Question{Code: columnNames[need], Option: "columns", Place: h.at,
			Text: fmt.Sprintf("no heading line has a prefix and a cost: give columns=NAMES, or map=COLUMN=%s", columnNames[need])}
		for i, c := range h.cells {
			state := need == colCost && (l.roles[i].column == colInter || l.roles[i].column == colIntra)
			if strings.TrimSpace(c.text) != "" && (l.roles[i].column < 0 || state) && !l.roles[i].answered {
				q.Choices = append(q.Choices, mapTo(position(h.cells, i), []string{columnNames[need]})...)
			}
		}
		if len(q.Choices) == 0 {
			return why
		}
		r.ask(q)
	}
	return why
}

func (r *reader) headTold(at Place, cells []cell) error {
	told, err := r.byPosition()
	if err != nil {
		return err
	}
	if err := r.useLayout(told); err != nil {
		return err
	}
	// The first line may be a heading despite Options.Columns. In that case
	// neither the prefix nor the cost contains a digit.
	if !strings.ContainsAny(r.cell(cells, colPrefix).text, "0123456789") && !strings.ContainsAny(r.cell(cells, colCost).text, "0123456789") {
		r.report.Lines.Headings++
		if r.headingAgain(cells) == nil {
			r.listen(at, cells)
			r.hears(at, cells)
			if err := r.dateAbove(at, cells, true); err != nil {
				return err
			}
		}
		if err := r.headKept(told, cells); err != nil {
			return placed(at, err)
		}
		return r.headingsSay(at, told)
	}
	return r.line(at, cells)
}

// headKept keeps a line of headings when Options names the columns.
func (r *reader) headKept(told *layout, cells []cell) error {
	told.heading = make([]string, len(cells))
	for i, c := range cells {
		if i < len(told.cells) && told.cells[i].text == "" {
			told.cells[i].text = c.text
		}
		told.heading[i] = c.text
		if strings.TrimSpace(c.text) != "" {
			told.width = max(told.width, i+1)
		}
		if slices.Contains(told.at[:], i) {
			_, codes := heading(c.text)
			told.currencies = append(told.currencies, codes...)
		}
		if i == told.at[colPrefix] {
			told.npanxx = told.npanxx || namesNPANXX(c.text)
		}
	}
	r.askUnits(told)
	for _, q := range told.open {
		r.ask(q)
	}
	if err := r.heard(told); err != nil {
		return err
	}
	return r.oneCurrency(told)
}

// headingOf returns the text that stands above a column, or else the name that Options gives it.
func (l *layout) headingOf(i int) string {
	if l.told && i < len(l.heading) && strings.TrimSpace(l.heading[i]) != "" {
		return l.heading[i]
	}
	return l.cells[i].text
}

// oneCurrency refuses headings that name another currency than the card's, or
// several.
func (r *reader) oneCurrency(l *layout) error {
	card := r.o.Currency
	for _, code := range l.currencies {
		switch {
		case r.o.Currency != "" && !agree(code, r.o.Currency):
			return broken("the headings have the currency %s, and the card has %s", code, r.o.Currency)
		case code == "$" && r.o.Currency != "" && r.o.Currency != "USD":
			r.styles[colCost].dollars = true
		case card != "" && !agree(code, card):
			return broken("the headings have the currencies %s and %s", card, code)
		}
		card = code
	}
	return nil
}

// isHeading reports whether a line repeats the heading.
func (r *reader) isHeading(cells []cell) bool {
	if len(cells) != len(r.layout.heading) {
		return false
	}
	for i, c := range cells {
		if c.text != r.layout.heading[i] {
			return false
		}
	}
	return true
}

// refused counts a line that cannot be read. If the line names columns, it is
// another heading. If it names the same columns, reading goes on; if it names
// others, the file is refused.
func (r *reader) refused(at Place, cells []cell, why refusal) error {
	l := r.headingAgain(cells)
	switch {
	case l == nil:
		if r.goesOnUnread(at, cells) {
			r.report.Blocking++
			why = refusal{reason: "may be a second line of headings: write both lines in one"}
		} else if r.mayBlock(cells) {
			r.report.Blocking++
		}
		r.report.refuse(at, why)
		return nil
	case !r.layout.agrees(l), !r.layout.told && !r.layout.repeats(cells):
		return r.nextTable(at, cells)
	}
	r.report.Lines.Headings++
	if err := r.oneCurrency(&layout{currencies: slices.Concat(r.layout.currencies, l.currencies)}); err != nil {
		return placed(at, err)
	}
	return nil
}

// nextTable goes on with the columns of another table, whose headings differ.
func (r *reader) nextTable(at Place, cells []cell) error {
	if r.layout.told {
		return &FileError{Place: at, Text: "a second heading line has other columns: import each table as a file of its own"}
	}
	l, err := r.layoutOf(slices.Clone(cells))
	if err != nil {
		return placed(at, err)
	}
	if l == nil {
		return &FileError{Place: at, Option: "map", Text: "the headings of another table lack the prefix or the cost: give map=COLUMN=prefix or map=COLUMN=cost, " +
			"or import each table as a file of its own"}
	}
	r.report.Lines.Headings++
	l.currencies = append(slices.Clone(r.layout.currencies), l.currencies...)
	r.warn(fmt.Sprintf("%s begins another table: the lines below it are read by its headings", at))
	r.upper = &upperHeadings{at, l, slices.Clone(r.used)}
	return nil
}

// headingAgain returns the layout of a line below the headings, if the line
// names at least two columns, one of them the prefix or the cost. It returns
// nil for JSON, whose objects carry their names.
func (r *reader) headingAgain(cells []cell) *layout {
	if isJSON(r.report.Format) {
		return nil
	}
	if !r.mayName(cells) {
		return nil
	}
	l := r.byNames(slices.Clone(cells))
	named := 0
	for _, at := range l.at {
		if at >= 0 {
			named++
		}
	}
	if named < 2 || l.at[colPrefix] < 0 && l.at[colCost] < 0 {
		return nil
	}
	return l
}

// agrees reports whether a layout has the same columns in the same places. If
// Options named the columns, no column may be in another place.
func (l *layout) agrees(again *layout) bool {
	if !l.told {
		return l.at == again.at
	}
	for column, at := range again.at {
		if at >= 0 && l.at[column] >= 0 && at != l.at[column] {
			return false
		}
	}
	return true
}

// repeats reports whether a line has the headings, apart from capitals. Other texts may state other units.
func (l *layout) repeats(cells []cell) bool {
	for i := range max(len(cells), len(l.heading)) {
		var is, was string
		if i < len(cells) {
			is = cells[i].text
		}
		if i < len(l.heading) {
			was = l.heading[i]
		}
		if !strings.EqualFold(strings.TrimSpace(is), strings.TrimSpace(was)) {
			return false
		}
	}
	return true
}

// mayName reports whether a line may name columns: it has two cells with text and without digits.
func (r *reader) mayName(cells []cell) bool {
	names := 0
	for _, c := range cells {
		if c.text != "" && !c.number && !strings.ContainsAny(c.text, "0123456789") {
			names++
		}
	}
	return names >= 2
}

// listed matches an item of a list: 1. Payment within a week.
var listed = regexp.MustCompile(`^\d{1,2}[.)] +\pL`)

// isNote reports whether a line is a text beside the rates: it has no prefix and no price.
func (r *reader) isNote(cells []cell) bool {
	if isJSON(r.report.Format) {
		return false
	}
	if prefix := r.cell(cells, colPrefix).text; prefix != "" && (prefix[0] >= '0' && prefix[0] <= '9' || prefix[0] == '+') && !r.gap {
		return false // as most lines
	}
	filled, words, digits := 0, 0, false
	only := 0
	for i, c := range cells {
		text := strings.TrimSpace(c.text)
		if text == "" {
			if c.fault != "" {
				return false
			}
			continue
		}
		if c.number || c.fault != "" || filled == 0 && (text[0] >= '0' && text[0] <= '9' || text[0] == '+') && !(r.gap && listed.MatchString(text)) {
			return false
		}
		filled++
		only = i
		words += len(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\u00a0' }))
		digits = digits || strings.ContainsAny(text, "0123456789")
	}
	status := r.cell(cells, colStatus).text + r.cell(cells, colBlocked).text + r.cell(cells, colOpen).text
	cost := r.cell(cells, colCost).text
	switch {
	case filled == 1:
		return words >= 3 || r.gap && !digits && status == "" || only != r.layout.at[colPrefix] && only != r.layout.at[colCost] && status == "" && words >= 2 && cost == ""
	case digits, status != "":
		return false
	}
	return filled > 1 && filled <= 4 && words >= 5 && len(r.layout.roles) > 0
}

// noted counts a text beside the rates.
func (r *reader) noted(at Place, cells []cell) error {
	r.report.Lines.Notes++
	r.hears(at, cells)
	if codes, _ := currenciesOf(cells); !r.mayBe(codes) {
		return &FileError{Place: at, Text: fmt.Sprintf("the line has the currency %s, and the card has %s", codes[0], r.o.Currency)}
	}
	if err := r.dateAbove(at, cells, false); err != nil {
		return err
	}
	if len(r.report.Notes) >= maxNotes {
		return nil
	}
	var all []string
	for _, c := range cells {
		if text := strings.TrimSpace(c.text); text != "" {
			all = append(all, text)
		}
	}
	text := strings.Join(all, " ")
	if runes := []rune(text[:min(len(text), 2000)]); len(runes) > 200 {
		text = string(runes[:200]) + "…"
	}
	r.report.Notes = append(r.report.Notes, Note{at, strings.ToValidUTF8(text, "")})
	return nil
}

// mayBlock reports whether a line that cannot be read blocks its prefix, or may do so.
func (r *reader) mayBlock(cells []cell) bool {
	prefix := r.cell(cells, colPrefix).text
	if c := r.cell(cells, colCost); c.fault == "" && strings.ContainsAny(prefix, "0123456789") && !isPriced(c.text) && (!r.o.Amend || strings.TrimSpace(c.text) != "") {
		return true
	}
	if slices.ContainsFunc(cells, func(c cell) bool { is := stateOf(c.text); return is == isBlocked || is == isWithdrawn }) {
		return true // also if cells are in wrong columns
	}
	switch stateOf(r.cell(cells, colStatus).text) {
	case isBlocked, isWithdrawn:
		return true
	case notAState:
		if strings.TrimSpace(r.cell(cells, colStatus).text) != "" {
			return true
		}
	}
	if c := r.cell(cells, colBlocked); strings.TrimSpace(c.text) != "" {
		if is, known := truthOf(c.text); is || !known {
			return true
		}
	}
	if c := r.cell(cells, colOpen); r.layout.at[colOpen] >= 0 {
		if is, known := truthOf(c.text); !is || !known {
			return true
		}
	}
	return false
}

// isPriced reports whether the cell of a price holds one, though perhaps in a form that is not read. A negative number
// or a text without digits may say that there is none.
func isPriced(text string) bool {
	return strings.ContainsAny(text, "0123456789") && !strings.HasPrefix(dashes.Replace(strings.TrimSpace(text)), "-")
}
