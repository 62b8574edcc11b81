package store

import (
	"fmt"
	"net/mail"
	"net/netip"
	"strings"
	"time"
	_ "time/tzdata" // zones are the same wherever this runs
	"unicode/utf8"

	"golang.org/x/text/currency"
)

// Bounds, in characters and in entries.
const (
	maxID     = 200
	maxName   = 200
	maxEmail  = 254 // RFC 5321, 4.5.3.1.3 less the angle brackets
	maxNotes  = 10_000
	maxList   = 1_000
	maxPrefix = 15
)

// checks collects the first thing that is wrong with a row; its error is nil
// while nothing is. The zero value is ready.
type checks struct{ err error }

// refuse notes a fault of a field, unless one is noted already.
func (c *checks) refuse(field, format string, args ...any) {
	if c.err == nil {
		c.err = invalid(field, fmt.Sprintf(format, args...))
	}
}

// text takes an optional text of at most limit characters.
func (c *checks) text(field, value string, limit int) {
	switch {
	case !storable(value):
		c.refuse(field, "is not valid UTF-8 without NUL")
	case utf8.RuneCountInString(value) > limit:
		c.refuse(field, "is longer than %d characters", limit)
	}
}

// required takes a text of 1 to limit characters that are not all blank.
func (c *checks) required(field, value string, limit int) {
	if strings.TrimSpace(value) == "" {
		c.refuse(field, "is missing")
	}
	c.text(field, value, limit)
}

// oneOf takes one of some words.
func (c *checks) oneOf(field, value string, allowed ...string) {
	for _, one := range allowed {
		if value == one {
			return
		}
	}
	c.refuse(field, "is not one of %s", strings.Join(allowed, ", "))
}

// email takes an optional bare address (RFC 5322 addr-spec).
func (c *checks) email(field, value string) {
	if value == "" {
		return
	}
	c.text(field, value, maxEmail)
	if address, err := mail.ParseAddress(value); err != nil || address.Address != value {
		c.refuse(field, "is not an email address")
	}
}

// currency takes an optional ISO 4217 code.
func (c *checks) currency(field, value string) {
	if value == "" {
		return
	}
	if unit, err := currency.ParseISO(value); err != nil || unit.String() != value || unit == currency.XXX {
		c.refuse(field, "is not an ISO 4217 code")
	}
}

// timeZone takes an optional name of the IANA time zone database.
func (c *checks) timeZone(field, value string) {
	if value == "" {
		return
	}
	c.text(field, value, maxName)
	if _, err := time.LoadLocation(value); err != nil || value == "Local" {
		c.refuse(field, "is not an IANA time zone")
	}
}

// networks takes a list of CIDR prefixes.
func (c *checks) networks(field string, values []string) {
	c.distinct(field, values)
	for _, value := range values {
		if _, err := netip.ParsePrefix(value); err != nil {
			c.refuse(field, "holds something that is not a network in CIDR notation")
		}
	}
}

// distinct takes a bounded list of storable texts, none twice.
func (c *checks) distinct(field string, values []string) {
	if len(values) > maxList {
		c.refuse(field, "holds more than %d entries", maxList)
		return
	}
	seen := make(map[string]bool, len(values))
	for _, value := range values {
		c.required(field, value, maxID)
		if seen[value] {
			c.refuse(field, "names something twice")
		}
		seen[value] = true
	}
}

// precision takes a number of decimals.
func (c *checks) precision(field string, value int) {
	if value < 0 || value > 10 {
		c.refuse(field, "is not between 0 and 10")
	}
}

// rounding takes a way to round.
func (c *checks) rounding(field, value string) {
	c.oneOf(field, value, "up", "down", "half_up", "half_down")
}

// digits reports whether a text is 1 to limit digits.
func digits(text string, limit int) bool {
	return text != "" && len(text) <= limit && strings.Trim(text, "0123456789") == ""
}

// amount takes an optional sum of money.
func (c *checks) amount(field string, money *int64) {
	if money != nil && *money < 0 {
		c.refuse(field, "is negative")
	}
}
