package reseller.main

import data.reseller.actions
import data.reseller.area
import data.reseller.panel
import data.reseller.subject

# The name alone denies, before it counts who asks. It is then the only reason:
# whoever may not act learns nothing from it but the grammar of names.

# METADATA
# title: Unknown area
# description: The name is no valid name of an area or of a type of rows. Capital letters and blanks are not allowed.
# custom:
#   code: unknown_area
reasons contains rego.metadata.rule().custom.code if misnamed

# METADATA
# title: Unknown action
# description: The action does not exist for this type of resource.
# custom:
#   code: unknown_action
reasons contains rego.metadata.rule().custom.code if {
	subject.admitted
	not misnamed
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

reasons contains code if {
	not misnamed
	some code in subject.reasons
}

reasons contains code if {
	asked
	some code in particular
}

asked if {
	subject.admitted
	not misnamed
	actions.exists
}

misnamed if {
	input.resource.type == "area"
	not area.named
}

misnamed if {
	foreign
	not panel.named
}
