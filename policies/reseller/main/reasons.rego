package reseller.main

import data.reseller.actions
import data.reseller.subject

# METADATA
# title: Unknown action
# description: The action does not exist for this type of resource.
# custom:
#   code: unknown_action
reasons contains rego.metadata.rule().custom.code if {
	subject.admitted
	not actions.exists
}

# METADATA
# title: Area denied
# description: The user's groups, within the ceilings, do not give this access to the area.
# custom:
#   code: area_denied
reasons contains rego.metadata.rule().custom.code if {
	asked
	barred
}

# METADATA
# title: Not visible
# description: The row does not exist, or the user may not know that it does.
# custom:
#   code: not_visible
reasons contains rego.metadata.rule().custom.code if {
	asked
	hidden
}

reasons contains code if some code in subject.reasons

reasons contains code if {
	asked
	some code in particular
}

asked if {
	subject.admitted
	actions.exists
}
