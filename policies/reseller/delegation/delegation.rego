# METADATA
# title: Delegation limit
# description: >-
#   Nobody hands out access they do not hold, nor touches what makes someone
#   stronger than themselves. Decided on the change alone, never on the row.
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

refused if {
	input.action.name == "preview"
	beyond(input.action.change.before, "read")
}

# METADATA
# title: Exceeds delegation
# description: >-
#   The group or user holds, or would hold, an access that the acting user does
#   not hold; or a preview would show more than the viewer may read.
# custom:
#   code: exceeds_delegation
reasons contains rego.metadata.rule().custom.code if refused

granting if {
	input.resource.type in {"group", "user"}
	input.action.name in {"create", "update"}
}

touching if {
	input.resource.type == "group"
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
	field in {"login", "external_id", "status", "groups", "ip_allow"}
}

# Access is constant between the areas named on any side, so those decide.
beyond(held, letter) if {
	theirs := {area | some area, _ in held}
	ours := {area | some area, _ in input.subject.access}
	ceilings := {area | some area, _ in data.limits.reseller_ceiling}
	some area in ((theirs | ours) | ceilings)
	areas.granted(held, area, letter)
	areas.within_ceiling(area, letter)
	not areas.permits(area, letter)
}
