package rating

import "strings"

// Match selects the rows of a profit rule: one prefix, a prefix and all below
// it, or all rows. The zero value selects none.
type Match struct {
	prefix Prefix
	below  bool
}

// ParseMatch reads a prefix ("49": only that row), ^ and a prefix ("^49": 49
// and all below) or "*". It returns ErrInvalid for any other text.
func ParseMatch(text string) (Match, error) {
	if text == "*" {
		return Match{below: true}, nil
	}
	digits, below := strings.CutPrefix(text, "^")
	p, err := ParsePrefix(digits)
	return Match{prefix: p, below: below && err == nil}, err
}

// String returns the text that ParseMatch reads, or "" for the zero value.
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
