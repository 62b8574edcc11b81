package reseller.resource.card

import data.reseller.actions
import data.reseller.areas
import data.reseller.subject

# METADATA
# title: The card is of the acting user's own account
own if input.resource.account_id == input.subject.account.id

# The parent account's customer card, a provider card on this side.
assigned if {
	subject.is_reseller
	input.action.name != "create"
	input.resource.kind == "customer"
	input.subject.account.id in input.resource.assigned_to
}

# The letters that acting on an own card takes. Only masters have provider cards.
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
	input.action.name != "accept_losses"
	actions.permitted(area)
}

permitted(_) if {
	input.action.name == "accept_losses"
	actions.permitted("card/loss")
}

# Who builds a card, or has one proved until it may be activated, charged otherwise
# or sold at a loss, can work out what it is built from.
supplied if {
	not input.action.name in {"build", "activate", "accept_losses"}
	not changes_charges
}

supplied if areas.permits("card/provider", "read")

# The change tells on calls at once, so that what is in force is proved anew.
changes_charges if {
	input.action.name == "update"
	some field in input.action.change.fields
	field in {"charge_precision", "charge_rounding", "direction", "routing"}
}

unsuited if {
	input.action.name in {"assign", "build"}
	not input.resource.kind == "customer"
}
