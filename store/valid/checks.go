package valid

import (
	"fmt"
	"net/mail"
	"net/netip"
	"strings"
	"time"
	_ "time/tzdata" // zones are the same wherever this runs
	"unicode/utf8"

	"golang.org/x/text/currency"

	"resellerd/store/dialect"
	"resellerd/store/fault"
)

// Bounds, in characters and in entries.
const (
	MaxID     = 200
	MaxName   = 200
	MaxEmail  = 254 // RFC 5321, 4.5.3.1.3 less the angle brackets
	MaxNotes  = 10_000
	maxList   = 1_000
	MaxPrefix = 15
)

// Checks collects the first thing that is wrong with a row; its error is nil
// while nothing is. The zero value is ready.
type Checks struct{ Err error }

// Refuse notes a fault of a field, unless one is noted already.
func (c *Checks) Refuse(field, format string, args ...any) {
	if c.Err == nil {
		c.Err = fault.Invalid(field, fmt.Sprintf(format, args...))
	}
}

// Text takes an optional text of at most limit characters.
func (c *Checks) Text(field, value string, limit int) {
	switch {
	case !dialect.Storable(value):
		c.Refuse(field, "is not valid UTF-8 without NUL")
	case utf8.RuneCountInString(value) > limit:
		c.Refuse(field, "is longer than %d characters", limit)
	}
}

// Required takes a text of 1 to limit characters that are not all blank.
func (c *Checks) Required(field, value string, limit int) {
	if strings.TrimSpace(value) == "" {
		c.Refuse(field, "is missing")
	}
	c.Text(field, value, limit)
}

// OneOf takes one of some words.
func (c *Checks) OneOf(field, value string, allowed ...string) {
	for _, one := range allowed {
		if value == one {
			return
		}
	}
	c.Refuse(field, "must be one of %s", strings.Join(allowed, ", "))
}

// Email takes an optional bare address (RFC 5322 addr-spec).
func (c *Checks) Email(field, value string) {
	if value == "" {
		return
	}
	c.Text(field, value, MaxEmail)
	if address, err := mail.ParseAddress(value); err != nil || address.Address != value {
		c.Refuse(field, "is not an email address")
	}
}

// Currency takes an optional ISO 4217 code.
func (c *Checks) Currency(field, value string) {
	if value == "" {
		return
	}
	if unit, err := currency.ParseISO(value); err != nil || unit.String() != value || unit == currency.XXX {
		c.Refuse(field, "is not an ISO 4217 code")
	}
}

// TimeZone takes an optional name of the IANA time zone database.
func (c *Checks) TimeZone(field, value string) {
	if value == "" {
		return
	}
	c.Text(field, value, MaxName)
	if _, err := time.LoadLocation(value); err != nil || value == "Local" {
		c.Refuse(field, "is not an IANA time zone")
	}
}

// Networks takes a list of CIDR prefixes.
func (c *Checks) Networks(field string, values []string) {
	c.Distinct(field, values)
	for _, value := range values {
		if _, err := netip.ParsePrefix(value); err != nil {
			c.Refuse(field, "has an entry that is not a network in CIDR notation")
		}
	}
}

// Distinct takes a bounded list of storable texts, none twice.
func (c *Checks) Distinct(field string, values []string) {
	if len(values) > maxList {
		c.Refuse(field, "has more than %d entries", maxList)
		return
	}
	seen := make(map[string]bool, len(values))
	for _, value := range values {
		c.Required(field, value, MaxID)
		if seen[value] {
			c.Refuse(field, "has an entry more than once")
		}
		seen[value] = true
	}
}

// Precision takes a number of decimals.
func (c *Checks) Precision(field string, value int) {
	if value < 0 || value > 10 {
		c.Refuse(field, "must be between 0 and 10")
	}
}

// Rounding takes a way to round.
func (c *Checks) Rounding(field, value string) {
	c.OneOf(field, value, "up", "down", "half_up", "half_down")
}

// Digits reports whether a text is 1 to limit digits.
func Digits(text string, limit int) bool {
	return text != "" && len(text) <= limit && strings.Trim(text, "0123456789") == ""
}

// Amount takes an optional sum of money.
func (c *Checks) Amount(field string, money *int64) {
	if money != nil && *money < 0 {
		c.Refuse(field, "is negative")
	}
}
