# METADATA
# title: Actions
# description: Which actions exist for which resource, and the access letter each needs.
package reseller.actions

import data.reseller.areas
import data.reseller.types

# METADATA
# title: The action exists for the resource's type
# description: Rows of a panel's own and areas also take the actions of the catalog.
# scope: document
exists if {
	input.resource.type in {"group", "user", "customer", "card", "rate", "webhook"}
	input.action.name in {"create", "read", "update", "delete"}
}

exists if {
	input.resource.type == "account"
	input.action.name in {"create", "read", "update", "open"}
}

exists if {
	input.resource.type in {"revision", "audit"}
	input.action.name == "read"
}

exists if {
	input.resource.type == "group"
	input.action.name == "assign"
}

exists if {
	input.resource.type == "user"
	input.action.name == "preview"
}

exists if {
	input.resource.type == "card"
	input.action.name in {"assign", "activate", "build", "accept_losses"}
}

exists if {
	open_ended
	common
}

exists if {
	open_ended
	not standard
	data.catalog.action[input.action.name].access
}

# METADATA
# title: The acting user holds the action's letter in an area
permitted(area) if {
	some letter in needs
	areas.permits(area, letter)
}

# METADATA
# title: Letters of which the action needs one
# description: Putting a user in a group only needs to read the group; the user's own write is decided apart.
# scope: document
needs contains "create" if input.action.name in {"create", "build"}

needs contains "read" if input.action.name in {"read", "preview"}

needs contains "read" if {
	input.action.name == "assign"
	input.resource.type == "group"
}

needs contains "update" if input.action.name in {"update", "activate", "accept_losses", "open"}

needs contains "update" if {
	input.action.name == "assign"
	input.resource.type != "group"
}

needs contains "delete" if input.action.name == "delete"

needs contains data.catalog.action[input.action.name].access if {
	open_ended
	not standard
}

# resellerd stores no rows of these types, so any action is possible for them.
open_ended if types.kind in {"area", "panel"}

common if input.action.name in {"create", "read", "update", "delete", "assign", "activate", "build"}

standard if common

standard if input.action.name in {"preview", "accept_losses", "open"}
