package supplier

import (
	"fmt"
	"slices"

	"resellerd/store/cardfile"
	"resellerd/store/cardfile/e164"
	"resellerd/store/rating"
)

// Typical holds the medians of a file.
type Typical struct {
	Cost  string `json:"cost" description:"a decimal number"`
	MCD   uint32 `json:"mcd"`
	Pulse uint32 `json:"pulse"`
}

// Sample keeps some of the rows of a file, equally far apart.
type Sample struct {
	every, seen int
	rows        []cardfile.Row
}

const maxSample = 4000

var costAt = slices.Index(cardfile.GivenColumns, "cost")

// Add takes a row.
func (s *Sample) Add(row *cardfile.Row) {
	s.every = max(1, s.every)
	if s.seen++; s.seen%s.every != 0 {
		return
	}
	if s.rows = append(s.rows, *row); len(s.rows) < maxSample {
		return
	}
	s.every *= 2
	for i := range len(s.rows) / 2 {
		s.rows[i] = s.rows[2*i+1]
	}
	s.rows = s.rows[:len(s.rows)/2]
}

// Priced returns the rows that are open and have a price.
func (s *Sample) Priced() (all []cardfile.Row) {
	for _, row := range s.rows {
		if !row.Removed && !row.Blocked && row.Given.Has(costAt) {
			all = append(all, row)
		}
	}
	return all
}

// Unknown returns a prefix that begins with no country code, how many there are, and how many
// prefixes there are.
func (s *Sample) Unknown() (first string, unknown, all int64) {
	for _, row := range s.rows {
		if prefix := row.Prefix.String(); e164.CountryCode(prefix) == "" {
			if unknown++; first == "" {
				first = prefix
			}
		}
	}
	return first, unknown, int64(len(s.rows))
}

// Typical returns the medians, or nil without a price.
func (s *Sample) Typical() *Typical {
	var costs []rating.Money
	var mcds, pulses []uint32
	for _, row := range s.Priced() {
		costs, mcds, pulses = append(costs, row.Cost), append(mcds, row.MCD), append(pulses, max(1, row.Pulse))
	}
	if len(costs) == 0 {
		return nil
	}
	return &Typical{Cost: median(costs).String(), MCD: median(mcds), Pulse: median(pulses)}
}

// median returns the middle of values, of two the lesser one.
func median[T rating.Money | uint32](all []T) T {
	all = slices.Clone(all)
	slices.Sort(all)
	return all[(len(all)-1)/2]
}

type typicalChange struct{ of, text string }

// changes describes the medians that differ: a price by more than times, an interval at all.
func (t *Typical) changes(is *Typical, times int64) (all []typicalChange) {
	if t == nil || is == nil {
		return nil
	}
	was, err := rating.ParseMoney(t.Cost)
	now, other := rating.ParseMoney(is.Cost)
	if err != nil || other != nil || Beyond(was, now, times) {
		all = append(all, typicalChange{"cost", fmt.Sprintf("the median price was %s in the last file of the profile, and is %s in this one", t.Cost, is.Cost)})
	}
	if t.MCD != is.MCD || t.Pulse != is.Pulse {
		all = append(all, typicalChange{"increments", fmt.Sprintf("the usual increments were %d/%d in the last file of the profile, and are %d/%d in this one", t.MCD, t.Pulse, is.MCD, is.Pulse)})
	}
	return all
}

// Beyond reports whether a price rose to more than times another one, or fell below that part
// of it. A price of 0 is beyond every other one.
func Beyond(was, is rating.Money, times int64) bool {
	return exceeds(is, was, times) || exceeds(was, is, times)
}

// exceeds reports whether a is more than times b.
func exceeds(a, b rating.Money, times int64) bool {
	return int64(a)/times > int64(b) || int64(a)/times == int64(b) && int64(a)%times > 0
}

// Limits say from when on numbers are doubtful. Zero means the default.
type Limits struct {
	Median    int64 `json:"median,omitempty" minimum:"0" maximum:"1000000" description:"times by which a median of prices may differ; default 5"`
	Row       int64 `json:"row,omitempty" minimum:"0" maximum:"1000000" description:"times by which one price may rise or fall; default 3"`
	Countries int64 `json:"countries,omitempty" minimum:"0" maximum:"100" description:"percent of prefixes that may begin with no country code; default 20"`
	Removed   int64 `json:"removed,omitempty" minimum:"0" maximum:"100" description:"percent of prefixes that a replacement may remove; default a third"`
}

func (l Limits) median() int64 { return orDefault(l.Median, 5) }

// RowTimes returns the limit of one price.
func (l Limits) RowTimes() int64 { return orDefault(l.Row, 3) }

// MedianTimes returns the limit of a median.
func (l Limits) MedianTimes() int64 { return l.median() }

// TooManyUnknown reports whether too many of all prefixes begin with no country code.
func (l Limits) TooManyUnknown(unknown, all int64) bool {
	return unknown*100 > orDefault(l.Countries, 20)*all
}

// TooManyRemoved reports whether a replacement removes too many of all prefixes.
func (l Limits) TooManyRemoved(removed, all int64) bool {
	if l.Removed == 0 {
		return removed*3 > all
	}
	return removed*100 > l.Removed*all
}

func orDefault(n, by int64) int64 {
	if n == 0 {
		return by
	}
	return n
}
