package cardfile

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"resellerd/store/rating"
)

// reader turns lines of cells into rows.
type reader struct {
	ctx    context.Context
	o      Options
	yield  func(Row) error
	report Report

	layout    *layout
	names     []cell       // of the object before, in NDJSON
	laid      bool         // there was a layout once
	connect   rating.Money // where the file has none
	since     time.Time    // from when rows without a date are in force
	above     int          // lines before the heading
	spoken    []spoken     // of the currency in them
	stepless  int          // lines that say no pulse
	style     style
	shapes    shapes
	since1904 bool // how the workbook counts days

	now      *ledger           // rows in force
	later    map[int64]*ledger // by the moment, in microseconds
	demoted  map[uint32]bool   // lines that do not stand any more
	sheets   []string          // by their number in a place
	seed     maphash.Seed
	sum      []byte
	prefixed []rating.Prefix
}

func newReader(ctx context.Context, o Options, yield func(Row) error) *reader {
	return &reader{
		ctx: ctx, o: o, yield: yield, seed: maphash.MakeSeed(), style: style{told: o.Decimal},
		now: newLedger(time.Time{}), later: map[int64]*ledger{}, demoted: map[uint32]bool{},
		report: Report{Columns: map[string]string{}, Ignored: []string{}, Refusals: []Refusal{}, Warnings: []string{}},
	}
}

// line takes one line of cells, which is not blank in its whole.
func (r *reader) line(at Place, cells []cell) error {
	if len(cells) > maxCells {
		return &FileError{Place: at, Text: fmt.Sprintf("has more than %d cells", maxCells)}
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
		return &FileError{Option: "zone", Place: at, Text: fmt.Sprintf("the date %q has no time zone: say in which it is", excerpt(why.cell))}
	}
	if !why.none() {
		return r.refused(at, cells, why)
	}
	if err := r.plan(at, &row); err != nil {
		return err
	}
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

// ignore lists a column that is not read.
func (r *reader) ignore(name string) {
	switch {
	case slices.Contains(r.report.Ignored, name):
	case len(r.report.Ignored) < maxCells:
		r.report.Ignored = append(r.report.Ignored, name)
	default:
		r.warn("more columns are not read than are listed")
	}
}

// warnStepless says that increments are taken to be a second where the file
// says nothing.
func (r *reader) warnStepless() {
	_, column := r.report.Columns[columnNames[colPulse]]
	switch {
	case r.stepless == 0:
	case column:
		r.warn(fmt.Sprintf("by how many seconds calls are counted is missing in %d of the lines: every second is taken there; say pulse (and mcd) if it is not so", r.stepless))
	default:
		r.warn("no column says by how many seconds calls are counted: every second is taken; say pulse (and mcd) if it is not so")
	}
}

func (r *reader) warn(text string) {
	if !slices.Contains(r.report.Warnings, text) {
		r.report.Warnings = append(r.report.Warnings, text)
	}
}

// cell is what stands in a column, nothing where there is none.
func (r *reader) cell(cells []cell, column int) cell {
	at := r.layout.at[column]
	if at < 0 || at >= len(cells) {
		return cell{}
	}
	return cells[at]
}

// rowOrSum reads a line, unless it has more cells than there are columns, or
// may be one that sums up.
func (r *reader) rowOrSum(cells []cell) (Row, refusal) {
	if why := r.wide(cells); !why.none() {
		return Row{}, why
	}
	if r.sumsUp(cells) {
		p := r.cell(cells, colPrefix)
		return Row{}, refusal{column: columnNames[colPrefix], cell: p.text, reason: "stands in a line that says it is a total: it may be one, or a price"}
	}
	return r.row(cells)
}

// wide refuses a line of CSV that goes on beyond the last column: a comma may
// have parted a number, and what follows it stands in the wrong place. Empty
// cells there say nothing.
func (r *reader) wide(cells []cell) refusal {
	if r.report.Format != CSV || len(cells) <= r.layout.width || blank(cells[r.layout.width:]) {
		return refusal{}
	}
	return refusal{reason: fmt.Sprintf("has %d cells for %d columns: one may have been parted, and no cell is sure to stand where it should", len(cells), r.layout.width)}
}

// row reads a line. Its prefixes are left in r.prefixed.
func (r *reader) row(cells []cell) (row Row, why refusal) {
	p := lineReader{reader: r, cells: cells}
	row.Connect, row.From = r.connect, r.since
	r.prefixed, r.shapes.line = r.prefixed[:0], ""
	p.read(colPrefix, func(c cell) (reason string) {
		r.prefixed, reason = r.prefixes(r.prefixed, c)
		return reason
	})
	p.read(colName, func(c cell) string { return r.name(&row.Name, c) })
	p.read(colCost, func(c cell) string { return r.money(&row.Cost, c) })
	p.optional(colInter, func(c cell) string { return r.moneyOption(&row.Inter, c) })
	p.optional(colIntra, func(c cell) string { return r.moneyOption(&row.Intra, c) })
	p.optional(colConnect, func(c cell) string { return r.money(&row.Connect, c) })
	r.counting(&p, &row)
	p.optional(colStatus, func(c cell) string { return status(&row.Blocked, c) })
	p.optional(colIncluded, included)
	p.optional(colCurrency, func(c cell) string { return r.currency(c) })
	p.optional(colFrom, func(c cell) (reason string) {
		row.From, reason = r.date(c)
		return reason
	})
	return row, p.why
}

// counted are the columns where no date can stand.
var counted = [columnCount]bool{
	colPrefix: true, colCost: true, colInter: true, colIntra: true, colConnect: true, colMCD: true, colPulse: true, colIncluded: true,
}

// lineReader reads cell by cell until the first that is refused.
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
		reason = "is shown as a date: a spreadsheet may have made it of something else"
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

// name is taken as it is.
func (r *reader) name(into *string, c cell) string {
	text := c.text
	if r.report.Format == CSV {
		text = Uninert(text)
	}
	switch {
	case utf8.RuneCountInString(text) > maxName:
		return "is longer than 200 characters"
	case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7F }):
		return "holds a line end or another control character"
	case !utf8.ValidString(text):
		return "is not valid UTF-8"
	}
	*into = strings.Clone(text)
	return ""
}

func (r *reader) money(into *rating.Money, c cell) (reason string) {
	*into, reason = r.style.price(c, r.o.Currency)
	return reason
}

func (r *reader) moneyOption(into *rating.Optional[rating.Money], c cell) string {
	m, reason := r.style.price(c, r.o.Currency)
	*into = rating.Some(m)
	return reason
}

// counting reads mcd and pulse, which may stand in one cell as 30/6. The pulse
// stays 0 where neither file nor options say it.
func (r *reader) counting(p *lineReader, row *Row) {
	if r.o.MCD != nil {
		row.MCD = uint32(*r.o.MCD)
	}
	if r.o.Pulse != nil {
		row.Pulse = uint32(*r.o.Pulse)
	}
	said := false // the minimum, by the column of the pulse
	p.optional(colPulse, func(c cell) (reason string) {
		first, step, both := strings.Cut(c.text, "/")
		if both {
			if row.MCD, reason = seconds(first); reason != "" {
				return "is neither seconds nor two of them, as 30/6"
			}
			said, c.text = true, step
		}
		row.Pulse, reason = r.increment(c)
		if reason == "" && row.Pulse == 0 {
			reason = "is 0: calls are counted by a second at least"
		}
		return reason
	})
	p.optional(colMCD, func(c cell) (reason string) {
		pair := row.MCD
		if row.MCD, reason = r.increment(c); reason == "" && said && row.MCD != pair {
			reason = fmt.Sprintf("says otherwise than the column %s, which begins with %d", columnNames[colPulse], pair)
		}
		return reason
	})
}

func status(blocked *bool, c cell) string {
	switch strings.ToLower(strings.TrimSpace(c.text)) {
	case "open", "active", "enabled":
		*blocked = false
	case "blocked", "closed", "disabled", "inactive":
		*blocked = true
	default:
		return "is neither open nor blocked"
	}
	return ""
}

// included refuses free time, which no row can say.
func included(c cell) string {
	if strings.Trim(strings.TrimSpace(c.text), "0.") != "" {
		return "is free time, which is not supported"
	}
	return ""
}

func (r *reader) currency(c cell) string {
	if r.o.Currency != "" && strings.TrimSpace(c.text) != r.o.Currency {
		return "is not the card's currency, " + r.o.Currency
	}
	return ""
}

// fingerprint is a sum of all that a row says beside its prefix and date.
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

// finish looks at the file as a whole.
func (r *reader) finish() error {
	if !r.laid {
		return r.noHeading()
	}
	switch {
	case r.shapes.doubtful():
		return ask("nanp", "%d of %d prefixes without a country code look like NPA-NXX: %s", r.shapes.npanxx, r.shapes.bare, whichPlan)
	case r.shapes.areasAlone():
		return ask("nanp", "all prefixes have three digits, and %d of %d look like area codes of North America: %s", r.shapes.areas, r.shapes.bare, whichPlan)
	}
	r.warnStepless()
	if r.style.dollars {
		r.warn(fmt.Sprintf("prices are written with $ and taken to be in %s: see that they are not in another currency of that sign", r.o.Currency))
	}
	r.settle()
	r.report.sortDates()
	r.report.Lines.Read = r.report.Lines.sum()
	return nil
}
