package rating

import "strings"

// Match is which rows a profit rule is for: one prefix, a prefix and all below
// it, or all. The zero value is for none.
type Match struct {
	prefix Prefix
	below  bool
}

// ParseMatch reads a prefix ("49": that row alone), ^ and a prefix ("^49": 49
// and all below) or "*"; anything else is ErrInvalid.
func ParseMatch(text string) (Match, error) {
	if text == "*" {
		return Match{below: true}, nil
	}
	digits, below := strings.CutPrefix(text, "^")
	p, err := ParsePrefix(digits)
	return Match{prefix: p, below: below && err == nil}, err
}

// String is what ParseMatch reads, "" for none.
func (m Match) String() string {
	switch {
	case m.prefix == 0 && m.below:
		return "*"
	case m.below:
		return "^" + m.prefix.String()
	default:
		return m.prefix.String()
	}
}
