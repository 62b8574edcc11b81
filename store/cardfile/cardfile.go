// Package cardfile reads and writes rate cards as files: CSV, XLSX, NDJSON and
// open rate card JSON. It is pure: bytes in, rows out, and the other way
// round; memory is bounded whatever the file's size. What a reader is not sure
// of it asks for and does not guess, and every line of a file is accounted
// for.
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

// File is what is read. It is read more than once, and from several places.
type File struct {
	io.ReaderAt
	Size      int64
	Name      string // its ending is a hint, if it has a known one
	MediaType string // another
}

// Options say what the file itself does not. The zero value asks for nothing.
type Options struct {
	Format    string         // one of the formats; "" for what the file looks like
	Encoding  string         // utf-8, utf-16, utf-16le, utf-16be, windows-1252 or latin1; "" for what the file looks like
	Delimiter rune           // of CSV; 0 for what the file looks like
	Decimal   byte           // '.' or ','; 0 where every price says it by itself
	Columns   []string       // of CSV and XLSX: names by position, "-" for one to leave out; empty for those of the headings
	Sheets    []string       // of a workbook; "*" for all; empty where there is one
	Card      string         // of open rate card JSON; "" where there is one
	Commas    string         // what a comma in 447,712 parts: CommasList or CommasThousands; "" where it is no question
	NANP      *bool          // prefixes are NPA-NXX, to be stored as 1NPANXX; nil where it is no question
	Exit011   bool           // 011 before a prefix is the way out of North America, not a part of it
	Zone      *time.Location // of dates that have none
	Currency  string         // of the card; "" for any
	MCD       *int           // where the file has none; default 0
	Pulse     *int           // where the file has none; default 1
	Now       time.Time      // later dates are another day's
}

// What a comma parts in a prefix cell that could be a number with thousands.
const (
	CommasList      = "list"      // 447,712 is 447 and 712
	CommasThousands = "thousands" // 447,712 is 447712
)

// Row is one price of a file.
type Row struct {
	rating.Row
	Name string
	From time.Time // the moment from which it is in force, in UTC; zero for now
}

// Place is where a line stands: a line of a text file, a row of a sheet, an
// element of a JSON array; all from 1.
type Place struct {
	Sheet string `json:"sheet,omitempty"`
	Line  int    `json:"line"`
}

func (p Place) String() string {
	if p.Sheet != "" {
		return fmt.Sprintf("sheet %q row %d", p.Sheet, p.Line)
	}
	return fmt.Sprintf("line %d", p.Line)
}

// ErrFile says that the file cannot be read as it is, or as was asked.
var ErrFile = errors.New("unreadable file")

// FileError is an ErrFile with what is wrong.
type FileError struct {
	Option string // the option that would help, as the HTTP query names it; "" for none
	Place  Place  // zero for the file as a whole
	Text   string
}

func (e *FileError) Error() string {
	if e.Place.Line != 0 {
		return e.Place.String() + ": " + e.Text
	}
	return e.Text
}

// Unwrap gives the sentinel.
func (e *FileError) Unwrap() error { return ErrFile }

func broken(format string, args ...any) error { return &FileError{Text: fmt.Sprintf(format, args...)} }

func ask(option, format string, args ...any) error {
	return &FileError{Option: option, Text: fmt.Sprintf(format, args...)}
}

// Limits of every file.
const (
	maxLine      = 1 << 20 // bytes of a line, a JSON value or an XLSX row
	maxCells     = 1_000   // of a line
	maxRates     = 5_000_000
	maxExpansion = 10_000 // prefixes of one cell
	maxDates     = 32     // later dates
	maxFixes     = 10_000 // prefixes that occur twice and differ
	maxRefusals  = 100    // that are told one by one
	maxHeading   = 50     // lines before which a heading stands
)

// Read reads a file from its beginning to its end and gives each row to yield,
// in the file's order. Only the report says which of them stand: see
// Report.Fixes. An error of yield ends it and is returned; other errors are
// ErrFile, the context's, or the File's own.
func Read(ctx context.Context, f File, o Options, yield func(Row) error) (*Report, error) {
	f.ReaderAt = exact{f.ReaderAt, f.Size}
	format, err := f.format(o)
	if err != nil {
		return nil, err
	}
	r := newReader(ctx, o, yield)
	r.report.Format = format
	if len(o.Columns) > 0 && isJSON(format) {
		return nil, ask("columns", "only CSV and XLSX take columns, because each value of %s has a name", format)
	}
	switch format {
	case CSV:
		err = r.readCSV(f)
	case XLSX:
		err = r.readXLSX(f)
	case NDJSON:
		err = r.readNDJSON(f)
	default:
		err = r.readJSON(f)
	}
	if err == nil {
		err = r.finish()
	}
	if err = r.asked(err); err != nil {
		return nil, err
	}
	return &r.report, nil
}
