# METADATA
# title: Decisions
# description: >-
#   The entrypoint. Single checks read the decision; row filters are made from allow
#   with the row unknown, so every rule that it reaches is either true or undefined.
# entrypoint: true
package reseller.main

import data.reseller.account
import data.reseller.actions
import data.reseller.area
import data.reseller.audit
import data.reseller.card
import data.reseller.customer
import data.reseller.group
import data.reseller.panel
import data.reseller.subject
import data.reseller.user

# METADATA
# title: Whether the acting user may do the action on the resource
# scope: document
default allow := false

allow if {
	subject.admitted
	actions.exists
	permitted
}

# METADATA
# title: The decision
# description: Whether it is allowed; if not, why; if so, how the row is shown.
# scope: document
decision["allow"] := allow

# What is allowed has no reasons against it, and none are looked for.
decision["reasons"] := set() if allow

decision["reasons"] := reasons if not allow

decision["view"] := view if allow

decision["columns"] := columns if allow

permitted if {
	input.resource.type == "account"
	account.allow
}

permitted if {
	input.resource.type == "group"
	group.allow
}

permitted if {
	input.resource.type == "user"
	user.allow
}

permitted if {
	input.resource.type == "customer"
	customer.allow
}

permitted if {
	input.resource.type in {"card", "rate", "revision"}
	card.allow
}

permitted if {
	input.resource.type == "audit"
	audit.allow
}

permitted if {
	input.resource.type == "area"
	area.allow
}

permitted if {
	foreign
	panel.allow
}

foreign if not input.resource.type in {
	"account", "group", "user", "customer",
	"card", "rate", "revision", "audit", "area",
}
