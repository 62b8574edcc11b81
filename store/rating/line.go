package rating

import (
	"fmt"
	"math"
)

// line gives the charge of a call on one side as a function of its seconds.
type line struct {
	price, connect Money
	Increment
	mode Mode
	unit uint64
}

func (l *line) at(billed uint64) (Money, error) {
	return charge(l.price, l.connect, billed, l.mode, l.unit)
}

// longest is the number of seconds of a call that are checked: two hours.
const longest = 7200

// loss is the shortest call that costs more than it sells for.
type loss struct {
	seconds uint32 // 0: only calls longer than two hours lose, by the prices per minute
	amount  Money  // its loss, rounded up; the loss of a minute if seconds is 0
}

// duel compares a buying line with a selling line. exchange converts the
// currency of buying to that of selling.
type duel struct {
	buy, sell line
	exchange  Exchange
}

// gap returns the size of (sold - bought) * den and reports whether it is a
// loss.
func (d *duel) gap(bought, sold Money) (product, bool) {
	out := multiply(uint64(bought), d.exchange.num)
	in := multiply(uint64(sold), d.exchange.den)
	if in.less(out) {
		return out.minus(in), true
	}
	return in.minus(out), false
}

// amountOf returns a gap as an amount, rounded up.
func (d *duel) amountOf(gap product) (Money, error) {
	e := exact{n: wide{gap.lo, gap.hi}, d1: d.exchange.den, d2: 1}
	return e.round(Rounding{Decimals: Decimals, Mode: Up})
}

// first finds the shortest losing call. It returns false if there is none.
//
// While the selling side's billed seconds stay the same, its charge stays the
// same and the buying charge can only grow. The last second of a selling step
// is therefore its worst. While the buying side's billed seconds stay the same,
// the first second is the worst. So a step that does not lose at its last
// second does not lose at all. The seconds after it do not lose either, until
// the buying side steps.
func (d *duel) first() (loss, bool, error) {
	minute, steeper := d.gap(d.buy.price, d.sell.price)
	if !steeper && d.covered() {
		return loss{}, false, nil
	}
	horizon, enough := uint64(longest), product{math.MaxUint64, math.MaxUint64}
	if !steeper {
		horizon, enough = d.horizon(), d.slack()
	}
	for s := uint64(1); s <= horizon; {
		sold := d.sell.Billed(uint32(s))
		end := min(sold, longest)
		bought := d.buy.Billed(uint32(end))
		gap, lost, err := d.billed(bought, sold)
		switch {
		case err != nil:
			return loss{}, false, err
		case lost:
			return d.within(s, end)
		case !gap.less(enough):
			return loss{}, false, nil
		}
		s = bought + 1
	}
	if !steeper {
		return loss{}, false, nil
	}
	amount, err := d.amountOf(minute)
	return loss{0, amount}, true, err
}

// at returns the gap of a call of s seconds.
func (d *duel) at(s uint64) (product, bool, error) {
	return d.billed(d.buy.Billed(uint32(s)), d.sell.Billed(uint32(s)))
}

// billed returns the gap of a call with the given billed seconds on each side.
func (d *duel) billed(buy, sell uint64) (product, bool, error) {
	bought, err := d.buy.at(buy)
	if err != nil {
		return product{}, false, err
	}
	sold, err := d.sell.at(sell)
	if err != nil {
		return product{}, false, err
	}
	gap, lost := d.gap(bought, sold)
	return gap, lost, nil
}

// within finds the first losing second of a selling step that loses at its last
// second. After the first losing second, all others of the step lose too.
func (d *duel) within(from, to uint64) (loss, bool, error) {
	for from < to {
		middle := (from + to) / 2
		_, lost, err := d.at(middle)
		if err != nil {
			return loss{}, false, err
		}
		if lost {
			to = middle
		} else {
			from = middle + 1
		}
	}
	gap, _, err := d.at(to)
	if err != nil {
		return loss{}, false, err
	}
	amount, err := d.amountOf(gap)
	return loss{uint32(to), amount}, true, err
}

// covered reports whether selling is at least as high as buying in each part:
// price, fee, billed seconds and rounding, in one currency. The caller compares
// the prices.
func (d *duel) covered() bool {
	return d.exchange == Par && d.sell.connect >= d.buy.connect &&
		d.sell.within(d.buy.Increment) && d.sell.rounding().NeverBelow(d.buy.rounding())
}

func (l *line) rounding() Rounding {
	for decimals := range uint8(Decimals) {
		if powers[Decimals-decimals] == l.unit {
			return Rounding{Decimals: decimals, Mode: l.mode}
		}
	}
	return Rounding{Decimals: Decimals, Mode: l.mode}
}

// horizon returns the duration after which the charges repeat, at most longest.
// Beyond both minima, a span of whole pulses adds whole units to both charges.
// The selling side then gains the same in every span. This holds only if the
// selling price is not below the buying price.
func (d *duel) horizon() uint64 {
	span := lcm(lcm(uint64(d.buy.Pulse), uint64(d.sell.Pulse)), 60)
	if span > longest || !d.buy.whole(span/60) || !d.sell.whole(span/60) {
		return longest
	}
	return min(longest, uint64(max(d.buy.MCD, d.sell.MCD))+span)
}

// whole reports whether this many minutes cost a whole number of units, before
// rounding.
func (l *line) whole(minutes uint64) bool {
	return uint64(l.price)%l.unit*minutes%l.unit == 0
}

// slack returns a gain, in the measure of gap, after which no longer call can
// lose. It holds only if the selling price is not below the buying price. At
// the last second of a selling step, both sides have charged for at least that
// second, and the selling side for no more. After that, rounding costs each
// side less than one unit. The buying side bills at most one pulse minus one
// second in advance.
func (d *duel) slack() product {
	pulse := multiply(uint64(d.buy.price), uint64(d.buy.Pulse-1))
	buy := pulse.lo/60 + 1 + d.buy.unit
	out := multiply(buy, d.exchange.num)
	sum, fits := out.plus(multiply(d.sell.unit, d.exchange.den))
	if pulse.hi != 0 || !fits {
		return product{math.MaxUint64, math.MaxUint64} // out of range: no gain is enough
	}
	return sum
}

func lcm(a, b uint64) uint64 {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}

// Side is one side of a proof: a card, the rounding of its charges, and the
// exchange rate to the currency of the card that is sold.
type Side struct {
	Rows     Source
	Charge   Rounding
	Exchange Exchange // Par for the card that is sold
}

func (s Side) validate() error {
	if s.Exchange.den == 0 {
		return ErrNoExchange
	}
	if s.Charge.Mode < Down || s.Charge.Mode > Up || s.Charge.Decimals > Decimals {
		return fmt.Errorf("%w: no rounding of charges", ErrInvalid)
	}
	return nil
}

// line returns the charge of an open row in a jurisdiction. The Side must be
// valid.
func (s *Side) line(row *Row, j Jurisdiction) line {
	return line{row.Price(j), row.Connect, row.Increment, s.Charge.Mode, powers[Decimals-s.Charge.Decimals]}
}
