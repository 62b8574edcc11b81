# METADATA
# title: Revisions
# description: >-
#   The states of a card's rates. They are decided through their card. Those it is
#   assigned to are shown the one in force, and of that when it came and how large it is.
package reseller.revision

import data.reseller.card

# METADATA
# title: Columns of a revision
# scope: document
columns contains column if {
	some column in ["id", "activated_at", "rows"]
}

columns contains column if {
	card.whole
	some column in [
		"number", "status", "live_at", "deactivated_at", "origin", "base_id", "scheduled_by",
		"losses_accepted", "held_reason", "created_at",
	]
}
