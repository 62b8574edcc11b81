# METADATA
# title: Rows of the panel's own
# description: >-
#   Any other type is a row of the panel's, in the area of that name. Its owner account
#   comes from the catalog, or with the request; without an owner it is denied.
package reseller.resource.panel

import data.reseller.actions
import data.reseller.areas

# METADATA
# title: The row may be acted on
allow if {
	not reserved_type
	permitted
	in_reach
}

# METADATA
# title: The type is no valid name of a type of rows
unknown_area if not named

# METADATA
# title: What speaks against the action may be said
# description: A panel knows a row that it describes itself. Only an owner out of reach hides the row.
visible if not hidden

# METADATA
# title: The user lacks the action's letter in the area
barred if {
	not reserved_type
	not permitted
}

# METADATA
# title: The row has an owner account, out of reach
hidden if {
	not reserved_type
	permitted
	owner_known
	not in_reach
}

# METADATA
# title: Reserved type
# description: The type has the name of an area of resellerd that has no rows.
# custom:
#   code: reserved_type
reasons contains rego.metadata.rule().custom.code if reserved_type

# METADATA
# title: Owner unknown
# description: The panel sent a row of its own without its owner account.
# custom:
#   code: owner_unknown
reasons contains rego.metadata.rule().custom.code if {
	not reserved_type
	permitted
	not owner_known
}

# METADATA
# title: Columns shown of the panel's own table
# description: >-
#   Data lists them for each area, by the kind of the user's account: names, or names with
#   what replaces the value, as in called=last_four. Without a list for the area, all are
#   shown.
# scope: document
columns contains column if some column in data.tables[input.resource.type][input.subject.account.kind]

columns contains "*" if not data.tables[input.resource.type]

permitted if {
	named
	actions.permitted(input.resource.type)
}

named if areas.valid(input.resource.type)

# The account that owns the row is within reach.
in_reach if data.catalog[input.resource.type][input.resource.id].account_id in input.subject.below

in_reach if {
	not catalogued
	input.resource.properties.account_id in input.subject.below
}

owner_known if catalogued

owner_known if input.resource.properties.account_id

catalogued if data.catalog[input.resource.type][input.resource.id].account_id

reserved_type if input.resource.type in {"preview", "policy", "action"}

reserved_type if startswith(input.resource.type, "card/")
