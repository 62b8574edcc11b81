package reseller.resource.group

import data.reseller.reach
import data.reseller.subject

# The parent account lends the group to the acting user's account.
lent if {
	subject.is_reseller
	input.resource.lend == "all"
	input.resource.account_id == input.subject.account.parent_id
}

lent if {
	subject.is_reseller
	input.resource.lend == "some"
	input.subject.account.id in input.resource.lent_to
}

# The user to add belongs to action.properties.account_id, an account directly below
# action.properties.parent_id. For a group that is lent to the acting user's account,
# the decision does not reveal whether it is open to other accounts.
open_to_account if {
	reach.owner
	input.resource.account_id == input.action.properties.account_id
}

open_to_account if {
	reach.owner
	input.resource.lend == "all"
	input.resource.account_id == input.action.properties.parent_id
}

open_to_account if {
	reach.owner
	input.resource.lend == "some"
	input.action.properties.account_id in input.resource.lent_to
}

open_to_account if {
	lent
	input.action.properties.account_id == input.subject.account.id
}
