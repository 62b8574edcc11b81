package reseller.main

import data.reseller.actions
import data.reseller.subject
import data.reseller.types

# An invalid name is denied before the user is checked, and this is the only reason.
# A user who may not act therefore learns only the grammar of names.

# METADATA
# title: Unknown area
# description: >-
#   The name is not a valid name of an area or a type. Names have words of a-z, 0-9, "-" and
#   "_", joined by slashes, and at most 200 characters.
# custom:
#   code: unknown_area
reasons contains rego.metadata.rule().custom.code if unknown_area

# METADATA
# title: Unknown action
# description: The action does not exist for this type of resource.
# custom:
#   code: unknown_action
reasons contains rego.metadata.rule().custom.code if {
	subject.admitted
	not unknown_area
	not actions.exists
}

# METADATA
# title: Area denied
# description: The user's groups, within the ceilings, do not give this access to the area.
# custom:
#   code: area_denied
reasons contains rego.metadata.rule().custom.code if {
	asked
	data.reseller.resource[types.kind].barred
}

# METADATA
# title: Not visible
# description: The row does not exist, or not for this user.
# custom:
#   code: not_visible
reasons contains rego.metadata.rule().custom.code if {
	asked
	data.reseller.resource[types.kind].hidden
}

reasons contains code if {
	not unknown_area
	some code in subject.reasons
}

# A reason of a type is given only for a visible row.
reasons contains code if {
	asked
	data.reseller.resource[types.kind].visible
	some code in data.reseller.resource[types.kind].reasons
}

asked if {
	subject.admitted
	not unknown_area
	actions.exists
}

unknown_area if data.reseller.resource[types.kind].unknown_area
