package rating

import "fmt"

// Mode says where what does not fit a precision goes. The zero value is none
// of the four.
type Mode uint8

// The modes, from the least result to the greatest.
const (
	Down     Mode = iota + 1 // towards 0
	HalfDown                 // to the nearest, from the middle towards 0
	HalfUp                   // to the nearest, from the middle away from 0
	Up                       // away from 0
)

var modeNames = [...]string{"", "down", "half_down", "half_up", "up"}

// ParseMode reads down, half_down, half_up or up; anything else is ErrInvalid.
func ParseMode(text string) (Mode, error) {
	for mode := Down; mode <= Up; mode++ {
		if modeNames[mode] == text {
			return mode, nil
		}
	}
	return 0, fmt.Errorf("%w: rounding is not one of up, down, half_up, half_down", ErrInvalid)
}

// String is the mode's name, "" for none.
func (m Mode) String() string {
	if m > Up {
		return ""
	}
	return modeNames[m]
}

// settle takes a number cut to whole, whether its fraction is half or more,
// and whether anything is left besides that.
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

// Rounding is a number of decimals, 0 to 10, and a mode. The zero value rounds
// nothing: it stands for none given.
type Rounding struct {
	Decimals uint8
	Mode     Mode
}

// NewRounding checks both parts; it returns ErrInvalid.
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

// NeverBelow reports that r rounds every amount to what o rounds it to, or to
// more.
func (r Rounding) NeverBelow(o Rounding) bool {
	switch {
	case r.Decimals == o.Decimals:
		return r.Mode >= o.Mode
	case r.Decimals < o.Decimals: // every step of r is one of o
		return r.Mode == Up
	default:
		return o.Mode == Down
	}
}

// Round returns m, 0 or more, at the precision. It returns ErrNegative,
// ErrOverflow, or ErrInvalid for a Rounding that is none.
func (r Rounding) Round(m Money) (Money, error) {
	if m < 0 {
		return 0, ErrNegative
	}
	return amount(m, 1, 1).round(r)
}

var powers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// unit is the amount of one step of the precision.
func (r Rounding) unit() (uint64, error) {
	if r.Mode < Down || r.Mode > Up || r.Decimals > Decimals {
		return 0, fmt.Errorf("%w: no rounding", ErrInvalid)
	}
	return powers[Decimals-r.Decimals], nil
}
