package rating

import (
	"math"
	"math/bits"
)

// wide is an unsigned integer of 256 bits, the lowest word first.
type wide [4]uint64

// mul returns w * f and reports whether it fits.
func (w wide) mul(f uint64) (wide, bool) {
	var carry uint64
	for i, word := range w {
		hi, lo := bits.Mul64(word, f)
		var c uint64
		w[i], c = bits.Add64(lo, carry, 0)
		carry = hi + c
	}
	return w, carry == 0
}

// add returns w + x and reports whether it fits.
func (w wide) add(x wide) (wide, bool) {
	var carry uint64
	for i := range w {
		w[i], carry = bits.Add64(w[i], x[i], carry)
	}
	return w, carry == 0
}

// sub returns w - x and reports whether it is at least 0.
func (w wide) sub(x wide) (wide, bool) {
	var borrow uint64
	for i := range w {
		w[i], borrow = bits.Sub64(w[i], x[i], borrow)
	}
	return w, borrow == 0
}

// div returns w / d and the remainder.
func (w wide) div(d uint64) (wide, uint64) {
	var rest uint64
	for i := len(w) - 1; i >= 0; i-- {
		if rest|w[i] != 0 {
			w[i], rest = bits.Div64(rest, w[i], d)
		}
	}
	return w, rest
}

func (w wide) less(x wide) bool {
	_, ok := w.sub(x)
	return !ok
}

// exact is a non-negative fraction of the smallest amount: n / (d1 * d2). If
// an intermediate result does not fit, over is set for good, because the final
// result could not be in range.
type exact struct {
	n      wide
	d1, d2 uint64
	over   bool
}

// amount returns m * numerator / d. m must be at least 0.
func amount(m Money, numerator, d uint64) exact {
	n, _ := wide{uint64(m)}.mul(numerator)
	return exact{n: n, d1: d, d2: 1}
}

// times multiplies by f.
func (e exact) times(f uint64) exact {
	n, ok := e.n.mul(f)
	e.n, e.over = n, e.over || !ok
	return e
}

// by divides by d. The product of d and all earlier divisors must fit a word;
// otherwise it sets over.
func (e exact) by(d uint64) exact {
	hi, lo := bits.Mul64(e.d2, d)
	e.d2, e.over = lo, e.over || hi != 0
	return e
}

// plus adds a fraction with the same denominator.
func (e exact) plus(x exact) exact {
	n, ok := e.n.add(x.n)
	e.n, e.over = n, e.over || x.over || !ok
	return e
}

// shift adds m, which may be negative, and reports whether the result is at
// least 0.
func (e exact) shift(m Money) (exact, bool) {
	size := uint64(m)
	if m < 0 {
		size = -size
	}
	n, ok1 := wide{size}.mul(e.d1)
	n, ok2 := n.mul(e.d2)
	if m < 0 {
		n, ok := e.n.sub(n)
		e.n = n
		return e, ok && ok1 && ok2
	}
	n, ok := e.n.add(n)
	e.n, e.over = n, e.over || !ok || !ok1 || !ok2
	return e, true
}

// round returns the fraction as a rounded amount. Twice the fraction,
// truncated, holds the whole part and one binary digit. Together with whether
// anything was cut off, this decides every mode.
func (e exact) round(r Rounding) (Money, error) {
	unit, err := r.unit()
	if err != nil {
		return 0, err
	}
	twice := e.times(2)
	if twice.over {
		return 0, ErrOverflow
	}
	q, rest1 := twice.n.div(e.d1)
	q, rest2 := q.div(e.d2)
	q, rest3 := q.div(unit)
	if q[1]|q[2]|q[3] != 0 {
		return 0, ErrOverflow
	}
	return scale(r.Mode.settle(q[0]>>1, q[0]&1 == 1, rest1|rest2|rest3 != 0), unit)
}

// scale returns n * unit as an amount.
func scale(n, unit uint64) (Money, error) {
	hi, lo := bits.Mul64(n, unit)
	if hi != 0 || lo > math.MaxInt64 {
		return 0, ErrOverflow
	}
	return Money(lo), nil
}
