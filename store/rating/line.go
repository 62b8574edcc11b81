package rating

import (
	"fmt"
	"math"
)

// line is what a call costs on one side, as a function of its seconds.
type line struct {
	price, connect Money
	Increment
	mode Mode
	unit uint64
}

func (l *line) at(billed uint64) (Money, error) {
	return charge(l.price, l.connect, billed, l.mode, l.unit)
}

// longest is how many seconds of a call are looked at one by one: two hours.
const longest = 7200

// loss is where a call first costs more than it sells for.
type loss struct {
	seconds uint32 // 0: after two hours only, by the prices of a minute
	amount  Money  // there, rounded up; of a minute where seconds is 0
}

// duel compares a buying with a selling line, the former's currency converted
// at num/den to the latter's.
type duel struct {
	buy, sell line
	exchange  Exchange
}

// gap is (sold - bought) * den, as its size and whether it is a loss.
func (d *duel) gap(bought, sold Money) (product, bool) {
	out := multiply(uint64(bought), d.exchange.num)
	in := multiply(uint64(sold), d.exchange.den)
	if in.less(out) {
		return out.minus(in), true
	}
	return in.minus(out), false
}

// amountOf is a gap as an amount, rounded up.
func (d *duel) amountOf(gap product) (Money, error) {
	e := exact{n: wide{gap.lo, gap.hi}, d1: d.exchange.den, d2: 1}
	return e.round(Rounding{Decimals: Decimals, Mode: Up})
}

// first finds the shortest losing call, false if there is none.
//
// While the selling side's billed seconds stay, its charge does and the buying
// one can but grow: the last second of a step is its worst. While the buying
// side's stay, the first is. So a step that does not lose at its last second
// does not lose at all, nor does what follows until the buying side steps.
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

// at is the gap of a call of s seconds.
func (d *duel) at(s uint64) (product, bool, error) {
	return d.billed(d.buy.Billed(uint32(s)), d.sell.Billed(uint32(s)))
}

// billed is the gap of a call that counts for so many seconds on each side.
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

// within finds the first losing second of a selling step that loses at its
// last: once it loses it does so to the end.
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

// covered says that selling is at least buying part by part: price, fee, billed
// seconds, rounding, in one currency.
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

// horizon is after which duration everything repeats: past both minima, when a
// span of whole pulses adds whole units to both charges, what the selling side
// gains in one span it gains in each. Only for a price that is not below the
// buying one.
func (d *duel) horizon() uint64 {
	span := lcm(lcm(uint64(d.buy.Pulse), uint64(d.sell.Pulse)), 60)
	if span > longest || !d.buy.whole(span/60) || !d.sell.whole(span/60) {
		return longest
	}
	return min(longest, uint64(max(d.buy.MCD, d.sell.MCD))+span)
}

// whole says that so many minutes cost whole units, before rounding.
func (l *line) whole(minutes uint64) bool {
	return uint64(l.price)%l.unit*minutes%l.unit == 0
}

// slack is a gain, in the measure of gap, after which no longer call can lose,
// for a price that is not below the buying one. At the last second of a selling
// step both sides have that second's worth at least, the selling one no more.
// From there on a rounding takes off less than a unit of each side, and the
// buying pulse at most its own length less a second.
func (d *duel) slack() product {
	pulse := multiply(uint64(d.buy.price), uint64(d.buy.Pulse-1))
	buy := pulse.lo/60 + 1 + d.buy.unit
	out := multiply(buy, d.exchange.num)
	sum, fits := out.plus(multiply(d.sell.unit, d.exchange.den))
	if pulse.hi != 0 || !fits {
		return product{math.MaxUint64, math.MaxUint64} // never
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

// Side is one side of a proof: a card, how its charges are rounded, and the
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

// line is the charge of an open row in a jurisdiction. The Side is valid.
func (s *Side) line(row *Row, j Jurisdiction) line {
	return line{row.Price(j), row.Connect, row.Increment, s.Charge.Mode, powers[Decimals-s.Charge.Decimals]}
}
