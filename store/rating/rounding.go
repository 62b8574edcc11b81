package rating

import "fmt"

// Mode is a rounding mode. The zero value is none of the four modes.
type Mode uint8

// The modes, from the smallest result to the greatest.
const (
	Down     Mode = iota + 1 // towards 0
	HalfDown                 // to the nearest, halves towards 0
	HalfUp                   // to the nearest, halves away from 0
	Up                       // away from 0
)

var modeNames = [...]string{"", "down", "half_down", "half_up", "up"}

// ParseMode reads down, half_down, half_up or up. It returns ErrInvalid for
// any other text.
func ParseMode(text string) (Mode, error) {
	for mode := Down; mode <= Up; mode++ {
		if modeNames[mode] == text {
			return mode, nil
		}
	}
	return 0, fmt.Errorf("%w: rounding is not one of up, down, half_up, half_down", ErrInvalid)
}

// String returns the mode's name, or "" for the zero value.
func (m Mode) String() string {
	if m > Up {
		return ""
	}
	return modeNames[m]
}

// settle rounds a number. whole is its whole part, half reports whether the
// fraction is at least a half, and more whether anything is left besides a
// half.
func (m Mode) settle(whole uint64, half, more bool) uint64 {
	var next bool
	switch m {
	case Up:
		next = half || more
	case HalfUp:
		next = half
	case HalfDown:
		next = half && more
	}
	if next {
		whole++
	}
	return whole
}

// Rounding is a number of decimals, 0 to 10, and a mode. The zero value is
// unset and does not round.
type Rounding struct {
	Decimals uint8
	Mode     Mode
}

// NewRounding checks both parts. It returns ErrInvalid.
func NewRounding(decimals int, mode string) (Rounding, error) {
	m, err := ParseMode(mode)
	if err != nil {
		return Rounding{}, err
	}
	if decimals < 0 || decimals > Decimals {
		return Rounding{}, fmt.Errorf("%w: precision is not 0 to 10", ErrInvalid)
	}
	return Rounding{Decimals: uint8(decimals), Mode: m}, nil
}

// NeverBelow reports whether r rounds no amount to less than o does.
func (r Rounding) NeverBelow(o Rounding) bool {
	switch {
	case r.Decimals == o.Decimals:
		return r.Mode >= o.Mode
	case r.Decimals < o.Decimals: // every step of r is also a step of o
		return r.Mode == Up
	default:
		return o.Mode == Down
	}
}

// Round rounds m, which must be at least 0. It returns ErrNegative,
// ErrOverflow, or ErrInvalid for an unset Rounding.
func (r Rounding) Round(m Money) (Money, error) {
	if m < 0 {
		return 0, ErrNegative
	}
	return amount(m, 1, 1).round(r)
}

var powers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// unit returns the amount of one step at the precision.
func (r Rounding) unit() (uint64, error) {
	if r.Mode < Down || r.Mode > Up || r.Decimals > Decimals {
		return 0, fmt.Errorf("%w: no rounding", ErrInvalid)
	}
	return powers[Decimals-r.Decimals], nil
}
