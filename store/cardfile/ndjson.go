package cardfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// readNDJSON reads one object per line. Its names are those of the columns.
// The last object may be {"rows":n}.
func (r *reader) readNDJSON(f File) error {
	text, encoding, err := f.text(r.ctx, r.o)
	if err != nil {
		return err
	}
	if encoding == "windows-1252" {
		return ask("encoding", "the file is not valid UTF-8")
	}
	r.report.Encoding = encoding
	r.laid = true // every object has its own layout
	in := bufio.NewScanner(&guard{ctx: r.ctx, from: text, work: r.work, texts: true})
	in.Buffer(make([]byte, 64<<10), maxLine)
	ended, last := false, 0
	for in.Scan() {
		last++
		at := Place{Line: last}
		if ended && len(bytes.TrimSpace(in.Bytes())) > 0 {
			return &FileError{Place: at, Text: "there is text after the number of rows"}
		}
		if ended, err = r.object(at, in.Bytes()); err != nil {
			return err
		}
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		return placed(Place{Line: last + 1}, errLongLine)
	}
	return in.Err()
}

// object reads one line. ended reports whether it was the final {"rows":n}.
func (r *reader) object(at Place, text []byte) (ended bool, err error) {
	if text = bytes.TrimSpace(text); len(text) == 0 {
		r.report.Lines.Blank++
		return false, nil
	}
	names, values, why := members(text)
	if !why.none() {
		r.report.Blocking++ // nobody knows what it says
		r.report.refuse(at, why)
		return false, nil
	}
	if len(names) == 1 && names[0].text == "rows" && values[0].number {
		err := r.whole(at, values[0].text)
		r.report.Lines.Totals++
		return true, err
	}
	if why, err = r.lay(at, names); err != nil {
		return false, err
	}
	if !why.none() {
		r.report.Blocking++ // its columns are not certain
		r.report.refuse(at, why)
		return false, nil
	}
	return false, r.line(at, values)
}

// members returns the names and values of an object, in its order.
func members(text []byte) (names, values []cell, why refusal) {
	none := refusal{reason: "is not a JSON object"}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, nil, none
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		var value any
		if err != nil || !ok || d.Decode(&value) != nil {
			return nil, nil, none
		}
		if len(names) >= maxCells {
			return nil, nil, refusal{reason: fmt.Sprintf("has more than %d values", maxCells)}
		}
		if seen[name] {
			return nil, nil, refusal{reason: fmt.Sprintf("has %q twice", excerpt(name))}
		}
		seen[name] = true
		names, values = append(names, cell{text: name}), append(values, jsonCell(value))
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, none
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, refusal{reason: "has text after the JSON object"}
	}
	return names, values, refusal{}
}

// lay finds the columns by the names of an object, as by the headings of other
// files. Most objects have the same names as the previous one.
func (r *reader) lay(at Place, names []cell) (refusal, error) {
	if r.layout != nil && slices.Equal(names, r.names) {
		return refusal{}, nil
	}
	l := r.byNames(names)
	if l.wrong != nil {
		return refusal{}, placed(at, l.wrong)
	}
	if twice := slices.IndexFunc(l.open, func(q Question) bool { return q.Code != "unit" }); twice >= 0 {
		return refusal{column: l.open[twice].Code, reason: l.open[twice].Text}, nil // objects differ, so an answer would not hold for all
	}
	for _, column := range []int{colPrefix, colCost} {
		if l.at[column] < 0 && !(column == colCost && l.complete()) {
			l.at[column] = len(names) // beyond the last cell, so that it is reported as missing
		}
	}
	if err := r.useLayout(l); err != nil {
		return refusal{}, placed(at, err)
	}
	r.names = names
	return refusal{}, nil
}
