# METADATA
# title: Revisions
# description: >-
#   The states of a card's rates. They are decided through their card. Those it is
#   assigned to are shown the one in force, and of that when it came and how large it is.
package reseller.resource.revision

import data.reseller.areas
import data.reseller.resource.card

# METADATA
# title: The card of the revision may be read
allow if card.allow

# METADATA
# title: The card of the revision is not visible to a user who may read cards
hidden if card.hidden

# METADATA
# title: The user lacks access to the card of the revision
barred if card.barred

# METADATA
# title: How the card of the revision is shown
view := card.view

# METADATA
# title: Columns of a revision
# scope: document
columns contains column if {
	some column in ["id", "activated_at", "rows"]
}

columns contains column if {
	card.whole
	some column in [
		"number", "status", "live_at", "deactivated_at", "origin", "base_id", "scheduled_by", "created_at",
	]
}

# Accepted losses and the reason for holding a revision reveal the parents' prices.
columns contains column if {
	card.whole
	parents_shown
	some column in ["losses_accepted", "held_reason"]
}

parents_shown if not card.own

parents_shown if areas.permits("card/provider", "read")
