# METADATA
# title: Users
# description: Users of the accounts within reach.
package reseller.resource.user

import data.reseller.actions
import data.reseller.areas
import data.reseller.delegation
import data.reseller.fields
import data.reseller.reach

# METADATA
# title: The user may be acted on
allow if {
	visible
	permitted
	not target_disabled
	not delegation.refused
	not fields.refused
}

# METADATA
# title: The acting user may read users at all
readable if areas.permits("user", "read")

# METADATA
# title: The user is visible
visible if {
	readable
	reach.owner
}

# METADATA
# title: The user is not visible to one who may read users
hidden if {
	readable
	not visible
}

# METADATA
# title: The acting user lacks access to users, or to previews
# scope: document
barred if not readable

barred if {
	visible
	not permitted
}

# METADATA
# title: Previewed user disabled
# description: The user to be previewed is not active.
# scope: rule
# custom:
#   code: target_disabled
reasons contains rego.metadata.rule().custom.code if target_disabled

reasons contains code if some code in delegation.reasons

reasons contains code if some code in fields.reasons

# METADATA
# title: How a user is shown
view := "full"

# METADATA
# title: Columns of a user
columns contains column if {
	some column in [
		"id", "account_id", "external_id", "login", "name", "groups",
		"group_ends", "status", "ip_allow", "time_zone", "created_at", "updated_at",
	]
}

permitted if {
	input.action.name != "preview"
	actions.permitted("user")
}

permitted if {
	input.action.name == "preview"
	actions.permitted("preview")
}

target_disabled if {
	input.action.name == "preview"
	not input.resource.status == "active"
}
