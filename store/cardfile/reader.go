package cardfile

import (
	"context"
	"errors"
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
	spoken    []spoken     // what those lines say about the currency
	stepless  int          // lines without a pulse
	style     style
	shapes    shapes
	since1904 bool // whether the workbook counts days from 1904

	now      *ledger           // rows that are in force
	later    map[int64]*ledger // later rows, by their start in microseconds
	demoted  map[uint32]bool   // earlier lines that no longer stand
	sheets   []string          // by the number of the sheet in a place
	seed     maphash.Seed
	sum      []byte
	missing  []*FileError // options that the file cannot be read without
	prefixed []rating.Prefix

	work       *stopwatch
	countOnly  bool         // only counts the prefixes
	countFirst func() error // counts the whole file; nil if that was done
	lines      int          // rows of sheets, or elements of a JSON array
	mentions   int          // prefixes of all lines so far
	ranged     int          // prefixes of ranges, among them
	unexpanded int          // prefixes of the line that are counted but not in prefixed
}

func newReader(ctx context.Context, o Options, yield func(Row) error) *reader {
	return &reader{
		ctx: ctx, o: o, yield: yield, seed: maphash.MakeSeed(), style: style{told: o.Decimal},
		now: newLedger(time.Time{}), later: map[int64]*ledger{}, demoted: map[uint32]bool{},
		report: Report{Columns: map[string]string{}, Ignored: []string{}, Refusals: []Refusal{}, Warnings: []string{}},
	}
}

// line handles one line of cells.
func (r *reader) line(at Place, cells []cell) error {
	if len(cells) > maxCells {
		return &FileError{Place: at, Text: fmt.Sprintf("the line has more than %d cells", maxCells)}
	}
	if blank(cells) {
		r.report.Lines.Blank++
		return nil
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
	row, why := r.rowOrSum(cells)
	if why.reason == noZone {
		r.askZone(&FileError{Place: at, Text: fmt.Sprintf("the date %q has no time zone: give zone=NAME", excerpt(why.cell))})
		row, why = r.rowOrSum(cells)
	}
	if !why.none() {
		return r.refused(at, cells, why)
	}
	r.plan(at, &row)
	if row.Pulse == 0 {
		row.Pulse = 1
		r.stepless++
	}
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
	if err := r.oneCurrency(l); err != nil {
		return err
	}
	r.layout, r.laid = l, true
	l.npanxx = namesNPANXX(l.names[colPrefix])
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

// fingerprint returns a hash of a row without its prefix and date.
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
	r.sum = append(append(b, ' '), row.Name...)
	return maphash.Bytes(r.seed, r.sum)
}

// finish checks the file as a whole.
func (r *reader) finish() error {
	if !r.laid {
		return r.noHeading()
	}
	switch {
	case r.shapes.doubtful():
		r.askPlan(&FileError{Text: fmt.Sprintf("%d of %d prefixes without a country code look like NPA-NXX: %s", r.shapes.npanxx, r.shapes.bare, whichPlan)})
	case r.shapes.areasAlone():
		r.askPlan(&FileError{Text: fmt.Sprintf("all prefixes have three digits, and %d of %d look like area codes of North America: %s", r.shapes.areas, r.shapes.bare, whichPlan)})
	}
	r.warnStepless()
	if r.style.dollars {
		r.warn(fmt.Sprintf("prices have the sign $ and are taken to be in %s: check that they are not in another currency with this sign", r.o.Currency))
	}
	r.settle()
	r.report.sortDates()
	r.report.Lines.Read = r.report.Lines.sum()
	return nil
}

// askZone notes that the time zone is missing, and goes on with UTC to find what
// else is. Nothing that was read is kept then.
func (r *reader) askZone(why *FileError) {
	why.Option, r.o.Zone = "zone", time.UTC
	r.missing = append(r.missing, why)
}

// askPlan notes, once, that the plan of the prefixes is missing.
func (r *reader) askPlan(why *FileError) {
	if why.Option = "nanp"; !slices.ContainsFunc(r.missing, func(m *FileError) bool { return m.Option == "nanp" }) {
		r.missing = append(r.missing, why)
	}
}

// asked is what the reading ends with: all options that are missing, in one error.
// Another fault may come from going on without them, so they go before it.
func (r *reader) asked(err error) error {
	switch {
	case len(r.missing) == 0, err != nil && !errors.Is(err, ErrFile):
		return err
	case len(r.missing) == 1:
		return r.missing[0]
	}
	all := &FileError{Option: r.missing[0].Option}
	var texts []string
	for _, m := range r.missing {
		texts = append(texts, m.Error())
	}
	all.Text = fmt.Sprintf("%d options are missing: %s", len(texts), strings.Join(texts, "; "))
	return all
}
