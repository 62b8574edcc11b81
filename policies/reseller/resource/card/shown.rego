package reseller.resource.card

import data.reseller.areas
import data.reseller.reach
import data.reseller.subject

# METADATA
# title: How a card is shown
# description: >-
#   As what it is to its owner and to those above, translated to those it is
#   assigned to: their parent's customer card is their provider card.
# scope: document
view := "provider" if {
	subject.is_master
	input.resource.kind == "provider"
}

view := "customer" if {
	subject.is_master
	input.resource.kind == "customer"
}

view := "customer" if reach.subtree

view := "translated" if {
	subject.is_reseller
	not reach.subtree
}

# METADATA
# title: Columns of a card
# description: >-
#   Name, carrier and kind of an assigned card are those of its view. Private
#   notes are the owner account's alone. What a card is built from is named as its
#   owner knows it.
# scope: document
columns contains column if {
	some column in [
		"id", "kind", "name", "carrier", "currency", "direction", "rate_precision", "rate_rounding",
		"charge_precision", "charge_rounding", "public_notes", "revision",
	]
}

columns contains column if {
	whole
	some column in [
		"account_id", "public_name", "tech_prefix", "assigned_to", "compact", "routing", "profit_rules",
		"external_id", "created_at", "updated_at",
	]
}

# The parents of a card are shown to users who can see them. The parents of a
# reseller's card are customer cards of the accounts above it.
columns contains "parents" if {
	own
	areas.permits("card/provider", "read")
}

columns contains "parents" if {
	whole
	not own
}

columns contains "notes" if own

# The reason for building the card again reveals its parents.
columns contains "stale" if {
	own
	areas.permits("card/provider", "read")
}

# METADATA
# title: The card is shown as what it is
# description: To its owner, and to those above it.
# scope: document
whole if subject.is_master

whole if reach.subtree
