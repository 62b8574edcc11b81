# METADATA
# title: Rows of the panel's own
# description: >-
#   Any other type is a row of the panel's, in the area of that name. Its owner account
#   comes from the catalog, or with the request; without an owner it is denied.
package reseller.panel

import data.reseller.actions
import data.reseller.areas

# METADATA
# title: The row may be acted on
allow if {
	not reserved
	permitted
	visible
}

# METADATA
# title: The user holds the action's letter in the area
permitted if {
	named
	actions.permitted(input.resource.type)
}

# METADATA
# title: The type is a valid name of a type of rows
named if areas.valid(input.resource.type)

# METADATA
# title: The row's owner account is within reach
# scope: document
visible if data.catalog[input.resource.type][input.resource.id].account_id in input.subject.below

visible if {
	not catalogued
	input.resource.properties.account_id in input.subject.below
}

# METADATA
# title: The user lacks the action's letter in the area
barred if {
	not reserved
	not permitted
}

# METADATA
# title: The row has an owner account, out of reach
hidden if {
	not reserved
	permitted
	owned
	not visible
}

# METADATA
# title: The row has an owner account
# scope: document
owned if catalogued

owned if input.resource.properties.account_id

# METADATA
# title: Reserved type
# description: The type is named like an area of resellerd's own that keeps no rows.
# custom:
#   code: reserved_type
reasons contains rego.metadata.rule().custom.code if reserved

# METADATA
# title: Owner unknown
# description: The row came without the account that owns it.
# custom:
#   code: owner_unknown
reasons contains rego.metadata.rule().custom.code if {
	not reserved
	permitted
	not owned
}

catalogued if data.catalog[input.resource.type][input.resource.id].account_id

reserved if input.resource.type in {"preview", "policy", "action"}

reserved if startswith(input.resource.type, "card/")
