package rating

import (
	"fmt"
	"math/bits"
)

// MaxDigits is the length of the longest prefix, and of the longest number
// (ITU-T E.164, 6.1).
const MaxDigits = 15

// Prefix holds 1 to 15 digits of a number, four bits each from the highest
// bits down, and their count in the lowest four bits. Prefixes compare as
// numbers like their texts, byte by byte: 49 < 490 < 491. The zero value is
// not a prefix; it sorts before all prefixes and covers all of them.
type Prefix uint64

// ParsePrefix reads 1 to 15 digits, or returns ErrInvalid.
func ParsePrefix(text string) (Prefix, error) {
	if len(text) > MaxDigits {
		return 0, fmt.Errorf("%w: a prefix has at most 15 digits", ErrInvalid)
	}
	return ParseNumber(text)
}

// ParseNumber reads a number to look up, digits only. It checks the digits
// after the fifteenth but drops them, because no prefix is that long. It
// returns ErrInvalid for any other text and for an empty one.
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

// Len returns the number of digits.
func (p Prefix) Len() int { return int(p & 15) }

// Append appends the digits.
func (p Prefix) Append(dst []byte) []byte {
	for i := range p.Len() {
		dst = append(dst, '0'+byte(p>>(60-4*i)&15))
	}
	return dst
}

// String returns the digits.
func (p Prefix) String() string { return string(p.Append(nil)) }

// Covers reports whether q begins with p. p covers itself.
func (p Prefix) Covers(q Prefix) bool {
	return p.Len() <= q.Len() && p == q.cut(p.Len())
}

// cut returns the first n digits. p must have at least n.
func (p Prefix) cut(n int) Prefix {
	return p&^(1<<(64-4*n)-1) | Prefix(n)
}

// common returns how many leading digits p and q share.
func (p Prefix) common(q Prefix) int {
	same := bits.LeadingZeros64(uint64(p^q)) / 4
	return min(same, p.Len(), q.Len())
}
