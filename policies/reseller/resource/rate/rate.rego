# METADATA
# title: Rates
# description: >-
#   Rates of a card's active revision. They are decided through their card, and
#   shown in the card's view: to those it is assigned to, as what it costs them.
package reseller.resource.rate

import data.reseller.resource.card

# METADATA
# title: The card of the rate may be acted on
allow if card.allow

# METADATA
# title: The card of the rate is visible
visible if card.visible

# METADATA
# title: The card of the rate is not visible to a user who may read cards
hidden if card.hidden

# METADATA
# title: The user lacks access to the card of the rate
barred if card.barred

# METADATA
# title: What speaks against the action on the card of the rate
reasons contains code if some code in card.reasons

# METADATA
# title: How the card of the rate is shown
view := card.view

# METADATA
# title: Columns of a rate
columns contains column if {
	some column in ["prefix", "name", "cost", "inter", "intra", "mcd", "pulse", "connect", "status"]
}
