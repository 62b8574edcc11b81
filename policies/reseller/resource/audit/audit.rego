# METADATA
# title: Audit entries
# description: >-
#   A master reads every entry of its tenant, a reseller those that its own subtree
#   made about its own subtree. That losses were accepted tells of what a card is
#   built from, and is for those who see that: the cards of accounts below are built
#   from customer cards. Nobody writes one.
package reseller.resource.audit

import data.reseller.areas
import data.reseller.reach
import data.reseller.subject

# METADATA
# title: The entry may be read
allow if visible

# METADATA
# title: The user may read audit entries at all
readable if areas.permits("audit", "read")

# METADATA
# title: The entry is visible
# scope: document
visible if {
	readable
	told
	reach.tenant
}

visible if {
	readable
	told
	reach.subtree
	input.resource.actor_account_id in input.subject.below
}

told if areas.permits("card/provider", "read")

told if {
	not areas.permits("card/provider", "read")
	input.resource.action != "accept_losses"
}

told if {
	not areas.permits("card/provider", "read")
	areas.permits("card/customer", "read")
	input.resource.account_id != input.subject.account.id
}

# METADATA
# title: The entry is not visible to a user who may read entries
hidden if {
	readable
	not visible
}

# METADATA
# title: The user lacks access to entries
barred if not readable

# METADATA
# title: How an entry is shown
view := "full"

# METADATA
# title: Columns of an entry
# description: Which panel made an entry is for the carrier, who runs the panels.
# scope: document
columns contains column if some column in ["id", "at", "actor", "account", "action", "resource", "change"]

columns contains "panel" if subject.is_master
