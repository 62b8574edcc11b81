package store

import (
	"math"
	"strconv"

	"github.com/shopspring/decimal"
)

// moneyDecimals is how many decimals an amount keeps: 1.5 is stored as
// 15000000000.
const moneyDecimals = 10

var (
	moneyMax = decimal.NewFromInt(math.MaxInt64)
	moneyMin = decimal.NewFromInt(math.MinInt64)
)

// ParseMoney reads a decimal string such as "0.0125" into an int64 at ten
// decimals. It returns ErrInvalid for anything that is no plain decimal number,
// has more decimals than are kept, or lies beyond some 922 million.
func ParseMoney(text string) (int64, error) {
	if !plainDecimal(text) {
		return 0, invalid("", "is no decimal number")
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return 0, invalid("", "is no decimal number")
	}
	scaled := d.Shift(moneyDecimals)
	if !scaled.IsInteger() {
		return 0, invalid("", "has more than ten decimals")
	}
	if scaled.GreaterThan(moneyMax) || scaled.LessThan(moneyMin) {
		return 0, invalid("", "is out of range")
	}
	return scaled.IntPart(), nil
}

// plainDecimal keeps exponents, signs of plus, blanks and endless digits away
// from the parser.
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
	return digits > 0 && points <= 1 && len(text) <= 64 && text[0] != '.' && text[len(text)-1] != '.'
}

// AppendMoney writes an amount as the shortest decimal string that is exact:
// "0.0125", "3", "-0.5".
func AppendMoney(dst []byte, amount int64) []byte {
	const unit = 10_000_000_000
	rest := uint64(amount)
	if amount < 0 {
		dst = append(dst, '-')
		rest = -rest
	}
	dst = strconv.AppendUint(dst, rest/unit, 10)
	fraction := rest % unit
	if fraction == 0 {
		return dst
	}
	var digits [moneyDecimals + 1]byte
	digits[0] = '.'
	for i := moneyDecimals; i > 0; i-- {
		digits[i] = byte('0' + fraction%10)
		fraction /= 10
	}
	end := len(digits)
	for digits[end-1] == '0' {
		end--
	}
	return append(dst, digits[:end]...)
}
