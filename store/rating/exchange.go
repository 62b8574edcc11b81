package rating

import (
	"fmt"
	"math/bits"
)

// exchangeDecimals is the largest number of decimals of an exchange rate.
const exchangeDecimals = 18

// Exchange is an exact rate between two currencies: the value of 1 unit of the
// one in the other. The zero value is not a rate and is refused.
type Exchange struct {
	num, den uint64 // den is a power of ten
}

// Par is the rate of a currency to itself.
var Par = Exchange{num: 1, den: 1}

// ExchangeOf is ParseExchange, but returns Par for an empty text.
func ExchangeOf(text string) (Exchange, error) {
	if text == "" {
		return Par, nil
	}
	return ParseExchange(text)
}

// ParseExchange reads a decimal number above 0 with up to 18 decimals, such as
// "1.0837". It returns ErrInvalid, or ErrOverflow for one of more than 19
// digits.
func ParseExchange(text string) (Exchange, error) {
	d, err := parseDecimal(text)
	if err != nil {
		return Exchange{}, err
	}
	if !d.IsPositive() {
		return Exchange{}, fmt.Errorf("%w: an exchange rate is above 0", ErrInvalid)
	}
	for decimals := range exchangeDecimals + 1 {
		n := d.Shift(int32(decimals))
		if !n.IsInteger() {
			continue
		}
		if n.GreaterThan(moneyMax) {
			return Exchange{}, ErrOverflow
		}
		return Exchange{num: uint64(n.IntPart()), den: powers[decimals]}, nil
	}
	return Exchange{}, fmt.Errorf("%w: more than 18 decimals", ErrInvalid)
}

// Convert returns m, which must be at least 0, in the other currency. It
// returns ErrNegative, ErrOverflow, ErrNoExchange, or ErrInvalid for an unset
// Rounding.
func (x Exchange) Convert(m Money, r Rounding) (Money, error) {
	if x.den == 0 {
		return 0, ErrNoExchange
	}
	if m < 0 {
		return 0, ErrNegative
	}
	return amount(m, x.num, x.den).round(r)
}

// product is an unsigned integer of 128 bits.
type product struct{ hi, lo uint64 }

func multiply(a, b uint64) product {
	hi, lo := bits.Mul64(a, b)
	return product{hi, lo}
}

func (p product) less(q product) bool {
	return p.hi < q.hi || p.hi == q.hi && p.lo < q.lo
}

// minus returns p - q. q must not be greater than p.
func (p product) minus(q product) product {
	lo, borrow := bits.Sub64(p.lo, q.lo, 0)
	hi, _ := bits.Sub64(p.hi, q.hi, borrow)
	return product{hi, lo}
}

// plus returns p + q and reports whether it fits.
func (p product) plus(q product) (product, bool) {
	lo, carry := bits.Add64(p.lo, q.lo, 0)
	hi, carry := bits.Add64(p.hi, q.hi, carry)
	return product{hi, lo}, carry == 0
}
