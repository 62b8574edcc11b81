# METADATA
# title: Cards
# description: >-
#   The relation between viewer and card decides the area and the view: an own card
#   is what it is, a card of an account below a customer card, an assigned card is
#   the provider card of the account it is assigned to. Rates follow their card.
package reseller.resource.card

import data.reseller.areas
import data.reseller.fields
import data.reseller.reach

# METADATA
# title: The card may be acted on
# description: Reading follows visibility; everything else is for the owner account alone.
# scope: document
allow if {
	input.action.name == "read"
	visible
}

allow if {
	input.action.name != "read"
	own
	in_area
	not unsuited
	not unseconded
	not fields.refused
}

# METADATA
# title: The user may read cards at all
# scope: document
readable if areas.permits("card/provider", "read")

readable if areas.permits("card/customer", "read")

# METADATA
# title: The card is visible
# scope: document
visible if {
	areas.permits("card/provider", "read")
	areas.permits("card/customer", "read")
	reach.tenant
}

visible if {
	areas.permits("card/provider", "read")
	not areas.permits("card/customer", "read")
	reach.tenant
	input.resource.kind == "provider"
}

visible if {
	areas.permits("card/customer", "read")
	not areas.permits("card/provider", "read")
	reach.tenant
	input.resource.kind == "customer"
}

visible if {
	areas.permits("card/customer", "read")
	reach.subtree
	input.resource.kind == "customer"
}

visible if {
	areas.permits("card/provider", "read")
	assigned
}

# A reseller that tries to create a provider card gets the reason why it may not.
visible if {
	input.action.name == "create"
	areas.permits("card/provider", "read")
	reach.subtree
	input.resource.kind == "provider"
}

# METADATA
# title: The card is not visible to a user who may read cards
hidden if {
	readable
	not visible
}

# METADATA
# title: The user lacks access to cards, or to an own card's area
# scope: document
barred if not readable

barred if {
	input.action.name != "read"
	visible
	own
	not in_area
}

# METADATA
# title: Card of another account
# description: >-
#   The card belongs to another account. The user can read it and build from it, but cannot
#   change it, assign it or put customers on it.
# custom:
#   code: card_not_own
reasons contains rego.metadata.rule().custom.code if {
	input.action.name != "read"
	not own
}

# METADATA
# title: Not a customer card
# description: Only customer cards can be assigned to accounts below and built.
# custom:
#   code: card_not_customer
reasons contains rego.metadata.rule().custom.code if {
	own
	unsuited
}

# METADATA
# title: Own revision
# description: >-
#   data.limits.activation_by_another demands that another user activates a revision than
#   the one who made it. The user made this one, or its maker is not known.
# custom:
#   code: own_revision
reasons contains rego.metadata.rule().custom.code if {
	own
	unseconded
}

reasons contains code if {
	own
	some code in fields.reasons
}
