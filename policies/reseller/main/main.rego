# METADATA
# title: Decisions
# description: >-
#   The entrypoint. Single checks read the decision; row filters are made from allow
#   with the row unknown, so every rule that it reaches is either true or undefined.
#   The rules of one type stand in the folder of the type, below reseller/resource.
# entrypoint: true
package reseller.main

import data.reseller.actions
import data.reseller.subject
import data.reseller.types

# METADATA
# title: Whether the acting user may do the action on the resource
# scope: document
default allow := false

allow if {
	subject.admitted
	actions.exists
	data.reseller.resource[types.kind].allow
}

# METADATA
# title: The decision
# description: Whether it is allowed; if not, why; if so, how the row is shown.
# scope: document
decision["allow"] := allow

# An allowed decision has no reasons, so they are not computed.
decision["reasons"] := set() if allow

decision["reasons"] := reasons if not allow

decision["view"] := view if allow

decision["columns"] := columns if allow

# METADATA
# title: How the row is shown
# description: The name of the view; a row has one. The server says which views there are.
view := data.reseller.resource[types.kind].view

# METADATA
# title: Columns shown
# description: The columns of the row that the user is shown. A column that is not listed is hidden.
columns contains column if some column in data.reseller.resource[types.kind].columns
