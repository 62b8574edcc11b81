package cardfile

import (
	"cmp"
	"slices"
	"time"

	"resellerd/store/rating"
)

// Report accounts for every line of a file.
type Report struct {
	Format    string `json:"format"`
	Encoding  string `json:"encoding,omitempty"`  // of CSV and NDJSON
	Delimiter string `json:"delimiter,omitempty"` // of CSV
	// Columns names the file's columns that were read, by what they were read as.
	Columns  map[string]string `json:"columns"`
	Ignored  []string          `json:"ignored_columns" nullable:"false"`
	Lines    Lines             `json:"lines"`
	Rates    int               `json:"rates" description:"prices that stand, a date and a prefix each"`
	Merged   int               `json:"merged" description:"prices that were given again, word for word"`
	Refusals []Refusal         `json:"refusals" nullable:"false" description:"the first of them; lines.refused counts all"`
	Warnings []string          `json:"warnings" nullable:"false"`
	// Dates are the later moments from which some rows are in force, ascending.
	Dates []time.Time `json:"-"`
	// Fixes are prefixes that rows were yielded for which do not stand.
	Fixes []Fix `json:"-"`
}

// Lines counts lines. Read is the sum of the others.
type Lines struct {
	Read       int `json:"read" description:"the sum of the others"`
	Priced     int `json:"priced"`
	Repeated   int `json:"repeated" description:"said before, word for word"`
	Superseded int `json:"superseded" description:"in force once, and no more"`
	Refused    int `json:"refused"`
	Blank      int `json:"blank"`
	Headings   int `json:"headings" description:"with the lines above the first"`
	Totals     int `json:"totals"`
}

// Refusal is a line that was not taken, and why.
type Refusal struct {
	Place
	Column string `json:"column,omitempty"`
	Cell   string `json:"cell,omitempty" description:"what stands there, cut to 60 characters"`
	Reason string `json:"reason"`
}

// Fix takes back what was yielded for a prefix: Row stands in its place, or
// nothing where it is nil.
type Fix struct {
	From   time.Time
	Prefix rating.Prefix
	Row    *Row
}

func (l Lines) sum() int {
	return l.Priced + l.Repeated + l.Superseded + l.Refused + l.Blank + l.Headings + l.Totals
}

// refuse counts a line as refused and keeps the first reasons.
func (r *Report) refuse(at Place, why refusal) {
	r.Lines.Refused++
	r.note(at, why)
}

func (r *Report) note(at Place, why refusal) {
	if len(r.Refusals) < maxRefusals {
		r.Refusals = append(r.Refusals, Refusal{Place: at, Column: why.column, Cell: excerpt(why.cell), Reason: why.reason})
	}
}

func excerpt(cell string) string {
	runes := 0
	for i := range cell {
		if runes++; runes > 60 {
			return cell[:i] + "…"
		}
	}
	return cell
}

// refusal is why a line is not taken. It is a value on the way and an error
// nowhere.
type refusal struct{ column, cell, reason string }

func (why refusal) none() bool { return why.reason == "" }

// sortDates puts the later dates in order.
func (r *Report) sortDates() {
	slices.SortFunc(r.Dates, time.Time.Compare)
	slices.SortStableFunc(r.Fixes, func(a, b Fix) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Prefix, b.Prefix))
	})
}
