package reseller.main

import data.reseller.account
import data.reseller.area
import data.reseller.audit
import data.reseller.card
import data.reseller.customer
import data.reseller.group
import data.reseller.panel
import data.reseller.user

# What each type of resource says about the three layers of a denial: no access to
# the area, out of sight, and what is particular to the type.

barred if {
	input.resource.type == "account"
	account.barred
}

barred if {
	input.resource.type == "group"
	group.barred
}

barred if {
	input.resource.type == "user"
	user.barred
}

barred if {
	input.resource.type == "customer"
	customer.barred
}

barred if {
	input.resource.type in {"card", "rate", "revision"}
	card.barred
}

barred if {
	input.resource.type == "audit"
	not audit.readable
}

barred if {
	input.resource.type == "area"
	not area.allow
}

barred if {
	foreign
	panel.barred
}

hidden if {
	input.resource.type == "account"
	account.hidden
}

hidden if {
	input.resource.type == "group"
	group.hidden
}

hidden if {
	input.resource.type == "user"
	user.hidden
}

hidden if {
	input.resource.type == "customer"
	customer.hidden
}

hidden if {
	input.resource.type in {"card", "rate", "revision"}
	card.hidden
}

hidden if {
	input.resource.type == "audit"
	audit.hidden
}

hidden if {
	foreign
	panel.hidden
}

particular contains code if {
	input.resource.type == "account"
	account.visible
	some code in account.reasons
}

particular contains code if {
	input.resource.type == "group"
	group.visible
	some code in group.reasons
}

particular contains code if {
	input.resource.type == "user"
	user.visible
	some code in user.reasons
}

particular contains code if {
	input.resource.type == "customer"
	customer.visible
	some code in customer.reasons
}

particular contains code if {
	input.resource.type in {"card", "rate", "revision"}
	card.visible
	some code in card.reasons
}

particular contains code if {
	foreign
	some code in panel.reasons
}
