package server

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"resellerd/server/identity"
	"resellerd/server/strictjson"
	"resellerd/store/cardfile"
)

const (
	modeReplace = "replace"
	modeAmend   = "amend"
)

// importQuery documents the parameters of an import.
type importQuery struct {
	Mode        string   `query:"mode" enum:"replace,amend" example:"replace" description:"replace: the file holds the whole card; amend: rates that it does not name stay as they are in the base"`
	Base        string   `query:"base" description:"the active revision that an amendment was made for"`
	Apply       bool     `query:"apply" description:"write drafts; by default, only preview"`
	Plan        string   `query:"plan" description:"applies what a preview showed, without a body; besides it, only apply, schedule and skip_refused are possible"`
	Schedule    bool     `query:"schedule" description:"with apply: schedule the drafts of later dates; that needs the right to activate"`
	SkipRefused bool     `query:"skip_refused" description:"apply without the refused lines"`
	Format      string   `query:"format" enum:"csv,xlsx,ndjson,json" description:"default: the format that resellerd detects"`
	Encoding    string   `query:"encoding" description:"utf-8, utf-16, utf-16le, utf-16be, windows-1252, latin1, windows-1251, macintosh or gb18030"`
	Delimiter   string   `query:"delimiter" description:"of CSV: a character, or tab"`
	Decimal     string   `query:"decimal" enum:".|," description:"the decimal mark, where prices do not show it"`
	Columns     string   `query:"columns" description:"of CSV and XLSX: the names of the columns in their order, comma-separated; - for one to ignore"`
	Sheet       []string `query:"sheet" description:"of a workbook; may be repeated, * for all"`
	Card        string   `query:"card" description:"of open rate card JSON with several"`
	Commas      string   `query:"commas" enum:"list,thousands" description:"list: 447,712 is two prefixes; thousands: it is one"`
	NANP        bool     `query:"nanp" description:"true: prefixes are NPA-NXX, so 212555 means 1212555"`
	Exit        string   `query:"exit" enum:"011" description:"remove the exit code 011 from the beginning of prefixes"`
	Zone        string   `query:"zone" description:"IANA time zone of dates without one"`
	MCD         int      `query:"mcd" description:"used if the file has none; default: 0"`
	Pulse       int      `query:"pulse" description:"used if the file has none; default: 1"`
	Map         []string `query:"map" description:"COLUMN=MEANING for a column of the file, COLUMN+COLUMN=prefix for a prefix in two columns; may be repeated"`
	Ignore      []string `query:"ignore" description:"a column of the file to leave out; may be repeated"`
	Profile     string   `query:"profile" description:"rules for the files of a supplier; an import that is applied keeps its answers there"`
	Confirm     []string `query:"confirm" description:"confirms a change or a number by the name in its question; may be repeated"`
	Hyphen      string   `query:"hyphen" enum:"range,join" description:"range: 33-60 is every prefix from 33 to 60; join: it is 3360"`
	Round       string   `query:"round" enum:"up,half,down" description:"how to round prices with more than ten decimals"`
	Effective   string   `query:"effective" description:"now, or the date from which rows without a date are in force"`
	LocalTime   string   `query:"local_time" enum:"earlier,later" description:"which moment is meant by a time that a change of the clocks skips or repeats"`
	Expiry      string   `query:"expiry" enum:"ignore" description:"ignore: import rates that end; a card has no end"`
	Name        string   `query:"name" description:"the file's name, whose ending is a hint"`
}

// importOrder holds the parameters of one import.
type importOrder struct {
	mode, base, name   string
	plan, profile      string
	confirm            []string
	apply, skipRefused bool
	schedule           bool
	options            cardfile.Options
	given              [][2]string // the parameters that decide what the file means, and their values
}

// readImportQuery reads the query. Errors: 422 with the parameter's name.
func (r *exchange) readImportQuery() (importOrder, error) {
	q := importReader{}
	for name, value := range r.c.Request().URI().QueryArgs().All() {
		q.set(string(name), string(value))
	}
	if q.err == nil {
		q.err = q.order.check()
	}
	return q.order, q.err
}

// maxImportParameters limits the parameters of an import.
const maxImportParameters = 1000

type importReader struct {
	order importOrder
	seen  []string
	err   error
}

func (q *importReader) refuse(name, text string) {
	if q.err == nil {
		q.err = invalid(name, text)
	}
}

// importSetters read one parameter each.
var importSetters = map[string]func(q *importReader, value string) error{
	"mode":         func(q *importReader, v string) error { return among(&q.order.mode, v, modeReplace, modeAmend) },
	"base":         func(q *importReader, v string) error { q.order.base = v; return nil },
	"name":         func(q *importReader, v string) error { q.order.name = v; return nil },
	"plan":         func(q *importReader, v string) error { q.order.plan = v; return nil },
	"profile":      func(q *importReader, v string) error { q.order.profile = v; return nil },
	"confirm":      func(q *importReader, v string) error { q.order.confirm = append(q.order.confirm, v); return nil },
	"apply":        func(q *importReader, v string) error { return truth(&q.order.apply, v) },
	"schedule":     func(q *importReader, v string) error { return truth(&q.order.schedule, v) },
	"skip_refused": func(q *importReader, v string) error { return truth(&q.order.skipRefused, v) },
	"format": func(q *importReader, v string) error {
		return among(&q.order.options.Format, v, cardfile.CSV, cardfile.XLSX, cardfile.NDJSON, cardfile.JSON)
	},
	"encoding":  func(q *importReader, v string) error { q.order.options.Encoding = v; return nil },
	"delimiter": func(q *importReader, v string) error { return delimiter(&q.order.options.Delimiter, v) },
	"decimal": func(q *importReader, v string) error {
		mark := ""
		err := among(&mark, v, ".", ",")
		if err == nil {
			q.order.options.Decimal = mark[0]
		}
		return err
	},
	"columns": func(q *importReader, v string) error { q.order.options.Columns = strings.Split(v, ","); return nil },
	"sheet": func(q *importReader, v string) error {
		q.order.options.Sheets = append(q.order.options.Sheets, v)
		return nil
	},
	"card": func(q *importReader, v string) error { q.order.options.Card = v; return nil },
	"commas": func(q *importReader, v string) error {
		return among(&q.order.options.Commas, v, cardfile.CommasList, cardfile.CommasThousands)
	},
	"nanp": func(q *importReader, v string) error {
		q.order.options.NANP = new(bool)
		return truth(q.order.options.NANP, v)
	},
	"exit": func(q *importReader, v string) error {
		q.order.options.Exit011 = true
		return among(new(string), v, "011")
	},
	"map": func(q *importReader, v string) error {
		q.order.options.Maps = append(q.order.options.Maps, v)
		return nil
	},
	"ignore": func(q *importReader, v string) error {
		q.order.options.Ignore = append(q.order.options.Ignore, v)
		return nil
	},
	"hyphen": func(q *importReader, v string) error {
		return among(&q.order.options.Hyphen, v, cardfile.HyphenRange, cardfile.HyphenJoin)
	},
	"round": func(q *importReader, v string) error {
		return among(&q.order.options.Round, v, cardfile.RoundUp, cardfile.RoundHalf, cardfile.RoundDown)
	},
	"effective": func(q *importReader, v string) error { q.order.options.Effective = v; return nil },
	"local_time": func(q *importReader, v string) error {
		return among(&q.order.options.LocalTime, v, cardfile.LocalEarlier, cardfile.LocalLater)
	},
	"expiry": func(q *importReader, v string) error {
		return among(&q.order.options.Expiry, v, cardfile.ExpiryIgnore)
	},
	"zone":  func(q *importReader, v string) error { return zone(&q.order.options.Zone, v) },
	"mcd":   func(q *importReader, v string) error { return wholeSeconds(&q.order.options.MCD, v, 0) },
	"pulse": func(q *importReader, v string) error { return wholeSeconds(&q.order.options.Pulse, v, 1) },
}

// besidePlan are the parameters of a request that applies a plan.
var besidePlan = []string{"plan", "apply", "schedule", "skip_refused"}

func (q *importReader) set(name, value string) {
	set, known := importSetters[name]
	switch {
	case !known:
		q.refuse(name, "is not a known parameter")
	case slices.Contains(q.seen, name) && !slices.Contains([]string{"sheet", "map", "ignore", "confirm"}, name), len(q.seen) > maxImportParameters:
		q.refuse(name, "is given more than once")
	case !strictjson.CleanText(value), len(value) > identity.MaxName*10:
		q.refuse(name, "has invalid text or is too long")
	default:
		q.seen = append(q.seen, name)
		if !slices.Contains(besidePlan, name) {
			q.order.given = append(q.order.given, [2]string{name, value})
		}
		if err := set(q, value); err != nil {
			q.refuse(name, err.Error())
		}
	}
}

// check checks the parameters together. An import asks for the mode and the base after it has read the file, with all
// other questions.
func (o *importOrder) check() error {
	switch {
	case o.plan != "" && len(o.given) > 0:
		return invalid(o.given[0][0], "is part of the plan: leave it out")
	case o.plan != "":
		return nil
	case o.mode != modeAmend && o.base != "":
		return invalid("base", "is only for mode=amend")
	}
	return nil
}

func among(into *string, value string, allowed ...string) error {
	if !slices.Contains(allowed, value) {
		return errors.New("must be one of " + strings.Join(allowed, ", "))
	}
	*into = value
	return nil
}

func truth(into *bool, value string) error {
	switch value {
	case "true", "false":
		*into = value == "true"
		return nil
	}
	return errors.New("must be true or false")
}

func delimiter(into *rune, value string) error {
	if value == "tab" {
		value = "\t"
	}
	c, size := utf8.DecodeRuneInString(value)
	if size == 0 || size != len(value) || strings.ContainsRune("\"\r\n\uFFFD", c) {
		return errors.New("must be one character or tab")
	}
	*into = c
	return nil
}

func zone(into **time.Location, value string) error {
	found, err := time.LoadLocation(value)
	if err != nil || value == "" || value == "Local" {
		return errors.New("is not an IANA time zone")
	}
	*into = found
	return nil
}

func wholeSeconds(into **int, value string, least int) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > 86_400 {
		return fmt.Errorf("must be a number of seconds from %d to 86400", least)
	}
	*into = &n
	return nil
}
