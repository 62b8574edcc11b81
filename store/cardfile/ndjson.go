package cardfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
)

// readNDJSON reads an object a line, its names as those of columns. The last
// one may be {"rows":n}.
func (r *reader) readNDJSON(f File) error {
	text, encoding, err := f.text(r.ctx, r.o)
	if err != nil {
		return err
	}
	if encoding == "windows-1252" {
		return ask("encoding", "the file is not valid UTF-8")
	}
	r.report.Encoding = encoding
	r.layout, r.laid = emptyLayout(), true
	for i := range r.layout.at {
		r.layout.at[i] = i
	}
	in := bufio.NewScanner(&guard{ctx: r.ctx, from: text})
	in.Buffer(make([]byte, 64<<10), maxLine)
	ended := false
	for n := 1; in.Scan(); n++ {
		at := Place{Line: n}
		if ended && len(bytes.TrimSpace(in.Bytes())) > 0 {
			return &FileError{Place: at, Text: "there is more after the number of rows"}
		}
		if ended, err = r.object(at, in.Bytes()); err != nil {
			return err
		}
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		return broken("a line is longer than %d bytes", maxLine)
	}
	return in.Err()
}

// object takes one line. ended says that it was the last one.
func (r *reader) object(at Place, text []byte) (ended bool, err error) {
	if text = bytes.TrimSpace(text); len(text) == 0 {
		r.report.Lines.Blank++
		return false, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var values map[string]any
	if d.Decode(&values) != nil || values == nil {
		r.report.refuse(at, refusal{reason: "is not a JSON object"})
		return false, nil //nolint:nilerr // a line refused, and no failure
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		r.report.refuse(at, refusal{reason: "is more than a JSON object"})
		return false, nil
	}
	if rows, ok := values["rows"].(json.Number); ok && len(values) == 1 {
		err := r.whole(at, rows.String())
		r.report.Lines.Totals++
		return true, err
	}
	cells, why := r.placed(values)
	if !why.none() {
		r.report.refuse(at, why)
		return false, nil
	}
	return false, r.line(at, cells)
}

// placed puts the values of an object where the columns stand.
func (r *reader) placed(values map[string]any) ([]cell, refusal) {
	cells := make([]cell, columnCount)
	var taken [columnCount]bool
	for _, name := range slices.Sorted(maps.Keys(values)) {
		words, _ := heading(name)
		column, known := columnOf[words]
		if !known {
			if len(r.report.Ignored) < maxCells && !slices.Contains(r.report.Ignored, excerpt(name)) {
				r.report.Ignored = append(r.report.Ignored, excerpt(name))
			}
			continue
		}
		if taken[column] {
			return nil, refusal{column: columnNames[column], reason: "stands there twice, once as " + strings.ToValidUTF8(excerpt(name), "")}
		}
		taken[column] = true
		cells[column] = jsonCell(values[name])
		r.report.Columns[columnNames[column]] = excerpt(name)
	}
	return cells, refusal{}
}
