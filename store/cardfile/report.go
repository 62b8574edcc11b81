package cardfile

import (
	"cmp"
	"slices"
	"time"

	"resellerd/store/rating"
)

// Report accounts for every line of a file.
type Report struct {
	Format    string   `json:"format"`
	Encoding  string   `json:"encoding,omitempty"`  // for CSV and NDJSON
	Delimiter string   `json:"delimiter,omitempty"` // for CSV
	Mapping   []Mapped `json:"mapping" nullable:"false" description:"every column of the file, with its assumed meaning"`
	// Columns maps each column that was read to the file's name for it.
	Columns  map[string]string `json:"columns"`
	Ignored  []string          `json:"ignored_columns" nullable:"false"`
	Lines    Lines             `json:"lines"`
	Rates    int               `json:"rates" description:"number of rates, counted once for each prefix and start date"`
	Merged   int               `json:"merged" description:"prices that the file gives more than once with the same values"`
	Refusals []Refusal         `json:"refusals" nullable:"false" description:"the first refused lines; lines.refused counts all"`
	Warnings []string          `json:"warnings" nullable:"false"`
	Notes    []Note            `json:"notes" nullable:"false" description:"the first lines of text; lines.notes counts all"`
	Blocking int               `json:"refused_blocking" description:"refused lines that block their prefix, or may do so; they cannot be skipped"`
	Removals int               `json:"removals" description:"prefixes that the file removes"`
	// Dates are the start dates after Options.Now, ascending.
	Dates []time.Time `json:"-"`
	// Fixes corrects rows that were yielded but do not stand.
	Fixes []Fix `json:"-"`

	demoted map[uint32]outcome // lines that no longer stand, for one of their prefixes
	sheets  []string           // by the number of the sheet in a place
}

// Lines counts lines. Read is the sum of the others.
type Lines struct {
	Read       int `json:"read" description:"the sum of the others"`
	Priced     int `json:"priced"`
	Repeated   int `json:"repeated" description:"lines that repeat an earlier line exactly"`
	Superseded int `json:"superseded" description:"prices that a later price, already in force, has replaced"`
	Refused    int `json:"refused"`
	Blank      int `json:"blank"`
	Headings   int `json:"headings" description:"including the lines above the header"`
	Totals     int `json:"totals"`
	Notes      int `json:"notes" description:"lines of text beside the rates"`
}

// Note is a line of text beside the rates.
type Note struct {
	Place
	Text string `json:"text" description:"cut to 200 characters"`
}

const maxNotes = 20

// Refusal is a refused line with the reason.
type Refusal struct {
	Place
	Column string `json:"column,omitempty"`
	Cell   string `json:"cell,omitempty" description:"the text at this place, cut to 60 characters"`
	Reason string `json:"reason"`
}

// Fix replaces the yielded row of a prefix. Row is the row that stands instead;
// nil means that none stands.
type Fix struct {
	From   time.Time
	Prefix rating.Prefix
	Row    *Row
}

func (l Lines) sum() int {
	return l.Priced + l.Repeated + l.Superseded + l.Refused + l.Blank + l.Headings + l.Totals + l.Notes
}

// refuse counts a line as refused and records the reason if it is among the first
// maxRefusals.
func (r *Report) refuse(at Place, why refusal) {
	r.Lines.Refused++
	r.note(at, why)
}

// notes reports whether the reason of another refusal is recorded.
func (r *Report) notes() bool { return len(r.Refusals) < maxRefusals }

func (r *Report) note(at Place, why refusal) {
	if r.notes() {
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

// refusal is the reason why a line is refused. It is passed as a value, never as
// an error.
type refusal struct{ column, cell, reason string }

func (why refusal) none() bool { return why.reason == "" }

// sortDates sorts the dates and the fixes.
func (r *Report) sortDates() {
	slices.SortFunc(r.Dates, time.Time.Compare)
	slices.SortStableFunc(r.Fixes, func(a, b Fix) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Prefix, b.Prefix))
	})
}
