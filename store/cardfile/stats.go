package cardfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// columnStat holds what the values of a column show.
type columnStat struct {
	name, unit, note, detail string

	of       *layout // the last one that has the column
	words    []string
	column   int // -1 if it is left out
	part     int
	answered bool
	besides  int
	samples  []string
	first    *sampleLine // the first line with a value

	lines   int
	blank   bool // some value is empty
	last    string
	varied  bool
	values  []string // up to eleven
	numbers bool     // a value is a number other than 0
	price   bool     // such as 0.05
	time    bool     // a whole number that may be an interval, such as 60
	pairs   bool     // such as 60/60
	dates   bool
	states  bool               // a value says that a price is new, old, blocked or withdrawn
	truths  bool               // a value is yes or no
	loud    bool               // a longer text has a word such as blocked or surcharge
	loudly  []string           // these words, up to eleven
	foreign bool               // every value so far is the code of a currency, and one is not the card's
	other   bool               // a value is no code of a currency
	others  bool               // a value is neither
	named   bool               // a value of a column of names is more than digits
	ends    bool               // a value says that a price is withdrawn
	says    [isSilent + 1]bool // by what a value says about the status
	nested  bool               // a value is a JSON object or array
	odd     bool               // a value says something
	digits  bool               // a value has a digit
	doubt   *sampleLine
	doubted string // the value in that line
	differs *sampleLine
	repeats int       // lines in which the prefix repeats the value
	said    *saidUnit // the unit of prices that a value states
}

func (s *columnStat) sample() string {
	if len(s.samples) > 0 {
		return s.samples[0]
	}
	return ""
}

// statsOf finds or adds the stats of the columns of a layout.
func (r *reader) statsOf(l *layout) {
	l.stats, l.watch = make([]*columnStat, len(l.roles)), nil
	for i, o := range l.roles {
		if i >= l.width && r.report.Format == CSV {
			break // a line with a value there is refused
		}
		if o.column < 0 && strings.TrimSpace(l.cells[i].text) == "" && !l.told {
			o.words = nil
		}
		name := position(l.cells, i)
		s := r.statNamed[name]
		if s == nil {
			s = &columnStat{name: name}
			r.statNamed[name] = s
			r.stats = append(r.stats, s)
		}
		s.of, s.words, s.column, s.part, s.detail, s.answered, s.besides, s.note = l, o.words, o.column, o.part, o.detail, o.answered, o.besides, o.note
		switch o.column {
		case colCost, colInter, colIntra:
			s.unit = "minute"
			if o.detail != "" {
				s.unit = o.detail
			}
		case colConnect:
			s.unit = "call"
			if o.detail != "" && o.detail != "whole" {
				s.unit = o.detail
			}
		case colStatus:
			s.unit = o.detail
		case colMCD, colPulse:
			s.unit = "seconds"
			if o.detail != "" {
				s.unit = o.detail
			}
		}
		l.stats[i] = s
		l.watch = append(l.watch, i)
	}
	slices.SortStableFunc(l.watch, func(a, b int) int { return a - b })
}

// enough is how many lines show the values of a column that is read.
const enough = 200

// observe records the values of a line.
func (r *reader) observe(at Place, cells []cell) {
	r.widen(cells)
	l := r.layout
	kept := l.watch[:0]
	for _, i := range l.watch {
		text := ""
		if i < len(cells) {
			text = strings.TrimSpace(cells[i].text)
		}
		s := l.stats[i]
		s.lines++
		s.nested = s.nested || i < len(cells) && cells[i].fault != "" && isJSON(r.report.Format)
		more := true
		switch {
		case text == "":
			s.blank = true
		default:
			more = r.value(s, at, cells, text)
		}
		if s.column >= 0 && s.lines > enough {
			more = false
		}
		if more {
			kept = append(kept, i)
		}
	}
	l.watch = kept
}

// value records a value. It reports whether further values matter.
func (r *reader) value(s *columnStat, at Place, cells []cell, text string) (more bool) {
	if len(s.samples) < 2 && !slices.Contains(s.samples, excerpt(text)) {
		s.samples = append(s.samples, strings.Clone(excerpt(text)))
		if s.first == nil {
			s.first = r.sampleOf(at, cells)
		}
	}
	if s.column == colName && !s.named {
		s.named = !allDigits(strings.TrimPrefix(text, "+"))
	}
	if s.column >= 0 || s.answered {
		return len(s.samples) < 2 || s.column == colName && !s.named
	}
	if s.besides >= 0 {
		r.beside(s, at, cells, text)
	}
	if text == s.last {
		return true
	}
	s.varied = s.varied || s.last != ""
	s.last = text
	if len(s.values) <= maxCodes && !slices.Contains(s.values, text) {
		s.values = append(s.values, strings.Clone(text))
		if len(s.values) < 5 {
			s.hears(at, text)
		}
	}
	s.classify(r, at, cells, text)
	return !(s.varied && s.numbers && s.digits && s.doubt != nil) || s.besides >= 0
}

// hears notes the unit of prices that a value states, such as Cents in a column UOM.
func (s *columnStat) hears(at Place, text string) {
	if s.said != nil || len(text) > 40 || text[0] >= '0' && text[0] <= '9' {
		return
	}
	if !unitHeads.any(s.words) {
		other := func(word string) bool { return !unitWords[word] && codeOf(word, true) == "" }
		if len(text) < 3 || slices.ContainsFunc(saidBy(text, false).words, other) {
			return
		}
	}
	whole := strings.Join(s.words, " ") + " " + text
	if units, words := saidBy(whole, false).stated(whole, ""); units != nil {
		s.said = &saidUnit{at, units, words, excerpt(s.name + ": " + text)}
	}
}

// unitWords are all words of units.
var unitWords = union(centWords, penceWords, secondWords, thousandWords, hourWords, perWords, minuteWord, perOther, setOf("in us"))

// maxCodes limits the values of a column that may be codes of a status.
const maxCodes = 10

// coded reports whether all values are short codes, such as A and D. More than three codes have one letter each.
func (s *columnStat) coded() bool {
	most := 3
	if len(s.values) > 3 {
		most = 1
	}
	return len(s.values) > 0 && len(s.values) <= maxCodes && !identities.any(s.words) && !slices.ContainsFunc(s.values, func(v string) bool {
		return len(v) > most || strings.ContainsAny(v, "0123456789") || noPrice(v)
	})
}

// opensAndCloses reports whether a column has two to four words under a heading such as Routing.
func (s *columnStat) opensAndCloses() bool {
	n := len(s.values)
	if s.blank {
		n++
	}
	return n > 1 && n < 5 && routing.any(s.words) && !identities.any(s.words) && !plain.any(s.words) && !slices.ContainsFunc(s.values, func(v string) bool { return len(v) > 40 || strings.ContainsAny(v, "0123456789") })
}

// hearsLoud notes the words of a text which say that a price is not simply in force. A negation has its next word.
func (s *columnStat) hearsLoud(text string) (is bool) {
	note := func(said string) {
		is = true
		if len(s.loudly) <= maxCodes && !slices.Contains(s.loudly, said) {
			s.loudly = append(s.loudly, strings.Clone(said))
		}
	}
	before, denies := "", false
	for word := range strings.FieldsFuncSeq(text, separates) {
		if len(word) > 20 {
			continue
		}
		word = strings.ToLower(word)
		switch {
		case denies, loudPairs[[2]string{before, word}]:
			note(before + " " + word)
		case loudWords[word] && !negations[word]:
			note(word)
		}
		before, denies = word, negations[word]
	}
	if denies && strings.Contains(text, " ") {
		note(before)
	}
	return is
}

// classify records what kind of value a text is.
func (s *columnStat) classify(r *reader, at Place, cells []cell, text string) {
	doubtful := false
	is, truth := truthOf(text)
	s.odd = s.odd || truth && !is && goodStates.any(s.words) // enabled: no
	s.others = s.others || !truth
	if len(text) == 3 && strings.ToUpper(text) == text && isCurrency(text) {
		s.foreign = s.foreign || r.o.Currency != "" && text != r.o.Currency
	} else {
		s.other = true
	}
	if len(s.loudly) <= maxCodes && len(text) <= 200 && (strings.Contains(text, " ") || stateOf(text) == notAState) && s.hearsLoud(text) {
		s.loud, doubtful = true, true
	}
	if text[0] >= 0xE3 && strings.ContainsAny(text, "不未无停禁") {
		s.loud, doubtful = true, true
	}
	switch c := text[0]; {
	case c >= '0' && c <= '9', c == '.', c == '-', c == '+', c == '$', c >= 0x80, len(text) <= 40 && strings.ContainsAny(text, "0123456789"):
		s.digits = s.digits || c >= '0' && c <= '9'
		kind := numberKind(text)
		if !s.dates && s.lines <= enough && kind != '0' && len(text) > 5 && isDate(text) {
			kind = 'd'
		}
		if kind == 0 && (c < '0' || c > '9') && c < 0x80 {
			break
		}
		s.price = s.price || kind == 'n' && (strings.ContainsAny(text, ".,$€£") || unitless(text) != text)
		s.time = s.time || kind == 'n' && mayBeInterval(text)
		s.numbers = s.numbers || kind == 'n'
		s.pairs = s.pairs || kind == 'p'
		s.dates = s.dates || kind == 'd'
		s.truths = s.truths || text == "0" || text == "1"
		doubtful = kind != 0 && kind != '0'
		s.odd = s.odd || kind != '0' && !noPrice(text)
	}
	if seconds, whole := stepsIn(text); seconds == "60" && (whole || timeDoubt.any(s.words)) {
		s.pairs, doubtful = true, true
	}
	if doubtful || text[0] >= '0' && text[0] <= '9' {
		s.mark(r, doubtful, at, cells, text)
		return
	}
	if doubtful {
		s.mark(r, true, at, cells, text)
	}
	state := stateOf(text)
	if taxWords.any(s.words) {
		state = notAState // VAT excluded
	}
	s.says[state] = s.says[state] || state != notAState
	s.ends = s.ends || state == isWithdrawn
	says := state != notAState && state != isSilent || strings.EqualFold(text, "new") || strings.EqualFold(text, "old")
	truth = truth && !strings.EqualFold(text, "x")
	s.states, s.truths = s.states || says, s.truths || truth
	if state != isSilent && !noPrice(text) && !strings.EqualFold(text, "no") && !strings.EqualFold(text, "n") && !strings.EqualFold(text, "false") || says {
		s.odd = true
		doubtful = says || truth
	}
	s.mark(r, doubtful, at, cells, text)
}

// mark keeps the first line with a doubtful value, or else the first one.
func (s *columnStat) mark(r *reader, doubtful bool, at Place, cells []cell, text string) {
	if doubtful && s.doubt == nil {
		s.doubt, s.doubted = r.sampleOf(at, cells), strings.Clone(text)
	}
}

// numberKind returns 'n' for a number, '0' for a zero, 'p' for a pair such as 60/60, 'd' for a date, and 0
// for another text.
func numberKind(text string) byte {
	if len(text) > 40 {
		return 0
	}
	if _, _, is := stepPair(text); is {
		return 'p'
	}
	text = unitless(text)
	slashes, others, digits, zero := 0, 0, 0, true
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			digits++
			zero = zero && c == '0'
		case c == '/':
			slashes++
		case strings.ContainsRune(".,+ %$€£:-", c):
			if c == ':' || c == '-' {
				others++
			}
		default:
			return 0
		}
	}
	switch {
	case digits == 0:
		return 0
	case slashes == 1 && digits <= 10:
		return 'p'
	case slashes > 1, others > 1:
		return 'd'
	case zero:
		return '0'
	}
	return 'n'
}

// stepPair divides two intervals such as 60-60, 60 60, 1x1 and 30|6.
func stepPair(text string) (first, next string, is bool) {
	if len(text) < 3 || len(text) > 9 {
		return "", "", false
	}
	at := strings.IndexAny(text, "-+x| :")
	if at < 1 || text[at] == ' ' && len(text)-at == 4 { // 1 300 is one number
		return "", "", false
	}
	first, next = text[:at], strings.TrimLeft(text[at:], " ")
	if next = strings.TrimLeft(strings.TrimLeft(next, "-+x|:"), " "); first == "0" {
		return first, next, next == "1" || mayBeInterval(next)
	}
	return first, next, (first == "1" || mayBeInterval(first)) && (next == "1" || mayBeInterval(next))
}

// fully are the words beside a unit of time which say that each started one is billed.
var fully = setOf("full whole started begun complete entire volle volltakt angefangene entero completo entière entamée inteiro intero vollen")

// stepsIn returns the seconds of increments in words, such as full minute and per second, or "".
func stepsIn(text string) (seconds string, whole bool) {
	if len(text) > 40 || strings.ContainsAny(text, "0123456789") {
		return "", false
	}
	for word := range strings.FieldsFuncSeq(strings.ToLower(text), separates) {
		switch {
		case minuteWord[word], minuteWords[word]:
			seconds = "60"
		case secondWords[word]:
			seconds = "1"
		case word == "minutengenau", word == "minutentakt":
			seconds, whole = "60", true
		case word == "sekundengenau", word == "sekundentakt":
			seconds, whole = "1", true
		case fully[word]:
			whole = true
		case !perWords[word] && word != "each" && word != "every" && word != "billing" && word != "billed":
			return "", false
		}
	}
	return seconds, whole
}

// unitless returns a text without its currencies and units of time: 60/60 for 60s/60s. It returns the text if
// another word stands there.
func unitless(text string) string {
	if !strings.ContainsFunc(text, unicode.IsLetter) {
		return text
	}
	var out strings.Builder
	for rest := text; rest != ""; {
		end := strings.IndexFunc(rest, func(c rune) bool { return !unicode.IsLetter(c) })
		if end < 0 {
			end = len(rest)
		}
		if word := rest[:end]; word != "" {
			lower := strings.ToLower(word)
			if lower != "s" && !secondWords[lower] && !minuteWord[lower] && codeOf(word, true) == "" {
				return text
			}
			rest = rest[end:]
			continue
		}
		_, size := utf8.DecodeRuneInString(rest)
		out.WriteString(rest[:size])
		rest = rest[size:]
	}
	return strings.TrimSpace(out.String())
}

// mayBeInterval reports whether a number may be the seconds of an interval: a part of a minute, or whole minutes.
func mayBeInterval(text string) bool {
	text = unitless(text)
	n := atoi(text)
	return allDigits(text) && len(text) < 4 && n > 4 && (60%n == 0 || n%60 == 0)
}

// beside compares a part of the prefix with the whole prefix.
func (r *reader) beside(s *columnStat, at Place, cells []cell, text string) {
	text = strings.TrimLeft(strings.TrimPrefix(text, "+"), "0")
	if len(r.prefixed) == 0 || !allDigits(text) {
		return
	}
	prefix, several := r.prefixed[0].String(), len(r.prefixed) > 1
	switch {
	case s.besides == colCountry && strings.HasPrefix(prefix, text), s.besides == colArea && strings.HasSuffix(prefix, text),
		s.besides == colArea && several && strings.Contains(prefix, text):
		s.repeats++
	case s.differs == nil:
		s.differs = r.sampleOf(at, cells)
	}
}

// askColumns asks about the columns that are left out although they may matter.
func (r *reader) askColumns() {
	for _, s := range r.stats {
		if s.column == colName {
			r.askLoudName(s)
		}
		if s.column == colName && !s.named && halves.any(s.words) && !s.answered && len(s.samples) > 0 && !isJSON(r.report.Format) {
			r.askName(s)
		}
		if s.column >= 0 || s.answered || len(s.samples) == 0 && !s.nested || r.report.Format == JSON && standardFields[s.name] {
			continue
		}
		if s.besides >= 0 {
			r.askBeside(s)
			continue
		}
		doubt, key := doubtfulHeading(strings.Join(s.words, " "))
		if s.said != nil {
			r.saidUnits = append(r.saidUnits, *s.said)
		}
		varies, few := s.varied || s.blank || s.lines == 1, len(s.values) <= maxCodes
		switch {
		case (doubt || key && s.digits) && s.odd, s.loud, s.nested, s.foreign && !s.other, s.dates, s.pairs, s.says[isBlocked], s.says[isWithdrawn], s.opensAndCloses(),
			varies && (s.numbers || s.states), varies && s.truths && few && s.odd, (s.varied || s.blank) && s.coded(), s.said != nil && len(s.values) > 1,
			!varies && s.constant():
			r.askColumn(s)
		}
	}
}

// constant reports whether the only value of a column may be a price, an interval that no column has, or the answer of
// a question such as whether a route is barred.
func (s *columnStat) constant() bool {
	if identities.any(s.words) || plain.any(s.words) {
		return false
	}
	return s.price || s.time && (s.of.at[colPulse] < 0 || s.of.at[colMCD] < 0) || s.truths && s.odd && !s.numbers
}

// checkName notes that the name of an open price says that it is blocked.
func (r *reader) checkName(at Place, cells []cell, name string) {
	r.checked = name
	i := r.layout.at[colName]
	if r.countOnly || r.quiet || i < 0 || i >= len(r.layout.stats) {
		return
	}
	if s := r.layout.stats[i]; s != nil {
		word := blockWord(name)
		if word == "" {
			word = denialIn(name)
		}
		if word != "" && len(s.loudly) <= maxCodes && !slices.Contains(s.loudly, word) {
			s.loudly = append(s.loudly, word)
			s.mark(r, true, at, cells, name)
		}
	}
}

// askLoudName asks whether the names of open prices that say that they are blocked are only names.
func (r *reader) askLoudName(s *columnStat) {
	meant := func(a answer) bool {
		return a.column == colName && find(s.of.cells, a.whole) >= 0 && s.of.at[colName] == find(s.of.cells, a.whole)
	}
	if len(s.loudly) == 0 || slices.ContainsFunc(r.answers, meant) {
		return
	}
	r.ask(Question{Code: "column", Option: "map", Column: s.name, Sample: s.doubted, on: s.doubt, About: s.kinds(), Choices: mapTo(s.name, []string{"name"}),
		Text: fmt.Sprintf("the name %q says %q, and nothing else blocks the prefix: give it as blocked, or give \"map=%s=name\" if it is open", excerpt(s.doubted), s.loudly[0], s.name)})
}

// askName asks whether a column of names that holds only digits is a part of the prefix.
func (r *reader) askName(s *columnStat) {
	whole := s.of.at[colPrefix]
	if whole < 0 || len(s.of.parts) > 0 {
		return
	}
	name := position(s.of.cells, whole)
	r.ask(Question{Code: "prefix", Option: "map", Column: s.name, Sample: s.sample(), on: s.first,
		Text:    fmt.Sprintf("the column %q has no names, but digits, so it may be a part of the prefix", s.name),
		Choices: []Choice{{Parameter: "map", Value: s.name + "+" + name + "=prefix"}, {Parameter: "map", Value: name + "+" + s.name + "=prefix"}, {Parameter: "map", Value: s.name + "=name"}}})
}

func (r *reader) askBeside(s *columnStat) {
	if s.differs == nil {
		return
	}
	whole := s.of.at[colPrefix]
	name := position(s.of.cells, whole)
	both, part := s.name+"+"+name, "beginning"
	if s.besides == colArea {
		both, part = name+"+"+s.name, "end"
	}
	if country, area := r.differing(s.of, colCountry), r.differing(s.of, colArea); country != nil && area != nil {
		both = country.name + "+" + area.name + "+" + name
	}
	r.ask(Question{Code: "prefix", Option: "map", Column: s.name, Sample: s.sample(), on: s.differs,
		Text:    fmt.Sprintf("the column %q is not the %s of %q in every line, so both may form the prefix", s.name, part, name),
		Choices: []Choice{{Parameter: "map", Value: both + "=prefix"}, {Parameter: "map", Value: name + "=prefix"}}})
}

// differing returns the column beside the prefix that it does not repeat, or nil.
func (r *reader) differing(of *layout, besides int) *columnStat {
	at := slices.IndexFunc(r.stats, func(s *columnStat) bool { return s.of == of && s.besides == besides && s.differs != nil })
	if at < 0 {
		return nil
	}
	return r.stats[at]
}

// standardFields are the fields of open rate card JSON that cards do not have and that change no price. Other fields
// may have any meaning.
var standardFields = setOf("carrier country_code destination_type mcc mnc region")

// kinds names the kinds of values of a column.
func (s *columnStat) kinds() (all []string) {
	for _, is := range []struct {
		name string
		is   bool
	}{{"numbers", s.numbers}, {"pairs", s.pairs}, {"dates", s.dates}, {"yes or no", s.truths}, {"loud", s.loud}, {"currencies", s.foreign && !s.other},
		{"open", s.says[isOpen]}, {"blocked", s.says[isBlocked]}, {"withdrawn", s.says[isWithdrawn]}, {"new or old", s.says[isSilent]}, {"nested", s.nested}} {
		if is.is {
			all = append(all, is.name)
		}
	}
	for _, word := range s.loudly {
		all = append(all, "says "+word)
	}
	if s.coded() || s.opensAndCloses() {
		for _, code := range s.values {
			if stateOf(code) == notAState {
				all = append(all, "code "+code)
			}
		}
	}
	return all
}

// onlyDigits reports whether a text is digits, or a list of them.
func onlyDigits(text string) bool {
	return text[0] >= '0' && text[0] <= '9' && !strings.ContainsFunc(text, func(c rune) bool { return !strings.ContainsRune("0123456789,;/ -", c) })
}

// askColumn asks what a column means.
func (r *reader) askColumn(s *columnStat) {
	free := func(column int) bool { return s.of.at[column] < 0 }
	var may []string
	add := func(column int, meaning string) {
		if free(column) {
			may = append(may, meaning)
		}
	}
	if !slices.ContainsFunc(s.values, func(v string) bool { return v != "0" && v != "1" }) && (len(s.values) > 1 || !timeDoubt.any(s.words)) {
		s.numbers = false // they say yes and no
	}
	state := free(colStatus) && free(colBlocked) && free(colOpen)
	switch {
	case s.states && s.ends && state:
		may = append(may, "status:block", "status:remove")
	case s.states && state:
		may = append(may, "status")
	}
	if s.truths && !s.others && state {
		may = append(may, "blocked", "open")
	}
	if s.foreign && !s.other {
		add(colCurrency, "currency")
	}
	if s.dates && !endWords.any(s.words) {
		add(colFrom, "effective_date")
	}
	if s.pairs {
		add(colPulse, "pulse")
	}
	if s.numbers {
		price, time := priceDoubt.any(s.words), timeDoubt.any(s.words)
		if price || !time {
			add(colConnect, "connect")
		}
		if time || !price {
			add(colMCD, "mcd")
			add(colPulse, "pulse")
		}
	}
	choices := mapTo(s.name, may)
	if s.numbers && (priceCore.any(s.words) || free(colCost)) {
		choices = append(mapTo(s.name, []string{"cost"}), choices...)
	}
	if whole := s.of.at[colPrefix]; s.numbers && !priceDoubt.any(s.words) && !timeDoubt.any(s.words) && whole >= 0 && len(s.of.parts) == 0 && !slices.ContainsFunc(s.values, func(v string) bool { return !onlyDigits(v) }) {
		name := position(s.of.cells, whole)
		if column, _, _, _ := columnFor(s.of.headingOf(whole)); column == colArea {
			choices = append(choices, mapTo(s.name+"+"+name, []string{"prefix"})...)
		}
		choices = append(choices, mapTo(name+"+"+s.name, []string{"prefix"})...)
	}
	choices = append(choices, Choice{Parameter: "ignore", Value: s.name})
	on, sample := s.doubt, s.doubted
	if on == nil {
		on, sample = s.first, s.sample()
	}
	r.ask(Question{Code: "column", Option: "map", Column: s.name, Sample: sample, on: on, Choices: choices, About: s.kinds(),
		Text: fmt.Sprintf("the column %q is not understood: give \"map=%s=MEANING\", or \"ignore=%s\" to leave it out", s.name, s.name, s.name)})
}
