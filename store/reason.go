package store

import "fmt"

// The codes of errors that a caller can handle.
const (
	ReasonCurrencyMismatch = "currency_mismatch"       // a parent, an account or a customer in another currency
	ReasonCardNotOwn       = "card_not_own"            // another account's card, not assigned to the card's owner
	ReasonWithdrawn        = "provider_card_withdrawn" // a parent that is not assigned any more
	ReasonSellsAtLoss      = "sells_at_loss"           // a call that costs more than it sells for
	ReasonExternalIDTaken  = "external_id_taken"       // another user or account of the tenant has the external id
)

// LossError is an ErrConflict with ReasonSellsAtLoss: calls would sell for less
// than they cost. Its text reveals no costs.
type LossError struct {
	Losing int     // the number of losing prefixes
	First  Finding // the first finding of a loss, in the order of prefixes
	Former bool    // the costs are those of the parents at the build, not of the present ones
}

// Error reveals no costs.
func (e *LossError) Error() string { return fmt.Sprint(e.Unwrap()) }

// Unwrap returns the ErrConflict with its code.
func (e *LossError) Unwrap() error {
	return refused(ReasonSellsAtLoss, "accept_losses", "is needed because calls would sell for less than they cost")
}

// ReasonError is an ErrInvalid or an ErrConflict with a code for programs.
type ReasonError struct {
	Code string
	Err  error
}

// Error begins with the code.
func (e *ReasonError) Error() string { return e.Code + ": " + e.Err.Error() }

// Unwrap returns the error without its code.
func (e *ReasonError) Unwrap() error { return e.Err }
