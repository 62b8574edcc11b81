package valid

import (
	"fmt"
	"net/mail"
	"net/netip"
	"strings"
	"time"
	_ "time/tzdata" // makes the zones the same on every machine
	"unicode/utf8"

	"golang.org/x/text/currency"

	"resellerd/store/dialect"
	"resellerd/store/fault"
)

// The bounds of texts, in characters, and of lists, in entries.
const (
	MaxID     = 200
	MaxName   = 200
	MaxEmail  = 254 // RFC 5321, 4.5.3.1.3, without the angle brackets
	MaxNotes  = 10_000
	maxList   = 1_000
	MaxPrefix = 15
)

// Checks keeps the faults of a row, the first one of each field. Err is nil if there is
// none; several are a fault.Several. The zero value is ready for use.
type Checks struct{ Err error }

// Refuse records a fault of a field, unless Checks has one of this field already.
func (c *Checks) Refuse(field, format string, args ...any) {
	for _, had := range fault.Fields(c.Err) {
		if had.Field == field {
			return
		}
	}
	one := fault.Invalid(field, fmt.Sprintf(format, args...))
	switch had := c.Err.(type) { //nolint:errorlint // no other code sets it
	case nil:
		c.Err = one
	case fault.Several:
		had = append(had, one)
		c.Err = had
	default:
		c.Err = fault.Several{had, one}
	}
}

// Text accepts an optional text of at most limit characters.
func (c *Checks) Text(field, value string, limit int) {
	switch {
	case !dialect.Storable(value):
		c.Refuse(field, "is not valid UTF-8 without NUL")
	case utf8.RuneCountInString(value) > limit:
		c.Refuse(field, "is longer than %d characters", limit)
	}
}

// Required accepts a text of 1 to limit characters that are not all blank.
func (c *Checks) Required(field, value string, limit int) {
	if strings.TrimSpace(value) == "" {
		c.Refuse(field, "is missing")
	}
	c.Text(field, value, limit)
}

// OneOf accepts one of the allowed words.
func (c *Checks) OneOf(field, value string, allowed ...string) {
	for _, one := range allowed {
		if value == one {
			return
		}
	}
	c.Refuse(field, "must be one of %s", strings.Join(allowed, ", "))
}

// Email accepts an optional bare address (RFC 5322 addr-spec).
func (c *Checks) Email(field, value string) {
	if value == "" {
		return
	}
	c.Text(field, value, MaxEmail)
	if address, err := mail.ParseAddress(value); err != nil || address.Address != value {
		c.Refuse(field, "is not an email address")
	}
}

// Currency accepts an optional ISO 4217 code.
func (c *Checks) Currency(field, value string) {
	if value != "" && !IsCurrency(value) {
		c.Refuse(field, "is not an ISO 4217 code")
	}
}

// IsCurrency reports whether a text is an ISO 4217 code.
func IsCurrency(text string) bool {
	unit, err := currency.ParseISO(text)
	return err == nil && unit.String() == text && unit != currency.XXX
}

// TimeZone accepts an optional name of the IANA time zone database.
func (c *Checks) TimeZone(field, value string) {
	if value == "" {
		return
	}
	c.Text(field, value, MaxName)
	if _, err := time.LoadLocation(value); err != nil || value == "Local" {
		c.Refuse(field, "is not an IANA time zone")
	}
}

// Networks accepts a list of CIDR prefixes.
func (c *Checks) Networks(field string, values []string) {
	c.Distinct(field, values)
	for _, value := range values {
		if _, err := netip.ParsePrefix(value); err != nil {
			c.Refuse(field, "has an entry that is not a network in CIDR notation")
		}
	}
}

// Distinct accepts a list of at most 1000 texts, none of which occurs twice. Each
// has 1 to MaxID characters.
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

// Precision accepts a number of decimals from 0 to 10.
func (c *Checks) Precision(field string, value int) {
	if value < 0 || value > 10 {
		c.Refuse(field, "must be between 0 and 10")
	}
}

// Rounding accepts up, down, half_up or half_down.
func (c *Checks) Rounding(field, value string) {
	c.OneOf(field, value, "up", "down", "half_up", "half_down")
}

// Digits reports whether a text consists of 1 to limit digits.
func Digits(text string, limit int) bool {
	return text != "" && len(text) <= limit && strings.Trim(text, "0123456789") == ""
}

// Amount accepts an optional amount of money that is not negative.
func (c *Checks) Amount(field string, money *int64) {
	if money != nil && *money < 0 {
		c.Refuse(field, "is negative")
	}
}
