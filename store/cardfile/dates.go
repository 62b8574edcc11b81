package cardfile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// zoned are the accepted forms of dates with a time zone.
var zoned = []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -07:00"}

// The reasons that concern the whole file rather than one line.
const (
	noZone   = "has no time zone"
	notADate = "is not a date"
)

// datedCell is a date that was read before.
type datedCell struct {
	at     time.Time
	reason string
}

const maxDatedCells = 1000

var immediately = setOf("asap immediate immediately now sofort inmediato inmediatamente immédiat immédiatement imediato немедленно 立即")

// date reads the moment from which a row is in force. It remembers the dates of a file, which
// are few.
func (r *reader) date(c cell) (time.Time, string) {
	if c.number {
		return r.serial(strings.TrimSpace(c.text))
	}
	if d, known := r.dates[c.text]; known {
		return d.at, d.reason
	}
	at, reason := r.newDate(strings.TrimSpace(c.text))
	if len(r.dates) < maxDatedCells && reason != noZone {
		r.dates[strings.Clone(c.text)] = datedCell{at, reason}
	}
	return at, reason
}

func (r *reader) newDate(text string) (time.Time, string) {
	if words := strings.Fields(strings.ToLower(text)); len(words) > 0 && immediately[words[0]] || strings.EqualFold(text, "with immediate effect") {
		return time.Time{}, ""
	}
	for _, form := range zoned {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), plausible(t)
		}
	}
	zone := r.o.Zone
	if rest, utc := strings.CutSuffix(text, " UTC"); utc {
		text, zone = rest, time.UTC
	} else if rest, gmt := strings.CutSuffix(text, " GMT"); gmt {
		text, zone = rest, time.UTC
	}
	w, ok := wallOf(text)
	if !ok {
		return time.Time{}, notADate
	}
	r.dots(&w, text)
	if year, may := r.yearFirst(w); may && r.layout != nil {
		if !r.asksYear(text) {
			return time.Time{}, notADate
		}
		if r.layout != nil && r.layout.details[colFrom] == "ymd" {
			w = year
		}
	}
	r.see(&w, r.at, text)
	if r.fault = r.orders.fault(); r.fault != nil {
		return time.Time{}, notADate
	}
	if w.unordered() && !w.dotted {
		if !r.order(text) {
			return time.Time{}, notADate
		}
	}
	w.sort(r.monthFirst())
	if !w.valid() {
		return time.Time{}, notADate
	}
	if zone == nil {
		t := w.in(time.UTC)
		if !r.o.Now.IsZero() && t.Add(24*time.Hour).Before(r.o.Now) {
			return t, plausible(t) // past in every zone
		}
		return t, noZone
	}
	return r.moment(w, zone, text)
}

// yearFirst returns a date such as 26/12/24 read with the year first, and whether it may mean that.
func (r *reader) yearFirst(w wall) (wall, bool) {
	if !w.short || w.first == 0 || w.dotted {
		return w, false
	}
	year := w
	year.year, year.month, year.day, year.first, year.second = 2000+w.first, w.second, w.year-2000, 0, 0
	at := year.in(time.UTC)
	return year, year.valid() && w.first != w.year-2000 && (r.layout != nil && r.layout.details[colFrom] == "ymd" ||
		at.After(r.o.Now.AddDate(-1, 0, 0)) && at.Before(r.o.Now.AddDate(2, 0, 0)))
}

// asksYear asks whether dates such as 26/12/24 begin with the year, unless another date of the column shows that
// they do not. It reports whether reading can go on.
func (r *reader) asksYear(text string) bool {
	if r.layout.details[colFrom] != "" || r.quiet && r.proof == nil {
		return true
	}
	if r.layout.at[colFrom] < 0 {
		return false // no answer can say it
	}
	p, err := r.proved()
	if err != nil {
		r.fault = err
		return false
	}
	if !p.yearLast {
		name := position(r.layout.cells, r.layout.at[colFrom])
		r.ask(Question{Code: "date_order", Option: "map", Column: name, Sample: text, on: r.sampleOf(r.at, r.cells),
			Text:    fmt.Sprintf("the date %q may begin with the year: give \"map=%s=effective_date:ymd\" if it does, or \"map=%s=effective_date:dmy\" or \"map=%s=effective_date:mdy\"", excerpt(text), name, name, name),
			Choices: mapTo(name, []string{"effective_date:dmy", "effective_date:mdy", "effective_date:ymd"})})
	}
	return true
}

// dots asks for the order of dates such as 01.12.2026, in which the day usually comes first, if another date of the
// column has the month first.
func (r *reader) dots(w *wall, text string) {
	if w.dotted && w.unordered() {
		r.dotted = cmp.Or(r.dotted, text)
	}
	if r.dotted != "" && (r.monthsFirst || w.first > 0 && w.second > 12) && r.layout != nil && r.layout.details[colFrom] == "" {
		r.askOrder(r.dotted)
	}
}

// moment returns the moment at which clocks in a zone show a time. A time that a change of the
// clocks skips or repeats is a question.
func (r *reader) moment(w wall, zone *time.Location, text string) (time.Time, string) {
	naive := w.in(time.UTC)
	var at []time.Time
	for _, probe := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := naive.Add(probe).In(zone).Zone()
		t := naive.Add(-time.Duration(offset) * time.Second)
		if _, is := t.In(zone).Zone(); is == offset && !slices.Contains(at, t) {
			at = append(at, t)
		}
	}
	if len(at) == 1 {
		return at[0].UTC(), plausible(at[0])
	}
	what, code := "exists twice", "repeated_time"
	if len(at) == 0 {
		what, code = "does not exist", "skipped_time"
		for _, probe := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
			_, offset := naive.Add(probe).In(zone).Zone()
			at = append(at, naive.Add(-time.Duration(offset)*time.Second))
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	if r.o.LocalTime == "" {
		column := ""
		if r.layout != nil {
			column = r.layout.names[colFrom]
		}
		r.ask(Question{Code: code, Option: "local_time", Column: column, Sample: text, on: r.sampleOf(r.at, r.cells),
			Text:    fmt.Sprintf("the time %q %s in %s, because the clocks change: give local_time=earlier or local_time=later", excerpt(text), what, zone),
			Choices: []Choice{{Parameter: "local_time", Value: LocalEarlier}, {Parameter: "local_time", Value: LocalLater}}})
	}
	if r.o.LocalTime == LocalEarlier {
		return at[0].UTC(), plausible(at[0])
	}
	return at[len(at)-1].UTC(), plausible(at[0])
}

// wall is a date and time without a zone. The order of day and month may not be known.
type wall struct {
	year, month, day     int
	first, second        int  // day and month in an unknown order; 0 if it is known
	short                bool // the year has two digits
	dotted               bool // as 1.12.2026
	hour, minute, secnds int
}

var (
	clock  = regexp.MustCompile(`^(.*?)[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)? ?([AaPp][Mm])?$`)
	isoDay = regexp.MustCompile(`^(\d{4}) ?[-/.年] ?(\d{1,2}) ?[-/.月] ?(\d{1,2}) ?[日号]?$`)
	plain8 = regexp.MustCompile(`^(\d{4})(\d{2})(\d{2})$`)
	triple = regexp.MustCompile(`^(\d{1,2})([-/. ])(\d{1,2})([-/. ])(\d{4}|\d{2})$`)
	months = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
	full   = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}
	days   = setOf("mon monday tue tues tuesday wed wednesday thu thur thurs thursday fri friday sat saturday sun sunday of the de del st nd rd th er º г год года")

	letterDigit = regexp.MustCompile(`(\pL)(\d)`)
	digitLetter = regexp.MustCompile(`(\d)(\pL)`)
)

// wallOf reads a date without a zone.
func wallOf(text string) (w wall, ok bool) {
	if len(text) > 60 {
		return w, false
	}
	if m := clock.FindStringSubmatch(text); m != nil {
		text = strings.TrimSpace(m[1])
		w.hour, w.minute, w.secnds = atoi(m[2]), atoi(m[3]), atoi(m[4])
		if half := strings.ToLower(m[5]); half != "" {
			if w.hour < 1 || w.hour > 12 {
				return w, false
			}
			w.hour %= 12
			if half == "pm" {
				w.hour += 12
			}
		}
		if w.hour > 23 || w.minute > 59 || w.secnds > 59 {
			return w, false
		}
	}
	for _, form := range []*regexp.Regexp{isoDay, plain8} {
		if m := form.FindStringSubmatch(text); m != nil {
			w.year, w.month, w.day = atoi(m[1]), atoi(m[2]), atoi(m[3])
			return w, true
		}
	}
	if m := triple.FindStringSubmatch(text); m != nil && m[2] == m[4] {
		w.year, w.short = yearOf(m[5]), len(m[5]) == 2
		w.first, w.second, w.dotted = atoi(m[1]), atoi(m[3]), m[2] == "."
		return w, true
	}
	return w, w.named(text)
}

// named reads a date with the name of its month.
func (w *wall) named(text string) bool {
	text = digitLetter.ReplaceAllString(letterDigit.ReplaceAllString(strings.ToLower(text), "$1 $2"), "$1 $2") // 15jan2027
	for _, word := range strings.FieldsFunc(text, separates) {
		if days[word] {
			continue
		}
		if at := monthOf(word); at > 0 && w.month == 0 {
			w.month = at
			continue
		}
		switch {
		case !allDigits(word) || word == "":
			return false
		case w.day == 0 && len(word) <= 2:
			w.day = atoi(word)
		case w.year == 0 && (len(word) == 4 || len(word) == 2):
			w.year = yearOf(word)
		default:
			return false
		}
	}
	return w.year != 0 && w.month != 0 && w.day != 0
}

// otherMonths are names of months in other languages, from January on. Those like the English ones are left out.
var otherMonths = []string{
	"stycznia styczeń ledna leden ocak січня enero ene janvier janv januar jänner januari janeiro gennaio gen января январь янв", "lutego luty února únor şubat лютого febrero février févr fév fevrier februar februari fevereiro fev febbraio февраля февраль фев",
	"marca marzec března březen березня mart marzo mars märz mär maart março marco марта март мар", "kwietnia kwiecień dubna duben nisan квітня abril abr avril avr april aprile апреля апрель апр", "maja maj května květen mayıs травня mayo mai mei maio maggio мая май", "czerwca czerwiec června červen haziran червня junio juin juni junho giugno giu июня июнь июн",
	"lipca lipiec července červenec temmuz липня julio juillet juil juli julho luglio lug июля июль июл", "sierpnia sierpień srpna srpen ağustos серпня agosto ago août aout augustus августа август авг", "września wrzesień září eylül вересня septiembre septembre setembro settembre set сентября сентябрь сен sept",
	"października październik října říjen ekim жовтня octubre octobre oktober okt outubro out ottobre ott октября октябрь окт", "listopada listopad listopadu kasım листопада noviembre novembre novembro ноября ноябрь ноя", "grudnia grudzień prosince prosinec aralık грудня diciembre dic décembre déc decembre dezember dez dezembro dicembre декабря декабрь дек", //nolint:misspell // French
}

var monthNames = func() map[string]int {
	all := map[string]int{}
	for i := range months {
		all[months[i]], all[full[i]] = i+1, i+1
		for name := range strings.FieldsSeq(otherMonths[i]) {
			all[name] = i + 1
		}
	}
	return all
}()

func monthOf(word string) int { return monthNames[word] }

func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

func yearOf(text string) int {
	n := atoi(text)
	if len(text) == 2 {
		n += 2000
	}
	return n
}

// unordered reports whether the order of day and month changes the date.
func (w *wall) unordered() bool {
	return w.first != 0 && w.first <= 12 && w.second <= 12 && w.first != w.second
}

// sort puts day and month in order. A date that has only one order keeps it.
func (w *wall) sort(monthFirst bool) {
	if w.first == 0 {
		return
	}
	w.day, w.month = w.first, w.second
	if w.first <= 12 && (w.second > 12 || monthFirst) {
		w.day, w.month = w.second, w.first
	}
	w.first, w.second = 0, 0
}

// orders returns the dates that a text may mean, at most two. With dots, the day comes first if that is a date.
func (w wall) orders() (all []wall) {
	for _, monthFirst := range []bool{false, true} {
		one := w
		one.sort(monthFirst)
		if one.valid() && !slices.Contains(all, one) && (len(all) == 0 || !w.dotted) {
			all = append(all, one)
		}
	}
	return all
}

func (w *wall) in(zone *time.Location) time.Time {
	return time.Date(w.year, time.Month(w.month), w.day, w.hour, w.minute, w.secnds, 0, zone)
}

func (w *wall) valid() bool {
	t := w.in(time.UTC)
	return t.Day() == w.day && int(t.Month()) == w.month && t.Year() == w.year
}

func (r *reader) monthFirst() bool {
	if r.layout != nil && r.layout.details[colFrom] != "" {
		return r.layout.details[colFrom] == "mdy"
	}
	return r.proof != nil && r.proof.monthsFirst && !r.proof.dayFirst
}

// dateOrder returns the order of day and month in the column of dates, or "" if none is known.
func (r *reader) dateOrder() string {
	switch {
	case r.dayFirst:
		return "dmy"
	case r.monthsFirst:
		return "mdy"
	case r.layout != nil:
		return r.layout.details[colFrom]
	}
	return ""
}

// order finds out the order of day and month of the column, or asks for it.
func (r *reader) order(text string) bool {
	if r.layout == nil || r.layout.details[colFrom] != "" || r.quiet && r.proof == nil {
		return true
	}
	p, err := r.proved()
	if err != nil {
		r.fault = err
		return false
	}
	if !p.dayFirst && !p.monthsFirst {
		return r.askOrder(text)
	}
	return true
}

// askOrder asks for the order of day and month. It returns false if no answer can say it.
func (r *reader) askOrder(text string) bool {
	name := position(r.layout.cells, max(0, r.layout.at[colFrom]))
	if r.layout.at[colFrom] < 0 {
		return false
	}
	r.ask(Question{Code: "date_order", Option: "map", Column: name, Sample: text, on: r.sampleOf(r.at, r.cells),
		Text: fmt.Sprintf("the date %q may mean two dates, and no other date of the column shows the order: give \"map=%s=effective_date:dmy\" or \"map=%s=effective_date:mdy\"",
			excerpt(text), name, name),
		Choices: mapTo(name, []string{"effective_date:dmy", "effective_date:mdy"})})
	return true
}

// proof is what the whole file shows about the notation of its columns.
type proof struct {
	orders
	yearLast bool
	marks    [columnCount]byte // decimal marks; 0 if none is shown
}

// orders are the orders of day and month that dates show, with the first date of each.
type orders struct {
	dayFirst, monthsFirst bool
	day, month            shownDate
}

type shownDate struct {
	at   Place
	text string
}

// see notes the order that a date shows, if it shows one.
func (o *orders) see(w *wall, at Place, text string) {
	if w.first > 12 && !o.dayFirst {
		o.dayFirst, o.day = true, shownDate{at, strings.Clone(text)}
	}
	if w.second > 12 && w.first > 0 && !o.monthsFirst {
		o.monthsFirst, o.month = true, shownDate{at, strings.Clone(text)}
	}
}

// fault refuses a column of both orders.
func (o *orders) fault() error {
	if !o.dayFirst || !o.monthsFirst {
		return nil
	}
	return never("one column has dates of two orders, %q (%s) and %q (%s): ask the carrier for dates as YYYY-MM-DD", excerpt(o.day.text), o.day.at, excerpt(o.month.text), o.month.at)
}

// proved returns the proof. It reads the whole file for it, once.
func (r *reader) proved() (*proof, error) {
	if r.proof == nil {
		r.proof = &proof{}
		if r.prove != nil {
			p, err := r.prove()
			if err != nil {
				return nil, err
			}
			r.proof = p
		}
	}
	return r.proof, nil
}

// prove looks through a file for a proof. The reading itself finds other errors.
func prove(ctx context.Context, f File, format string, o Options, work *stopwatch) (*proof, error) {
	r := newReader(ctx, o, nil)
	r.work, r.proving, r.quiet, r.proof = work, true, true, &proof{}
	if err := r.file(f, format); err != nil && !errors.Is(err, ErrFile) {
		return nil, err
	}
	return r.proof, r.proof.fault()
}

// proves looks at the dates and prices of a line.
func (r *reader) proves(at Place, cells []cell) error {
	if !strings.ContainsAny(r.cell(cells, colPrefix).text+r.cell(cells, colCost).text, "0123456789") && !r.layout.told {
		if l := r.headingAgain(cells); l != nil && l.complete() {
			r.layout = l
			return nil
		}
	}
	if c := r.cell(cells, colFrom); c.text != "" && !c.number {
		if w, ok := wallOf(strings.TrimSuffix(strings.TrimSpace(c.text), " UTC")); ok && w.first != 0 {
			r.proof.see(&w, at, c.text)
			_, may := r.yearFirst(w)
			r.proof.yearLast = r.proof.yearLast || !may && !w.dotted && w.first != w.year-2000
		}
	}
	for _, column := range []int{colCost, colInter, colIntra, colConnect} {
		c := r.cell(cells, column)
		text, ok := stripCurrency(strings.TrimSpace(c.text), r.o.Currency)
		dots, commas := strings.Count(text, "."), strings.Count(text, ",")
		if c.number || !ok || dots+commas == 0 || r.proof.marks[column] != 0 {
			continue
		}
		s := style{}
		if mark, sure := s.mark(text, dots, commas); sure {
			r.proof.marks[column] = mark
		}
	}
	return nil
}

func plausible(t time.Time) string {
	if t.Year() < 1980 || t.Year() > 2200 {
		return "is not a date in this century"
	}
	return ""
}

const firstSerial = 25_000 // days; a date in 1968, or in 1972 if counted from 1904

// serial reads a date as spreadsheets store it: days since 30 December 1899,
// or since 1904.
func (r *reader) serial(text string) (time.Time, string) {
	whole, fraction, _ := strings.Cut(text, ".")
	days, err := strconv.Atoi(whole)
	if err != nil || days < firstSerial || days > 120_000 {
		return time.Time{}, notADate
	}
	part, err := strconv.ParseFloat("0."+fraction+"0", 64)
	if err != nil {
		return time.Time{}, notADate
	}
	if r.o.Zone == nil {
		return time.Time{}, noZone
	}
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if r.since1904 {
		epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	at := epoch.AddDate(0, 0, days).Add(time.Duration(int(part*86_400+0.5)) * time.Second)
	return r.moment(wall{year: at.Year(), month: int(at.Month()), day: at.Day(), hour: at.Hour(), minute: at.Minute(), secnds: at.Second()}, r.o.Zone, text)
}
