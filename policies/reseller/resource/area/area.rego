# METADATA
# title: Areas of the panel
# description: May the user open an area? The resource's id is the area's path.
package reseller.resource.area

import data.reseller.actions
import data.reseller.areas

# METADATA
# title: The user may act in the area
allow if {
	named
	actions.permitted(input.resource.id)
}

# METADATA
# title: The user lacks access to the area
barred if not allow

# METADATA
# title: The path is no valid name of an area
unknown_area if not named

named if areas.valid(input.resource.id)
