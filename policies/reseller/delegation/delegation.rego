# METADATA
# title: Delegation limit
# description: >-
#   Users cannot give access that they do not hold, and cannot change what makes
#   another user stronger than themselves. The rule looks at the change only, never
#   at the row. Both sides are the access as the groups write it. A ceiling above the
#   giver also lies above the receiver. Lifting it therefore never makes the receiver
#   stronger than the giver.
package reseller.delegation

import data.reseller.areas

# METADATA
# title: The change exceeds what the acting user holds
# scope: document
refused if {
	granting
	some letter in ["create", "read", "update", "delete"]
	beyond(input.action.change.after, letter)
}

refused if {
	touching
	some letter in ["create", "read", "update", "delete"]
	beyond(input.action.change.before, letter)
}

# METADATA
# title: Exceeds delegation
# description: >-
#   The write would give access that the acting user does not have, or it changes
#   a group or user with such access. The server gives the same reason for a preview
#   of a user who may read more than the viewer.
# custom:
#   code: exceeds_delegation
reasons contains rego.metadata.rule().custom.code if refused

granting if {
	input.resource.type in {"group", "user", "webhook"}
	input.action.name in {"create", "update"}
}

# A write gives an account access if it widens the ceiling, or if it reactivates the
# account, which gives its users their access back.
granting if {
	input.resource.type == "account"
	input.action.name == "update"
}

touching if {
	input.resource.type in {"group", "webhook"}
	input.action.name in {"update", "delete"}
}

touching if {
	input.resource.type == "user"
	input.action.name == "delete"
}

touching if {
	input.resource.type == "user"
	input.action.name == "update"
	some field in input.action.change.fields
	field in {"login", "external_id", "status", "groups", "group_ends", "ip_allow"}
}

# Access can differ only at areas that either side names, so only those are tested.
beyond(theirs, letter) if {
	ours := object.get(input.action.change, "held", {})
	some area in (object.keys(theirs) | object.keys(ours))
	areas.granted(theirs, area, letter)
	not areas.granted(ours, area, letter)
}
