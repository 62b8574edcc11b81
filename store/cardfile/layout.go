package cardfile

import (
	"fmt"
	"slices"
	"strings"
)

// layout holds the positions of the columns in a file or sheet, -1 for an
// absent column.
type layout struct {
	at         [columnCount]int
	names      [columnCount]string // the file's names for the columns
	details    [columnCount]string // as in an answer
	parts      []int               // columns that form the prefix together; nil for one column
	ignored    []string
	told       bool     // given by Options.Columns, not by a heading
	amend      bool     // the price may be missing
	width      int      // number of columns, including ignored ones
	cells      []cell   // the names of all columns; nil if there are none
	heading    []string // cells of the heading line; nil if there is none
	currencies []string // currencies that the headings name
	npanxx     bool     // the heading of the prefix column says NPA-NXX
	roles      []role   // of all columns
	open       []Question
	wrong      error // what no answer can mend

	stats []*columnStat
	watch []int // columns whose stats are not complete
}

// role is the meaning of a column of a file.
type role struct {
	column   int // -1 if it is left out
	words    []string
	detail   string
	part     int    // of a prefix in several columns, from 1
	answered bool   // nothing is asked about it
	besides  int    // colCountry or colArea beside a whole prefix; -1 for others
	note     string // why it is left out
}

func emptyLayout() *layout {
	l := &layout{}
	for i := range l.at {
		l.at[i] = -1
	}
	return l
}

// complete reports whether a layout has the prefix and the price. An amendment may have another column in place of the
// price.
func (l *layout) complete() bool {
	if l.at[colPrefix] < 0 {
		return false
	}
	for _, column := range []int{colCost, colName, colInter, colIntra, colMCD, colPulse, colConnect, colStatus, colBlocked, colOpen} {
		if l.at[column] >= 0 && (column == colCost || l.amend) {
			return true
		}
	}
	return false
}

// layoutOf finds the columns in a line of headings. It returns nil if the line is not a
// heading.
func (r *reader) layoutOf(cells []cell) (*layout, error) {
	if len(r.o.Columns) > 0 {
		return r.byPosition()
	}
	l := r.byNames(cells)
	if !l.complete() {
		return nil, nil
	}
	l.heading = make([]string, len(cells))
	for i, c := range cells {
		l.heading[i] = c.text
	}
	return l, l.wrong
}

// byNames finds the columns by the answers and by their names.
func (r *reader) byNames(names []cell) *layout {
	names = r.answered(names)
	l := emptyLayout()
	l.roles, l.amend = make([]role, len(names)), r.o.Amend
	var codes [maxCells][]string
	for i, c := range names {
		column, words, named, known := columnFor(c.text)
		codes[i] = named
		l.roles[i] = role{column: -1, words: strings.Fields(words), besides: -1}
		if known {
			l.roles[i].column = column
		}
		if strings.TrimSpace(c.text) != "" {
			l.width = i + 1
		}
	}
	l.cells = names
	r.answer(l)
	l.findRange()
	l.findPrefix()
	l.findCost()
	l.findOthers()
	for i := range l.roles {
		o := &l.roles[i]
		name := excerpt(names[i].text)
		switch {
		case o.column >= 0:
			if l.at[o.column] < 0 {
				l.at[o.column] = i
			}
			l.names[o.column] = name
			if l.details[o.column] == "" {
				l.details[o.column] = o.detail
			}
			l.currencies = append(l.currencies, codes[i]...)
		case strings.TrimSpace(name) != "":
			l.ignored = append(l.ignored, name)
		}
	}
	if len(l.parts) > 0 {
		l.at[colPrefix] = l.parts[0]
		var all []string
		for _, i := range l.parts {
			all = append(all, excerpt(names[i].text))
		}
		l.names[colPrefix] = strings.Join(all, "+")
	}
	r.askUnits(l)
	return l
}

// answered adds the columns of a sheet without a heading that answers name by their positions, behind the last heading.
func (r *reader) answered(names []cell) []cell {
	for _, a := range r.answers {
		for _, name := range append([]string{a.whole}, a.columns...) {
			if n, is := positionOf(name); is && r.report.Format == XLSX && find(names, name) < 0 && n <= maxCells {
				names = append(names, make([]cell, n-len(names))...)
			}
		}
	}
	return names
}

// widen adds the columns behind the last heading of a sheet in which a row has a value. Their names are their positions.
func (r *reader) widen(cells []cell) {
	l := r.layout
	if r.report.Format != XLSX || len(cells) <= len(l.roles) || blank(cells[len(l.roles):]) {
		return
	}
	before := len(l.roles)
	for range len(cells) - before {
		l.cells = append(l.cells, cell{})
		l.roles = append(l.roles, role{column: -1, besides: -1})
	}
	earlier := len(l.stats) > 0 && l.stats[0].lines > 0
	r.statsOf(l)
	for _, s := range l.stats[before:] {
		s.blank = s.blank || earlier
	}
}

// answer applies the options that say what columns mean.
func (r *reader) answer(l *layout) {
	for n, a := range r.answers {
		if at := find(l.cells, a.whole); at >= 0 {
			o := &l.roles[at]
			o.column, o.detail, o.answered, r.used[n] = a.column, a.detail, true, true
			if a.column < 0 {
				o.note = "the caller leaves it out"
			}
			continue
		}
		var parts []int
		for _, name := range a.columns {
			if at := find(l.cells, name); at >= 0 {
				parts = append(parts, at)
			}
		}
		if a.column != colPrefix || len(parts) != len(a.columns) || len(parts) < 2 {
			continue
		}
		r.used[n] = true
		l.join(parts)
		l.details[colPrefix] = a.detail
		for _, at := range parts {
			l.roles[at].answered = true
		}
	}
}

func (l *layout) join(parts []int) {
	l.parts = parts
	for n, at := range parts {
		l.roles[at].column, l.roles[at].part = colPrefix, n+1
		l.npanxx = l.npanxx || slices.Equal(l.roles[at].words, []string{"npa"})
	}
}

// those returns the columns with a role, answered or not.
func (l *layout) those(column int, answered bool) (at []int) {
	for i, o := range l.roles {
		if o.column == column && o.answered == answered {
			at = append(at, i)
		}
	}
	return at
}

// leave leaves out a column without a question.
func (l *layout) leave(at []int, note string) {
	for _, i := range at {
		l.roles[i].column, l.roles[i].answered, l.roles[i].note = -1, true, note
	}
}

// choices are the answers that take one of several columns for one purpose.
func (l *layout) choices(at []int, meaning string) (all []Choice) {
	for _, i := range at {
		all = append(all, mapTo(position(l.cells, i), []string{meaning})...)
	}
	return all
}

// twice reports whether the first two of some columns have one heading.
func (l *layout) twice(at []int) bool {
	return len(at) > 1 && SameName(l.cells[at[0]].text, l.cells[at[1]].text)
}

var completeWords = setOf("complete full")

// The words of headings of a range of prefixes in two columns.
var (
	rangeNouns  = setOf("range ranges number numbers digits prefix prefixes code codes dial dialing dialling destination b")
	rangeStarts = setOf("from start begin beginning first low lower")
	rangeEnds   = setOf("to end last until high upper")
)

// findRange asks about a range of prefixes in two columns, such as From Code and To Code.
func (l *layout) findRange() {
	var from, to []int
	for i, o := range l.roles {
		strange := func(w string) bool { return !rangeNouns[w] && !rangeStarts[w] && !rangeEnds[w] }
		switch {
		case o.answered || o.column >= 0 && o.column != colPrefix || !rangeNouns.any(o.words) || slices.ContainsFunc(o.words, strange):
		case rangeEnds.any(o.words):
			to = append(to, i)
		default:
			from = append(from, i)
		}
	}
	switch {
	case len(to) != 1 || len(l.parts) > 0:
	case len(l.those(colPrefix, true)) > 0:
		l.leave(to, "the caller takes another column for the prefix")
	case len(from) == 1 && len(l.those(colCountry, false))+len(l.those(colArea, false)) == 0:
		first, last := position(l.cells, from[0]), position(l.cells, to[0])
		l.open = append(l.open, Question{Code: "prefix", Option: "map", Column: first,
			Text:    fmt.Sprintf("%q and %q may be the first and the last prefix of a range", excerpt(l.cells[from[0]].text), excerpt(l.cells[to[0]].text)),
			Choices: append(mapTo(first+"+"+last, []string{"prefix:range"}), mapTo(first, []string{"prefix"})...)})
		l.join([]int{from[0], to[0]})
		l.details[colPrefix] = "range"
	}
}

// findPrefix finds the columns that form the prefix.
func (l *layout) findPrefix() {
	whole, country, area := l.those(colPrefix, false), l.those(colCountry, false), l.those(colArea, false)
	if len(l.parts) > 0 || len(l.those(colPrefix, true)) > 0 {
		l.leave(slices.Concat(whole, country, area), "another column is the prefix")
		return
	}
	full := slices.DeleteFunc(slices.Clone(whole), func(i int) bool { return !completeWords.any(l.roles[i].words) })
	if len(full) == 1 {
		l.leave(slices.DeleteFunc(whole, func(i int) bool { return i == full[0] }), "another column is the complete prefix")
		whole = full
	}
	switch {
	case len(whole) > 1 && l.twice(whole) && l.twice(l.those(colCost, false)):
		l.wrong = ask("columns", "the columns %q and %q stand there twice, so two tables stand side by side: "+
			"import each as a file of its own, or give columns=NAMES with - for those of the other table", excerpt(l.cells[whole[0]].text),
			excerpt(l.cells[l.those(colCost, false)[0]].text))
	case len(whole) > 1:
		l.open = append(l.open, Question{Code: "prefix", Option: "map", Column: position(l.cells, whole[0]), Choices: l.choices(whole, "prefix"),
			Text: fmt.Sprintf("both %q and %q may be the column prefix", excerpt(l.cells[whole[0]].text), excerpt(l.cells[whole[1]].text))})
		l.leave(whole[1:], "another column is taken for the prefix")
		l.leave(slices.Concat(country, area), "")
	case len(whole) == 1:
		for _, i := range slices.Concat(country, area) {
			o := &l.roles[i]
			o.column, o.besides, o.note = -1, o.column, "the prefix repeats it"
		}
	case len(country) == 1 && len(area) == 1:
		l.join([]int{country[0], area[0]})
	case len(country)+len(area) == 1:
		half := slices.Concat(country, area)
		l.open = append(l.open, Question{Code: "prefix", Option: "map", Column: position(l.cells, half[0]), Choices: l.choices(half, "prefix"),
			Text: fmt.Sprintf("the column %q may be only half of the prefix", excerpt(l.cells[half[0]].text))})
		l.roles[half[0]].column = colPrefix
	case len(country)+len(area) > 1:
		l.askParts(country, area)
	}
}

// askParts asks which of several columns form the prefix together, and goes on with all of them in their order.
func (l *layout) askParts(country, area []int) {
	all := slices.Sorted(slices.Values(slices.Concat(country, area)))
	q := Question{Code: "prefix", Option: "map", Column: position(l.cells, all[0]), Text: fmt.Sprintf("%d columns may each be a part of the prefix", len(all))}
	offer := func(parts ...int) {
		var names []string
		for _, i := range parts {
			names = append(names, position(l.cells, i))
		}
		q.Choices = append(q.Choices, Choice{Parameter: "map", Value: strings.Join(names, "+") + "=prefix"})
	}
	offer(all...)
	for _, i := range country {
		for _, j := range area {
			offer(i, j)
		}
	}
	for _, i := range all {
		offer(i)
	}
	l.open = append(l.open, q)
	l.join(all[:min(len(all), maxKeyParts)])
	l.leave(all[min(len(all), maxKeyParts):], "other columns are the prefix")
}

// ordinal reports whether a heading has one of the words, apart from a number of minutes or seconds.
func (o *role) ordinal(set wordSet) bool {
	for n, word := range o.words {
		counts := allDigits(word) && n+1 < len(o.words) && (minuteWord[o.words[n+1]] || secondWords[o.words[n+1]])
		if set[word] && !counts {
			return true
		}
	}
	return false
}

// priced returns the columns of prices in whose headings one of the words stands.
func (l *layout) priced(set wordSet) (at []int) {
	for i := range l.roles {
		o := &l.roles[i]
		named := priceNouns.any(o.words) || !timeNouns.any(o.words) && (priceCore.any(o.words) || minuteWord.any(o.words))
		if !o.answered && (o.column == colCost || o.column < 0 && named) && o.ordinal(set) {
			at = append(at, i)
		}
	}
	return at
}

// intervals refuses prices of a first interval and of those after it.
func (l *layout) intervals() {
	told, costs := l.those(colCost, true), l.those(colCost, false)
	first, later := l.priced(firstWords), l.priced(laterWords)
	clearly := slices.DeleteFunc(slices.Clone(first), func(i int) bool {
		return !slices.ContainsFunc(l.roles[i].words, func(w string) bool { return firstWords[w] && w != "1" })
	})
	several := func(some []int) bool { return len(some) > 0 && len(told)+len(costs) > len(some) }
	if l.wrong != nil || len(clearly) == 0 && !several(first) && !several(later) {
		return
	}
	others := slices.DeleteFunc(costs, func(i int) bool { return slices.Contains(later, i) })
	at := slices.Concat(clearly, first, others, later)[0]
	name := position(l.cells, at)
	l.wrong = ask("ignore", "the column %q is a first interval with its own price, or stands beside one, and cards have one price a minute: "+
		"ask the carrier for one price, or give \"ignore=%s\" to leave the column out, or \"map=%s=MEANING\" if it means something else", excerpt(l.cells[at].text), name, name)
}

// findCost finds the column of the price. Beside an old price it takes the new one.
func (l *layout) findCost() {
	l.intervals()
	costs := l.those(colCost, false)
	if len(l.those(colCost, true)) > 0 {
		l.leavePrices(costs, union(plainPrice, pricesOfSides), "another column is the price")
		return
	}
	marked := func(set wordSet) (at []int) {
		for _, i := range costs {
			if set.any(l.roles[i].words) {
				at = append(at, i)
			}
		}
		return at
	}
	fresh, old := marked(newWords), marked(oldWords)
	rest := slices.DeleteFunc(slices.Clone(costs), func(i int) bool { return slices.Contains(old, i) })
	chosen := costs
	switch {
	case len(costs) < 2:
	case len(fresh) == 1:
		chosen = fresh
	case len(rest) == 1 && len(marked(datedWords)) == 0:
		chosen = rest
	}
	if len(chosen) == 1 && len(costs) > 1 {
		l.leavePrices(slices.DeleteFunc(slices.Clone(costs), func(i int) bool { return i == chosen[0] }), plainPrice, "it is the old price")
		return
	}
	if len(costs) > 1 {
		l.open = append(l.open, Question{Code: "cost", Option: "map", Column: position(l.cells, costs[0]), Choices: l.choices(costs, "cost"),
			Text: fmt.Sprintf("both %q and %q may be the column cost", excerpt(l.cells[costs[0]].text), excerpt(l.cells[costs[1]].text))})
		l.leave(costs[1:], "another column is taken for the price")
	}
	if len(costs) == 1 && l.doubtfulCost(costs[0], len(old) == 1) {
		l.open = append(l.open, Question{Code: "cost", Option: "map", Column: position(l.cells, costs[0]), Choices: l.choices(costs, "cost"),
			Text: fmt.Sprintf("the column %q may not be the price that applies", excerpt(l.cells[costs[0]].text))})
	}
}

// The words of headings that say no more than that a column is a price a minute, or the price of one side.
var (
	plainPrice    = union(priceNouns, setOf("tariff tarifs tarifa tarifas pricing per je pro por par a the in us voice"), newWords, oldWords, setOf("dollar dollars usd euro euros pound pounds"))
	pricesOfSides = setOf("buy buying sell selling purchase sale base basic net std standard default termination terminating wholesale carrier dest destination")
)

// leavePrices leaves out prices beside the one that applies. A column that has an old word, or no word but those of
// plain, needs no question. Another one may be a fee or a minimum charge, so that it is asked about if it has values.
func (l *layout) leavePrices(at []int, plain wordSet, note string) {
	for _, i := range at {
		words := l.roles[i].words
		minutes := func(n int) bool { // rate per min, but not min rate
			return minuteWord[words[n]] && (n > 0 || len(words) == 1 || len(words[n]) > 4)
		}
		strange := false
		for n, word := range words {
			strange = strange || !plain[word] && !minutes(n)
		}
		if !strange || oldWords.any(words) {
			l.leave([]int{i}, note)
			continue
		}
		l.roles[i].column, l.roles[i].note = -1, ""
	}
}

// doubtfulCost reports whether the only price may be an old one, or one of some intervals. The caller may have left out
// the price of the others.
func (l *layout) doubtfulCost(at int, old bool) bool {
	leftOut := slices.ContainsFunc(l.roles, func(o role) bool { return o.answered && o.column < 0 })
	return old && !setOf("current present actual").any(l.roles[at].words) ||
		len(l.priced(firstWords)) > 0 || len(l.priced(laterWords)) > 0 && !leftOut
}

// findOthers takes one column for each other purpose.
func (l *layout) findOthers() {
	for column := range columnCount {
		if column == colPrefix || column == colCost {
			continue
		}
		told, found := l.those(column, true), l.those(column, false)
		switch {
		case len(told) > 0:
			l.leave(found, "another column has its meaning")
		case len(found) < 2:
		case column == colName:
			best := slices.MinFunc(found, func(a, b int) int { return l.nameRank(a) - l.nameRank(b) })
			for _, i := range found {
				if i != best {
					l.roles[i].column, l.roles[i].note = -1, "another column is the name"
				}
			}
		default:
			l.open = append(l.open, Question{Code: columnNames[column], Option: "map", Column: position(l.cells, found[0]),
				Choices: l.choices(found, columnNames[column]), Text: fmt.Sprintf("both %q and %q may be the column %s",
					excerpt(l.cells[found[0]].text), excerpt(l.cells[found[1]].text), columnNames[column])})
			l.leave(found[1:], "another column is taken in its place")
		}
	}
}

// nameRank orders columns of names as their synonyms are.
func (l *layout) nameRank(i int) int {
	if rank := slices.Index(synonyms[colName], strings.Join(l.roles[i].words, " ")); rank >= 0 {
		return rank
	}
	return slices.IndexFunc([]bool{slices.Contains(l.roles[i].words, "destination"), true}, func(is bool) bool { return is }) + 2
}

// byPosition returns the layout for columns that Options names by position.
func (r *reader) byPosition() (*layout, error) {
	names, l := r.o.Columns, emptyLayout()
	l.told, l.width, l.amend = true, len(names), r.o.Amend
	for i, name := range names {
		name = strings.TrimSpace(name)
		l.cells = append(l.cells, cell{text: name})
		l.roles = append(l.roles, role{column: -1, besides: -1, answered: true, note: "the caller leaves it out"})
		if name == "-" || name == "" {
			l.cells[i].text = ""
			continue
		}
		column, _, codes, known := columnFor(name)
		if !known || column == colCountry || column == colArea {
			return nil, ask("columns", "%q is not a column", excerpt(name))
		}
		if l.at[column] >= 0 {
			return nil, ask("columns", "the column %s is named twice", columnNames[column])
		}
		l.at[column], l.names[column], l.roles[i].column = i, name, column
		l.currencies = append(l.currencies, codes...)
	}
	for n, a := range r.answers { // the names say what the columns mean, and an answer in which unit they are
		if at := find(l.cells, a.whole); at >= 0 && l.roles[at].column == a.column {
			l.roles[at].detail, r.used[n] = a.detail, true
			if a.column >= 0 {
				l.details[a.column] = a.detail
			}
		}
	}
	if !l.complete() {
		return nil, ask("columns", "the columns prefix and cost are needed")
	}
	return l, nil
}
