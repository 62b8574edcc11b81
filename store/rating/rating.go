// Package rating holds the arithmetic of rate cards: exact money, billing,
// look-up, building one card from others, and the proof that a card does not
// sell at a loss. It does no input or output of its own. The caller passes
// functions that read and receive rows in the order of their prefixes. Only a
// Table keeps all rows; everything else keeps a few rows per card.
//
// Amounts are never floats. Every intermediate result is an exact fraction
// until it is rounded once at the end.
package rating

import "errors"

// The errors of this package, for errors.Is.
var (
	// ErrInvalid means that a text or a value is malformed.
	ErrInvalid = errors.New("invalid")
	// ErrOverflow means that an amount is beyond about 922 million.
	ErrOverflow = errors.New("amount out of range")
	// ErrNegative means that an amount is negative where it must not be.
	ErrNegative = errors.New("negative amount")
	// ErrBlocked means that a blocked rate was asked for a price.
	ErrBlocked = errors.New("blocked")
	// ErrOrder means that rows were not in strictly ascending order of their
	// prefixes.
	ErrOrder = errors.New("rows out of order")
	// ErrNoExchange means that an exchange rate is missing.
	ErrNoExchange = errors.New("no exchange rate")
)

// Optional is a value or nothing. The zero value is nothing.
type Optional[T comparable] struct {
	value T
	set   bool
}

// Some returns an Optional with the value v.
func Some[T comparable](v T) Optional[T] { return Optional[T]{value: v, set: true} }

// Get returns the value and reports whether it is set.
func (o Optional[T]) Get() (T, bool) { return o.value, o.set }

// Or returns the value, or v if it is not set.
func (o Optional[T]) Or(v T) T {
	if o.set {
		return o.value
	}
	return v
}
