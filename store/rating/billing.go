package rating

import (
	"fmt"
	"math"
	"math/bits"
)

// Increment is how seconds are billed: at least MCD, then in steps of Pulse.
type Increment struct {
	MCD   uint32 // minimum charged duration in seconds, 0 for none
	Pulse uint32 // seconds, at least 1; 0 counts as 1
}

// Billed returns the billed seconds of a call with a duration in whole
// seconds. A call of 0 s is billed with 0 s; a longer one with MCD, plus whole
// pulses beyond it. The caller must round up fractions of a second.
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

// within reports whether i never bills less than j, because every total of i
// is also a total of j.
func (i Increment) within(j Increment) bool {
	return i == j || i.MCD >= j.MCD && i.Pulse%j.Pulse == 0 && (i.MCD-j.MCD)%j.Pulse == 0
}

// Jurisdiction is the origin of a call relative to its destination. The caller
// must provide it; this package does not derive it.
type Jurisdiction uint8

// The jurisdictions.
const (
	Indeterminate Jurisdiction = iota // the default
	Inter
	Intra
	jurisdictions
)

var jurisdictionNames = [...]string{"indeterminate", "inter", "intra"}

// String returns the jurisdiction's name, or "" for an unknown one.
func (j Jurisdiction) String() string {
	if j >= jurisdictions {
		return ""
	}
	return jurisdictionNames[j]
}

// ParseJurisdiction reads indeterminate, inter or intra, and "" as
// indeterminate. It returns ErrInvalid for any other text.
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

// Rate holds the prices of a prefix. Prices are at least 0, in the currency of
// the card.
type Rate struct {
	Cost         Money           // per minute
	Inter, Intra Optional[Money] // per minute; unset: Cost applies
	Connect      Money           // per call
	Increment
	Blocked bool // calls are refused, and the prices have no meaning
}

// Row is a rate with its prefix.
type Row struct {
	Prefix Prefix
	Rate
}

// blocked is the blocked rate of built cards.
var blocked = Rate{Increment: Increment{Pulse: 1}, Blocked: true}

// Validate returns ErrNegative for a price below 0, and ErrInvalid for a pulse
// of 0.
func (r Rate) Validate() error {
	if r.Cost < 0 || r.Inter.Or(0) < 0 || r.Intra.Or(0) < 0 || r.Connect < 0 {
		return ErrNegative
	}
	if r.Pulse < 1 {
		return fmt.Errorf("%w: pulse is not 1 or more", ErrInvalid)
	}
	return nil
}

// Price returns the price of a minute in the jurisdiction.
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

// Charge returns the charge of a call with a duration in whole seconds: the
// fee per call plus its billed seconds, rounded once. A call of 0 s was never
// connected and is free. It returns ErrBlocked, ErrNegative, ErrOverflow, or
// ErrInvalid for an unset Rounding.
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

// charge returns connect + price * billed / 60 in steps of unit. All values
// fit in 128 bits: 63 of the price and 33 of the seconds.
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
