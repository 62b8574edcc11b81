// Package rating is the arithmetic of rate cards: exact money, billing,
// look-up, building one card from others, and the proof that a card does not
// sell at a loss. It is pure: rows come in and go out through functions that
// the caller gives, in the order of their prefixes, and nothing else is read
// or written. Only a Table keeps rows; all else holds a few per card.
//
// Amounts are never floats. Whatever is worked out stays an exact fraction
// until the one rounding at its end.
package rating

import "errors"

// The errors that can be asked about with errors.Is.
var (
	// ErrInvalid says that a text or a value is malformed.
	ErrInvalid = errors.New("invalid")
	// ErrOverflow says that an amount lies beyond some 922 million.
	ErrOverflow = errors.New("amount out of range")
	// ErrNegative says that an amount that may not be is less than nothing.
	ErrNegative = errors.New("negative amount")
	// ErrBlocked says that a price was asked of a blocked rate.
	ErrBlocked = errors.New("blocked")
	// ErrOrder says that rows did not come in strictly ascending order of
	// their prefixes.
	ErrOrder = errors.New("rows out of order")
	// ErrNoExchange says that an exchange rate is missing.
	ErrNoExchange = errors.New("no exchange rate")
)

// Optional is a value or none; the zero value is none.
type Optional[T comparable] struct {
	value T
	set   bool
}

// Some is the value v.
func Some[T comparable](v T) Optional[T] { return Optional[T]{value: v, set: true} }

// Get returns the value, and whether there is one.
func (o Optional[T]) Get() (T, bool) { return o.value, o.set }

// Or returns the value, or v where there is none.
func (o Optional[T]) Or(v T) T {
	if o.set {
		return o.value
	}
	return v
}
