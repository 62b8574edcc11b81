package reseller.group

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

# The user to be put in the group belongs to action.properties.account_id, an
# account directly below action.properties.parent_id.
open_to_account if input.resource.account_id == input.action.properties.account_id

open_to_account if {
	input.resource.lend == "all"
	input.resource.account_id == input.action.properties.parent_id
}

open_to_account if {
	input.resource.lend == "some"
	input.action.properties.account_id in input.resource.lent_to
}
