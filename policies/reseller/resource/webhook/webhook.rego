# METADATA
# title: Webhooks
# description: >-
#   Webhooks of the accounts within reach. A webhook is told what its user sees, so that
#   whoever makes or changes one needs the access of that user.
package reseller.resource.webhook

import data.reseller.actions
import data.reseller.areas
import data.reseller.delegation
import data.reseller.fields
import data.reseller.reach

# METADATA
# title: The webhook may be acted on
allow if {
	visible
	actions.permitted("webhook")
	not delegation.refused
	not fields.refused
}

# METADATA
# title: The user may read webhooks at all
readable if areas.permits("webhook", "read")

# METADATA
# title: The webhook is visible
visible if {
	readable
	reach.owner
}

# METADATA
# title: The webhook is not visible to a user who may read webhooks
hidden if {
	readable
	not visible
}

# METADATA
# title: The user lacks access to webhooks
# scope: document
barred if not readable

barred if {
	visible
	not actions.permitted("webhook")
}

reasons contains code if some code in delegation.reasons

reasons contains code if some code in fields.reasons

# METADATA
# title: How a webhook is shown
view := "full"

# METADATA
# title: Columns of a webhook
# description: No view shows the secrets that sign. They are no columns.
columns contains column if {
	some column in [
		"id", "account_id", "user_id", "url", "status", "ended_reason", "old_until", "rotated_at",
		"delivered_at", "attempts", "next_at", "error", "dead_letters", "created_at", "updated_at",
	]
}
