# METADATA
# title: Customers
# description: Customers of the accounts within reach. A customer never changes its owner.
package reseller.resource.customer

import data.reseller.actions
import data.reseller.areas
import data.reseller.fields
import data.reseller.reach

# METADATA
# title: The customer may be acted on
allow if {
	visible
	actions.permitted("customer")
	not owner_immutable
	not fields.refused
}

# METADATA
# title: The user may read customers at all
readable if areas.permits("customer", "read")

# METADATA
# title: The customer is visible
visible if {
	readable
	reach.owner
}

# METADATA
# title: The customer is not visible to a user who may read customers
hidden if {
	readable
	not visible
}

# METADATA
# title: The user lacks access to customers
# scope: document
barred if not readable

barred if {
	visible
	not actions.permitted("customer")
}

# METADATA
# title: A customer's owner cannot change
# description: A customer cannot move to another account.
# scope: rule
# custom:
#   code: customer_owner_immutable
reasons contains rego.metadata.rule().custom.code if owner_immutable

reasons contains code if some code in fields.reasons

# METADATA
# title: How a customer is shown
view := "full"

# METADATA
# title: Columns of a customer
# description: Which cards a customer is on shows only to those who read customer cards.
# scope: document
columns contains column if {
	some column in [
		"id", "account_id", "name", "email", "status", "currency",
		"external_id", "notes", "created_at", "updated_at",
	]
}

columns contains "cards" if areas.permits("card/customer", "read")

owner_immutable if {
	input.action.name == "update"
	some field in input.action.change.fields
	field == "account_id"
}
