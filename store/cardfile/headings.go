package cardfile

import (
	"slices"
	"strings"
)

// head looks for the line of headings, or uses the columns in Options.
func (r *reader) head(at Place, cells []cell) error {
	if len(r.o.Columns) > 0 {
		return r.headTold(at, cells)
	}
	found, err := byHeading(cells)
	if err != nil {
		return err
	}
	r.report.Lines.Headings++
	if found != nil {
		if err := r.heard(found); err != nil {
			return err
		}
		return r.useLayout(found)
	}
	r.listen(at, cells)
	if r.above++; r.above >= maxHeading {
		return r.noHeading()
	}
	return nil
}

func (r *reader) noHeading() error {
	return ask("columns", "no heading line has a prefix and a cost: give columns=NAMES")
}

func (r *reader) headTold(at Place, cells []cell) error {
	told, err := byPosition(r.o.Columns)
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
		}
		return r.headKept(told, cells)
	}
	return r.line(at, cells)
}

// headKept keeps a line of headings when Options names the columns.
func (r *reader) headKept(told *layout, cells []cell) error {
	told.heading = make([]string, len(cells))
	for i, c := range cells {
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
	if err := r.heard(told); err != nil {
		return err
	}
	return r.oneCurrency(told)
}

// oneCurrency refuses headings that name another currency than the card's, or
// several.
func (r *reader) oneCurrency(l *layout) error {
	card := r.o.Currency
	for _, code := range l.currencies {
		switch {
		case r.o.Currency != "" && code != r.o.Currency:
			return broken("the headings have the currency %s, and the card has %s", code, r.o.Currency)
		case card != "" && code != card:
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
		r.report.refuse(at, why)
		return nil
	case !r.layout.agrees(l):
		return &FileError{Place: at, Text: "a second heading line has other columns: import each table as a file of its own"}
	}
	r.report.Lines.Headings++
	if err := r.oneCurrency(&layout{currencies: slices.Concat(r.layout.currencies, l.currencies)}); err != nil {
		return &FileError{Place: at, Text: err.Error()}
	}
	return nil
}

// headingAgain returns the layout of a line below the headings, if the line
// names at least two columns, one of them the prefix or the cost. It returns
// nil for JSON, whose objects carry their names.
func (r *reader) headingAgain(cells []cell) *layout {
	if isJSON(r.report.Format) {
		return nil
	}
	l, _ := byNames(cells)
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
