package cardfile

import (
	"fmt"
	"slices"
	"strings"
)

// Mapped is a column of a file with its assumed meaning.
type Mapped struct {
	Column       string   `json:"column" description:"the file's name for the column"`
	Samples      []string `json:"samples" nullable:"false" description:"up to two values of the column"`
	Meaning      string   `json:"meaning" description:"a column of rates, a part of the prefix, or left out"`
	Currency     string   `json:"currency,omitempty"`
	Unit         string   `json:"unit,omitempty" description:"of a price: what it is the price of; of an interval: seconds or minutes; of dates: the order of day and month, if the column shows one"`
	Jurisdiction string   `json:"jurisdiction,omitempty"`
	Note         string   `json:"note,omitempty" description:"why the column is left out"`
}

// LeftOut is the meaning of a column that is not read.
const LeftOut = "left out"

// answer says what columns mean.
type answer struct {
	text    string
	columns []string // the names of one column, or of the parts of a prefix
	whole   string   // the name before it is divided at the plus signs
	column  int      // -1 to leave it out
	detail  string
}

// answers reads Options.Maps and Options.Ignore.
func (o *Options) answers() (all []answer, err error) {
	for _, text := range o.Maps {
		at := strings.LastIndex(text, "=")
		if at <= 0 {
			return nil, ask("map", "map %q is not COLUMN=MEANING", excerpt(text))
		}
		meaning, detail, _ := strings.Cut(strings.ToLower(strings.TrimSpace(text[at+1:])), ":")
		column := slices.Index(columnNames[:], meaning)
		if column < 0 || column == colCountry || column == colArea {
			return nil, ask("map", "map %q: %q is no meaning: give one of %s", excerpt(text), excerpt(meaning), strings.Join(meanings(), ", "))
		}
		if !slices.Contains(details[column], detail) {
			return nil, ask("map", "map %q: %q is not known for %s: give one of %s", excerpt(text), excerpt(detail), meaning,
				strings.Join(details[column][1:], ", "))
		}
		if column == colPrefix && detail == "range" && !strings.Contains(text[:at], "+") {
			return nil, ask("map", "map %q: a range is in two columns: give map=FROM+TO=prefix:range", excerpt(text))
		}
		all = append(all, answer{text: text, whole: text[:at], columns: strings.Split(text[:at], "+"), column: column, detail: detail})
	}
	for _, name := range o.Ignore {
		all = append(all, answer{text: name, whole: name, columns: []string{name}, column: -1})
	}
	return all, nil
}

func meanings() (names []string) {
	for column, name := range columnNames {
		if column != colCountry && column != colArea {
			names = append(names, name)
		}
	}
	return names
}

// The details that the meaning of a column may have. The first one is none.
var details = func() (d [columnCount][]string) {
	for i := range d {
		d[i] = []string{""}
	}
	for _, column := range []int{colCost, colInter, colIntra} {
		d[column] = unitDetails
	}
	d[colConnect] = []string{"", "whole", "cents", "pence"}
	d[colMCD], d[colPulse] = []string{"", "seconds", "minutes"}, []string{"", "seconds", "minutes"}
	d[colFrom] = []string{"", "dmy", "mdy", "ymd"}
	d[colPrefix] = []string{"", "list", "join", "drop0", "keep0", "range"}
	d[colStatus] = []string{"", "block", "remove"}
	return d
}()

// SameName reports whether a name of an option is the name of a column.
func SameName(given, name string) bool {
	given, name = strings.Join(strings.Fields(given), " "), strings.Join(strings.Fields(name), " ")
	return given != "" && strings.EqualFold(given, name)
}

// find returns the position of a column that an answer names. #3 is the third column.
func find(names []cell, given string) int {
	at := slices.IndexFunc(names, func(c cell) bool { return SameName(given, c.text) })
	if at < 0 {
		if n, is := positionOf(given); is && n <= len(names) {
			return n - 1
		}
	}
	return at
}

// positionOf reads the position of a column, from 1, such as #3.
func positionOf(given string) (n int, is bool) {
	_, err := fmt.Sscanf(strings.TrimSpace(given), "#%d", &n)
	return n, err == nil && n >= 1
}

// position returns a name for a column in answers.
func position(names []cell, i int) string {
	name := excerpt(strings.Join(strings.Fields(names[i].text), " "))
	if name == "" || find(names, name) != i {
		return fmt.Sprintf("#%d", i+1)
	}
	return name
}

// mapping describes every column of the file.
func (r *reader) mapping() []Mapped {
	all := []Mapped{}
	for _, s := range r.stats {
		m := Mapped{Column: s.name, Samples: s.samples, Meaning: LeftOut, Note: s.note}
		if m.Samples == nil {
			m.Samples = []string{}
		}
		if s.column >= 0 {
			m.Meaning = columnNames[s.column]
			if s.part > 0 {
				m.Meaning = fmt.Sprintf("part %d of the prefix", s.part)
			}
			m.Unit = s.unit
		}
		switch s.column {
		case colFrom:
			m.Unit = r.dateOrder()
		case colCost, colInter, colIntra, colConnect:
			m.Currency = r.o.Currency
			m.Jurisdiction = [...]string{colCost: "indeterminate", colInter: "interstate", colIntra: "intrastate", colConnect: ""}[s.column]
		}
		all = append(all, m)
	}
	return all
}
