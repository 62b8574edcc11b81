package cardfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/currency"
)

// The columns that Read knows.
const (
	colPrefix = iota
	colName
	colCost
	colInter
	colIntra
	colMCD
	colPulse
	colConnect
	colStatus
	colFrom
	colIncluded
	colCurrency
	columnCount
)

// columnNames holds the names of the columns in written files, in the report,
// and in Options.Columns.
var columnNames = [columnCount]string{
	"prefix", "name", "cost", "inter", "intra", "mcd", "pulse", "connect", "status",
	"effective_date", "included_seconds", "currency",
}

// synonyms holds known headings in the form that heading returns.
var synonyms = [columnCount][]string{
	colPrefix: {
		"prefix", "prefixes", "code", "codes", "dial prefix", "dialprefix", "dial code", "dialcode", "dialling code", "dialing code",
		"dial codes", "destination code", "destination prefix", "area code", "area codes", "npanxx", "npa nxx", "lrn", "number",
	},
	colName: {
		"name", "destination name", "destination", "description", "region", "zone", "area", "location", "breakout", "country",
		"dest name", "destinations",
	},
	colCost: {
		"cost", "rate", "price", "per minute cost", "per minute rate", "per minute price", "cost per minute", "rate per minute",
		"price per minute", "rate min", "price min", "cost min", "ppm", "ij rate", "ijrate", "indeterminate rate", "indeterminate",
		"ij", "default rate", "new rate", "rate per min", "price per min",
	},
	colInter: {"inter", "inter rate", "interrate", "interstate", "interstate rate", "inter state", "inter state rate"},
	colIntra: {"intra", "intra rate", "intrarate", "intrastate", "intrastate rate", "intra state", "intra state rate"},
	colMCD: {
		"mcd", "duration", "initial", "initial interval", "initial increment", "initial period", "first interval", "first increment",
		"minimum", "minimum duration", "min duration", "minimum charged seconds", "minimum time", "min time", "interval 1",
		"minimum charge seconds", "first period",
	},
	colPulse: {
		"pulse", "increment", "increments", "billing increment", "billing increments", "billing interval", "subsequent",
		"subsequent interval", "subsequent increment", "next interval", "next increment", "interval", "interval n", "step",
		"billing", "interval 2", "second interval",
	},
	colConnect: {
		"connect", "connect cost", "connect rate", "connect fee", "connect charge", "connection", "connection cost",
		"connection fee", "connection charge", "rate connect", "setup", "setup fee", "setup cost", "setup charge", "flagfall",
		"flag fall", "call setup fee",
	},
	colStatus: {"status", "state"},
	colFrom: {
		"effective date", "effective", "effective from", "effective on", "effective time", "valid from", "start date", "from date",
		"activation date", "active from", "date from",
	},
	colIncluded: {"included seconds", "included", "free seconds", "included secs"},
	colCurrency: {"currency", "ccy", "currency code"},
}

var columnOf = func() map[string]int {
	m := map[string]int{}
	for column, names := range synonyms {
		for _, name := range names {
			m[name] = column
		}
	}
	return m
}()

// heading returns a heading in the form for lookups: words of letters and
// digits in lower case, without remarks in brackets. It removes the currency
// codes from the words and returns them separately.
func heading(cell string) (words string, codes []string) {
	var kept []string
	cell, remark := cutBrackets(cell)
	for _, word := range strings.FieldsFunc(cell, separates) {
		if isCurrency(word) {
			codes = append(codes, strings.ToUpper(word))
			continue
		}
		kept = append(kept, strings.ToLower(word))
	}
	for _, word := range strings.FieldsFunc(remark, separates) {
		if isCurrency(word) {
			codes = append(codes, strings.ToUpper(word))
		}
	}
	return strings.Join(kept, " "), codes
}

func separates(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

func cutBrackets(text string) (plain, inside string) {
	before, rest, found := strings.Cut(text, "(")
	if !found {
		return text, ""
	}
	inside, after, _ := strings.Cut(rest, ")")
	return before + " " + after, inside
}

func isPrice(column int) bool {
	return column == colCost || column == colInter || column == colIntra || column == colConnect
}

// namesOtherUnit reports whether a heading names a unit that changes its
// prices by a factor of 100 or 60, for example cents or seconds.
func namesOtherUnit(cell string) bool {
	_, remark := cutBrackets(cell)
	return strings.Contains(cell, "¢") || slices.ContainsFunc(strings.FieldsFunc(strings.ToLower(remark), separates), func(word string) bool {
		return slices.Contains([]string{"c", "ct", "cts", "cent", "cents", "penny", "pence", "sec", "secs", "second", "seconds", "hour", "hours"}, word)
	})
}

// isCurrency reports whether a word of a heading is a currency code. It leaves
// out codes that are common words in headings.
func isCurrency(word string) bool {
	if len(word) != 3 || slices.Contains([]string{"ALL", "TOP", "TRY", "PEN", "CUP", "SOS", "STD"}, strings.ToUpper(word)) {
		return false
	}
	unit, err := currency.ParseISO(word)
	return err == nil && unit != currency.XXX && unit != currency.XTS
}

// layout holds the positions of the columns in a file or sheet, -1 for an
// absent column.
type layout struct {
	at         [columnCount]int
	names      [columnCount]string // the file's names for the columns
	ignored    []string
	told       bool     // given by Options.Columns, not by a heading
	width      int      // number of columns, including ignored ones
	heading    []string // cells of the heading line; nil if there is none
	currencies []string // currencies that the headings name
	npanxx     bool     // the heading of the prefix column says NPA-NXX
}

func emptyLayout() *layout {
	l := &layout{}
	for i := range l.at {
		l.at[i] = -1
	}
	return l
}

func (l *layout) complete() bool { return l.at[colPrefix] >= 0 && l.at[colCost] >= 0 }

// byHeading finds the columns in a line of headings. It returns nil if the
// line is not a heading. It returns an error if two headings may mean the same
// column, or if prices may have another unit.
func byHeading(cells []cell) (*layout, error) {
	l, unclear := byNames(cells)
	switch {
	case !l.complete():
		return nil, nil
	case !unclear.none():
		return nil, ask("columns", "%s: give columns=NAMES", unclear.reason)
	}
	l.heading = make([]string, len(cells))
	for i, c := range cells {
		l.heading[i] = c.text
	}
	return l, nil
}

// byNames finds the columns by their names. unclear says if two names may mean
// the same column, or if prices may have another unit.
func byNames(names []cell) (l *layout, unclear refusal) {
	l = emptyLayout()
	for i, c := range names {
		words, codes := heading(c.text)
		if strings.TrimSpace(c.text) != "" {
			l.width = i + 1
		}
		column, known := columnOf[words]
		switch {
		case !known && words != "":
			l.ignored = append(l.ignored, excerpt(c.text))
		case !known:
		case l.at[column] < 0:
			l.at[column], l.names[column] = i, excerpt(c.text)
			l.currencies = append(l.currencies, codes...)
			if isPrice(column) && namesOtherUnit(c.text) {
				unclear = refusal{column: columnNames[column], reason: fmt.Sprintf("%q may not be a price a minute in whole units of a currency", excerpt(c.text))}
			}
		case column == colName:
			l.secondName(i, words, c.text)
		default:
			unclear = refusal{column: columnNames[column], reason: fmt.Sprintf("both %q and %q may be the column %s",
				l.names[column], excerpt(c.text), columnNames[column])}
		}
	}
	return l, unclear
}

// secondName chooses between two columns of names. It takes the one that comes
// earlier in the synonyms.
func (l *layout) secondName(i int, words, text string) {
	had, _ := heading(l.names[colName])
	if slices.Index(synonyms[colName], words) < slices.Index(synonyms[colName], had) {
		l.ignored = append(l.ignored, l.names[colName])
		l.at[colName], l.names[colName] = i, excerpt(text)
		return
	}
	l.ignored = append(l.ignored, excerpt(text))
}

// byPosition returns the layout for columns that Options names by position.
func byPosition(names []string) (*layout, error) {
	l := emptyLayout()
	l.told, l.width = true, len(names)
	for i, name := range names {
		name = strings.TrimSpace(name)
		if name == "-" || name == "" {
			continue
		}
		words, codes := heading(name)
		column, known := columnOf[words]
		if !known {
			return nil, ask("columns", "%q is not a column", excerpt(name))
		}
		if l.at[column] >= 0 {
			return nil, ask("columns", "the column %s is named twice", columnNames[column])
		}
		l.at[column], l.names[column] = i, name
		l.currencies = append(l.currencies, codes...)
	}
	if !l.complete() {
		return nil, ask("columns", "the columns prefix and cost are needed")
	}
	return l, nil
}
