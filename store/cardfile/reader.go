package cardfile

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"time"

	"resellerd/store/rating"
)

// reader turns lines of cells into rows.
type reader struct {
	ctx    context.Context
	o      Options
	yield  func(Row) error
	report Report

	layout    *layout
	names     []cell       // names of the previous object, for NDJSON
	laid      bool         // a layout was found
	connect   rating.Money // default connection fee
	since     time.Time    // start of rows without a date
	above     int          // lines above the heading
	gap       bool         // since the last price there was a blank line
	spoken    []spoken     // what those lines say about the currency
	stepless  int          // lines without a pulse
	styles    [columnCount]style
	shapes    shapes
	since1904 bool // whether the workbook counts days from 1904

	at    Place  // of the line that is read
	cells []cell // of that line

	now      *ledger           // rows that are in force
	later    map[int64]*ledger // later rows, by their start in microseconds
	seed     maphash.Seed
	sum      []byte
	prefixed []rating.Prefix

	answers         []answer
	used            []bool // answers that name a column of the file
	questions       []Question
	quiet           bool // asks nothing
	stats           []*columnStat
	statNamed       map[string]*columnStat
	saidUnits       []saidUnit
	saidPair        *saidPair
	headless        []headless // lines that may be headings
	upper           *upperHeadings
	below           Place // the line below the headings
	prove           func() (*proof, error)
	proof           *proof // what the whole file shows about dates and prices
	proving         bool   // only looks for the proof
	fault           error  // found while a cell was read
	dates           map[string]datedCell
	orders                       // of the dates that were read
	dotted          string       // a date such as 01.12.2026
	doubled         *sampleLine  // a line whose last part of the prefix begins with the first part
	doubledIn       *layout      // of that line
	doubles, parted int          // such lines, and others
	stated          []statedDate // dates above the headings
	alike           int          // prices that two names have
	checked         string       // the last name that blocks nothing by itself
	part            string       // the first cell of a currency
	origins         origins

	work       *stopwatch
	countOnly  bool         // only counts the prefixes
	countFirst func() error // counts the whole file; nil if that was done
	lines      int          // rows of sheets, or elements of a JSON array
	mentions   int          // prefixes of all lines so far
	ranged     int          // prefixes of ranges, among them
	unexpanded int          // prefixes of the line that are counted but not in prefixed
}

func newReader(ctx context.Context, o Options, yield func(Row) error) *reader {
	answers, err := o.answers()
	if err != nil {
		answers = nil // Read returns the error
	}
	r := &reader{
		answers: answers, used: make([]bool, len(answers)), statNamed: map[string]*columnStat{}, dates: map[string]datedCell{},
		ctx: ctx, o: o, yield: yield, seed: maphash.MakeSeed(),
		now: newLedger(time.Time{}), later: map[int64]*ledger{},
		report: Report{demoted: map[uint32]outcome{}, Mapping: []Mapped{}, Columns: map[string]string{}, Ignored: []string{}, Refusals: []Refusal{}, Warnings: []string{}, Notes: []Note{}},
	}
	for i := range r.styles {
		r.styles[i] = style{told: o.Decimal, round: o.Round, unit: unit{times: 1}}
	}
	return r
}

// line handles one line of cells.
func (r *reader) line(at Place, cells []cell) error {
	if len(cells) > maxCells {
		return &FileError{Place: at, Text: fmt.Sprintf("the line has more than %d cells", maxCells)}
	}
	if blank(cells) {
		r.blank(1)
		return nil
	}
	if both, err := r.settleHeadings(at, cells); both || err != nil {
		return err
	}
	if r.layout == nil {
		return r.head(at, cells)
	}
	if r.isHeading(cells) {
		r.report.Lines.Headings++
		return nil
	}
	if r.isTotal(cells) && r.headingAgain(cells) == nil {
		return r.total(at, cells)
	}
	if r.proving {
		return r.proves(at, cells)
	}
	if r.isNote(cells) && r.headingAgain(cells) == nil {
		return r.noted(at, cells)
	}
	r.at, r.cells = at, cells
	row, why := r.rowOrSum(cells)
	if r.fault != nil {
		return r.fault
	}
	if why.reason == noZone {
		r.askZone(Question{Text: fmt.Sprintf("the date %q has no time zone: give zone=NAME", excerpt(why.cell)), Sample: why.cell,
			Column: r.layout.names[colFrom], on: r.sampleOf(at, cells)})
		row, why = r.rowOrSum(cells)
	}
	if (len(r.layout.watch) > 0 || len(cells) > len(r.layout.roles)) && !r.countOnly && (why.none() || r.headingAgain(cells) == nil) {
		r.observe(at, cells)
	}
	if !why.none() {
		return r.refused(at, cells, why)
	}
	r.gap = false
	if row.Name != r.checked && !row.Blocked && !row.Removed {
		r.checkName(at, cells, row.Name)
	}
	r.plan(at, &row)
	if row.Pulse == 0 {
		row.Pulse = 1
		r.stepless++
	}
	r.origins.see(r.prefixed, row.Name)
	return r.take(at, row)
}

func blank(cells []cell) bool {
	for _, c := range cells {
		if strings.TrimSpace(c.text) != "" || c.fault != "" {
			return false
		}
	}
	return true
}

func (r *reader) useLayout(l *layout) error {
	for _, q := range l.open {
		r.ask(q)
	}
	if err := r.oneCurrency(l); err != nil {
		return err
	}
	r.layout, r.laid = l, true
	l.npanxx = l.npanxx || namesNPANXX(l.names[colPrefix])
	r.measure(l)
	r.statsOf(l)
	if err := r.begin(); err != nil {
		return err
	}
	for column, name := range l.names {
		if l.at[column] >= 0 && name != "" {
			r.report.Columns[columnNames[column]] = name
		}
	}
	for _, name := range l.ignored {
		r.ignore(name)
	}
	return nil
}

// measure applies the units that the columns have.
func (r *reader) measure(l *layout) {
	for column := range r.styles {
		r.styles[column].unit, r.styles[column].priced = unitOf(l.details[column]), false
	}
}

// ignore adds a column to the ignored ones in the report.
func (r *reader) ignore(name string) {
	switch {
	case slices.Contains(r.report.Ignored, name):
	case len(r.report.Ignored) < maxCells:
		r.report.Ignored = append(r.report.Ignored, name)
	default:
		r.warn("the file has more columns that are not read")
	}
}

// warnStepless warns if lines without a billing increment get one of a
// second.
func (r *reader) warnStepless() {
	_, column := r.report.Columns[columnNames[colPulse]]
	switch {
	case r.stepless == 0:
	case r.o.Amend:
		r.warn(fmt.Sprintf("lines without a billing step: %d; a new prefix among them gets 1 second: give another one with pulse=N and mcd=N", r.stepless))
	case column:
		r.warn(fmt.Sprintf("lines without a billing step: %d; it is taken to be 1 second there: give another one with pulse=N and mcd=N", r.stepless))
	default:
		r.warn("no column has the billing step, so it is taken to be 1 second: give another one with pulse=N and mcd=N")
	}
}

func (r *reader) warn(text string) {
	if !slices.Contains(r.report.Warnings, text) {
		r.report.Warnings = append(r.report.Warnings, text)
	}
}

// cell returns the cell in a column, or an empty cell if there is none.
func (r *reader) cell(cells []cell, column int) cell {
	at := r.layout.at[column]
	if at < 0 || at >= len(cells) {
		return cell{}
	}
	return cells[at]
}

// fingerprint returns a hash of a row without its prefix, name and date. It is odd if the row blocks or removes its
// prefix.
func (r *reader) fingerprint(row *Row) uint64 {
	b := strconv.AppendInt(r.sum[:0], int64(row.Cost), 10)
	for _, option := range []rating.Optional[rating.Money]{row.Inter, row.Intra} {
		b = append(b, ' ')
		if m, there := option.Get(); there {
			b = strconv.AppendInt(b, int64(m), 10)
		}
	}
	b = strconv.AppendInt(append(b, ' '), int64(row.Connect), 10)
	b = strconv.AppendUint(append(b, ' '), uint64(row.MCD), 10)
	b = strconv.AppendUint(append(b, ' '), uint64(row.Pulse), 10)
	b = strconv.AppendBool(append(b, ' '), row.Blocked)
	b = strconv.AppendBool(append(b, ' '), row.Removed)
	r.sum = strconv.AppendUint(append(b, ' '), uint64(row.Given>>1), 10)
	hash := maphash.Bytes(r.seed, r.sum) &^ 1
	if row.Blocked || row.Removed {
		hash |= 1
	}
	return hash
}

// finish checks the file as a whole.
func (r *reader) finish() error {
	if _, err := r.settleHeadings(Place{}, nil); err != nil {
		return err
	}
	if !r.laid {
		return r.noHeading()
	}
	switch {
	case r.shapes.doubtful():
		r.askPlan(Question{on: r.shapes.sample, Text: fmt.Sprintf("%d of %d prefixes without a country code look like NPA-NXX: %s", r.shapes.npanxx, r.shapes.bare, whichPlan)})
	case r.shapes.areasAlone():
		r.askPlan(Question{on: r.shapes.sample, Text: fmt.Sprintf("all prefixes have three digits, and %d of %d look like area codes of North America: %s", r.shapes.areas, r.shapes.bare, whichPlan)})
	}
	r.warnStepless()
	if slices.ContainsFunc(r.styles[:], func(s style) bool { return s.dollars }) {
		r.warn(fmt.Sprintf("prices have the sign $ and are taken to be in %s: check that they are not in another currency with this sign", r.o.Currency))
	}
	if r.alike > 0 {
		r.warn(fmt.Sprintf("prices that the file gives under two names: %d; the first name is taken", r.alike))
	}
	r.origins.warn(r)
	r.askColumns()
	r.askDoubled()
	r.askSaid()
	r.askPair()
	r.askStated()
	if err := r.unused(); err != nil {
		return err
	}
	r.linesOfQuestions()
	r.report.Mapping = r.mapping()
	r.settle()
	r.report.sortDates()
	r.report.Lines.Read = r.report.Lines.sum()
	return nil
}

// linesOfQuestions gives the questions about headings a line that shows the effects.
func (r *reader) linesOfQuestions() {
	for i := range r.questions {
		q := &r.questions[i]
		if s := r.statNamed[q.Column]; q.on == nil && s != nil && s.first != nil {
			q.on, q.Place, q.Sample = s.first, s.first.at, cmp.Or(q.Sample, s.sample())
		}
	}
}

// unused returns an error if an answer names no column.
func (r *reader) unused() error {
	for n, a := range r.answers {
		if !r.used[n] && !r.quiet && len(r.o.Columns) == 0 {
			var names []string
			for _, s := range r.stats {
				names = append(names, s.name)
			}
			option := "map"
			if a.column < 0 {
				option = "ignore"
			}
			return &FileError{Option: option, Final: true, Text: fmt.Sprintf("%s %q names no column: the columns are %s", option, excerpt(a.text), excerpts(names))}
		}
	}
	return nil
}

func excerpts(names []string) string {
	text := strings.Join(names, ", ")
	if len(text) > 1000 {
		text = text[:1000] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// askZone notes that the time zone is missing, and goes on with UTC to find what
// else is.
func (r *reader) askZone(q Question) {
	q.Code, r.o.Zone = "zone", time.UTC
	q.Choices = []Choice{{Parameter: "zone", Value: "UTC"}}
	r.ask(q)
}

// askPlan notes, once, that the plan of the prefixes is missing.
func (r *reader) askPlan(q Question) {
	if q.Code = "nanp"; !slices.ContainsFunc(r.questions, func(p Question) bool { return p.Code == "nanp" }) {
		q.Choices = []Choice{{Parameter: "nanp", Value: "true"}, {Parameter: "nanp", Value: "false"}}
		r.ask(q)
	}
}
