// Package export writes rate cards as files: CSV, XLSX and open rate card JSON. It keeps no rates in memory.
package export

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"resellerd/store/schema"
)

// Card holds what a file says about a card besides its rates. It must contain
// only what the file's reader may see.
type Card struct {
	Name            string
	Currency        string
	Direction       string // termination or origination
	RatePrecision   int
	RateRounding    string
	ChargePrecision int
	ChargeRounding  string
	Date            time.Time // start of the rates, or now
}

// Rows calls a function for every row of a card, with one cell per column; ""
// is an absent value. The function must not keep the cells.
type Rows func(func(cells []string) error) error

// numeric marks the columns that hold numbers.
var numeric = func() map[string]bool {
	set := map[string]bool{}
	for _, c := range schema.RateType.Columns {
		set[c.Name] = c.Kind == schema.Money || c.Kind == schema.Integer
	}
	return set
}()

// CSV writes a heading, one line per row, and a last line with "total"
// and the number of rows. A reader can therefore detect a truncated file.
func CSV(w io.Writer, columns []string, rows Rows) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	line := make([]string, len(columns))
	n := 0
	err := rows(func(cells []string) error {
		n++
		for i, cell := range cells {
			line[i] = Inert(cell)
		}
		return out.Write(line)
	})
	if err != nil {
		return err
	}
	clear(line)
	last := append(line, "", "")[:max(2, len(line))]
	last[0], last[1] = "total", strconv.Itoa(n)
	if err := out.Write(last); err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// openNames maps a column to its name in open rate card JSON.
var openNames = map[string]string{"cost": "rate", "mcd": "initial_interval", "pulse": "billing_interval", "connect": "connection_fee"}

type openField struct {
	Name string `json:"name"`
}

type openRounding struct {
	Precision int    `json:"precision"`
	Rounding  string `json:"rounding"`
}

type openHead struct {
	Name        string       `json:"name"`
	Type        string       `json:"type"`
	Direction   string       `json:"direction"`
	TrafficType string       `json:"traffic_type"`
	Currency    string       `json:"currency"`
	Endpoint    string       `json:"endpoint"`
	Rate        openRounding `json:"rate"`
	Charge      openRounding `json:"charge"`
	Fields      []openField  `json:"fields"`
}

func (c Card) openHead(columns []string) openHead {
	h := openHead{
		Name: c.Name, Type: c.Direction, Direction: "outbound", TrafficType: "voice", Currency: c.Currency, Endpoint: "default",
		Rate: openRounding{c.RatePrecision, c.RateRounding}, Charge: openRounding{c.ChargePrecision, c.ChargeRounding},
	}
	if c.Direction == "origination" {
		h.Direction = "inbound"
	}
	for _, column := range columns {
		if name, other := openNames[column]; other {
			column = name
		}
		h.Fields = append(h.Fields, openField{column})
	}
	return h
}

// JSON writes open rate card JSON with the card and its rates. It writes
// no endpoints, no names of people and no notes.
func JSON(w io.Writer, c Card, columns []string, rows Rows) error {
	root, err := json.Marshal(struct {
		Name          string `json:"name"`
		SchemaVersion string `json:"schema_version"`
		Version       string `json:"version"`
		Date          string `json:"date"`
	}{c.Name, "1.0.0", "1.0", c.Date.UTC().Format(time.DateOnly)})
	if err != nil {
		return err
	}
	head, err := json.Marshal(c.openHead(columns))
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 32<<10)
	_, _ = out.Write(root[:len(root)-1]) // a bufio.Writer keeps its first error for Flush
	_, _ = out.WriteString(`,"cards":{"default":`)
	_, _ = out.Write(head[:len(head)-1])
	_, _ = out.WriteString(`,"rates":[`)
	if err := writeOpenRows(out, columns, rows); err != nil {
		return err
	}
	_, _ = out.WriteString("\n]}}}\n")
	return out.Flush()
}

func writeOpenRows(out *bufio.Writer, columns []string, rows Rows) error {
	var line []byte
	lead := "\n"
	return rows(func(cells []string) error {
		line = append(line[:0], lead...)
		begin := len(line)
		lead = ",\n"
		for i, cell := range cells {
			line = append(line, ',')
			switch {
			case cell == "" && columns[i] != "name":
				line = append(line, "null"...)
			case numeric[columns[i]] && fitsNumber(cell):
				line = append(line, cell...)
			default:
				text, err := json.Marshal(cell)
				if err != nil {
					return err
				}
				line = append(line, text...)
			}
		}
		line[begin] = '['
		_, err := out.Write(append(line, ']'))
		return err
	})
}

// fitsNumber reports whether a float keeps all digits of the number.
func fitsNumber(decimal string) bool {
	return len(strings.Trim(strings.ReplaceAll(decimal, ".", ""), "0")) <= 15
}
