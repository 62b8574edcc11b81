package rating

import (
	"fmt"
	"math"
	"strconv"

	"github.com/shopspring/decimal"
)

// Decimals is the number of decimals of an amount.
const Decimals = 10

// Unit is one whole unit of a currency.
const Unit Money = 10_000_000_000

// maxText is the length of the longest accepted decimal number, in bytes.
const maxText = 64

// Money is an amount in some currency, or a price per minute, with ten
// decimals: 1.5 is 15000000000. Prices and charges are at least 0.
type Money int64

var (
	moneyMax = decimal.NewFromInt(math.MaxInt64)
	moneyMin = decimal.NewFromInt(math.MinInt64)
)

// ParseMoney reads a decimal number such as "0.0125" or "-3". It returns
// ErrInvalid if the text is not a plain decimal number or has more than ten
// decimals. It returns ErrOverflow beyond about 922 million.
func ParseMoney(text string) (Money, error) {
	d, err := parseDecimal(text)
	if err != nil {
		return 0, err
	}
	scaled := d.Shift(Decimals)
	if !scaled.IsInteger() {
		return 0, fmt.Errorf("%w: more than ten decimals", ErrInvalid)
	}
	if scaled.GreaterThan(moneyMax) || scaled.LessThan(moneyMin) {
		return 0, ErrOverflow
	}
	return Money(scaled.IntPart()), nil
}

func parseDecimal(text string) (decimal.Decimal, error) {
	if !plainDecimal(text) {
		return decimal.Decimal{}, fmt.Errorf("%w: no decimal number", ErrInvalid)
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return d, fmt.Errorf("%w: no decimal number", ErrInvalid)
	}
	return d, nil
}

// plainDecimal refuses exponents, plus signs, spaces and very long numbers
// before the parser sees them.
func plainDecimal(text string) bool {
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	digits, points := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			points++
		default:
			return false
		}
	}
	return digits > 0 && points <= 1 && len(text) <= maxText && text[0] != '.' && text[len(text)-1] != '.'
}

// Append appends the amount as the shortest exact decimal number: "0.0125",
// "3", "-0.5".
func (m Money) Append(dst []byte) []byte {
	rest := uint64(m)
	if m < 0 {
		dst = append(dst, '-')
		rest = -rest
	}
	dst = strconv.AppendUint(dst, rest/uint64(Unit), 10)
	fraction := rest % uint64(Unit)
	if fraction == 0 {
		return dst
	}
	var digits [Decimals + 1]byte
	digits[0] = '.'
	for i := Decimals; i > 0; i-- {
		digits[i] = byte('0' + fraction%10)
		fraction /= 10
	}
	end := len(digits)
	for digits[end-1] == '0' {
		end--
	}
	return append(dst, digits[:end]...)
}

// String returns the text that Append writes.
func (m Money) String() string { return string(m.Append(nil)) }

// Add returns m + n, or ErrOverflow.
func (m Money) Add(n Money) (Money, error) {
	sum := m + n
	if (sum > m) != (n > 0) {
		return 0, ErrOverflow
	}
	return sum, nil
}

// Sub returns m - n, or ErrOverflow.
func (m Money) Sub(n Money) (Money, error) {
	difference := m - n
	if (difference < m) != (n > 0) {
		return 0, ErrOverflow
	}
	return difference, nil
}
