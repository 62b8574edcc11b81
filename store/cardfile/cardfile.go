// Package cardfile reads rate cards from files: CSV, XLSX, NDJSON and open
// rate card JSON. It only converts bytes to rows, and needs bounded memory for
// a file of any size. If a reader is not sure, it asks for an option instead of
// guessing. Its report accounts for every line of a file.
//
// A file is read in this order. csv.go, xlsx.go, ndjson.go and jsonfile.go read
// its lines as cells. headings.go finds the line of headings, and layout.go
// the meaning of its columns. row.go reads a line as a row, with prefixes.go,
// dates.go and values.go for its cells. ledger.go finds prefixes that the file
// gives twice. question.go holds what is open.
package cardfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"resellerd/store/rating"
)

// The formats.
const (
	CSV    = "csv"
	XLSX   = "xlsx"
	NDJSON = "ndjson"
	JSON   = "json" // open rate card JSON, "Interconnect Made Easy" 1.0.0
)

// File is the input of Read. Read calls ReadAt several times, for the same
// parts too.
type File struct {
	io.ReaderAt
	Size      int64
	Name      string // a known ending is a hint at the format
	MediaType string // another hint at the format
}

// Options supply what the file itself does not say. The zero value sets
// nothing.
type Options struct {
	Format    string         // one of the formats; "" to detect it
	Encoding  string         // utf-8, utf-16, utf-16le, utf-16be, windows-1252, latin1, windows-1251, macintosh or gb18030; "" to detect it
	Delimiter rune           // for CSV; 0 to detect it
	Decimal   byte           // decimal mark: '.' or ','; 0 if each price shows it
	Columns   []string       // for CSV and XLSX: names by position, "-" to skip a column; empty to use the headings
	Sheets    []string       // sheets of a workbook; "*" for all; may be empty if there is only one
	Card      string         // for open rate card JSON; may be "" if there is only one card
	Commas    string         // meaning of the comma in 447,712: CommasList or CommasThousands; "" if it does not occur
	NANP      *bool          // true if prefixes are NPA-NXX, to be stored as 1NPANXX; nil to ask if in doubt
	Exit011   bool           // remove a leading 011, the international prefix of North America, from prefixes
	Zone      *time.Location // time zone of dates without one
	Currency  string         // currency of the card; "" for any
	MCD       *int           // minimum charged duration in seconds, if the file has none; default 0
	Pulse     *int           // billing increment in seconds, if the file has none; default 1
	Now       time.Time      // rows with a later date are not yet in force
	Maps      []string       // COLUMN=MEANING, or COLUMN+COLUMN=prefix
	Ignore    []string       // columns to leave out
	Amend     bool           // an empty cell keeps the value that the card has
	Hyphen    string         // meaning of 33-60: HyphenRange or HyphenJoin; "" to ask if in doubt
	Round     string         // up, half or down for prices with more than ten decimals; "" to ask
	Effective string         // start of rows without a date: EffectiveNow or a date; "" to ask if the file states one
	LocalTime string         // LocalEarlier or LocalLater for a time that a change of clocks skips or repeats; "" to ask
	Expiry    string         // ExpiryIgnore for rates that end, because a card has no end; "" to ask
	Direction string         // termination or origination; "" for any

	Work  time.Duration    // time limit for the reading, without the time in yield; 0 for none
	Clock func() time.Time // measures Work; nil for time.Now
}

// The meaning of a comma in a prefix cell that could be one number with
// thousands separators.
const (
	CommasList      = "list"      // 447,712 is 447 and 712
	CommasThousands = "thousands" // 447,712 is 447712
)

// Answers to questions.
const (
	HyphenRange  = "range" // 33-60 is every prefix from 33 to 60
	HyphenJoin   = "join"  // 33-60 is 3360
	RoundUp      = "up"
	RoundHalf    = "half"
	RoundDown    = "down"
	EffectiveNow = "now"
	LocalEarlier = "earlier"
	LocalLater   = "later"
	ExpiryIgnore = "ignore"
)

// Row is one price of a file.
type Row struct {
	rating.Row
	Name    string
	From    time.Time // start of validity, in UTC; zero if it is in force at Options.Now
	Given   Given     // the columns that the line gives
	Removed bool      // the prefix is to have no price
	Line    uint32    // names the line to Report.Refuse
}

// Given is a set of the columns in GivenColumns.
type Given uint16

// GivenColumns are the columns whose values a line may leave as they are.
var GivenColumns = []string{"name", "cost", "inter", "intra", "mcd", "pulse", "connect", "status"}

// Has reports whether a line gives the column with an index in GivenColumns.
func (g Given) Has(column int) bool { return g&(1<<column) != 0 }

// give marks a column as given. The columns of GivenColumns have the same order as those of files.
func (g *Given) give(column int) { *g |= 1 << (column - colName) }

// Place is the position of a line: a line of a text file, a row of a sheet, or
// an element of a JSON array. All count from 1.
type Place struct {
	Sheet string `json:"sheet,omitempty"`
	Line  int    `json:"line"`
}

func (p Place) String() string {
	if p.Sheet != "" {
		return fmt.Sprintf("sheet %q row %d", p.Sheet, p.Line)
	}
	if p.Line == 0 {
		return "the document"
	}
	return fmt.Sprintf("line %d", p.Line)
}

// ErrFile means that the file cannot be read, or not with these options.
var ErrFile = errors.New("unreadable file")

// FileError is an ErrFile with a description.
type FileError struct {
	Option    string // the option that would help, by its name in the HTTP query; "" for none
	Place     Place  // zero if the error concerns the whole file
	Text      string
	Questions []Question // open questions
	Mapping   []Mapped   // the columns of the file, as far as they are known
	Final     bool       // no answer to a question can mend it
}

func (e *FileError) Error() string {
	if e.Place.Line != 0 {
		return e.Place.String() + ": " + e.Text
	}
	return e.Text
}

// Unwrap returns ErrFile.
func (e *FileError) Unwrap() error { return ErrFile }

func broken(format string, args ...any) error { return &FileError{Text: fmt.Sprintf(format, args...)} }

// never returns an error that no answer can mend.
func never(format string, args ...any) error {
	return &FileError{Text: fmt.Sprintf(format, args...), Final: true}
}

func ask(option, format string, args ...any) error {
	return &FileError{Option: option, Text: fmt.Sprintf(format, args...)}
}

// placed gives an error that is about a line its place.
func placed(at Place, err error) error {
	var bad *FileError
	if !errors.As(err, &bad) || bad.Place != (Place{}) {
		return err
	}
	p := *bad
	p.Place = at
	return &p
}

// Limits for every file.
const (
	maxLine      = 1 << 20   // bytes of a line, a JSON value or an XLSX row
	maxCells     = 1_000     // cells of a line
	maxRates     = 5_000_000 // prefixes of all lines and dates, counted as often as they occur
	maxLines     = 6_000_000 // lines, rows of sheets or elements of a JSON array
	maxExpansion = 10_000    // prefixes in one cell
	maxUncounted = 20_000    // prefixes from ranges that are expanded before the whole file is counted
	maxDates     = 32        // different dates after Options.Now
	maxFixes     = 10_000    // prefixes that occur twice with different values
	maxDemoted   = 100_000   // lines that another line replaces or contradicts, or that the card refuses
	maxRefusals  = 100       // refusals in the report
	maxHeading   = 50        // lines to search for the heading
)

// Read reads a whole file and passes each row to yield, in the file's order. A
// later line may replace or cancel a row: see Report.Fixes. If yield returns
// an error, Read stops and returns it. Other errors are ErrFile, an error of
// ctx, or an error of File.
func Read(ctx context.Context, f File, o Options, yield func(Row) error) (*Report, error) {
	f.ReaderAt = exact{f.ReaderAt, f.Size}
	format, err := f.format(o)
	if err != nil {
		return nil, err
	}
	if len(o.Columns) > 0 && isJSON(format) {
		return nil, ask("columns", "only CSV and XLSX take columns, because each value of %s has a name", format)
	}
	work := newStopwatch(o)
	take, flush := work.outside(yield)
	r := newReader(ctx, o, take)
	if r.answers, err = o.answers(); err != nil {
		return nil, err
	}
	r.work = work
	r.countFirst = func() error { return tooMany(ctx, f, format, o, work) }
	r.prove = func() (*proof, error) { return prove(ctx, f, format, o, work) }
	if err = r.file(f, format); err == nil {
		err = flush()
	}
	if err == nil {
		err = r.finish()
	}
	if err = r.asked(err); err != nil {
		return nil, err
	}
	report := r.report // without the reader, which has seen every prefix
	return &report, nil
}

// file reads the lines of the file.
func (r *reader) file(f File, format string) error {
	r.report.Format = format
	switch format {
	case CSV:
		return r.readCSV(f)
	case XLSX:
		return r.readXLSX(f)
	case NDJSON:
		return r.readNDJSON(f)
	default:
		return r.readJSON(f)
	}
}
