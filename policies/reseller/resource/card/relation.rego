package reseller.resource.card

import data.reseller.actions
import data.reseller.areas
import data.reseller.subject

# METADATA
# title: The card is of the acting user's own account
own if input.resource.account_id == input.subject.account.id

# A customer card of the parent account, which is a provider card for this account.
assigned if {
	subject.is_reseller
	input.action.name != "create"
	input.resource.kind == "customer"
	input.subject.account.id in input.resource.assigned_to
}

# The access that an action on an own card needs. Only masters have provider cards.
in_area if {
	subject.is_master
	input.resource.kind == "provider"
	areas.permits("card/provider", "read")
	permitted("card/provider")
}

in_area if {
	input.resource.kind == "customer"
	areas.permits("card/customer", "read")
	permitted("card/customer")
	supplied
}

permitted(area) if {
	not input.action.name in {"activate", "accept_losses"}
	actions.permitted(area)
}

# A row for the area of cards covers activation, unless a group has a narrower one.
permitted(area) if {
	input.action.name == "activate"
	actions.permitted(concat("/", [area, "activation"]))
}

permitted(_) if {
	input.action.name == "accept_losses"
	actions.permitted("card/loss")
}

# These actions let a user compute the prices that a card is built from: building
# it, proving it for activation, changing its charges, or accepting losses.
supplied if {
	not input.action.name in {"build", "activate", "accept_losses"}
	not changes_charges
}

supplied if areas.permits("card/provider", "read")

# These changes affect calls at once, so the active revision is proved again.
changes_charges if {
	input.action.name == "update"
	some field in input.action.change.fields
	field in {"charge_precision", "charge_rounding", "direction", "routing"}
}

# The server states who made the revision to activate, "" if that is not known.
unseconded if {
	input.action.name == "activate"
	data.limits.activation_by_another
	input.action.properties.made_by in {"", input.subject.id}
}

unsuited if {
	input.action.name in {"assign", "build"}
	not input.resource.kind == "customer"
}
