# METADATA
# title: Areas of the panel
# description: May the user open an area? The resource's id is the area's path.
package reseller.area

import data.reseller.actions

# METADATA
# title: The user may act in the area
allow if actions.permitted(input.resource.id)
