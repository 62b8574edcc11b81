package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"resellerd/store/coop"
	"resellerd/store/fault"
	"resellerd/store/schema"
)

// merge walks the added rates and those of the base in the order of prefixes. It emits
// the rows of all drafts, and counts the rows and changes of each.
func (i *Importer) merge(ctx context.Context, at *site, drafts []Imported, emit func([]any) error) error {
	base := ""
	if i.hidden == nil {
		base = i.base.ID
	}
	given, before := given{next: i.sorter.Sorted(), refuseLine: i.what.Refuse}, at.walk(ctx, base)
	if err := given.advance(); err != nil {
		return err
	}
	row := make([]any, 0, len(rateColumns))
	for n := 0; ; n++ {
		if n%1000 == 0 {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := coop.Yield(ctx); err != nil {
				return err
			}
		}
		was, err := before.peek()
		if err != nil {
			return err
		}
		if was == nil && given.prefix == "" {
			for d := range drafts {
				drafts[d].keeps(" ", true) // the end of every prefix
			}
			return nil
		}
		prefix := given.prefix
		if was != nil && (prefix == "" || prefixOf(was) <= prefix) {
			prefix = prefixOf(was)
			before.ahead = before.ahead[1:]
		} else {
			was = nil
		}
		var holds []any
		given.held = given.prefix == prefix && given.at > drafts[0].At
		if i.what.Base != "" || given.held {
			holds = was
		}
		for d := range drafts {
			given.amends = i.what.Base != ""
			if holds, err = given.take(prefix, drafts[d].At, was, holds); err != nil {
				return err
			}
			if given.amends {
				drafts[d].gives(prefix, given.took)
			}
			drafts[d].count(prefix, was, holds, given.took, &i.what)
			if was = holds; holds == nil {
				continue
			}
			row = append(append(row[:0], drafts[d].Revision.ID), holds...)
			if err := emit(row); err != nil {
				return err
			}
		}
	}
}

// count counts a prefix whose rate was another one before, nil for none. given are the columns that the import gives.
func (d *Imported) count(prefix string, was, is []any, given uint16, what *Import) {
	if is != nil {
		d.Revision.Rows++
	}
	if d.Changes == nil || was == nil && is == nil {
		return
	}
	by := covering(&d.covering, prefix, was)
	d.opens(prefix, was, is, by, covering(&d.above, prefix, is), given, what)
	change := CompareRates(was, is)
	d.Changes.count(change)
	d.keeps(prefix, change == RateUnchanged)
	if change == RateUnchanged {
		return
	}
	d.move(prefix, was, is, by, what)
}

// gives keeps which columns an amendment gives for a prefix, also if they stay as they are.
func (d *Imported) gives(prefix string, columns uint16) {
	if columns == 0 {
		return
	}
	if columns|1<<prefixAt == 1<<len(schema.RateType.Columns)-1 {
		columns = wholeRate
	}
	if d.givens++; d.givens > maxChanges {
		d.given = nil // it is not stored
		return
	}
	d.given = appendGiven(d.given, prefix, columns)
}

// keeps counts the longer prefixes that keep their rates below a changed prefix.
func (d *Imported) keeps(prefix string, unchanged bool) {
	for n := len(d.open) - 1; n >= 0 && !strings.HasPrefix(prefix, d.open[n].Prefix); n-- {
		if d.open[n].Kept > 0 {
			if d.Longers++; d.Longers <= maxLonger {
				d.Longer = append(d.Longer, d.open[n])
			}
		}
		d.open = d.open[:n]
	}
	switch {
	case !unchanged:
		d.open = append(d.open, Longer{Prefix: prefix})
	default:
		for n := range d.open {
			d.open[n].Kept++
		}
	}
}

// given reads the added rates in the order of prefixes and moments.
type given struct {
	next       func() (key, value []byte, err error)
	prefix     string // of the next record; "" at the end
	at         schema.Micros
	kind       byte
	mask       uint16
	line       uint32
	amends     bool   // a rate keeps the columns that are not given
	held       bool   // the prefix keeps the rate of the base until the import gives it one
	took       uint16 // the columns of the last prefix that were given
	values     []any
	refuseLine func(line uint32, column, reason string) error
}

func (g *given) advance() error {
	key, value, err := g.next()
	if err != nil {
		return err
	}
	if key == nil {
		g.prefix = ""
		return nil
	}
	cut := len(key) - 9
	if string(key[:cut]) != g.prefix {
		g.prefix = string(key[:cut])
	}
	if len(value) < 7 {
		return errRecord
	}
	g.at, g.kind, g.values = schema.Micros(binary.BigEndian.Uint64(key[cut+1:])), value[0], nil
	g.mask, g.line = binary.BigEndian.Uint16(value[1:]), binary.BigEndian.Uint32(value[3:])
	if g.kind == added || g.kind == replaced {
		g.values, err = readValues(value[7:])
	}
	return err
}

// take returns the rate of a prefix at a moment: the one that is given for that moment,
// or else holds. was is the rate before that moment, nil for none.
func (g *given) take(prefix string, at schema.Micros, was, holds []any) ([]any, error) {
	before, line, why, found := holds, uint32(0), "", false
	g.took = 0
	for ; g.prefix == prefix && g.at == at; found = true {
		line, why = g.line, ""
		switch {
		case g.kind == added && found:
			return nil, fmt.Errorf("rate %q: %w", prefix, fault.Invalid("prefix", "is given more than once"))
		case g.kind == removed:
			holds, g.took = before, 0
		case g.kind == erased:
			holds, g.took = nil, wholeRate
		case !g.amends:
			if holds, g.took = g.values, g.mask; was != nil && g.mask&(1<<nameAt) == 0 {
				holds[nameAt] = was[nameAt]
			}
		case before == nil && g.mask&(1<<costAt) == 0 && g.values[statusAt] != "blocked":
			why = "is missing, and the card has no prefix " + prefix
		default:
			unpriced := before != nil && before[statusAt] == "blocked" && orCost(before, costAt) == 0 && g.mask&(1<<costAt) == 0
			if holds, g.took = g.over(before), g.mask; unpriced && holds[statusAt] != "blocked" {
				why = "is missing, and the prefix " + prefix + ", which would be opened, has no price"
			}
		}
		if err := g.advance(); err != nil {
			return nil, err
		}
	}
	g.held = g.held && g.took == 0
	if found && g.held && !g.amends && g.prefix != prefix {
		holds = nil // all that the import gave was taken back
	}
	if why == "" {
		return holds, nil
	}
	g.took = 0
	if g.refuseLine == nil {
		return nil, fmt.Errorf("rate %q: %w", prefix, fault.Invalid("cost", why))
	}
	return before, g.refuseLine(line, "cost", why)
}

// over returns a rate with the columns that are given in place of its own.
func (g *given) over(before []any) []any {
	if before == nil || g.mask == wholeRate {
		return g.values
	}
	for i := range g.values {
		if g.mask&(1<<i) == 0 {
			g.values[i] = before[i]
		}
	}
	return g.values
}

// The kinds of values in a record.
const (
	absentValue = byte(iota)
	integerValue
	textValue
)

// appendValues encodes the values of a rate.
func appendValues(to []byte, values []any) []byte {
	for _, value := range values {
		switch v := value.(type) {
		case int64:
			to = binary.AppendVarint(append(to, integerValue), v)
		case string:
			to = append(binary.AppendUvarint(append(to, textValue), uint64(len(v))), v...)
		default:
			to = append(to, absentValue)
		}
	}
	return to
}

var errRecord = fmt.Errorf("a sorted record is damaged: %w", fault.ErrUnavailable)

// readValues decodes the values of a rate. A damaged record is an error.
func readValues(from []byte) ([]any, error) {
	values := make([]any, 0, len(schema.RateType.Columns))
	for len(from) > 0 {
		kind := from[0]
		from = from[1:]
		switch kind {
		case absentValue:
			values = append(values, nil)
		case integerValue:
			v, n := binary.Varint(from)
			if n <= 0 {
				return nil, errRecord
			}
			values, from = append(values, v), from[n:]
		case textValue:
			size, n := binary.Uvarint(from)
			if n <= 0 || size > uint64(len(from)-n) {
				return nil, errRecord
			}
			from = from[n:]
			values, from = append(values, string(from[:size])), from[size:]
		default:
			return nil, errRecord
		}
	}
	if len(values) != len(schema.RateType.Columns) || !schema.RateHas(values) {
		return nil, errRecord
	}
	return values, nil
}
