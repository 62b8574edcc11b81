package cardfile

import (
	"strconv"
	"strings"
	"time"
)

// The accepted forms of dates. Forms with a time zone are tried first.
var (
	zoned    = []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -07:00"}
	zoneless = []string{
		"2006-01-02", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006/01/02", "2006/1/2", "20060102",
		"2.1.2006", "2.1.2006 15:04", "2.1.2006 15:04:05", "2 Jan 2006", "2-Jan-2006", "2-Jan-06", "2 January 2006",
		"Jan 2, 2006", "January 2, 2006", "2/Jan/2006",
	}
)

// noZone is a reason that concerns the whole file rather than one line.
const noZone = "has no time zone"

// date reads the moment from which a row is in force.
func (r *reader) date(c cell) (time.Time, string) {
	text := strings.TrimSpace(c.text)
	if c.number {
		return r.serial(text)
	}
	for _, form := range zoned {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), plausible(t)
		}
	}
	if rest, utc := strings.CutSuffix(text, " UTC"); utc {
		return inZone(rest, time.UTC)
	}
	zone := r.o.Zone
	if zone == nil {
		zone = time.UTC
	}
	t, reason := inZone(text, zone)
	if reason == "" && r.o.Zone == nil {
		return t, noZone
	}
	return t, reason
}

func inZone(text string, zone *time.Location) (time.Time, string) {
	if strings.Count(text, "/") == 2 && len(text) > 4 && text[4] != '/' {
		return withSlashes(text, zone)
	}
	for _, form := range zoneless {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t.UTC(), plausible(t)
		}
	}
	return time.Time{}, "is not a date"
}

// withSlashes reads a date with slashes. The order of day and month depends on
// the country, so a date that could be two different days is refused.
func withSlashes(text string, zone *time.Location) (time.Time, string) {
	day, errDay := time.ParseInLocation("2/1/2006", text, zone)
	month, errMonth := time.ParseInLocation("1/2/2006", text, zone)
	switch {
	case errDay != nil && errMonth != nil:
		return inZone(strings.ReplaceAll(text, "/", " "), zone)
	case errDay != nil:
		return month.UTC(), plausible(month)
	case errMonth != nil, day.Equal(month):
		return day.UTC(), plausible(day)
	}
	return time.Time{}, "may mean two dates: write it as YYYY-MM-DD"
}

func plausible(t time.Time) string {
	if t.Year() < 1980 || t.Year() > 2200 {
		return "is not a date in this century"
	}
	return ""
}

const firstSerial = 25_000 // days; a date in 1968, or in 1972 if counted from 1904

// serial reads a date as spreadsheets store it: days since 30 December 1899,
// or since 1904.
func (r *reader) serial(text string) (time.Time, string) {
	whole, fraction, _ := strings.Cut(text, ".")
	days, err := strconv.Atoi(whole)
	if err != nil || days < firstSerial || days > 120_000 {
		return time.Time{}, "is not a date"
	}
	part, err := strconv.ParseFloat("0."+fraction+"0", 64)
	if err != nil {
		return time.Time{}, "is not a date"
	}
	if r.o.Zone == nil {
		return time.Time{}, noZone
	}
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, r.o.Zone)
	if r.since1904 {
		epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, r.o.Zone)
	}
	seconds := int(part*86_400 + 0.5)
	return time.Date(epoch.Year(), epoch.Month(), epoch.Day()+days, 0, 0, seconds, 0, r.o.Zone).UTC(), ""
}
