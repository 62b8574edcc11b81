package rating

import (
	"fmt"
	"math/bits"
)

// MaxDigits is the length of the longest prefix, and of the longest number
// (ITU-T E.164, 6.1).
const MaxDigits = 15

// Prefix is 1 to 15 digits of a number, four bits each from the highest down,
// and their count in the lowest four. As numbers prefixes are in the order of
// their texts, byte by byte: 49 < 490 < 491. The zero value is no prefix, and
// stands before and above all.
type Prefix uint64

// ParsePrefix reads 1 to 15 digits, or returns ErrInvalid.
func ParsePrefix(text string) (Prefix, error) {
	if len(text) > MaxDigits {
		return 0, fmt.Errorf("%w: a prefix has at most 15 digits", ErrInvalid)
	}
	return ParseNumber(text)
}

// ParseNumber reads a number to look up, digits alone. What follows the
// fifteenth is checked and left out, for no prefix reaches there. It returns
// ErrInvalid for anything else, and for none at all.
func ParseNumber(text string) (Prefix, error) {
	var p Prefix
	for i := range len(text) {
		digit := text[i] - '0'
		if digit > 9 {
			return 0, fmt.Errorf("%w: not digits alone", ErrInvalid)
		}
		if i < MaxDigits {
			p |= Prefix(digit) << (60 - 4*i)
		}
	}
	if text == "" {
		return 0, fmt.Errorf("%w: no digits", ErrInvalid)
	}
	return p | Prefix(min(len(text), MaxDigits)), nil
}

// Len is the number of digits.
func (p Prefix) Len() int { return int(p & 15) }

// Append writes the digits.
func (p Prefix) Append(dst []byte) []byte {
	for i := range p.Len() {
		dst = append(dst, '0'+byte(p>>(60-4*i)&15))
	}
	return dst
}

// String is what Append writes.
func (p Prefix) String() string { return string(p.Append(nil)) }

// Covers says that q begins with p; p itself does.
func (p Prefix) Covers(q Prefix) bool {
	return p.Len() <= q.Len() && p == q.cut(p.Len())
}

// cut is the first n digits, of n or more.
func (p Prefix) cut(n int) Prefix {
	return p&^(1<<(64-4*n)-1) | Prefix(n)
}

// common is how many digits p and q begin with alike.
func (p Prefix) common(q Prefix) int {
	same := bits.LeadingZeros64(uint64(p^q)) / 4
	return min(same, p.Len(), q.Len())
}
