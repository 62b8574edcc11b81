package server

import (
	"net/http"

	"resellerd/server/insight"
	"resellerd/server/session"
	"resellerd/store"
)

// ReasonDoc documents a reason that the server itself gives, whatever the policy says.
type ReasonDoc struct {
	Code   string
	Status int // of the answer that carries it
	When   string
}

// Reasons documents every reason that the server and the store give.
func Reasons() []ReasonDoc {
	return []ReasonDoc{
		{session.ReasonUnknownUser, http.StatusForbidden, "The acting user is unknown, disabled, ambiguous or suspended."},
		{insight.ReasonExceeds, http.StatusForbidden, "The preview would show more than the viewer may read. Policies give this reason for [writes](#access-that-users-give-to-others)."},
		{ReasonUnmapped, http.StatusForbidden, "Policy data maps the request of a gateway or proxy to no area or row, or the request can be read in two ways. As an evaluation, it is a denial with status 200."},
		{session.ReasonRatesHidden, http.StatusForbidden, "The user may not read all rates that the request needs: [Hidden rates](../store/README.md#hidden-rates)."},
		{store.ReasonExternalIDTaken, http.StatusConflict, "Another user, or another account, of the tenant has this external id."},
		{store.ReasonWithdrawn, http.StatusConflict, "A card that the revision was built from, or a parent of the card, is no longer assigned."},
		{store.ReasonBaseChanged, http.StatusConflict, "The revision that an amendment amends is not active."},
		{ReasonPlanChanged, http.StatusConflict, "An import by `plan` would write something else than its preview showed."},
		{store.ReasonSellsAtLoss, http.StatusConflict, "A call would sell for less than it costs."},
		{store.ReasonNotProven, http.StatusConflict, "There is no cost to compare the prices with."},
		{store.ReasonCurrencyMismatch, http.StatusUnprocessableEntity, "A parent has another currency, and no exchange rate is given. The status is 409 if an existing parent is the cause. It is also 409 if an account or a customer has another currency than a card: see `accept_currency`."},
		{store.ReasonCardNotOwn, http.StatusUnprocessableEntity, "A parent belongs to another account and is not assigned to the card's account. The status is 409 if an existing parent is the cause. It is 403 if the request needs a card of the own account, and this one is assigned to it."},
	}
}
