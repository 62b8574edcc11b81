# METADATA
# title: Groups
# description: >-
#   Groups of accounts within reach, and those that the parent account lends: these
#   by public name and access alone, and read only.
package reseller.resource.group

import data.reseller.actions
import data.reseller.areas
import data.reseller.delegation
import data.reseller.fields
import data.reseller.reach

# METADATA
# title: The group may be acted on
# scope: document
allow if {
	input.action.name == "read"
	visible
}

allow if {
	editing
	readable
	reach.owner
	actions.permitted("group")
	not delegation.refused
	not fields.refused
}

allow if {
	input.action.name == "assign"
	visible
	open_to_account
}

# METADATA
# title: The user may read groups at all
readable if areas.permits("group", "read")

# METADATA
# title: The group is visible
# scope: document
visible if {
	readable
	reach.owner
}

visible if {
	readable
	input.action.name != "create"
	lent
}

# METADATA
# title: The group is not visible to a user who may read groups
hidden if {
	readable
	not visible
}

# METADATA
# title: The user lacks access to groups
# description: A lent group is read only whatever the letters, and says so itself.
# scope: document
barred if not readable

barred if {
	readable
	reach.owner
	not actions.permitted("group")
}

# METADATA
# title: Group of another account
# description: The group is lent to the account. Users can be put in it, but it cannot be changed.
# custom:
#   code: group_not_own
reasons contains rego.metadata.rule().custom.code if {
	editing
	not reach.owner
}

# METADATA
# title: Group not lent
# description: The user's account neither owns the group nor may use it.
# custom:
#   code: group_not_lent
reasons contains rego.metadata.rule().custom.code if {
	input.action.name == "assign"
	not open_to_account
}

reasons contains code if some code in delegation.reasons

reasons contains code if {
	reach.owner
	some code in fields.reasons
}

editing if input.action.name in {"create", "update", "delete"}
