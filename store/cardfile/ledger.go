package cardfile

import (
	"fmt"
	"hash/maphash"
	"time"

	"resellerd/store/rating"
)

// ledger records the rows of each prefix for one start date.
type ledger struct {
	seen
	from  time.Time // zero for rows that are in force now
	dates []int64   // start dates of the rows in microseconds; 0 for none
	index map[int64]uint16
	fixes map[rating.Prefix]*Row // nil if no row stands for the prefix
	rates int
}

func newLedger(from time.Time) *ledger {
	return &ledger{from: from, index: map[int64]uint16{}, fixes: map[rating.Prefix]*Row{}}
}

// outcome is the result of a row for one of its prefixes. A greater outcome
// takes precedence when a line has several.
type outcome uint8

const (
	repeated outcome = iota
	superseded
	stands
	contradicts
)

// ledgerOf returns the ledger of a row and the index of its date there.
func (r *reader) ledgerOf(at Place, row *Row) (*ledger, uint16, error) {
	since := int64(0)
	if !row.From.IsZero() {
		since = row.From.UnixMicro()
	}
	if !row.From.After(r.o.Now) {
		row.From = time.Time{}
		return r.now, r.now.date(since), r.now.full(at)
	}
	row.From = row.From.Truncate(time.Microsecond)
	l, known := r.later[since]
	if !known {
		if len(r.later) >= maxDates {
			return nil, 0, &FileError{Place: at, Text: fmt.Sprintf("there are more than %d later dates", maxDates)}
		}
		l = newLedger(row.From)
		r.later[since] = l
		r.report.Dates = append(r.report.Dates, row.From)
	}
	return l, l.date(since), l.full(at)
}

// date returns the index of a date in the ledger, and adds the date if it is
// new.
func (l *ledger) date(since int64) uint16 {
	i, known := l.index[since]
	if !known {
		i = uint16(len(l.dates))
		l.dates = append(l.dates, since)
		l.index[since] = i
	}
	return i
}

func (l *ledger) full(at Place) error {
	switch {
	case len(l.dates) > 1<<15:
		return &FileError{Place: at, Text: "there are more than 32,768 dates"}
	case len(l.fixes) > maxFixes:
		return &FileError{Place: at, Text: fmt.Sprintf("more than %d prefixes are given twice with different rates, so this is not a rate card", maxFixes)}
	}
	return nil
}

// take passes a row to yield for each new prefix, and counts the line.
func (r *reader) take(at Place, row Row) error {
	if err := r.counted(); err != nil {
		return err
	}
	if r.countOnly {
		r.report.Lines.Priced++
		return nil
	}
	if len(r.report.demoted) > maxDemoted {
		return &FileError{Place: at, Text: fmt.Sprintf("more than %d lines are replaced or contradicted by other lines, so this is not a rate card", maxDemoted)}
	}
	l, date, err := r.ledgerOf(at, &row)
	if err != nil {
		return err
	}
	s := slot{sum: r.fingerprint(&row), name: uint16(maphash.String(r.seed, row.Name)), line: r.report.numberOf(at), date: date}
	row.Line = s.line
	became := repeated
	for _, p := range r.prefixed {
		row.Prefix, s.prefix = p, p
		one, err := r.enter(l, s, row)
		if err != nil {
			return err
		}
		became = max(became, one)
	}
	if became == contradicts && s.sum&1 != 0 {
		r.report.Blocking++
	}
	r.count(s.line, became)
	return nil
}

// enter records a row for one prefix.
func (r *reader) enter(l *ledger, s slot, row Row) (outcome, error) {
	there, found := l.put(s)
	if !found {
		if row.Removed {
			r.report.Removals++
		} else {
			l.rates++
		}
		return stands, r.yield(row)
	}
	fix, fixed := l.fixes[s.prefix]
	dead := fixed && fix == nil
	switch was, is := l.dates[there.date], l.dates[s.date]; {
	case there.sum == s.sum && !dead && (is <= was || there.name == s.name):
		if there.name != s.name && is == was {
			r.alike++
		}
		if is > was {
			there.date = s.date
		}
		r.report.Merged++
		return repeated, nil
	case is > was:
		r.report.demote(there.line, superseded)
		there.sum, there.name, there.line, there.date = s.sum, s.name, s.line, s.date
		l.fixes[s.prefix] = &row
		return stands, nil
	case is < was:
		return superseded, nil
	}
	l.fixes[s.prefix] = nil
	r.contradiction(s, there)
	return contradicts, nil
}

// contradiction refuses an earlier line that the current line contradicts,
// and notes why. count refuses the current line.
func (r *reader) contradiction(s slot, there *slot) {
	if there.sum&1 != 0 && r.report.demoted[there.line] != contradicts {
		r.report.Blocking++
	}
	r.report.demote(there.line, contradicts)
	if !r.report.notes() {
		return
	}
	r.report.note(r.report.placeOf(s.line), refusal{
		column: columnNames[colPrefix], cell: s.prefix.String(),
		reason: fmt.Sprintf("has another rate at %s: neither is imported", r.report.placeOf(there.line)),
	})
}

// count counts a line by the highest outcome of its prefixes.
func (r *reader) count(line uint32, became outcome) {
	lines := &r.report.Lines
	switch became {
	case stands:
		lines.Priced++
	case repeated:
		lines.Repeated++
	case superseded:
		lines.Superseded++
	case contradicts:
		lines.Refused++
		if len(r.prefixed) > 1 { // rows for other prefixes of the line may stand
			r.report.demoted[line] = contradicts
		}
	}
}

// demote changes how an earlier line is counted. A line of which one prefix is refused counts as refused.
func (r *Report) demote(line uint32, to outcome) {
	was, before := r.demoted[line]
	switch {
	case before && was >= to:
		return
	case before:
		r.Lines.Superseded--
	default:
		r.Lines.Priced--
	}
	r.demoted[line] = to
	if to == superseded {
		r.Lines.Superseded++
	} else {
		r.Lines.Refused++
	}
}

// Refuse refuses a row that was yielded: the line is refused, and the prefix has no rate. It returns a FileError if too many
// lines are refused.
func (r *Report) Refuse(line uint32, column, reason string) error {
	r.Rates--
	r.demote(line, contradicts)
	r.note(r.placeOf(line), refusal{column: column, reason: reason})
	if len(r.demoted) > maxDemoted {
		return &FileError{Place: r.placeOf(line), Text: fmt.Sprintf("more than %d lines are refused, such as this one: %s %s. Correct the file", maxDemoted, column, reason)}
	}
	return nil
}

// settle counts the rates that stand and lists the fixes.
func (r *reader) settle() {
	ledgers := []*ledger{r.now}
	for _, l := range r.later {
		ledgers = append(ledgers, l)
	}
	for _, l := range ledgers {
		r.report.Rates += l.rates
		for prefix, row := range l.fixes {
			if row == nil {
				r.report.Rates--
			}
			r.report.Fixes = append(r.report.Fixes, Fix{From: l.from, Prefix: prefix, Row: row})
		}
	}
}

// A place is stored as a number: the line, or the sheet and its row.

const rowBits = 20 // a sheet has at most 1,048,576 rows

func (r *Report) numberOf(at Place) uint32 {
	if at.Sheet == "" {
		return uint32(at.Line)
	}
	return uint32(len(r.sheets)-1)<<rowBits | uint32(at.Line-1)&(1<<rowBits-1)
}

func (r *Report) placeOf(number uint32) Place {
	if len(r.sheets) == 0 {
		return Place{Line: int(number)}
	}
	return Place{Sheet: r.sheets[number>>rowBits], Line: int(number&(1<<rowBits-1)) + 1}
}
