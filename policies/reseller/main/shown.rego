package reseller.main

import data.reseller.account
import data.reseller.audit
import data.reseller.card
import data.reseller.customer
import data.reseller.group
import data.reseller.rate
import data.reseller.revision
import data.reseller.user

# METADATA
# title: How the row is shown
# description: The name of the view, one a row. What the views are is the server's business.
# scope: document
view := shown if {
	input.resource.type == "account"
	shown := account.view
}

view := shown if {
	input.resource.type == "group"
	shown := group.view
}

view := shown if {
	input.resource.type == "user"
	shown := user.view
}

view := shown if {
	input.resource.type == "customer"
	shown := customer.view
}

view := shown if {
	input.resource.type in {"card", "rate", "revision"}
	shown := card.view
}

view := shown if {
	input.resource.type == "audit"
	shown := audit.view
}

# METADATA
# title: Columns shown
# description: The fields of the row that the user is shown. What is not listed here is hidden.
# scope: document
columns contains column if {
	input.resource.type == "account"
	some column in account.columns
}

columns contains column if {
	input.resource.type == "group"
	some column in group.columns
}

columns contains column if {
	input.resource.type == "user"
	some column in user.columns
}

columns contains column if {
	input.resource.type == "customer"
	some column in customer.columns
}

columns contains column if {
	input.resource.type == "card"
	some column in card.columns
}

columns contains column if {
	input.resource.type == "rate"
	some column in rate.columns
}

columns contains column if {
	input.resource.type == "revision"
	some column in revision.columns
}

columns contains column if {
	input.resource.type == "audit"
	some column in audit.columns
}
