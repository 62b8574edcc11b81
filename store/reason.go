package store

import "fmt"

// The codes of refusals that a caller may act on.
const (
	ReasonCurrencyMismatch = "currency_mismatch"       // a parent in another currency, without an exchange rate
	ReasonCardNotOwn       = "card_not_own"            // another account's card, not assigned to the card's owner
	ReasonWithdrawn        = "provider_card_withdrawn" // a parent that is not assigned any more
	ReasonSellsAtLoss      = "sells_at_loss"           // a call that costs more than it sells for
	ReasonExternalIDTaken  = "external_id_taken"       // another user of the tenant has the external id
)

// LossError is the ErrConflict, of ReasonSellsAtLoss, of calls that would sell
// for less than they cost. Its text tells nothing of the costs.
type LossError struct {
	Losing int     // prefixes
	First  Finding // of those, in their order
	Former bool    // by what the revision was built from, not by the card's parents now
}

// Error tells nothing of the costs.
func (e *LossError) Error() string { return fmt.Sprint(e.Unwrap()) }

// Unwrap gives the refusal with its code.
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

// Unwrap gives the refusal itself.
func (e *ReasonError) Unwrap() error { return e.Err }
