package rating

import (
	"fmt"
	"math"
	"math/bits"
)

// Increment is how seconds are counted: at least MCD, then in steps of Pulse.
type Increment struct {
	MCD   uint32 // minimum charged seconds, 0 for none
	Pulse uint32 // seconds, 1 or more; 0 is taken for 1
}

// Billed is how many seconds a call of so many whole seconds counts for: none
// for none, else MCD, or past it MCD and whole pulses. Fractions of a second
// are the caller's to round up.
func (i Increment) Billed(seconds uint32) uint64 {
	s, mcd := uint64(seconds), uint64(i.MCD)
	switch {
	case s == 0:
		return 0
	case s <= mcd:
		return mcd
	}
	pulse := uint64(max(i.Pulse, 1))
	return mcd + (s-mcd+pulse-1)/pulse*pulse
}

// within says that i never counts less than j, because every total of i is
// also one of j's.
func (i Increment) within(j Increment) bool {
	return i == j || i.MCD >= j.MCD && i.Pulse%j.Pulse == 0 && (i.MCD-j.MCD)%j.Pulse == 0
}

// Jurisdiction is where a call begins as seen from where it ends. The caller
// knows; nothing here derives it.
type Jurisdiction uint8

// The jurisdictions.
const (
	Indeterminate Jurisdiction = iota // the default
	Inter
	Intra
	jurisdictions
)

var jurisdictionNames = [...]string{"indeterminate", "inter", "intra"}

// String is the jurisdiction's name, "" for an unknown one.
func (j Jurisdiction) String() string {
	if j >= jurisdictions {
		return ""
	}
	return jurisdictionNames[j]
}

// ParseJurisdiction reads indeterminate, inter or intra, and "" as the first;
// anything else is ErrInvalid.
func ParseJurisdiction(text string) (Jurisdiction, error) {
	for j, name := range jurisdictionNames {
		if text == name {
			return Jurisdiction(j), nil
		}
	}
	if text == "" {
		return Indeterminate, nil
	}
	return 0, fmt.Errorf("%w: jurisdiction is not one of indeterminate, inter, intra", ErrInvalid)
}

// Rate is what a prefix costs. Prices are 0 or more, in the currency of the
// card.
type Rate struct {
	Cost         Money           // per minute
	Inter, Intra Optional[Money] // per minute; none: Cost
	Connect      Money           // per call
	Increment
	Blocked bool // no call goes there, and no price means anything
}

// Row is a rate and its prefix.
type Row struct {
	Prefix Prefix
	Rate
}

// blocked is the one blocked rate that is made here.
var blocked = Rate{Increment: Increment{Pulse: 1}, Blocked: true}

// Validate returns ErrNegative for a price below 0, and ErrInvalid for a pulse
// of none.
func (r Rate) Validate() error {
	if r.Cost < 0 || r.Inter.Or(0) < 0 || r.Intra.Or(0) < 0 || r.Connect < 0 {
		return ErrNegative
	}
	if r.Pulse < 1 {
		return fmt.Errorf("%w: pulse is not 1 or more", ErrInvalid)
	}
	return nil
}

// Price is the price of a minute in the jurisdiction.
func (r Rate) Price(j Jurisdiction) Money {
	switch j {
	case Inter:
		return r.Inter.Or(r.Cost)
	case Intra:
		return r.Intra.Or(r.Cost)
	default:
		return r.Cost
	}
}

// Charge is what a call of so many whole seconds costs, rounded once: the fee
// per call and its billed seconds. A call of none was never connected, and is
// free. It returns ErrBlocked, ErrNegative, ErrOverflow, or ErrInvalid for a
// Rounding that is none.
func (r Rate) Charge(j Jurisdiction, seconds uint32, rounding Rounding) (Money, error) {
	if r.Blocked {
		return 0, ErrBlocked
	}
	if r.Price(j) < 0 || r.Connect < 0 {
		return 0, ErrNegative
	}
	unit, err := rounding.unit()
	if err != nil || seconds == 0 {
		return 0, err
	}
	return charge(r.Price(j), r.Connect, r.Billed(seconds), rounding.Mode, unit)
}

// charge is connect + price * billed / 60 in steps of unit. All fit 128 bits:
// 63 of the price and 33 of the seconds.
func charge(price, connect Money, billed uint64, mode Mode, unit uint64) (Money, error) {
	hi, lo := bits.Mul64(uint64(price), billed)
	fee, low := bits.Mul64(uint64(connect), 60)
	lo, carry := bits.Add64(lo, low, 0)
	hi += fee + carry
	step := 60 * unit // at most 6e11
	if hi >= step {
		return 0, ErrOverflow
	}
	var whole, rest uint64
	if hi == 0 {
		whole, rest = lo/step, lo%step
	} else {
		whole, rest = bits.Div64(hi, lo, step)
	}
	if whole == math.MaxUint64 {
		return 0, ErrOverflow
	}
	half := 2*rest >= step
	return scale(mode.settle(whole, half, rest != 0 && 2*rest != step), unit)
}
