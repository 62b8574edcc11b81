# METADATA
# title: Areas of the panel
# description: May the user open an area? The resource's id is the area's path.
package reseller.area

import data.reseller.actions
import data.reseller.areas

# METADATA
# title: The user may act in the area
allow if {
	named
	actions.permitted(input.resource.id)
}

# METADATA
# title: The path is a valid name of an area
named if areas.valid(input.resource.id)
