package cardfile

import (
	"fmt"
	"strings"

	"resellerd/store/cardfile/e164"
	"resellerd/store/rating"
)

// unassigned marks the first three digits of prefixes that begin with no country code.
var unassigned = func() (none [1000]bool) {
	for i := range none {
		none[i] = e164.CountryCode(fmt.Sprintf("%03d", i)) == ""
	}
	return none
}()

// origins counts prefixes without a country, and names of another country than their prefix.
type origins struct {
	unknown, contrary int
	prefix, text      string // the first of each
	other             string // the prefix of the name

	last      string // the name that was seen last
	lastCodes []string
}

// see counts the prefixes of a row.
func (o *origins) see(prefixes []rating.Prefix, name string) {
	if name != o.last {
		o.last, o.lastCodes = name, e164.CodesOfName(name)
	}
	for _, p := range prefixes {
		n := min(p.Len(), 3)
		lead := int(p>>60&15)*100 + int(p>>56&15)*10 + int(p>>52&15)
		switch {
		case n == 3 && unassigned[lead], n < 3 && e164.CountryCode(p.String()) == "":
			if o.unknown++; o.prefix == "" {
				o.prefix = p.String()
			}
		case len(o.lastCodes) > 0 && !beginsWith(p, o.lastCodes):
			if o.contrary++; o.text == "" {
				o.text, o.other = strings.Clone(name), p.String()
			}
		}
	}
}

func beginsWith(p rating.Prefix, codes []string) bool {
	var digits [rating.MaxDigits]byte
	text := p.Append(digits[:0])
	for _, code := range codes {
		if n := min(len(text), len(code)); string(text[:n]) == code[:n] {
			return true
		}
	}
	return false
}

// warn warns of what see counted.
func (o *origins) warn(r *reader) {
	if o.unknown > 0 {
		r.warn(fmt.Sprintf("prefixes that begin with no country code: %d; the first is %s", o.unknown, o.prefix))
	}
	if o.contrary > 0 {
		r.warn(fmt.Sprintf("names of another country than their prefix: %d; the first is %q on %s", o.contrary, excerpt(o.text), o.other))
	}
}
